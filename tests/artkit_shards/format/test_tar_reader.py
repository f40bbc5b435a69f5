"""Walking the headers of a tar: what is found, and at which byte a bad one is refused."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.errors import DatasetError, TarError
from artkit_shards.format.tar import BLOCK, end_of_archive, header, member
from artkit_shards.format.tar_reader import HeaderError, parse_header, walk_tar

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def archive(*entries, tar_format=tarfile.USTAR_FORMAT):
    """A tar of entries: a name and its content, or a TarInfo alone."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tar_format) as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            tar.addfile(info, io.BytesIO(entry[1]))
    return file.getvalue()


def walk(data, **options):
    return list(walk_tar(lambda offset, size: data[offset : offset + size], len(data), "a.tar", **options))


def patched(data, position, value):
    """The archive with other bytes in its first header, whose checksum is made right again."""
    block = bytearray(data[:BLOCK])
    block[position : position + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[BLOCK:]


# --- what is found --------------------------------------------------------------------------------------------------

NAMES = ["a.jpg", "deep/er/0001.left.jpg", "d/" + 90 * "x" + "/" + 60 * "y" + ".jpg", 99 * "z" + ".jpg"]


@pytest.mark.parametrize("tar_format", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("read_ahead", [1, 4096, 1 << 20])
def test_members_are_where_tarfile_finds_them(tar_format, read_ahead):
    names = NAMES if tar_format == tarfile.USTAR_FORMAT else [*NAMES, 300 * "n" + ".jpg", "Äpfel/日本.jpg"]
    names = [name for name in names if tar_format != tarfile.USTAR_FORMAT or len(name) != 103]
    data = archive(*((name, bytes(100 * number)) for number, name in enumerate(names)), tar_format=tar_format)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        expected = [(info.name, info.offset_data, info.size, info.offset) for info in tar]
    found = walk(data, read_ahead=read_ahead)
    assert [(one.name, one.offset, one.size, one.header) for one in found] == expected
    assert [one.extended for one in found] == [one.offset - one.header > BLOCK for one in found]


@given(st.lists(st.binary(max_size=1500), max_size=6))
def test_what_artkit_writes_is_read_back(contents):
    parts = [member(f"{number:09d}.jpg", content) for number, content in enumerate(contents)]
    body = b"".join(parts)
    data = body + end_of_archive(len(body))
    found = walk(data)
    assert [data[one.offset : one.offset + one.size] for one in found] == contents
    assert all(one.is_file and not one.extended for one in found)


def test_folders_are_told_apart_and_have_no_data():
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    found = walk(archive(folder, ("d/a.jpg", b"x")))
    assert [(one.name, one.is_file, one.size) for one in found] == [("d/", False, 0), ("d/a.jpg", True, 1)]


def test_the_data_of_a_file_that_is_named_as_a_folder_is_not_taken_for_members():
    inner = member("hidden.jpg", b"y")
    data = archive(("a/", inner), ("b.jpg", b"x"))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        offsets = [info.offset for info in tar]
    found = walk(data)
    assert [(one.name, one.is_file) for one in found] == [("a/", False), ("b.jpg", True)]
    assert [one.header for one in found] == offsets


def test_old_tars_without_a_magic_are_read():
    data = patched(archive(("a.jpg", b"xyz")), 257, bytes(8))
    assert [(one.name, one.size) for one in walk(data)] == [("a.jpg", 3)]


def test_sums_of_signed_bytes_are_accepted_as_old_writers_made_them():
    data = bytearray(archive(("é.jpg".encode().decode(), b""), tar_format=tarfile.GNU_FORMAT))
    block = data[:BLOCK]
    block[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in block)
    data[148:156] = b"%06o\0 " % signed
    assert [one.name for one in walk(bytes(data))] == ["é.jpg"]


def test_sizes_too_large_for_octal_digits_are_read():
    data = patched(archive(("a.jpg", b"xyz")), 124, b"\x80" + (3).to_bytes(11, "big"))
    assert [one.size for one in walk(data)] == [3]


def test_a_global_header_that_says_nothing_of_members_is_passed_over():
    data = archive(tar_format=tarfile.PAX_FORMAT)
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "hi"}) as tar:
            info = tarfile.TarInfo("a.jpg")
            tar.addfile(info)
        data = file.getvalue()
    assert [one.name for one in walk(data)] == ["a.jpg"]


def test_few_reads_are_made_and_never_of_large_data():
    data = archive(
        *((f"{n}.{ending}", bytes(size)) for n in range(50) for ending, size in (("jpg", 50_000), ("cls", 1)))
    )
    sizes = []

    def read_at(offset, size):
        sizes.append(size)
        return data[offset : offset + size]

    assert len(list(walk_tar(read_at, len(data), "a.tar"))) == 100
    # One an image, which brings the small members after it.
    assert len(sizes) < 55
    assert sum(sizes) < len(data) / 5


# --- what is refused ------------------------------------------------------------------------------------------------


def entry(kind, name="a.jpg", link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return archive(info)


def pax(records, name="a.jpg"):
    info = tarfile.TarInfo(name)
    info.pax_headers = records
    return archive(info, tar_format=tarfile.PAX_FORMAT)


def raw_pax(text):
    block = patched(header("a", len(text)), 156, b"x")
    body = block + text.ljust(BLOCK, b"\0") + member("a.jpg", b"")
    return body + end_of_archive(len(body))


GOOD = archive(("a.jpg", bytes(1000)), ("a.cls", b"1"))

REFUSED = {
    "nothing": (b"", 0, "the file ends here without the empty blocks that end a tar"),
    "short": (b"x" * 100, 0, "the file ends within a header: it was cut off"),
    "no tar": (b"hello world " * 100, 0, "checksum of the header is wrong; this is no tar"),
    "gzip": (gzip.compress(GOOD), 0, "it is compressed with gzip; unpack it to a plain tar first"),
    "zip": (b"PK\x03\x04" + bytes(2000), 0, "it is compressed with zip"),
    "cut in data": (GOOD[:1000], 0, "'a.jpg' has 1000 bytes from byte 512 on, but the file ends at byte 1000"),
    "cut in padding": (GOOD[: 512 + 1010], 0, "the file ends at byte 1522: it was cut off"),
    "cut in a header": (GOOD[: 3 * 512 + 100], 1536, "the file ends within a header"),
    "cut between members": (GOOD[: 3 * 512], 1536, "the file ends here without the empty blocks"),
    "bit in a header": (GOOD[:1540] + b"?" + GOOD[1541:], 1536, "checksum .* the tar is damaged here or before"),
    "joined": (GOOD + GOOD, len(GOOD), "data follows the end of the archive, where no reader looks: join tars with"),
    "symbolic link": (entry(tarfile.SYMTYPE, link="/etc/passwd"), 0, "'a.jpg' is a symbolic link; only regular files"),
    "hard link": (entry(tarfile.LNKTYPE, link="b"), 0, "is a hard link"),
    "device": (entry(tarfile.CHRTYPE), 0, "is a device"),
    "pipe": (entry(tarfile.FIFOTYPE), 0, "is a named pipe"),
    "sparse": (entry(tarfile.GNUTYPE_SPARSE), 0, "is a sparse file"),
    "unknown": (entry(b"V"), 0, "is an entry of type b'V'"),
    "pax sparse": (pax({"GNU.sparse.major": "1"}), 0, "it holds a sparse file"),
    "absolute": (entry(b"0", "/etc/a.jpg"), 0, r"the name '/etc/a\.jpg' is absolute, or has '\.\.' or a backslash"),
    "upwards": (entry(b"0", "a/../../b.jpg"), 0, "is not safe"),
    "backslash": (entry(b"0", "..\\a.jpg"), 0, "is not safe"),
    "control": (entry(b"0", "a\x1b[2J.jpg"), 0, "has control characters"),
    "NUL": (pax({"path": "a.jpg\0b"}), 1024, "has control characters"),
    "pax upwards": (pax({"path": "../a.jpg"}), 1024, "is not safe"),
    "not UTF-8": (patched(GOOD, 0, b"\xff\xfe"), 0, "is not UTF-8"),
    "no name": (patched(GOOD, 0, bytes(10)), 0, "a name has 0 bytes; it must have 1 to 4096"),
    "long name": (pax({"path": 5000 * "x"}), 5632, "a name has 5000 bytes"),
    "large extension": (
        patched(header("a", 1 << 21), 156, b"x"),
        0,
        "an extended header of 2097152 bytes is too large",
    ),
    "cut extension": (patched(header("a", 2000), 156, b"L"), 0, "an extended header has 2000 bytes .* cut off"),
    "no member after": (
        patched(header("a", 0), 156, b"x") + bytes(1024),
        512,
        "the member that an extended header announced is missing",
    ),
    "pax length": (raw_pax(b"99 path=x\n"), 0, "a record of an extended header has a wrong length"),
    "pax without end": (raw_pax(b"9 path=xy"), 0, "wrong length"),
    "pax nonsense": (raw_pax(b"hello"), 0, "wrong length"),
    "pax without value": (raw_pax(b"8 path..\n"), 0, "wrong length"),
    "pax no equals": (raw_pax(b"9 path..\n"), 0, "has no value"),
    "pax size": (raw_pax(b"12 size=1_0\n"), 0, "gives the size b'1_0', which is no number"),
    "pax size too large": (raw_pax(b"17 size=99999999\n"), 1024, "has 99999999 bytes from byte 1536 on"),
    "size no number": (patched(GOOD, 124, b"0000000zz00\0"), 0, "a number of the header is b'0000000zz00"),
    "size beyond": (patched(GOOD, 124, b"77777777777\0"), 0, "has 8589934591 bytes from byte 512 on"),
    "size huge": (patched(GOOD, 124, b"\x80" + b"\xff" * 11), 0, "but the file ends at byte"),
    "size negative": (patched(GOOD, 124, b"\xff" * 12), 0, "a number of the header is"),
}


@pytest.mark.parametrize(("data", "position", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_shard_may_hold_is_refused_with_the_byte(data, position, message):
    with pytest.raises(TarError, match=rf"^a\.tar cannot be read at byte \d+: .*{message}") as caught:
        walk(data)
    assert (caught.value.shard, caught.value.position) == ("a.tar", position)
    assert isinstance(caught.value, DatasetError)


def test_a_global_header_must_not_name_all_members():
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "b.jpg"}):
            pass
        data = file.getvalue()
    with pytest.raises(TarError, match="a global header sets the name or size of all members"):
        walk(data)


def test_members_before_the_damage_are_yielded():
    found = []
    data = GOOD[:1600]
    members = walk_tar(lambda offset, size: data[offset : offset + size], len(data), "a.tar")
    with pytest.raises(TarError, match="at byte 1536"):
        found.extend(one.name for one in members)
    assert found == ["a.jpg"]


@pytest.mark.parametrize("keep", [0, 100, 700])
def test_a_file_that_shrinks_meanwhile_is_cut_off(keep):
    data = pax({"path": "b.jpg"})
    with pytest.raises(TarError, match=r"cut off|shrank"):
        list(walk_tar(lambda offset, size: data[:keep][offset : offset + size], len(data), "a.tar"))


@given(st.binary(max_size=4000))
def test_bytes_of_any_kind_give_members_or_a_tar_error(data):
    try:
        found = walk(data)
    except TarError:
        return
    assert all(0 <= one.header < one.offset <= one.offset + one.size <= len(data) for one in found)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=3), st.booleans())
def test_a_changed_byte_gives_members_inside_the_file_or_a_tar_error(changes, fix):
    data = bytearray(GOOD)
    for position, value in changes:
        data[position] = value
    data = patched(bytes(data), 0, bytes(data[:1])) if fix else bytes(data)
    try:
        found = walk(data)
    except TarError:
        return
    assert all(0 <= one.header < one.offset <= one.offset + one.size <= len(data) for one in found)


def test_an_empty_block_is_no_header():
    with pytest.raises(HeaderError, match="checksum of the header is wrong"):
        parse_header(bytes(BLOCK))
