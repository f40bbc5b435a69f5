"""Reading the headers of a tar: where each member's data lies, without reading the data.

The walk reads a header, hops over the data, and reads the next. It understands what writers of shards use: USTAR with
its prefix field, the PAX records `path` and `size`, GNU's long names and large sizes. All else that a tar can hold is
refused, because a shard has no use for it or because it is dangerous: links, devices, sparse and compressed files, and
names that lead out of the archive. Nothing is trusted: checksums are checked, sizes bounded, and every member lies
inside the file. What is wrong is told with the byte where it is.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from artkit_shards.errors import TarError
from artkit_shards.format.tar import BLOCK

ReadAt = Callable[[int, int], bytes]
"""`read_at(offset, size)` gives up to `size` bytes from `offset`; fewer only at the end of the file."""

READ_AHEAD: Final = 8 * BLOCK
"""Bytes read at once: small members come with the header before them."""
MAX_NAME_BYTES: Final = 4096
MAX_EXTENSION_BYTES: Final = 1 << 20
"""PAX headers and long names above a mebibyte are refused."""
_TAIL_BYTES: Final = 1 << 20

_FILES: Final = (b"0", b"\0", b"7")
_OLD_FILE: Final = b"\0"
_FOLDER: Final = b"5"
_PAX: Final = b"x"
_PAX_GLOBAL: Final = b"g"
_GNU_NAME: Final = b"L"
_REFUSED: Final = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a named pipe",
    b"K": "a link with a long name",
    b"S": "a sparse file",
}
_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_OCTAL_DIGITS: Final = frozenset(b"01234567")


class Member(NamedTuple):
    """A regular file or folder of a tar."""

    name: str
    offset: int
    """Where its data begins."""
    size: int
    header: int
    """Where it begins: its first header block, that of a PAX header or long name if it has one."""
    is_file: bool
    extended: bool
    """Whether it has a PAX header or a GNU long name."""

    @property
    def end(self) -> int:
        """Where the next member begins."""
        return _padded(self.offset + self.size)


class TarHeader(NamedTuple):
    """What one header block says."""

    name: bytes
    size: int
    kind: bytes
    """Type flag, one byte."""


class HeaderError(ValueError):
    """A block that is no header of a tar."""


def walk_tar(read_at: ReadAt, num_bytes: int, shard: str, *, read_ahead: int = READ_AHEAD) -> Iterator[Member]:
    """Yield the members of a tar in order, without reading their data.

    Args:
        read_at: Reads the file, wherever it is.
        num_bytes: Size of the file.
        shard: Its name, for messages.
        read_ahead: Bytes to read at once; more where each read costs much, as over a network.

    Raises:
        TarError: if the file is damaged, cut off, compressed, or holds what no shard may hold; members before that
            have been yielded.
    """
    return _Walk(read_at, num_bytes, shard, max(read_ahead, BLOCK)).members()


def parse_header(block: bytes) -> TarHeader:
    """Read a header block that is not empty.

    Args:
        block: `BLOCK` bytes.

    Raises:
        HeaderError: if its checksum or a number in it is wrong.
    """
    if not _checksum_fits(block):
        raise HeaderError("the checksum of the header is wrong")
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0]
    if prefix and block[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    return TarHeader(name, _number(block[124:136]), block[156:157])


def compression_of(start: bytes) -> str | None:
    """The compression of a file that begins with these bytes, or None."""
    return next((name for magic, name in _COMPRESSED.items() if start.startswith(magic)), None)


class _Extensions(NamedTuple):
    """What blocks before a member's own header say of it."""

    path: bytes | None = None
    size: int | None = None
    seen: bool = False


class _Walk:
    def __init__(self, read_at: ReadAt, num_bytes: int, shard: str, read_ahead: int) -> None:
        self._read_at = read_at
        self._num_bytes = num_bytes
        self._shard = shard
        self._read_ahead = read_ahead
        self._window = b""
        self._window_start = 0

    def members(self) -> Iterator[Member]:
        compression = compression_of(self._read(0, min(BLOCK, self._num_bytes)))
        if compression:
            raise self._error(0, f"it is compressed with {compression}; unpack it to a plain tar first")
        position = 0
        while (member := self._member(position)) is not None:
            yield member
            position = member.end

    def _member(self, start: int) -> Member | None:
        """The member that begins at a byte, or None at the end of the archive."""
        position, extensions = start, _Extensions()
        while True:
            header = self._header(position)
            if header is None:
                if extensions.seen:
                    raise self._error(position, "the member that an extended header announced is missing")
                self._check_tail(position)
                return None
            if header.kind not in (_PAX, _PAX_GLOBAL, _GNU_NAME):
                return self._finish(start, position, header, extensions)
            extensions = self._extend(position, header, extensions)
            position = _padded(position + BLOCK + header.size)

    def _header(self, position: int) -> TarHeader | None:
        """The header at a byte; None for the empty block that ends an archive."""
        if position == self._num_bytes:
            raise self._error(position, "the file ends here without the empty blocks that end a tar: it was cut off")
        block = self._read(position, BLOCK)
        if len(block) < BLOCK:
            raise self._error(position, "the file ends within a header: it was cut off")
        if block.count(0) == BLOCK:
            return None
        try:
            return parse_header(block)
        except HeaderError as error:
            what = "this is no tar" if position == 0 else "the tar is damaged here or before"
            raise self._error(position, f"{error}; {what}") from error

    def _extend(self, position: int, header: TarHeader, known: _Extensions) -> _Extensions:
        if header.size > MAX_EXTENSION_BYTES:
            raise self._error(position, f"an extended header of {header.size} bytes is too large")
        data = self._data(position, header, "an extended header")
        if header.kind == _GNU_NAME:
            return known._replace(path=data.partition(b"\0")[0], seen=True)
        try:
            records = _pax_records(data)
        except HeaderError as error:
            raise self._error(position, f"{error}; the tar is damaged here or before") from error
        if any(name.startswith(b"GNU.sparse") for name in records):
            raise self._error(position, "it holds a sparse file; only regular files belong in a shard")
        if header.kind == _PAX_GLOBAL:
            if not records.keys().isdisjoint((b"path", b"size")):
                raise self._error(position, "a global header sets the name or size of all members")
            return known
        size = records.get(b"size")
        if size is not None and not (size.isdigit() and len(size) < 20):
            raise self._error(position, f"an extended header gives the size {size[:40]!r}, which is no number")
        return _Extensions(records.get(b"path", known.path), int(size) if size is not None else known.size, seen=True)

    def _finish(self, start: int, position: int, header: TarHeader, extensions: _Extensions) -> Member:
        name = self._name(position, extensions.path if extensions.path is not None else header.name)
        if header.kind not in (*_FILES, _FOLDER):
            what = _REFUSED.get(header.kind, f"an entry of type {header.kind!r}")
            raise self._error(position, f"{name!r} is {what}; only regular files belong in a shard")
        is_folder = header.kind == _FOLDER or (header.kind == _OLD_FILE and name.endswith("/"))
        is_file = not is_folder and not name.endswith("/")
        # What is a file but for its name has data, which other readers pass over as well.
        size = 0 if is_folder else header.size if extensions.size is None else extensions.size
        member = Member(name, position + BLOCK, size, start, is_file, extensions.seen)
        self._check_room(position, repr(name), member.offset, member.size)
        return member

    def _name(self, position: int, name: bytes) -> str:
        """The name of a member, if it is harmless."""
        try:
            text = name.decode()
        except UnicodeDecodeError as error:
            raise self._error(position, f"the name {name[:100]!r} is not UTF-8") from error
        if not text or len(name) > MAX_NAME_BYTES:
            raise self._error(position, f"a name has {len(name)} bytes; it must have 1 to {MAX_NAME_BYTES}")
        if text.startswith("/") or ".." in text.split("/") or "\\" in text:
            raise self._error(position, f"the name {text!r} is absolute, or has '..' or a backslash: it is not safe")
        if _CONTROL.search(text):
            raise self._error(position, f"the name {text!r} has control characters")
        return text

    def _data(self, position: int, header: TarHeader, what: str) -> bytes:
        self._check_room(position, what, position + BLOCK, header.size)
        data = self._read(position + BLOCK, header.size)
        if len(data) < header.size:
            raise self._error(position, "the file shrank while it was read")
        return data

    def _check_room(self, position: int, what: str, offset: int, size: int) -> None:
        if _padded(offset + size) > self._num_bytes:
            raise self._error(
                position,
                f"{what} has {size} bytes from byte {offset} on, but the file ends at byte {self._num_bytes}: "
                "it was cut off",
            )

    def _check_tail(self, position: int) -> None:
        """After the end there must be padding only: other readers stop here and would lose what follows."""
        tail = self._read_at(position, min(self._num_bytes - position, _TAIL_BYTES))
        if tail.count(0) != len(tail):
            at = position + len(tail) - len(tail.lstrip(b"\0"))
            raise self._error(at, "data follows the end of the archive, where no reader looks: join tars with `tar -A`")

    def _read(self, offset: int, size: int) -> bytes:
        """Bytes through a window, so that a small member and the header after it take one read."""
        start = offset - self._window_start
        if start < 0 or start + size > len(self._window):
            self._window = self._read_at(offset, max(size, self._read_ahead))
            self._window_start, start = offset, 0
        return self._window[start : start + size]

    def _error(self, position: int, fault: str) -> TarError:
        return TarError(self._shard, position, fault)


def _padded(position: int) -> int:
    return -(-position // BLOCK) * BLOCK


def _checksum_fits(block: bytes) -> bool:
    """Whether the checksum is right, be it summed over unsigned bytes or, as some old writers did, signed ones."""
    try:
        stored = _number(block[148:156])
    except HeaderError:
        return False
    counted = block[:148] + block[156:]
    unsigned = sum(counted) + 8 * 0x20
    return stored == unsigned or stored == unsigned - 256 * sum(byte > 127 for byte in counted)


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or binary where they would not fit (GNU)."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if not _OCTAL_DIGITS.issuperset(digits):
        raise HeaderError(f"a number of the header is {field!r}")
    return int(digits or b"0", 8)


def _pax_records(data: bytes) -> dict[bytes, bytes]:
    """Records of a PAX header: each is `<length> <name>=<value>` and a line end, and length counts all of it."""
    records = {}
    position = 0
    while position < len(data):
        digits, blank, _ = data[position : position + 20].partition(b" ")
        end = position + int(digits) if digits.isdigit() else position
        if not blank or not position < end <= len(data) or data[end - 1 : end] != b"\n":
            raise HeaderError("a record of an extended header has a wrong length")
        name, equals, value = data[position + len(digits) + 1 : end - 1].partition(b"=")
        if not equals:
            raise HeaderError("a record of an extended header has no value")
        records[name] = value
        position = end
    return records
