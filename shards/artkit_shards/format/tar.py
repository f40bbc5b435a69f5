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


def sample_key(number: int) -> str:
    """Key of the number-th sample of a data set: its number with leading zeros."""
    return f"{number:0{KEY_DIGITS}d}"


def member(name: str, data: bytes) -> bytes:
    """One member of an archive: header block, data, padding. The data starts `BLOCK` bytes after the header."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    header = info.tobuf(tarfile.USTAR_FORMAT)
    return header + data + bytes(-len(data) % BLOCK)


def sample(key: str, suffix: str, image: bytes, label: int, fields: Mapping[str, str | int | None]) -> bytes:
    """All members of a sample: the image, its class as an ASCII number, and `fields` as JSON.

    Args:
        key: Of digits alone, one key a sample in the whole data set.
        suffix: Of the image member: "jpg", "png" or "webp".
        image: The image file.
        label: Class, from 0; -1 if it is not known.
        fields: What goes into the JSON member.
    """
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True).encode()
    return b"".join(
        (
            member(f"{key}.{suffix}", image),
            member(f"{key}.cls", str(label).encode("ascii")),
            member(f"{key}.json", text),
        )
    )


def end_of_archive(num_bytes: int) -> bytes:
    """What ends an archive of `num_bytes` bytes: two empty blocks, then padding to a whole record."""
    return END + bytes(-(num_bytes + len(END)) % RECORD)
