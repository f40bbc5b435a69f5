"""From what the command line says of a run to its plugins and its resolved recipe; what is odd is told as notes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from artkit.cli.notes import print_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artkit.recipe import Choice, CommandLine, Recipe
    from artkit.registry import PluginSettings, Registry


def given(**values: Any) -> dict[str, Any]:
    """Those of some values that the user gave."""
    return {name: value for name, value in values.items() if value is not None}


def data_folder(data: str | None) -> str | None:
    """A folder's path in full, lest one with the name of the bundled data set is taken for that."""
    return str(Path(data).resolve()) if data and Path(data).is_dir() else data


def recipe_layer(path: Path | None, plugins: "PluginSettings") -> dict[str, Any]:
    """What a recipe file says, with what the command line says about plugins; only that without a file.

    Args:
        path: The file, or the name of a recipe that comes with artkit.
        plugins: What the command line says.
    """
    from artkit.recipe import read_recipe_file

    layer = read_recipe_file(path) if path else {}
    return with_plugins(layer, plugins)


def with_plugins(layer: "Mapping[str, Any]", plugins: "PluginSettings") -> dict[str, Any]:
    """A layer, with what the command line says about plugins."""
    from artkit.registry import PluginSettings

    return {**layer, "plugins": PluginSettings.read(layer.get("plugins", ())).joined(plugins)}


def open_registry(layer: "Mapping[str, Any]") -> "Registry":
    """Load the plugins that are wanted, and tell of those that are in any trouble."""
    from artkit.registry import load_registry, plugin_notes

    registry = load_registry(layer.get("plugins", ()))
    for note in plugin_notes(registry):
        print_note(note)
    return registry


def resolve(layer: dict[str, Any], command_line: "CommandLine", registry: "Registry") -> "Recipe":
    """Resolve a recipe, and tell what its components warn of."""
    from artkit.recipe import resolve_recipe

    recipe = resolve_recipe(layer, command_line, registry)
    for note in dict.fromkeys(note for choice in recipe.choices for note in choice.notes):
        print_note(note)
    return recipe


def tell_changed_plugins(run: Path, choices: "Iterable[Choice]") -> None:
    """Tell which plugins are not what they were when a run began, of those that provide some components.

    Args:
        run: The run folder.
        choices: Components of the run that are in use again.
    """
    from artkit.engine.drift import changed_plugins
    from artkit.engine.folder import RunFolder

    before = RunFolder(run).read_facts().get("provenance", ())
    for change in changed_plugins(before, [choice.provenance for choice in choices]):
        print_note(f"since {run}: {change}")


def tell_unused_files(recipe: "Recipe", registry: "Registry") -> None:
    """Tell of plugin files of which a run uses nothing: whoever names one means to use it, and forgot to say what."""
    used = {choice.component.plugin for choice in recipe.choices}
    for plugin in registry.plugins:
        if plugin.info.file and plugin.components and plugin.info not in used:
            kind, name = plugin.components[0].kind, plugin.components[0].name
            option = f"--{kind} {name}" if kind != "source" else f"artkit shard --source {name}"
            print_note(f"this run uses nothing of {plugin.info.label}; to use its {kind}: {option}")
