"""A recipe as JSON Schema (2020-12), with all components that are installed, for editors that complete and check it."""

import re
from typing import Any

import artkit
from artkit.contracts import Kind
from artkit.errors import RecipeError
from artkit.kinds import SEVERAL, SINGLE
from artkit.options import OptionTable
from artkit.options.schema import JsonSchema, table_schema
from artkit.recipe.layers import default_layer
from artkit.recipe.section_options import SECTIONS
from artkit.recipe.sections import PLUGINS, SETTINGS
from artkit.registry import Component, Registry, shared_options


def recipe_schema(registry: Registry) -> JsonSchema:
    """What a recipe may say: the sections, the components by name, and their options.

    Args:
        registry: The components that recipes may name.

    Returns:
        Plain values, ready for JSON.
    """
    default = default_layer()
    sections: dict[str, JsonSchema] = {PLUGINS: _plugins_schema()}
    sections |= {name: _settings_schema(name, default.get(name, {})) for name in SETTINGS}
    sections |= {kind: _single_schema(kind, registry, default[kind]["name"]) for kind in SINGLE}
    sections |= {kind: {"type": "array", "items": _named_schema(kind, registry)} for kind in SEVERAL}
    kinds: tuple[Kind, ...] = (*SINGLE, *SEVERAL)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "artkit recipe",
        "description": f"For artkit {artkit.__version__} with {', '.join(_providers(registry))}",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
        "$defs": {
            key: _component_schema(component, registry)
            for kind in kinds
            for key, component in _definitions(kind, registry).items()
        },
    }


def _plugins_schema() -> JsonSchema:
    """The list of files, or the table that says more; see `PluginSettings`."""
    files = _list_schema("Python files with plugins of one's own, relative to this file")
    table: JsonSchema = {
        "files": files,
        "block": _list_schema("packages or entry points that must not be imported"),
        "prefer": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "short name of a component -> the package whose component it means",
        },
        "require": _list_schema("packages that must be there, as for pip"),
    }
    return {"oneOf": [files, {"type": "object", "properties": table, "additionalProperties": False}]}


def _list_schema(description: str) -> JsonSchema:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def _settings_schema(section: str, defaults: dict[str, Any]) -> JsonSchema:
    settings = SECTIONS[section]
    table = OptionTable.from_factory(settings.__init__, owner=f"section [{section}]", plugin="artkit")
    schema = table_schema(table)
    # Their defaults are those of the recipe that every run starts from, so none is required.
    schema.pop("required", None)
    for name, value in defaults.items():
        schema["properties"][name]["default"] = value
    return schema | {"description": (settings.__doc__ or "").partition("\n")[0]}


def _single_schema(kind: Kind, registry: Registry, default: str) -> JsonSchema:
    """Of a kind of which a run has one: without a name, the options are those of the default."""
    component = registry.component(kind, default)
    unnamed = _options_schema(component) | {"description": f"options of the default, {component.name}"}
    schema = _named_schema(kind, registry)
    del schema["required"]
    schema["allOf"].append({"if": {"not": {"required": ["name"]}}, "then": unnamed})
    return schema


def _named_schema(kind: Kind, registry: Registry) -> JsonSchema:
    """The table of a component: its name decides which options there are.

    By `if` and `then`, an error is about the very option, and not that none of all components fits. Most editors
    complete by `anyOf` alone, so that is there too, with a last arm by which it allows everything.
    """
    definitions = _definitions(kind, registry)
    names = {key: _name_schema(component, registry) for key, component in definitions.items()}
    return {
        "type": "object",
        "properties": {"name": {"anyOf": list(names.values())}},
        "required": ["name"],
        "allOf": [
            {"if": {"properties": {"name": name}, "required": ["name"]}, "then": {"$ref": f"#/$defs/{key}"}}
            for key, name in names.items()
        ],
        "anyOf": [*({"$ref": f"#/$defs/{key}"} for key in names), {}],
    }


def _definitions(kind: Kind, registry: Registry) -> dict[str, Component]:
    """The components of a kind, under keys that need no escape in a reference."""
    return {f"{kind}.{number}.{found.name}": found for number, found in enumerate(registry.components(kind))}


def _component_schema(component: Component, registry: Registry) -> JsonSchema:
    schema = _options_schema(component)
    said = f"{component.summary} ({component.plugin.label})".strip()
    name = _name_schema(component, registry) | {"description": said}
    return schema | {
        "title": f"{component.kind} {component.name}",
        "description": said,
        "properties": {"name": name, **schema["properties"]},
        "required": ["name", *schema.get("required", ())],
        **({"deprecated": True} if component.stability == "deprecated" else {}),
    }


def _options_schema(component: Component) -> JsonSchema:
    shared = table_schema(shared_options(component.kind, component.options))
    own = table_schema(component.options)
    return own | {"properties": {**own["properties"], **shared["properties"]}}


def _name_schema(component: Component, registry: Registry) -> JsonSchema:
    """The names that mean a component: short ones to be completed, all others by pattern."""
    words = [word for word in component.names if _means(word, component, registry)]
    short = [word for word in words if word in (component.name, *component.aliases)] or words[:1]
    others = "|".join(re.escape(word) for word in words if word not in short)
    return {"anyOf": [{"enum": short}, {"type": "string", "pattern": f"^({others})$"}]} if others else {"enum": short}


def _means(word: str, component: Component, registry: Registry) -> bool:
    try:
        return registry.component(component.kind, word) is component
    except RecipeError:  # several plugins have it, so a recipe cannot use it
        return False


def _providers(registry: Registry) -> list[str]:
    return [plugin.info.label for plugin in registry.plugins if plugin.components]
