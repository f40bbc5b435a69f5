import io
import json
import os
import shutil
import tarfile
import threading
from contextlib import suppress

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from artkit_shards import DatasetError, Patience, TarStream, demo_path, fit_image, open_dataset

HASTY = Patience(attempts=3, first_wait_s=0.001, longest_wait_s=0.002, silence_s=5)
SIZE = 16


def picture(number, suffix="png"):
    """A small picture of one colour, as a file."""
    file = io.BytesIO()
    Image.new("RGB", (20, 12), (number, 255 - number, 80)).save(file, {"jpg": "JPEG"}.get(suffix, suffix))
    return file.getvalue()


def write_tar(path, members, *, mode="w"):
    with tarfile.open(path, mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def samples(numbers, label=lambda number: str(number % 3).encode()):
    return [member for n in numbers for member in ((f"{n:04d}.png", picture(n)), (f"{n:04d}.cls", label(n)))]


def open_files():
    """Paths that this process has open."""
    paths = []
    for entry in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            paths.append(os.readlink(f"/proc/self/fd/{entry}"))
    return paths


def all_of(stream):
    batches = list(stream)
    return [key for batch in batches for key in batch.keys], torch.cat([batch.labels for batch in batches]).tolist()


def test_the_stream_delivers_all_samples_in_the_order_of_the_tars():
    split = open_dataset(demo_path()).split("train")
    tars = sorted(demo_path().glob("train-*.tar"))
    batches = list(TarStream(tars, image_size=SIZE, batch_size=100, threads=3))
    assert [len(batch.labels) for batch in batches] == [100] * 6 + [69]
    assert [key for batch in batches for key in batch.keys] == list(split.keys)
    assert torch.cat([batch.labels for batch in batches]).tolist() == split.labels.tolist()
    images = torch.cat([batch.images for batch in batches])
    for row in range(0, len(split), 97):
        assert np.array_equal(images[row].permute(1, 2, 0).numpy(), fit_image(split.read(row), SIZE))
    assert (images.dtype, images.shape[1:]) == (torch.uint8, (3, SIZE, SIZE))
    assert batches[0].images.is_contiguous(memory_format=torch.channels_last)


def test_each_iteration_is_a_whole_pass(tmp_path):
    stream = TarStream(write_tar(tmp_path / "a.tar", samples(range(10))), image_size=SIZE, batch_size=3)
    for _ in stream:
        break
    first, second = all_of(stream), all_of(stream)
    assert first == second == ([f"{n:04d}" for n in range(10)], [n % 3 for n in range(10)])
    assert (stream.num_samples, stream.bad) == (10, [])


def test_samples_of_several_tars_with_equal_keys_do_not_mix(tmp_path):
    tars = [write_tar(tmp_path / name, samples(range(3))) for name in ("a.tar", "b.tar")]
    keys, labels = all_of(TarStream([str(tar) for tar in tars], image_size=SIZE, batch_size=4))
    assert (keys, labels) == (["0000", "0001", "0002"] * 2, [0, 1, 2] * 2)


def test_labels_come_from_a_field_as_numbers_or_names(tmp_path):
    def fields(number):
        return json.dumps({"artist": ["Klee", "Miró"][number % 2], "year": 1900 + number}).encode()

    members = [m for n in range(4) for m in ((f"{n}.jpg", picture(n, "jpg")), (f"{n}.json", fields(n)))]
    tar = write_tar(tmp_path / "a.tar", members)
    named = TarStream(tar, image_size=SIZE, batch_size=4, label="artist", classes=["Miró", "Klee"])
    assert all_of(named)[1] == [1, 0, 1, 0]
    assert all_of(TarStream(tar, image_size=SIZE, batch_size=4, label="year"))[1] == [1900, 1901, 1902, 1903]
    unnamed = TarStream(tar, image_size=SIZE, batch_size=4, label="artist")
    with pytest.raises(
        DatasetError, match=r"sample 0 of .*a\.tar has the class 'Klee', which is no number; give the names"
    ):
        list(unnamed)


def test_names_in_cls_members_are_understood(tmp_path):
    tar = write_tar(tmp_path / "a.tar", samples(range(4), lambda n: [b"cat\n", b"dog"][n % 2]))
    stream = TarStream(tar, image_size=SIZE, batch_size=4, classes=["cat", "dog"], max_bad=0)
    assert all_of(stream)[1] == [0, 1, 0, 1]


BAD = {
    "no image": ([("x.cls", b"1")], "no image"),
    "no image data": ([("x.png", b""), ("x.cls", b"1")], "empty file"),
    "no class": ([("x.png", picture(1))], "no class in a member 'cls'"),
    "class out of bounds": ([("x.png", picture(1)), ("x.cls", b"7")], "its class is out of bounds"),
    "unknown name": ([("x.png", picture(1)), ("x.cls", b"-1")], "its class is not among the classes given"),
    "huge class": ([("x.png", picture(1)), ("x.cls", b"1" * 5000)], "no class in a member 'cls'"),
    "cut image": ([("x.png", picture(1)[:60]), ("x.cls", b"1")], "truncated"),
    "pickle": ([("x.png", b"\x80\x04K\x01."), ("x.cls", b"1")], "not an image"),
}


@pytest.mark.parametrize(("members", "reason"), BAD.values(), ids=BAD)
def test_bad_samples_are_left_out_and_told(tmp_path, members, reason):
    tar = write_tar(tmp_path / "a.tar", samples(range(4)) + members + samples(range(5, 8)))
    stream = TarStream(tar, image_size=SIZE, batch_size=4, classes=["a", "b", "c"])
    assert all_of(stream) == (["0000", "0001", "0002", "0003", "0005", "0006", "0007"], [0, 1, 2, 0, 2, 0, 1])
    assert [(bad.tar, bad.key) for bad in stream.bad] == [(str(tar), "x")]
    assert reason in stream.bad[0].reason
    strict = TarStream(tar, image_size=SIZE, batch_size=4, classes=["a", "b", "c"], max_bad=0)
    told = r"1 of the first 5 samples cannot be used, more than max_bad=0 allows: x of .*a\.tar .*; mend the tars, or"
    with pytest.raises(DatasetError, match=told):
        list(strict)


@pytest.mark.parametrize("text", [b"{", b"[]", b"null", b'{"artist": null}', b"[" * 100_000], ids=range(5))
def test_fields_that_cannot_be_read_are_told(tmp_path, text):
    good = [("a.png", picture(1)), ("a.json", b'{"artist": 1}')]
    stream = TarStream(
        write_tar(tmp_path / "a.tar", [*good, ("x.png", picture(1)), ("x.json", text)]),
        image_size=SIZE,
        batch_size=4,
        label="artist",
    )
    assert all_of(stream) == (["a"], [1])
    assert stream.bad[0].reason in ("its JSON is damaged", "no field 'artist' in its JSON")


def test_too_many_bad_samples_are_an_error_that_counts_reasons(tmp_path):
    bad = [member for n in range(30) for member in ((f"bad{n}.png", b"nothing"), (f"bad{n}.cls", b"1"))]
    stream = TarStream(write_tar(tmp_path / "a.tar", samples(range(40)) + bad), image_size=SIZE, batch_size=8)
    told = (
        r"11 of the first 51 samples cannot be used, more than max_bad=0.001 allows: bad0 of .*and 8 more .*image: 11\)"
    )
    with pytest.raises(DatasetError, match=told):
        list(stream)
    assert len(list(TarStream(stream.tars, image_size=SIZE, batch_size=8, max_bad=0.5))) == 5


def test_a_stream_without_one_good_sample_is_an_error(tmp_path):
    nothing = write_tar(tmp_path / "empty.tar", [])
    with pytest.raises(DatasetError, match=r"no sample of empty\.tar can be used, there are none"):
        list(TarStream(nothing, image_size=SIZE, batch_size=4))
    bad = write_tar(tmp_path / "bad.tar", [("x.png", b"nothing"), ("x.cls", b"1")])
    with pytest.raises(DatasetError, match=r"no sample of bad\.tar can be used, all are bad: x of .*not an image: 1"):
        list(TarStream(bad, image_size=SIZE, batch_size=4))


def test_damaged_tars_are_told_with_the_byte(tmp_path):
    tar = write_tar(tmp_path / "a.tar", samples(range(10)))
    whole = tar.read_bytes()
    tar.write_bytes(whole[:7000])
    with pytest.raises(DatasetError, match=r"a\.tar cannot be read at byte \d+: .*cut off"):
        list(TarStream(tar, image_size=SIZE, batch_size=4))
    tar.write_bytes(b"no tar" * 1000)
    with pytest.raises(DatasetError, match=r"a\.tar cannot be read at byte 0: .*this is no tar"):
        list(TarStream(tar, image_size=SIZE, batch_size=4))


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_compressed_tars_are_refused_before_anything_is_unpacked(tmp_path, mode):
    tar = write_tar(tmp_path / "a.tar", samples(range(3)), mode=mode)
    with pytest.raises(DatasetError, match=r"it is compressed with .*; unpack it to a plain tar first"):
        list(TarStream(tar, image_size=SIZE, batch_size=4))


def test_names_that_lead_out_and_links_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"'\.\./x\.png' is absolute, or has '\.\.' or a backslash: it is not safe"):
        list(TarStream(write_tar(tmp_path / "a.tar", [("../x.png", b"")]), image_size=SIZE, batch_size=4))
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        link = tarfile.TarInfo("x.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DatasetError, match=r"'x\.png' is a symbolic link; only regular files belong in a shard"):
        list(TarStream(tmp_path / "b.tar", image_size=SIZE, batch_size=4))


def test_two_members_of_one_suffix_are_an_error(tmp_path):
    members = [("x.png", picture(1)), ("x.PNG", picture(2)), ("x.cls", b"1")]
    with pytest.raises(
        DatasetError, match=r"a sample has two members of one suffix: x\.PNG: duplicate .*; mend the tar"
    ):
        list(TarStream(write_tar(tmp_path / "a.tar", members), image_size=SIZE, batch_size=4))


@pytest.mark.parametrize(
    "tar",
    [
        "pipe:touch {folder}/ran",
        "pipe:touch {folder}/ran #.tar",
        "simplecache::pipe:x",
        "ssh://host/a.tar",
        "file::pipe:x",
    ],
)
def test_commands_and_chains_are_refused_and_never_run(tmp_path, tar):
    with pytest.raises(DatasetError, match=r"is no address that can be read|is not read; give a folder"):
        list(TarStream(tar.format(folder=tmp_path), image_size=SIZE, batch_size=4))
    assert list(tmp_path.iterdir()) == []


def test_members_that_webdataset_would_unpickle_are_not_even_read(tmp_path):
    poison = [("0000.pyd", b"cos\nsystem\n(S'touch ran'\ntR."), ("0000.pth", b"cos\nsystem\n(S'touch ran'\ntR.")]
    tar = write_tar(tmp_path / "a.tar", [*samples([0]), *poison])
    assert all_of(TarStream(tar, image_size=SIZE, batch_size=4)) == (["0000"], [0])
    assert not (tmp_path / "ran").exists()


def test_a_missing_tar_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no tar file .*gone\.tar; give paths or addresses of tar files"):
        list(TarStream(tmp_path / "gone.tar", image_size=SIZE, batch_size=4))


def test_tars_come_from_the_web_in_spite_of_cuts(unreliable_server, tmp_path):
    tar = write_tar(unreliable_server.folder / "a.tar", samples(range(60)))
    expected = all_of(TarStream(tar, image_size=SIZE, batch_size=7))
    address = f"http://artist:secret@{unreliable_server.host}/a.tar?signature=hidden"
    stream = TarStream(address, image_size=SIZE, batch_size=7, patience=HASTY)
    unreliable_server.faults["/a.tar"] = ["", ("cut", 20_000), 503, ("cut", 9000)]
    assert all_of(stream) == expected
    assert len(unreliable_server.requests) == 5
    unreliable_server.knows_ranges = False
    assert all_of(stream) == expected
    unreliable_server.faults_forever["/a.tar"] = 404
    with pytest.raises(
        DatasetError, match=rf"^http://{unreliable_server.host}/a\.tar cannot be fetched: HTTP 404"
    ) as caught:
        list(stream)
    assert "hidden" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_tars_come_from_any_store_of_fsspec(tmp_path):
    tar = write_tar(tmp_path / "a.tar", samples(range(5)))
    fsspec.filesystem("memory").put(str(tar), "/tars/a.tar")
    assert all_of(TarStream("memory://tars/a.tar", image_size=SIZE, batch_size=7)) == all_of(
        TarStream(f"file://{tar}", image_size=SIZE, batch_size=7)
    )
    fsspec.filesystem("memory").rm("/tars", recursive=True)


def test_leaving_a_stream_early_closes_what_it_opened(tmp_path):
    shutil.copy(demo_path() / "train-000000.tar", tmp_path / "a.tar")
    iterator = iter(TarStream(tmp_path / "a.tar", image_size=SIZE, batch_size=2))
    next(iterator)
    assert str(tmp_path / "a.tar") in open_files()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("artkit-tar")]
    iterator.close()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert str(tmp_path / "a.tar") not in open_files()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size=0 is out of bounds; it must be >= 1"),
        ({"batch_size": 0}, "batch_size=0 is out of bounds"),
        ({"threads": 0}, "threads=0 is out of bounds"),
        ({"fit": "crop"}, "fit='crop' is unknown; it is 'letterbox' or 'squash'"),
        ({"max_bad": 2}, r"max_bad=2 is outside \[0, 1\]"),
        ({"tars": []}, "tars is empty; give at least one tar file"),
    ],
)
def test_values_out_of_bounds_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        TarStream(**{"tars": "a.tar", "image_size": 8, "batch_size": 2, **options})
