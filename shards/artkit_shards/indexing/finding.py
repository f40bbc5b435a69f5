"""Finding the tars of a folder, and the split of each: from its name, or from patterns.

`train-000000.tar`, `imagenet_valid_07.tar` and `test.tar` say their split. Tars that say none are for training.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from artkit_shards.conversion.layout import split_order
from artkit_shards.conversion.sources.splits import SPLIT_WORDS
from artkit_shards.conversion.split import TRAIN, UNKNOWN
from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import is_plain_name, is_shard_name
from artkit_shards.wording import counted, listed

_SPLIT_WORDS: Final = {**SPLIT_WORDS, UNKNOWN: UNKNOWN}
_WORD: Final = re.compile(r"[a-z]+")


class Tar(NamedTuple):
    """A tar that is to be indexed."""

    path: Path
    split: str


def find_tars(directory: Path, patterns: Mapping[str, Sequence[str]]) -> list[Tar]:
    """The tars right in a folder of this machine; see `choose_tars`."""
    return choose_tars(list_folder(directory), patterns, folder=directory, shown=str(directory))


def list_folder(directory: Path) -> list[str]:
    """Names of what is right in a folder.

    Raises:
        DatasetError: if it cannot be listed.
    """
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        raise DatasetError(f"{directory} {what}; give the folder with the tar files")
    try:
        return [entry.name for entry in directory.iterdir()]
    except OSError as error:
        raise DatasetError(f"{directory} cannot be read: {error.strerror}; check the rights of the folder") from error


def choose_tars(names: Iterable[str], patterns: Mapping[str, Sequence[str]], *, folder: Path, shown: str) -> list[Tar]:
    """The tars among the files of a folder, by split and name: train, val, test, then other splits.

    Args:
        names: Names of the files right in the folder.
        patterns: By split, patterns as in a shell (`shard-0009*.tar`) of the names that belong to it; other names say
            their split themselves.
        folder: Where the tars are, or will be once they are fetched.
        shown: The folder as users know it.

    Raises:
        DatasetError: if there are none, one has a name that a shard cannot have, or the patterns do not fit.
    """
    visible = sorted(name for name in names if not name.startswith("."))
    tars = [name for name in visible if name.endswith(".tar")]
    if not tars:
        raise DatasetError(_why_no_tars(shown, visible, folder))
    for name in tars:
        if not is_shard_name(name):
            raise DatasetError(
                f"{shown}/{name} cannot be a shard: rename it with Latin letters, digits, '-', '_' and '.' only"
            )
    _check_patterns(patterns, tars)
    found = [Tar(folder / name, _split_of(name, patterns)) for name in tars]
    order = split_order(tar.split for tar in found)
    return sorted(found, key=lambda tar: (order.index(tar.split), tar.path.name))


def _why_no_tars(shown: str, names: Sequence[str], folder: Path) -> str:
    """What the user should do about a folder without tars."""
    compressed = [name for name in names if re.search(r"\.(tar\.\w+|tgz|tbz2|txz)$", name)]
    if compressed:
        return (
            f"the tars in {shown} are compressed ({compressed[0]}), so a sample can only be reached through all "
            "before it; unpack them to plain .tar files first"
        )
    folders = [name for name in names if any((folder / name).glob("*.tar"))]
    if folders:
        return (
            f"there are no tars right in {shown}, but in its {counted(len(folders), 'folder')} "
            f"{listed(folders, 4)}; index each folder alone, or move all tars to one folder, with names such as "
            f"{folders[0]}-000000.tar"
        )
    return f"there are no .tar files in {shown}; give the folder with the tar files"


def _check_patterns(patterns: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    for split, globs in patterns.items():
        if not is_plain_name(split):
            raise DatasetError(f"a split cannot be named {split!r}; use small letters, as in 'val'")
        for glob in globs:
            if not any(fnmatchcase(name, glob) for name in names):
                raise DatasetError(f"no tar is named as {glob!r} for the split {split!r}; there are {listed(names, 4)}")
    for name in names:
        splits = [split for split, globs in patterns.items() if any(fnmatchcase(name, glob) for glob in globs)]
        if len(splits) > 1:
            raise DatasetError(f"{name} fits the patterns of {splits[0]!r} and {splits[1]!r}; let one of them match it")


def _split_of(name: str, patterns: Mapping[str, Sequence[str]]) -> str:
    for split, globs in patterns.items():
        if any(fnmatchcase(name, glob) for glob in globs):
            return split
    said = {_SPLIT_WORDS[word] for word in _WORD.findall(name.lower()) if word in _SPLIT_WORDS}
    if len(said) > 1:
        raise DatasetError(
            f"the name {name} says several splits ({listed(sorted(said))}); say which with --split {min(said)}={name!r}"
        )
    return said.pop() if said else TRAIN
