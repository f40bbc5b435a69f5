import hashlib
import io
import tarfile
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards.conversion.shard_file import open_shard_file
from artkit_shards.format.tar import around_image


def write(path, images, head_bytes=16):
    """A shard of these images; returns it with its checksum."""
    with path.open("wb") as file, open_shard_file(file) as tar:
        for number, image in enumerate(images):
            before, after = around_image(f"{number:09d}", "jpg", len(image), 3, {"file": "x"})

            def fill(buffer, image=image):
                buffer[:] = image

            tar.add(before, len(image), fill, after, head_bytes=head_bytes)
        return tar, tar.finish()


def check(path, images):
    tar, sha256 = write(path, images)
    data = path.read_bytes()
    assert tar.num_bytes == len(data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert tar.crc32s == [zlib.crc32(image) for image in images]
    assert tar.head_crc32s == [zlib.crc32(image[:16]) for image in images]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert [archive.extractfile(member).read() for member in archive.getmembers()[::3]] == images


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=3000), max_size=40))
def test_images_checksums_and_size_are_those_of_the_file(tmp_path_factory, images):
    check(tmp_path_factory.mktemp("shard") / "x.tar", images)


@pytest.mark.parametrize("sizes", [[1 << 20, 5, (3 << 20) + 1, 700], [300_000] * 40, [(1 << 20) - 4096, 1, 1]])
def test_images_of_any_size_fit(tmp_path, sizes):
    generator = np.random.default_rng(0)
    check(tmp_path / "x.tar", [generator.bytes(size) for size in sizes])


def test_errors_of_an_image_come_through(tmp_path):
    def fail(_buffer):
        raise RuntimeError("gone")

    with (
        (tmp_path / "x.tar").open("wb") as file,
        pytest.raises(RuntimeError, match="gone"),
        open_shard_file(file) as tar,
    ):
        tar.add(b"", 5, fail, b"", head_bytes=1)


def test_memory_does_not_grow_with_the_shard(tmp_path):
    image = b"x" * 100_000
    tracemalloc.start()
    write(tmp_path / "x.tar", [image] * 200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 << 20
