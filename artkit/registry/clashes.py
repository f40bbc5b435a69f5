"""Names that several plugins have a component under.

They harm nobody until one is used, and the error then says what to choose from. So a run says nothing of them: most are
of components that it does not use, and where it names one by its id, as recipes of runs do, the choice is made. They
are told where people look at what is there: with the list of plugins, once these are loaded, and with the components of
a kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from artkit.contracts import Kind
from artkit.registry.component import Component
from artkit.registry.plugin import Plugin
from artkit.registry.registry import with_article


def clash_notes(
    plugins: Sequence[Plugin],
    prefer: Mapping[str, str] = MappingProxyType({}),
    *,
    kind: Kind | None = None,
    name: str | None = None,
) -> Iterator[str]:
    """A line for each component whose name one of a plugin before has too, with the ways out.

    Args:
        plugins: All that are loaded.
        prefer: Short name -> the package whose component it means; there the choice is made.
        kind: Of the components to tell of; None: all.
        name: Of the components to tell of; None: all.
    """
    owners: dict[tuple[Kind, str], Component] = {}
    for plugin in plugins:
        for component in {(each.kind, each.name): each for each in plugin.components}.values():
            first = owners.setdefault((component.kind, component.name), component)
            is_meant = kind in (None, component.kind) and name in (None, component.name)
            if first.plugin is not plugin.info and component.name not in prefer and is_meant:
                yield _told(component, first)


def _told(component: Component, first: Component) -> str:
    one = f"{with_article(component.kind)} '{component.name}'"
    what = f"{component.plugin.label} has {one}, as {first.plugin.label} has"
    if component.id == first.id:
        return f"{what}: their ids are the same, so rename one of the files, or leave out one of the packages"
    choice = f"--prefer {component.name}={component.plugin.namespace}"
    return f"{what}: write {component.id} or {first.id}, or choose with {choice}"
