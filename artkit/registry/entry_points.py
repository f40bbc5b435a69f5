"""The entry points of plugins, also where the metadata of some package is damaged.

Python reads the entry points of all packages at once, and stumbles over the first that cannot be read, whoever it
belongs to. Then they are read one package after the other, so that a damaged one harms nobody else.
"""

from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, PackageMetadata, distributions, entry_points
from typing import Final

from packaging.utils import canonicalize_name

ENTRY_POINT_GROUP: Final = "artkit"


def plugin_entry_points() -> tuple[list[EntryPoint], list[str]]:
    """The entry points of all installed plugins, and the names of packages that have some which cannot be read."""
    try:
        return list(entry_points(group=ENTRY_POINT_GROUP)), []
    except Exception:  # whatever the parsers of the standard library stumble over
        return _one_by_one()


def read_metadata(dist: Distribution | None) -> PackageMetadata | None:
    """The metadata of a distribution; None if they cannot be read, as if there were none.

    Python parses them each time that they are asked for, so whoever needs several fields keeps them.
    """
    try:
        return None if dist is None else dist.metadata
    except (OSError, ValueError):
        return None


def _one_by_one() -> tuple[list[EntryPoint], list[str]]:
    points: list[EntryPoint] = []
    damaged: list[str] = []
    for name, dist in _first_of_each_name():
        try:
            points += [point for point in dist.entry_points if point.group == ENTRY_POINT_GROUP]
        except Exception:
            if f"[{ENTRY_POINT_GROUP}]" in (dist.read_text("entry_points.txt") or ""):
                damaged.append(name)
    return points, damaged


def _first_of_each_name() -> Iterator[tuple[str, Distribution]]:
    """What Python imports: of several versions on the path, the first one."""
    seen: set[str] = set()
    for dist in distributions():
        metadata = read_metadata(dist)
        name = str(metadata["Name"]) if metadata is not None and "Name" in metadata else ""
        if not name or canonicalize_name(name) not in seen:
            seen.add(canonicalize_name(name))
            yield name or "unknown", dist
