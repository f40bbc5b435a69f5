"""The layers of a recipe, before anything is checked: defaults, a recipe file, choices on the command line, `--set`.

A layer replaces what it names and leaves the rest. Naming another component drops the options of the one before: they
were meant for that one.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from artkit.errors import RecipeError
from artkit.kinds import SEVERAL, SINGLE
from artkit.options import mark_texts
from artkit.recipe.assignments import assign
from artkit.recipe.sections import PLUGINS, SETTINGS, Layer, lay_component
from artkit.recipe.shipped import shipped_recipes
from artkit.registry import PluginSettings, Registry
from artkit.suggest import suggest
from artkit_shards import is_address

DEMO: Final = "demo"
"""The data path that stands for the bundled demo shards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What the command line says about a recipe."""

    choices: Mapping[str, str] = field(default_factory=dict)
    """Kind -> name, for the kinds of which a run has one."""
    augmenters: Sequence[str] = ()
    """Replace those of the recipe; "none" leaves them out."""
    reporters: Sequence[str] = ()
    """Join those of the recipe; "no:NAME" leaves one out, "none" all of the recipe's."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Such as "train.epochs" -> 3; typed already."""
    assignments: Sequence[str] = ()
    """The values of `--set`: "kind.option=value"."""


def read_recipe_file(path: Path) -> Layer:
    """Read a recipe and check its sections.

    Args:
        path: A TOML file, or the name of a recipe that comes with artkit. A file of that name is preferred.

    Raises:
        RecipeError: if there is no such file, it is not TOML, or it has an unknown section.
    """
    shipped = shipped_recipes()
    if not path.is_file() and str(path) not in shipped:
        raise RecipeError(
            f"there is no recipe {path}; give the path of a TOML file, or leave it out for the defaults. "
            f"{suggest(path.stem, shipped)}".rstrip()
            + f"\n  artkit comes with: {', '.join(shipped)}."
        )
    try:
        text = (path if path.is_file() else shipped[str(path)]).read_text(encoding="utf-8")
        layer = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from None
    _check_sections(layer, str(path))
    return _with_full_paths(layer, path.parent)


def _with_full_paths(layer: Layer, folder: Path) -> Layer:
    """Paths in a recipe are relative to its folder, so that it means the same wherever it is run.

    Which options of components are paths is known when their types are; till then, their texts remember the folder.
    """
    result: Layer = dict(layer)
    result |= {kind: mark_texts(layer[kind], folder) for kind in (*SINGLE, *SEVERAL) if kind in layer}
    if "plugins" in layer:
        result["plugins"] = PluginSettings.read(layer["plugins"]).with_files_in(folder).to_plain()
    data_path = layer.get("data", {}).get("path")
    if isinstance(data_path, str) and data_path.strip() and data_path != DEMO and not is_address(data_path):
        result["data"] = {**layer["data"], "path": str(folder / Path(data_path).expanduser())}
    weights = layer.get("model", {}).get("weights")
    if isinstance(weights, str) and (folder / Path(weights).expanduser()).exists():
        result["model"] = {**result["model"], "weights": str(folder / Path(weights).expanduser())}
    return result


def default_layer() -> Layer:
    """The recipe that every run starts from."""
    return tomllib.loads(shipped_recipes()["default"].read_text(encoding="utf-8"))


def lay_over(base: Layer, layer: Layer, registry: Registry) -> Layer:
    """The base with what the layer names replaced."""
    result = dict(base)
    for section, value in layer.items():
        if section in SETTINGS:
            result[section] = {**base.get(section, {}), **value}
        elif section in SINGLE:
            result[section] = lay_component(section, base.get(section, {}), value, registry)
        else:
            result[section] = value
    return result


def lay_command_line(base: Layer, command_line: CommandLine, registry: Registry) -> Layer:
    """The base with what the command line says replaced."""
    layer: Layer = {kind: {"name": name} for kind, name in command_line.choices.items()}
    for path, value in command_line.settings.items():
        section, name = path.split(".")
        layer.setdefault(section, {})[name] = value
    result = lay_over(base, layer, registry)
    if command_line.augmenters:
        result["augmenter"] = [{"name": name} for name in command_line.augmenters if name != "none"]
    result["reporter"] = _join_reporters(result.get("reporter", []), command_line.reporters, registry)
    for assignment in command_line.assignments:
        assign(result, assignment, registry)
    return result


def _check_sections(layer: Layer, where: str) -> None:
    known = (*SETTINGS, *SINGLE, *SEVERAL, PLUGINS)
    for section, value in layer.items():
        if section not in known:
            raise RecipeError(
                f"{where} has an unknown section '{section}'. {suggest(section, known)}".rstrip()
                + f"\n  A recipe has: {', '.join(known)}."
            )
        if section in SEVERAL and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
            raise RecipeError(f"{where}: a run can have several of '{section}'; write it as [[{section}]]")
        if section in (*SETTINGS, *SINGLE) and not isinstance(value, dict):
            raise RecipeError(f"{where}: '{section}' is one table; write it as [{section}]")
        if section in (*SINGLE, *SEVERAL):
            _check_names(section, value if section in SEVERAL else [value], where)
        if section == PLUGINS:
            PluginSettings.read(value, where)


def _check_names(section: str, tables: Sequence[Mapping[str, Any]], where: str) -> None:
    for table in tables:
        if "name" not in table and section in SEVERAL:
            raise RecipeError(
                f'{where}: {section}: a table of the recipe has no name; write name = "..." in it, beside {table}'
            )
        if not isinstance(table.get("name", ""), str):
            raise RecipeError(f"{where}: {section}: name = {table['name']!r} is no text; name a {section}")


def _join_reporters(base: list[dict[str, Any]], names: Sequence[str], registry: Registry) -> list[dict[str, Any]]:
    result = [] if "none" in names else list(base)
    for name in (name for name in names if name != "none"):
        wanted = registry.component("reporter", name.removeprefix("no:")).id
        others = [entry for entry in result if registry.component("reporter", entry["name"]).id != wanted]
        if name.startswith("no:"):
            result = others
        elif len(others) == len(result):
            result.append({"name": name})
    return result
