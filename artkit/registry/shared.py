"""Options that the core gives to every component of a kind, without their authors' doing."""

from typing import Annotated

from artkit.annotations import Doc, Interval
from artkit.contracts import Kind
from artkit.options import OptionTable


def _augmenter(
    _: object, /, *, p: Annotated[float, Interval(ge=0, le=1), Doc("probability for each image")] = 1.0
) -> float:
    return p


def _other(_: object, /) -> None:
    return None


def shared_options(kind: Kind) -> OptionTable:
    """The options of every component of a kind: `p` for augmenters, none for the others."""
    factory = _augmenter if kind == "augmenter" else _other
    return OptionTable.from_factory(factory, owner=kind, plugin="artkit")
