"""The index of a split: one numpy file a column, so that any sample can be read without a search.

Columns are plain `.npy` files without objects, mapped into memory and never unpickled. `offset` and `size` tell where
the image member's data lies in its shard; the manifest tells how many samples each shard has, in order. Columns of text
are two files: all text as UTF-8 bytes, and where each entry begins and ends. `checksums.json` beside them has the
CRC-32 of each file.
"""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import MAKE_AGAIN

COLUMNS: Final[Mapping[str, str]] = {"offset": "<u8", "size": "<u4", "width": "<u4", "height": "<u4", "crc32": "<u4"}
"""Columns of numbers and their types; `<target>.label` (int32, -1 where missing) comes on top for each target."""
LABEL_TYPE: Final = "<i4"
TEXT_COLUMNS: Final = ("key", "file")
MAX_TEXT_BYTES: Final = 8192
"""More than any entry of a column of text has: keys and paths are shorter."""
_MAX_HEADER_BYTES: Final = 4096
CHECKSUMS: Final = "checksums.json"
_MAX_CHECKSUMS_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 20

_ADVICE: Final = f"the index was damaged or changed: {MAKE_AGAIN}"


class TextColumn(Sequence[str]):
    """A column of text; entries are decoded when they are asked for."""

    def __init__(self, text: NDArray[np.uint8], ends: NDArray[np.uint64]) -> None:
        self._text = text
        self._ends = ends

    def __len__(self) -> int:
        """Number of entries."""
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """An entry, or a list of them."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        start = int(self._ends[row - 1]) if row else 0
        return self._text[start : int(self._ends[row])].tobytes().decode("utf-8", "backslashreplace")


def write_index(
    folder: Path,
    numbers: Mapping[str, ArrayLike],
    labels: Mapping[str, Sequence[int]],
    texts: Mapping[str, Sequence[str]],
    *,
    sync: bool = True,
) -> None:
    """Write all columns of a split.

    Args:
        folder: Empty and existing.
        numbers: A sequence for each of `COLUMNS`.
        labels: Classes by target.
        texts: A sequence for each of `TEXT_COLUMNS`.
        sync: Whether to see them on the disk; otherwise whoever calls must.
    """
    columns = {name: np.array(numbers[name], dtype=dtype) for name, dtype in COLUMNS.items()}
    columns |= {f"{target}.label": np.array(values, dtype=LABEL_TYPE) for target, values in labels.items()}
    for name in TEXT_COLUMNS:
        entries = [entry.encode() for entry in texts[name]]
        columns[f"{name}.text"] = np.frombuffer(b"".join(entries), dtype=np.uint8)
        columns[f"{name}.ends"] = np.cumsum([len(entry) for entry in entries], dtype="<u8")
    for name, column in columns.items():
        with _new_file(folder / f"{name}.npy", sync=sync) as file:
            np.save(file, column, allow_pickle=False)
    write_checksums(folder, sync=sync)


def write_checksums(folder: Path, *, sync: bool = True) -> None:
    """Write down the checksums of an index that is complete; see `write_index`."""
    checksums = {path.name: _crc32(path) for path in sorted(folder.glob("*.npy"))}
    with _new_file(folder / CHECKSUMS, sync=sync) as file:
        file.write(json.dumps(checksums, indent=1).encode())


def check_checksums(folder: Path) -> None:
    """Compare every column of an index with its checksum, which costs a second for some ten million samples.

    Raises:
        DatasetError: if one differs; it names the file.
    """
    path = folder / CHECKSUMS
    try:
        said = json.loads(path.read_bytes())
        there = {file.name: _crc32(file) for file in sorted(folder.glob("*.npy"))}
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}; {_ADVICE}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); {_ADVICE}") from error
    if said != there:
        names = there if not isinstance(said, dict) else {name for name in there if said.get(name) != there[name]}
        raise DatasetError(
            f"{folder} does not fit its {CHECKSUMS} ({', '.join(sorted(names)) or 'a file is missing'}); {_ADVICE}"
        )


def file_sizes(targets: Iterable[str], num_samples: int) -> dict[str, int]:
    """The files of a split's index, and the most bytes that each can have if it is what it should be."""
    types = {**COLUMNS, **{f"{target}.label": LABEL_TYPE for target in targets}}
    types |= {f"{name}.ends": "<u8" for name in TEXT_COLUMNS}
    sizes = {name: np.dtype(dtype).itemsize * num_samples for name, dtype in types.items()}
    sizes |= {f"{name}.text": MAX_TEXT_BYTES * num_samples for name in TEXT_COLUMNS}
    return {CHECKSUMS: _MAX_CHECKSUMS_BYTES} | {f"{name}.npy": size + _MAX_HEADER_BYTES for name, size in sizes.items()}


def read_column(folder: Path, name: str, dtype: str, length: int | None) -> NDArray[Any]:
    """Map a column of numbers, read-only.

    Raises:
        DatasetError: if the file is missing or no numpy file, or has another type or length.
    """
    path = folder / f"{name}.npy"
    try:
        column = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises almost anything for a header that is not what it claims to be
        raise DatasetError(f"{path} cannot be read ({error}); {_ADVICE}") from error
    if not isinstance(column, np.ndarray) or column.dtype != np.dtype(dtype) or column.ndim != 1:
        raise DatasetError(f"{path} is not one column of type {np.dtype(dtype).name}; {_ADVICE}")
    if length is not None and len(column) != length:
        raise DatasetError(f"{path} has {len(column)} entries, the manifest says {length}; {_ADVICE}")
    return column


def read_text_column(folder: Path, name: str, length: int) -> TextColumn:
    """Map a column of text; errors as in `read_column`."""
    ends = read_column(folder, f"{name}.ends", "<u8", length)
    text = read_column(folder, f"{name}.text", "|u1", None)
    if ends[-1] != len(text) or bool((ends[1:] < ends[:-1]).any()):
        raise DatasetError(f"{folder / name}.ends.npy does not fit the text beside it; {_ADVICE}")
    return TextColumn(text, ends)


@contextmanager
def _new_file(path: Path, *, sync: bool) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        yield file
        file.flush()
        if sync:
            os.fsync(file.fileno())


def _crc32(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            checksum = zlib.crc32(piece, checksum)
    return checksum
