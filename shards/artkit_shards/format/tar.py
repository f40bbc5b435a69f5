"""Writing tar shards that every reader of WebDataset tars can read.

A sample is a run of members with one key: `000000042.jpg`, `000000042.cls`, `000000042.json`. Archives are plain USTAR,
uncompressed, with regular files only, short ASCII names, fixed times, owners and rights: the same samples give the same
bytes.
"""

import json
import tarfile
from collections.abc import Mapping
from typing import Final, Literal

Suffix = Literal["jpg", "png", "webp"]
SUFFIXES: Final[tuple[Suffix, ...]] = ("jpg", "png", "webp")
"""Formats in which images are stored, named as their members of a tar end."""

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
RECORD: Final = 20 * BLOCK
"""Tar files are padded to multiples of this."""

KEY_DIGITS: Final = 9

_NAME_BYTES: Final = 100
_SIZE_DIGITS: Final = 11


def _empty_header() -> bytes:
    """The header of a nameless file of unknown size; what its checksum counts as blanks is written as blanks."""
    info = tarfile.TarInfo()
    info.mode = 0o644
    block = info.tobuf(tarfile.USTAR_FORMAT)
    return block[:124] + bytes(11) + block[135:148] + b" " * 8 + block[156:]


# Headers differ in name, size and checksum alone: making each from its parts is ten times as fast as `tarfile` is.
_EMPTY: Final = _empty_header()
_CHECKSUM: Final = sum(_EMPTY)
_OWNER: Final = _EMPTY[_NAME_BYTES:124]
_TIME: Final = _EMPTY[135:148]
_REST: Final = _EMPTY[155:]

_encode_json: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def sample_key(number: int) -> str:
    """Key of the number-th sample of a data set: its number with leading zeros."""
    return f"{number:0{KEY_DIGITS}d}"


def header(name: str, size: int) -> bytes:
    """The header block of a regular file.

    Raises:
        ValueError: if the name is not of 1 to 100 ASCII characters, or the size has more than 11 octal digits.
    """
    encoded, digits = name.encode("ascii"), b"%011o" % size
    if not 0 < len(encoded) <= _NAME_BYTES or len(digits) > _SIZE_DIGITS:
        raise ValueError(f"a member {name!r} of {size} bytes does not fit into a USTAR header")
    checksum = _CHECKSUM + sum(encoded) + sum(digits)
    return b"".join((encoded.ljust(_NAME_BYTES, b"\0"), _OWNER, digits, _TIME, b"%06o\0" % checksum, _REST))


def member(name: str, data: bytes) -> bytes:
    """One member of an archive: header block, data, padding. The data starts `BLOCK` bytes after the header."""
    return b"".join((header(name, len(data)), data, bytes(-len(data) % BLOCK)))


def around_image(
    key: str, suffix: str, image_bytes: int, label: int, fields: Mapping[str, str | int | None]
) -> tuple[bytes, bytes]:
    """What stands before and after the image in a sample: its header; its padding and the other members.

    Args:
        key: Of digits alone, one key a sample in the whole data set.
        suffix: Of the image member: "jpg", "png" or "webp".
        image_bytes: Size of the image file.
        label: Class, from 0, written as an ASCII number; -1 if it is not known.
        fields: What goes into the JSON member.
    """
    label_text = str(label).encode("ascii")
    text = _encode_json(fields).encode()
    after = (
        bytes(-image_bytes % BLOCK),
        header(f"{key}.cls", len(label_text)),
        label_text.ljust(BLOCK, b"\0"),
        header(f"{key}.json", len(text)),
        text,
        bytes(-len(text) % BLOCK),
    )
    return header(f"{key}.{suffix}", image_bytes), b"".join(after)


def end_of_archive(num_bytes: int) -> bytes:
    """What ends an archive of `num_bytes` bytes: two empty blocks, then padding to a whole record."""
    return END + bytes(-(num_bytes + len(END)) % RECORD)
