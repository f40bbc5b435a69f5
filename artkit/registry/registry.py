"""All plugins and their components; lookup by name.

A component is found by its short name or an alias (`vit-tiny`), by its id (`artkit-vit/vit-tiny`), and by either with
a version (`vit-tiny@1`); without one the newest version is meant. Two plugins may register the same short name. That
harms nobody until someone asks for it, who is then told the ids to choose from, unless a preference chooses for good.
Built-ins are no exception: no order lets one plugin take a name from another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from artkit.contracts import KINDS, Kind
from artkit.errors import PluginError, RecipeError
from artkit.registry.component import Component
from artkit.registry.discovery import FoundPlugin, discover
from artkit.registry.gate import check_required
from artkit.registry.loading import load_plugin
from artkit.registry.plugin import Plugin
from artkit.registry.settings import PluginSettings
from artkit.registry.switches import Switches
from artkit.suggest import suggest


def load_registry(
    plugins: PluginSettings | Mapping[str, Any] | Sequence[Path | str] = (), *, entry_points: bool = True
) -> "Registry":
    """Loads all plugins that are installed, and those in files.

    An installed plugin that fails is only recorded, unless it is required. A file was asked for, so its failure is an
    error.

    Args:
        plugins: Python files of the user's, each a plugin; or settings, or what a recipe says under "plugins".
        entry_points: False loads the files only.

    Raises:
        RecipeError: if a file is not there, a required package is not installed or `ARTKIT_PLUGINS` is not understood.
        PluginError: if a file or a required package could not be loaded.
    """
    settings = PluginSettings.read(plugins)
    check_required(settings.require)
    found = discover(settings, use_entry_points=entry_points)
    infos = [plugin.info for plugin in found]
    # What is not looked for cannot be misspelt.
    unknown = Switches.read(settings, infos).unknown(infos) if entry_points else ()
    _check_not_left_out(settings, found)
    registry = Registry(load_all(found).plugins, prefer=settings.prefer, unknown=tuple(unknown))
    for plugin in registry.plugins:
        if plugin.failure and (plugin.info.file or settings.requires(plugin.info.dist)):
            text = f"the plugin {plugin.info.label} could not be loaded: {plugin.failure.text}"
            raise PluginError(text, plugin=plugin.info.label) from plugin.failure.error
    return registry


def _check_not_left_out(settings: PluginSettings, found: Sequence[FoundPlugin]) -> None:
    """A required plugin that must not be imported is a contradiction, which the user has to resolve."""
    for plugin in found:
        if plugin.left_out and settings.requires(plugin.info.dist):
            raise RecipeError(f"the recipe requires {plugin.info.label}, which is left out: {plugin.left_out}")


def load_all(found: Sequence[FoundPlugin]) -> "Registry":
    """Loads each plugin in isolation; never raises what they raise."""
    return Registry(tuple(load_plugin(plugin) for plugin in found))


@dataclass(frozen=True, slots=True)
class Registry:
    """All plugins that were found, and the components of those that could be loaded."""

    plugins: tuple[Plugin, ...]
    prefer: Mapping[str, str] = field(default_factory=dict)
    """Short name -> the package whose component it means, where several have it."""
    unknown: tuple[str, ...] = ()
    """Notes on names that were to be blocked, but are not there."""

    def components(self, kind: Kind | None = None) -> tuple[Component, ...]:
        """The components of a kind, or all of them, sorted by kind, name, plugin and version."""
        found = [
            component
            for plugin in self.plugins
            for component in plugin.components
            if kind is None or component.kind == kind
        ]
        return tuple(sorted(found, key=lambda c: (KINDS.index(c.kind), c.name, c.id, c.version)))

    def component(self, kind: Kind, name: str) -> Component:
        """The component that a name means.

        Args:
            kind: The kind of component.
            name: Short name, alias or id, each with or without `@version`.

        Raises:
            RecipeError: if there is none, if it lacks that version, or if several plugins have one of that name.
        """
        namespace, slash, short = name.rpartition("/")  # a file's name may have an @ of its own
        short, _, version = short.partition("@")
        word = f"{namespace}{slash}{short}"
        matches = self._matches(kind, word)
        if not matches:
            raise RecipeError(self._unknown(kind, word))
        matches = self._preferred(word, matches)
        if len({(match.id, match.version) for match in matches}) < len(matches) or len({m.id for m in matches}) > 1:
            raise RecipeError(_clash(kind, word, matches))
        if version:
            return _with_version(matches, version)
        return max(matches, key=lambda match: match.version)

    def _matches(self, kind: Kind, word: str) -> list[Component]:
        """The components of that id; else of that name; else of that alias."""
        there = self.components(kind)
        namespace, slash, name = word.rpartition("/")
        if slash:
            there = tuple(component for component in there if component.plugin.namespace == namespace)
        return [c for c in there if c.name == name] or [c for c in there if name in c.aliases]

    def _preferred(self, word: str, matches: list[Component]) -> list[Component]:
        """Those of the package that is preferred for a name; all, if there is none or it has no such component."""
        package = canonicalize_name(self.prefer.get(word, ""))
        return [match for match in matches if canonicalize_name(match.plugin.namespace) == package] or matches

    def _unknown(self, kind: Kind, word: str) -> str:
        there = self.components(kind)
        names = dict.fromkeys(component.name for component in there)
        close = suggest(word, self._all_names(kind))
        lines = [f"no {kind} '{word}'. {close}".rstrip()]
        others = [other.kind for other in self.components() if word in (other.name, *other.aliases, other.id)]
        if others:
            lines[0] += f" There is {with_article(others[0])} of that name."
        lines.append(f"  there are: {', '.join(names)}" if names else f"  there are no {plural(kind)} at all")
        lines += _absent_namespace(word, self.plugins) if not close else ()
        missing = [plugin for plugin in self.plugins if not plugin.components]
        return "\n".join([*lines, *(_might_provide(missing) if missing else ())])

    def _all_names(self, kind: Kind) -> Iterator[str]:
        for component in self.components(kind):
            yield from (component.name, *component.aliases, component.id)


def plural(kind: Kind) -> str:
    """The kind in plural: "models", "losses"."""
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def with_article(kind: Kind) -> str:
    """The kind as one of them: "a model", "an optimizer"."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _absent_namespace(word: str, plugins: Sequence[Plugin]) -> Iterator[str]:
    """What to do if a component's id, such as one in the recipe of a run, is of a plugin that is not there."""
    namespace = word.rpartition("/")[0]
    if namespace and namespace not in {plugin.info.namespace for plugin in plugins}:
        remedy = f"--plugin FOLDER/{namespace}" if namespace.endswith(".py") else f"pip install {namespace}"
        yield f"  the plugin {namespace} is not there: {remedy}"


def _with_version(matches: Sequence[Component], version: str) -> Component:
    for match in matches:
        if str(match.version) == version:
            return match
    versions = " and ".join(f"@{match.version}" for match in sorted(matches, key=lambda match: match.version))
    raise RecipeError(
        f"{matches[0].owner} has no version @{version}; there is {versions}. Without @ it is the newest, which gives "
        "other results; for those of before, install the version of the plugin that had it"
    )


def _clash(kind: Kind, word: str, matches: Sequence[Component]) -> str:
    choices = "\n".join(f"  {match.full_name}  ({match.plugin.label}, {match.place})" for match in matches)
    package = matches[0].plugin.namespace
    advice = "write the whole id of the one you mean, or choose a plugin for this name, such as "
    advice += f"--prefer {word}={package}"
    if len({match.full_name for match in matches}) < len(matches):
        advice = "their ids are the same, so rename one of the files, or leave out one of the packages"
    return f"several plugins have {with_article(kind)} '{word}'; {advice}:\n{choices}"


def _might_provide(missing: Sequence[Plugin]) -> Iterator[str]:
    count = f"{len(missing)} plugin is" if len(missing) == 1 else f"{len(missing)} plugins are"
    yield f"{count} not in use and might provide it; see `artkit plugins --check`:"
    for plugin in missing:
        reason = _first_reason(plugin)
        yield f"  {plugin.info.label}: {reason}"


def _first_reason(plugin: Plugin) -> str:
    if plugin.left_out:
        return plugin.left_out.reason
    return plugin.failure.cause.splitlines()[0] if plugin.failure else plugin.status
