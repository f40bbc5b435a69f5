"""The source of a conversion: chosen by what SRC is, built from its options, and listed."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from artkit.registry import Component, Registry
    from artkit_shards import Record

_FLAGS = {
    "labels": "--labels",
    "label": "--label",
    "image_column": "--image-column",
    "split_column": "--split-column",
    "split_values": "--split-values",
    "group": "--group",
    "class_names": "--class-names",
}


class Listing(NamedTuple):
    """What a source found."""

    records: "list[Record]"
    rejects: list[tuple[str, str]]
    notes: list[str]


def list_images(
    registry: "Registry",
    root: Path | str,
    *,
    source: str | None,
    flags: Mapping[str, object],
    options: Mapping[str, object],
) -> Listing:
    """Choose the source, build it and list its images.

    Args:
        registry: Where sources are registered.
        root: SRC, a path or an address.
        source: Name of the source; None chooses it by what SRC is.
        flags: Options of sources that the command line has options of its own for, where given.
        options: Other options that are set.

    Raises:
        RecipeError: if the source does not exist, or an option is not for it.
        ComponentError: if it breaks the contract.
    """
    from artkit.contracts import SourceContext

    component = registry.component("source", source or _fitting_source(root, flags))
    _check_flags(component, registry, flags, options, chosen=source is None)
    images = component.build(SourceContext(root=root), {**options, **flags})
    with component.guard("listing images"):
        records = _checked_records(images)
        notes = [*component.notes_on({**options, **flags}), *(str(note) for note in _told(images, "notes"))]
        return Listing(records, _checked_rejects(images), notes)


def _fitting_source(root: Path | str, flags: Mapping[str, object]) -> str:
    if "labels" in flags:
        return "table"
    from artkit_shards import recognise

    return recognise(root)


def _check_flags(
    component: "Component",
    registry: "Registry",
    flags: Mapping[str, object],
    options: Mapping[str, object],
    *,
    chosen: bool,
) -> None:
    """Raise RecipeError if an option is not for this source, is given twice, or is needed and not given."""
    from artkit.errors import RecipeError

    known = component.options.options
    for name in flags:
        if name in options:
            raise RecipeError(f"{_FLAGS[name]} and --set source.{name} say the same; give one of them")
        if name not in known:
            others = [other.name for other in registry.components("source") if name in other.options.options]
            why = "was chosen by what SRC holds" if chosen else "was asked for"
            advice = "A table is read with --labels FILE" if "table" in others else f"Choose one of {', '.join(others)}"
            raise RecipeError(
                f"{_FLAGS[name]} is for the sources {', '.join(others)}; '{component.name}', which {why}, has no "
                f"'{name}'. {advice}, another source with --source NAME"
            )
    for option in component.options:
        if option.required and option.name in _FLAGS and option.name not in {**flags, **options}:
            raise RecipeError(
                f"the source '{component.name}' needs {_FLAGS[option.name]}; `artkit shard -h` explains it"
            )


def _checked_records(images: Any) -> "list[Record]":
    from artkit_shards import Record

    records = []
    for record in images:
        if not isinstance(record, Record):
            raise TypeError(
                f"a source must yield artkit_shards.Record(image, file, labels), not {type(record).__name__}: "
                f"{str(record)[:80]}"
            )
        records.append(record)
    return records


def _checked_rejects(images: Any) -> list[tuple[str, str]]:
    rejects = []
    for reject in _told(images, "rejects"):
        if not (isinstance(reject, tuple) and len(reject) == 2 and all(isinstance(part, str) for part in reject)):
            raise TypeError(f"rejects() must give pairs of a file and a reason, not {reject!r}")
        rejects.append(reject)
    return rejects


def _told(images: Any, method: str) -> Iterable[Any]:
    """What a source says by a method that it need not have."""
    tell: Callable[[], Iterable[Any]] | None = getattr(images, method, None)
    return () if tell is None else tell()
