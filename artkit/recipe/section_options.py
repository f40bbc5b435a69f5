"""The options of the sections that belong to no component, with the defaults that every run starts from."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from artkit.options import OptionTable
from artkit.recipe.layers import default_layer
from artkit.recipe.sections import SETTINGS
from artkit.recipe.settings import DataSettings, RetrainSettings, TrainSettings, UnknownSettings

SECTIONS: Final[Mapping[str, Any]] = dict(
    zip(SETTINGS, (DataSettings, TrainSettings, UnknownSettings, RetrainSettings), strict=True)
)
"""Name of a section -> the class that its table is read into."""


def section_options(section: str) -> OptionTable:
    """The options of a section of `SECTIONS`."""
    table = OptionTable.from_factory(SECTIONS[section].__init__, owner=f"section [{section}]", plugin="artkit")
    defaults = default_layer().get(section, {})
    return OptionTable({o.name: replace(o, default=defaults.get(o.name, o.default)) for o in table})
