"""What one plugin registers, collected apart from all others so that it is merged whole or not at all."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from artkit.contracts import Kind
from artkit.errors import PluginError
from artkit.options import OptionTable
from artkit.registering import Register, Stability
from artkit.registry.component import Component
from artkit.registry.info import PluginInfo

_NAME: Final = re.compile(r"[a-z][a-z0-9._-]*")
_TAKEN_OPTIONS: Final[Mapping[str, str]] = {
    "name": "in recipes it names the component",
    "p": "artkit itself applies the probability p",
}
"""Names that options cannot have, since recipes use them for something else; `p` for augmenters only."""


class Scratch:
    """Collects and checks the components of one plugin."""

    def __init__(self, plugin: PluginInfo) -> None:
        self.plugin = plugin
        self.components: list[Component] = []

    def register_for(self, kind: Kind) -> Register:
        """The `register` that the hook of a kind receives; see `Register` for what it does and raises."""

        def register(
            name: str,
            factory: Callable[..., Any],
            /,
            *,
            presets: Mapping[str, object] | None = None,
            aliases: Sequence[str] = (),
            renamed: Mapping[str, str] | None = None,
            removed: Mapping[str, str] | None = None,
            version: int = 1,
            stability: Stability = "stable",
            note: str = "",
            examples: Sequence[Mapping[str, object]] = (),
        ) -> None:
            owner = f"{kind} {name!r} ({self.plugin.label})"
            tables = {"presets": presets, "renamed": renamed, "removed": removed}
            problems = _problems(name, factory, aliases, version, stability, note)
            for problem in (*problems, *_wrong_tables(tables), *_wrong_examples(examples)):
                raise PluginError(f"{owner}: {problem}", plugin=self.plugin.label)
            options = OptionTable.from_factory(
                factory, presets, renamed, removed, owner=owner, plugin=self.plugin.label
            )
            self._add(
                Component(
                    kind=kind,
                    name=name,
                    plugin=self.plugin,
                    factory=factory,
                    options=options,
                    version=version,
                    aliases=tuple(aliases),
                    stability=stability,
                    note=note,
                    presets=dict(presets or {}),
                    examples=tuple(map(dict, examples)),
                )
            )

        register.__qualname__ = "register"  # which Python names where it is called with other arguments
        return register

    def _add(self, component: Component) -> None:
        for option, reason in _TAKEN_OPTIONS.items():
            if option in component.options.options and (option != "p" or component.kind == "augmenter"):
                text = f"{component.owner}: the option '{option}' needs another name, since {reason}."
                raise PluginError(text, plugin=self.plugin.label)
        for other in self.components:
            names = {component.name, *component.aliases} & {other.name, *other.aliases}
            if names and (component.kind, component.version) == (other.kind, other.version):
                text = f"{component.owner}: '{min(names)}' is registered twice with the same version."
                raise PluginError(text, plugin=self.plugin.label)
        self.components.append(component)


def _problems(
    name: str, factory: object, aliases: Sequence[str], version: int, stability: str, note: str
) -> Iterator[str]:
    if isinstance(aliases, str):
        yield f"aliases={aliases!r} is text; write a list of names."
    for word in (name, *aliases):
        if not isinstance(word, str) or not _NAME.fullmatch(word):
            yield f"{word!r} is not a name; names have a-z, 0-9, '-', '_' and '.', and start with a letter."
    if not callable(factory):
        yield f"its factory {factory!r} is not a function."
    if not isinstance(version, int) or version < 1:
        yield f"version={version!r} is not an integer from 1 on."
    if stability not in get_args(Stability):
        yield f"stability={stability!r} is not one of {', '.join(map(repr, get_args(Stability)))}."
    if stability == "deprecated" and not note:
        yield 'stability="deprecated" needs a note that says what to use instead.'


def _wrong_tables(tables: Mapping[str, object]) -> Iterator[str]:
    for word, table in tables.items():
        if table is not None and not _is_table(table):
            yield f"{word}={table!r} is no dict from names of options."


def _wrong_examples(examples: Any) -> Iterator[str]:
    is_list = isinstance(examples, Sequence) and not isinstance(examples, str)
    if not is_list or not all(map(_is_table, examples)):
        yield f"examples={examples!r} is no list of dicts from names of options."


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
