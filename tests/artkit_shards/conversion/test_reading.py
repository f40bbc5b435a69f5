import os
import threading
from pathlib import Path

import pytest

from artkit_shards import FilePart
from artkit_shards.conversion.reading import is_far, read_ahead, read_head, read_image, source_state, threads_to_read
from artkit_shards.errors import ImageError
from artkit_shards.format.files import read_image_into


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(b"0123456789")
    return path


def test_images_are_read_from_files_parts_and_memory(file):
    sources = [file, b"0123456789", FilePart(file, 2, 5), FilePart(str(file), 2, 5)]
    assert [read_image(source) for source in sources] == [b"0123456789"] * 2 + [b"23456"] * 2
    heads = [read_head(source, 3) for source in sources]
    assert heads == [(b"012", 10)] * 2 + [(b"234", 5)] * 2


def test_states_change_with_the_file(file):
    state = source_state(file)
    assert source_state(file) == state
    assert source_state(FilePart(file, 2, 5)) == (*state, 2, 5)
    os.utime(file, ns=(5, 5))
    assert source_state(file) == (10, 5)
    file.write_bytes(b"")
    assert source_state(file)[0] == 0


def test_states_of_what_cannot_be_looked_at():
    assert source_state(b"bytes") is None
    assert source_state(Path("/nothing/here")) is None
    assert source_state("s3://bucket/x.jpg") == ()
    assert source_state(FilePart("s3://bucket/x.tar", 5, 6)) == (5, 6)


def test_addresses_are_far_and_paths_near(file):
    assert is_far("s3://bucket/x.jpg")
    assert is_far(FilePart("https://host/x.tar", 0, 5))
    assert not any(map(is_far, (file, b"s3://", FilePart(str(file), 0, 5))))


@pytest.mark.parametrize("fault", [("slow", 0.005), "no length"])
def test_an_image_that_comes_in_pieces_is_read_whole(unreliable_server, fault):
    data = os.urandom(5000)
    (unreliable_server.folder / "x.jpg").write_bytes(data)
    unreliable_server.faults_forever["/x.jpg"] = fault
    assert read_image(f"{unreliable_server.address}/x.jpg") == data
    assert read_head(f"{unreliable_server.address}/x.jpg", 3000) == (data[:3000], len(data))


@pytest.mark.parametrize("size", [9, 11])
def test_a_file_of_another_size_is_not_read_into_a_buffer(file, size):
    with pytest.raises(ImageError, match="another size"):
        read_image_into(file, memoryview(bytearray(size)))


@pytest.mark.parametrize("threads", [0, 1, 16])
def test_reading_ahead_keeps_the_order_and_gives_errors_where_they_belong(threads):
    def read(item):
        if item == 3:
            raise ImageError("no 3")
        return -item

    results = read_ahead(read, range(50), threads)
    found = []
    for result in results:
        try:
            found.append(result())
        except ImageError as error:
            found.append(str(error))
    assert found == [-item if item != 3 else "no 3" for item in range(50)]


def test_far_files_are_read_at_the_same_time():
    together = threading.Barrier(4, timeout=20)

    def read(item):
        together.wait()
        return item

    threads = threads_to_read([Path("near.jpg"), "s3://bucket/far.jpg"])
    assert [result() for result in read_ahead(read, range(8), threads)] == list(range(8))


def test_the_next_image_is_read_while_one_is_looked_at(file):
    second = threading.Event()
    images = read_ahead(lambda item: second.set() if item else None, range(2), threads_to_read([file], near=1))
    next(images)()
    assert second.wait(20)


def test_a_part_of_a_file_at_an_address_does_not_bring_the_whole_file(unreliable_server, monkeypatch):
    monkeypatch.setattr("artkit_shards.format.remote._MOST_SKIPPED", 100)
    unreliable_server.knows_ranges = False
    (unreliable_server.folder / "x.tar").write_bytes(bytes(range(256)))
    unreliable_server.faults_forever["/y.tar"] = ("bytes", bytes(1 << 30))
    assert read_image(FilePart(f"{unreliable_server.address}/x.tar", 100, 3)) == bytes([100, 101, 102])
    assert read_image(FilePart(f"{unreliable_server.address}/y.tar", 0, 1000)) == bytes(1000)
    with pytest.raises(
        ImageError, match=r"^cannot be read: .*the server sends whole files where parts of them are ask"
    ):
        read_image(FilePart(f"{unreliable_server.address}/x.tar", 101, 3))
