"""Recipes: what a run is made of, from the first default to the last `--set`.

    settings.py    the sections [data], [train], [unknown] and [retrain]
    retraining.py  recipes that retrain the head of a run
    schema.py      what a recipe may say, for editors
    shipped.py     the recipes that come with artkit
    sections.py    the sections there are, and how a component's table is laid over another
    section_options.py  the options of the sections that belong to no component
    assignments.py single options set on the command line
    layers.py      reads recipe files and command-line choices, lays one over the other
    resolve.py     a laid-out recipe -> `Recipe`: every component found, every option checked

A resolved recipe written to TOML is a recipe again, and repeats the run. Modules are imported when a name of theirs is
first asked for, so that the list of shipped recipes does without what only resolving needs.
"""

from typing import TYPE_CHECKING, Final

from artkit.lazy import lazy_names

if TYPE_CHECKING:
    from artkit.recipe.layers import CommandLine, read_recipe_file
    from artkit.recipe.resolve import Choice, Recipe, resolve_recipe
    from artkit.recipe.retraining import retraining_layer
    from artkit.recipe.schema import recipe_schema
    from artkit.recipe.settings import DataSettings, RetrainSettings, TrainSettings, UnknownSettings
    from artkit.recipe.shipped import recipe_summary, shipped_recipes

__all__ = [
    "Choice",
    "CommandLine",
    "DataSettings",
    "Recipe",
    "RetrainSettings",
    "TrainSettings",
    "UnknownSettings",
    "read_recipe_file",
    "recipe_schema",
    "recipe_summary",
    "resolve_recipe",
    "retraining_layer",
    "shipped_recipes",
]

_HOMES: Final = {
    "CommandLine": "layers",
    "read_recipe_file": "layers",
    "Choice": "resolve",
    "Recipe": "resolve",
    "resolve_recipe": "resolve",
    "retraining_layer": "retraining",
    "recipe_schema": "schema",
    "DataSettings": "settings",
    "RetrainSettings": "settings",
    "TrainSettings": "settings",
    "UnknownSettings": "settings",
    "recipe_summary": "shipped",
    "shipped_recipes": "shipped",
}
"""Public name -> the module here that has it."""

__getattr__ = lazy_names(__name__, _HOMES)
