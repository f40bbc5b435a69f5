"""From what the command line says of a run to its plugins and its resolved recipe; what is odd is told as notes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from artkit.cli.notes import print_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artkit.recipe import CommandLine, Recipe
    from artkit.registry import Registry


def given(**values: Any) -> dict[str, Any]:
    """Those of some values that the user gave."""
    return {name: value for name, value in values.items() if value is not None}


def data_folder(data: str | None) -> str | None:
    """A folder's path in full, lest one with the name of the bundled data set is taken for that."""
    return str(Path(data).resolve()) if data and Path(data).is_dir() else data


def recipe_layer(path: Path | None, plugins: "Sequence[str]" = ()) -> dict[str, Any]:
    """What a recipe file says, with the plugin files of the command line; {} without one.

    Args:
        path: The file, or the name of a recipe that comes with artkit.
        plugins: The values of `--plugin`.
    """
    from artkit.recipe import read_recipe_file

    layer = read_recipe_file(path) if path else {}
    return {**layer, "plugins": [*layer.get("plugins", []), *(name for name in plugins if not _is_off(name))]}


def open_registry(layer: "Mapping[str, Any]", plugins: "Sequence[str]" = ()) -> "Registry":
    """Load the plugins: those installed, those of the recipe and of `--plugin`, without those switched off there."""
    from artkit.registry import load_registry

    switched_off = [name.removeprefix("no:") for name in plugins if _is_off(name)]
    registry = load_registry(layer["plugins"], switched_off=switched_off)
    for row in registry.plugins:
        if row.failure:
            print_note(f"{row.info.label} was left out: {row.failure}; see `artkit plugins --check`")
        elif row.loaded and not row.components:
            print_note(f"{row.info.label} registers nothing")
    return registry


def resolve(layer: dict[str, Any], command_line: "CommandLine", registry: "Registry") -> "Recipe":
    """Resolve a recipe, and tell what its components warn of."""
    from artkit.recipe import resolve_recipe

    recipe = resolve_recipe(layer, command_line, registry)
    for note in dict.fromkeys(note for choice in recipe.choices for note in choice.notes):
        print_note(note)
    return recipe


def _is_off(plugin: str) -> bool:
    return plugin.startswith("no:")
