"""Samples of a tar: members that follow one another and have one key, as WebDataset has it.

The key of `train/0001.left.jpg` is `train/0001`: its path up to the first dot of the file name. The rest, `left.jpg`,
is the suffix, which is taken in small letters. Members without a key or a suffix, hidden files among them, belong to
no sample; nor do folders, and names like `__info__` with which writers describe the tar.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from artkit_shards.errors import DatasetError, TarError
from artkit_shards.format.manifest import MIXED
from artkit_shards.format.tar_reader import HeaderError, Member, parse_header, walk_tar
from artkit_shards.images import IMAGE_ENDINGS

_KEY_AND_SUFFIX: Final = re.compile(r"((?:.*/|)[^./]+)[.]([^/]+)")
_PLAIN_NAME_BYTES: Final = 80
"""Names whose key is shorter stand in the plain header, whatever the suffix."""
_DESCRIPTION: Final = re.compile(r"__[^/]*__(?:/.*)?")


class TarSample(NamedTuple):
    """The members of one sample."""

    key: str
    parts: dict[str, Member]
    """By suffix, in the order of the tar; at least one."""

    @property
    def header(self) -> int:
        """Where the sample begins in the tar."""
        return next(iter(self.parts.values())).header

    @property
    def end(self) -> int:
        """Where it ends."""
        return next(reversed(self.parts.values())).end


def split_name(name: str) -> tuple[str, str] | None:
    """Key and suffix of a member's name, or None if it belongs to no sample."""
    match = _KEY_AND_SUFFIX.fullmatch(name)
    if match is None or _DESCRIPTION.fullmatch(name):
        return None
    key, suffix = match.groups()
    return key, suffix.lower()


def qualified_key(shard: str, key: str) -> str:
    """A key that is unique in a data set whose shards use the same keys: `train-000001/0042`."""
    return f"{shard.removesuffix('.tar')}/{key}"


def found_instead(block: bytes, *, shard: str, key: str, image_suffix: str) -> str | None:
    """What a header block is, if it is not that of a sample's image; None if it is.

    Args:
        block: The block before the image's data.
        shard: File name of the tar.
        key: Key of the sample in the data set, which may be qualified.
        image_suffix: Suffix of all images, or `MIXED`.
    """
    try:
        name = parse_header(block).name.decode("utf-8", "backslashreplace")
    except HeaderError:
        return "no tar member"
    keys = (key, key.removeprefix(qualified_key(shard, "")))
    found = split_name(name)
    if found is not None and found[0] in keys:
        suffix = found[1]
        return None if suffix == image_suffix or (image_suffix == MIXED and is_image(suffix)) else name
    # The name stands in an extended header, if it does not fit in this one.
    fits = keys[1].isascii() and len(keys[1]) < _PLAIN_NAME_BYTES
    return name if fits else None


def is_image(suffix: str) -> bool:
    """Whether members with this suffix are images, as `jpg` and `left.png` are."""
    return f".{suffix}".endswith(IMAGE_ENDINGS)


def group_samples(members: Iterable[Member], shard: str) -> Iterator[TarSample]:
    """Group members into samples, in order.

    Raises:
        TarError: if a key comes back after other keys, or a sample has two members of one suffix: readers would take
            these for other samples than they are.
    """
    current: TarSample | None = None
    seen: set[str] = set()
    for member in members:
        names = split_name(member.name) if member.is_file else None
        if names is None:
            continue
        key, suffix = names
        if current is None or key != current.key:
            if key in seen:
                fault = f"the key {key!r} comes back after other keys; the members of a sample must follow one another"
                raise TarError(shard, member.header, fault)
            if current is not None:
                yield current
            seen.add(key)
            current = TarSample(key, {})
        if suffix in current.parts:
            raise TarError(shard, member.header, f"the sample {key!r} has two members with the suffix {suffix!r}")
        current.parts[suffix] = member
    if current is not None:
        yield current


def read_samples(path: Path) -> Iterator[TarSample]:
    """The samples of a tar file, from its headers.

    Raises:
        DatasetError: if it cannot be read; a `TarError` if it is damaged.
    """
    return group_samples(read_members(path), path.name)


def read_members(path: Path) -> Iterator[Member]:
    """The members of a tar file; errors as in `read_samples`."""
    try:
        # A named pipe must not make us wait for whoever writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DatasetError(f"{path} is no regular file; shards must be plain tar files")
        yield from walk_tar(lambda offset, size: os.pread(descriptor, size, offset), status.st_size, path.name)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f"{path} cannot be read: {error.strerror}")
