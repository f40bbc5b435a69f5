r"""Finding the images that a table names, whatever way it names them.

    train_1/17.jpg              the path below the folder, or below the folder of the table
    paintings/17.jpg            where paintings is the folder itself, or lies deeper in it
    17.jpg                      the file of that name, wherever it lies, if there is but one
    17                          the same without its ending
    C:\Users\me\train_1\17.jpg  of another computer: by the longest end of the path that exists
    ../train_1/17.jpg           the same; nothing outside the folder is ever looked at

Names that differ in case or Unicode form only are the same name, unless that leaves several files.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from artkit_shards.conversion.sources.images import ImageWalk
from artkit_shards.conversion.sources.listing import Tree
from artkit_shards.conversion.sources.names import folded, readable
from artkit_shards.wording import listed

MISSING: Final = "missing file"
AMBIGUOUS: Final = "several files of that name"

_ELSEWHERE: Final = re.compile(r"[/~]|[A-Za-z]:|[a-z][a-z0-9+.-]*://|(.*/)?\.\.(/|$)")


class Match(NamedTuple):
    """What was found for a name."""

    path: str | None
    """Of the image, below the root; None if there is none."""
    reason: str = ""
    """Why there is none: `MISSING`, or `AMBIGUOUS` with the candidates."""
    by_end: bool = False
    """Whether only the end of the given path was found."""


class ImageFinder:
    """The images of a tree by their names.

    Args:
        tree: The folder.
        leave_out: Paths of folders in it whose images are not to be found.
    """

    def __init__(self, tree: Tree, leave_out: Collection[str] = ()) -> None:
        self.walk = ImageWalk(tree, leave_out)
        self.paths: Sequence[str] = [image.path for image in self.walk.below()]
        """Of all images, in order."""
        self._root_name = folded(PurePosixPath(str(tree.root)).name)
        self._by_path = _Index((_key(path), path) for path in self.paths)

    def find(self, name: str, folder: str = "") -> Match:
        """The image of a name, which `folder` is the table's own folder for."""
        parts = _parts(name)
        if not parts:
            return Match(None, MISSING)
        for base in dict.fromkeys((folder, "")):
            if hits := self._at([*base.split("/"), *parts] if base else parts):
                return _one_of(hits, parts)
        if _ELSEWHERE.match(name.replace("\\", "/")):
            return self._find_by_end(parts)
        if folded(parts[0]) == self._root_name and (hits := self._at(parts[1:])):
            return _one_of(hits, parts[1:])
        hits = self._ending_with(parts)
        return _one_of(hits, parts) if hits else Match(None, MISSING)

    def _find_by_end(self, parts: Sequence[str]) -> Match:
        """The image at the longest end of a path; of its file name alone only if it lies right in the root."""
        for start in range(1, len(parts)):
            end = parts[start:]
            if hits := self._at(end) or (self._ending_with(end) if len(end) > 1 else []):
                return _one_of(hits, end)._replace(by_end=True)
        return Match(None, MISSING)

    def _at(self, parts: Sequence[str]) -> Sequence[str]:
        """Images at a path below the root, which may lack its ending."""
        key = folded("/".join(parts))
        return self._by_path.get(key) or [path for path in self._alike(key) if _bare(_key(path)) == key]

    def _ending_with(self, parts: Sequence[str]) -> Sequence[str]:
        """Images whose paths end with these parts, wherever they lie; the last part may lack its ending."""
        key = folded("/".join(parts))
        whole = [path for path in self._alike(_bare(key)) if f"/{_key(path)}".endswith(f"/{key}")]
        return whole or [path for path in self._alike(key) if f"/{_bare(_key(path))}".endswith(f"/{key}")]

    def _alike(self, key: str) -> Sequence[str]:
        """Images that have the last parts of a key, which is without ending."""
        return self._by_end.get(_end(key)) if "/" in key else self._by_name.get(key)

    @cached_property
    def _by_name(self) -> "_Index":
        """By file name without ending."""
        return _Index((_bare(_key(path)).rpartition("/")[2], path) for path in self.paths)

    @cached_property
    def _by_end(self) -> "_Index":
        """By folder and file name without ending: many folders may have a 1.jpg."""
        return _Index((_end(_bare(_key(path))), path) for path in self.paths)


class _Index:
    """Paths by key; most keys have one, so these have no list of their own."""

    def __init__(self, pairs: Iterator[tuple[str, str]]) -> None:
        self._paths: dict[str, str | list[str]] = {}
        for key, path in pairs:
            known = self._paths.setdefault(key, path)
            if isinstance(known, list):
                known.append(path)
            elif known is not path:
                self._paths[key] = [known, path]

    def get(self, key: str) -> Sequence[str]:
        paths = self._paths.get(key, ())
        return (paths,) if isinstance(paths, str) else paths


def _parts(name: str) -> list[str]:
    """The parts of a path that may be found below the root: those behind the last "..", without a drive."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    above = max((number for number, part in enumerate(parts) if part == ".."), default=-1)
    return parts[above + 1 :]


def _one_of(hits: Sequence[str], parts: Sequence[str]) -> Match:
    """The only hit, or the only one that is written in the very same way."""
    if len(hits) > 1:
        end = "/" + "/".join(parts)
        same = [path for path in hits if f"/{readable(path)}".endswith(end)]
        if len(same) != 1:
            return Match(None, f"{AMBIGUOUS}: {listed([readable(path) for path in hits], 3)}")
        hits = same
    return Match(hits[0])


def _key(path: str) -> str:
    """What a path is compared by."""
    return folded(readable(path))


def _end(key: str) -> str:
    """The last two parts of a path."""
    return key if key.count("/") < 2 else "/".join(key.rsplit("/", 2)[1:])


def _bare(key: str) -> str:
    """A path without the ending of its file name."""
    dot = key.rfind(".")
    return key[:dot] if dot > key.rfind("/") + 1 else key
