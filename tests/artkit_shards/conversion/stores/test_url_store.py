"""Data sets and images at addresses: in memory, as objects are in a store, and on a small web server."""

import http.server
import json
import os
import signal
import threading
import time
from functools import partial

import fsspec
import numpy as np
import pytest
from PIL import Image

from artkit_shards import ClassFolders, ConvertError, FilePart, Record, Settings, convert, open_dataset
from artkit_shards.conversion.reading import read_head, read_image
from artkit_shards.conversion.stores.claim import CLAIM, hold_claim
from artkit_shards.conversion.stores.local_store import LocalStore
from artkit_shards.conversion.stores.opening import open_store
from artkit_shards.conversion.stores.url_store import UrlStore
from artkit_shards.errors import ImageError
from artkit_shards.format.addresses import parse_address
from artkit_shards.format.patience import Patience

SETTINGS = Settings(shard_bytes=20_000)
IMPATIENT = Patience(attempts=2, first_wait_s=0)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / "src" / "ab"[number % 2] / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (30, 20, 3), dtype=np.uint8)).save(path)
    return tmp_path / "src"


@pytest.fixture
def memory():
    """An empty file system in memory, and the address of a folder in it."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield "memory://bucket/set"
    system.store.clear()


def objects():
    return {
        name.removeprefix("/bucket/set/"): bytes(file.getvalue())
        for name, file in fsspec.filesystem("memory").store.items()
    }


def tree(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.fixture(autouse=True)
def quick_claims(monkeypatch):
    """Signs of life every 50 ms, so that tests need not wait for the dead."""
    monkeypatch.setattr("artkit_shards.conversion.stores.url_store.BEAT_S", 0.05)


def test_a_data_set_at_an_address_has_the_files_of_one_in_a_folder(folder, memory, tmp_path):
    report = convert(ClassFolders(folder), memory, SETTINGS, workers=1)
    convert(ClassFolders(folder), tmp_path / "dst", SETTINGS, workers=1)
    assert objects() == tree(tmp_path / "dst")
    assert (report.directory, report.rejects_file) == (memory, f"{memory}/.artkit/rejects.jsonl")


def test_file_addresses_are_folders(folder, tmp_path):
    report = convert(ClassFolders(folder), f"file://{tmp_path}/dst", SETTINGS, workers=1)
    assert report.directory == tmp_path / "dst"
    assert len(open_dataset(tmp_path / "dst").split("train")) == 42
    assert isinstance(open_store(str(tmp_path)), LocalStore)


def test_a_complete_data_set_at_an_address_is_replaced_only_by_force(folder, memory):
    convert(ClassFolders(folder), memory, SETTINGS, workers=1)
    before = objects()
    with pytest.raises(ConvertError, match=r"memory://bucket/set holds a complete data set already.*--force"):
        convert(ClassFolders(folder), memory, Settings(seed=1), workers=1)
    assert objects() == before
    convert(ClassFolders(folder), memory, Settings(seed=1), workers=1, force=True)
    replaced = objects()
    fsspec.filesystem("memory").store.clear()
    convert(ClassFolders(folder), memory, Settings(seed=1), workers=1)
    assert objects() == replaced


def test_files_of_others_at_an_address_stay(folder, memory):
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/set/README.md", b"mine")
    convert(ClassFolders(folder), memory, SETTINGS, workers=1)
    assert objects()["README.md"] == b"mine"
    system.store.clear()
    system.pipe_file("/bucket/set/test-000000.tar", b"mine too")
    with pytest.raises(ConvertError, match=r"memory://bucket/set/test-000000\.tar exists and belongs to no conversion"):
        convert(ClassFolders(folder), memory, SETTINGS, workers=1, force=True)


class InterruptedByTestError(Exception):
    pass


def test_what_was_put_is_not_put_again(folder, memory):
    def stop(phase, done, _total):
        if phase == "write" and done > 30:
            raise InterruptedByTestError

    with pytest.raises(InterruptedByTestError):
        convert(ClassFolders(folder), memory, SETTINGS, workers=1, progress=stop)
    there = {name for name in objects() if name.endswith(".tar")}
    assert len(there) > 2
    assert ".artkit/manifest.json" not in objects()
    report = convert(ClassFolders(folder), memory, SETTINGS, workers=1)
    assert report.taken_over.num_shards == len(there)
    resumed = objects()
    fsspec.filesystem("memory").store.clear()
    convert(ClassFolders(folder), memory, SETTINGS, workers=1)
    assert objects() == resumed


def test_a_shard_that_someone_replaced_is_put_again(folder, memory):
    def stop(phase, done, _total):
        if phase == "write" and done > 30:
            raise InterruptedByTestError

    with pytest.raises(InterruptedByTestError):
        convert(ClassFolders(folder), memory, SETTINGS, workers=1, progress=stop)
    system = fsspec.filesystem("memory")
    data = system.cat_file("/bucket/set/train-000000.tar")
    system.pipe_file("/bucket/set/train-000000.tar", data[:-1] + b"x")
    convert(ClassFolders(folder), memory, SETTINGS, workers=1)
    assert system.cat_file("/bucket/set/train-000000.tar") == data


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("https://host/set", r"nothing can be written to https://host/set; give a folder, or an address .*s3://"),
        ("https://user:secret@host/set?sig=hidden", r"nothing can be written to https://host/set;"),
        ("pipe:cat", "is no address that can be read"),
        ("ftp://host/set", "begins with ftp://, which is not read"),
        ("simplecache::s3://bucket/set", "is no address that can be read"),
    ],
)
def test_addresses_that_cannot_be_written_to_are_refused(folder, location, message):
    with pytest.raises(ConvertError, match=message):
        convert(ClassFolders(folder), location, workers=1)


@pytest.mark.parametrize("destination", ["memory://bucket/a", "memory://bucket/a/shards"])
def test_a_data_set_does_not_go_among_the_images(memory, destination):
    files = [f"{name}/{number}.jpg" for name in "ab" for number in range(3)]
    records = [Record(f"memory://bucket/{file}", file, {"class": file[0]}) for file in files]
    with pytest.raises(ConvertError, match=f"{destination} lies among the images"):
        convert(records, destination, workers=1)


def test_sidecars_need_a_folder(folder, memory):
    with pytest.raises(ConvertError, match="sidecars are written into folders only"):
        convert(ClassFolders(folder), memory, Settings(sidecars=("dali",)), workers=1)


# --- claims ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(memory):
    return UrlStore(parse_address(memory), beat_s=0.1)


def test_a_second_conversion_is_kept_out_while_the_first_one_lives(store):
    message = "another conversion is writing to memory://bucket"
    with hold_claim(store, 0.1), pytest.raises(ConvertError, match=message), hold_claim(store, 0.1):
        pass
    assert store.read(CLAIM) is None
    with hold_claim(store, 0.1) as claim:
        claim.check()


@pytest.mark.parametrize("content", [b'{"id": "other", "beat": 7}', b"no JSON", b"[1]"])
def test_a_claim_that_gives_no_sign_of_life_is_taken_over(store, content):
    store.write(CLAIM, content)
    with hold_claim(store, 0.1) as claim:
        claim.check()
    assert store.read(CLAIM) is None


def test_a_claim_of_a_process_that_is_gone_is_taken_over_at_once(store):
    with hold_claim(store, 0.1) as claim:
        mine = json.loads(store.read(CLAIM))
        claim.check()
    store.write(CLAIM, json.dumps({**mine, "id": "other", "process": 2**22 + 1}).encode())
    started = time.monotonic()
    with hold_claim(store, 2):
        assert time.monotonic() - started < 3 * 2


def test_who_was_taken_for_dead_stops_and_leaves_the_claim_of_the_other(store):
    other = b'{"id": "other", "beat": 1}'
    with hold_claim(store, 0.05) as claim:
        store.write(CLAIM, other)
        time.sleep(0.2)
        with pytest.raises(ConvertError, match="another conversion has begun to write to"):
            claim.check()
    assert store.read(CLAIM) == other


class StallingStore:
    """A store whose next signs of life arrive late.

    Attributes:
        stalls: While it is set, writing begins; it ends, in whatever way, when it is no longer set.
        fails: Whether what arrives late is told to have failed.
    """

    def __init__(self, store, *, fails):
        self.store, self.fails = store, fails
        self.location, self.read, self.remove = store.location, store.read, store.remove
        self.stalls, self.stalled, self.goes_on = False, threading.Event(), threading.Event()

    def write(self, name, data):
        late, self.stalls = self.stalls, False
        if late:
            self.stalled.set()
            assert self.goes_on.wait(10)
        self.store.write(name, data)
        if late and self.fails:
            raise OSError("no answer in time")


@pytest.mark.parametrize("fails", [False, True])
def test_who_wrote_over_the_claim_of_one_that_took_over_stops(store, fails):
    slow = StallingStore(store, fails=fails)
    with hold_claim(slow, 0.05) as late:
        slow.stalls = True
        assert slow.stalled.wait(10)
        with hold_claim(store, 0.05) as heir:
            heir.check()
            slow.goes_on.set()
            time.sleep(0.3)
            with pytest.raises(ConvertError, match="another conversion has begun to write to"):
                late.check()
            with pytest.raises(ConvertError, match="another conversion has begun to write to"):
                heir.check()


def test_a_sign_of_life_that_is_late_for_once_loses_nothing(store):
    slow = StallingStore(store, fails=False)
    with hold_claim(slow, 0.4) as claim:
        slow.stalls = True
        assert slow.stalled.wait(10)
        time.sleep(0.2)
        slow.goes_on.set()
        time.sleep(0.2)
        claim.check()


def test_an_interrupt_while_claiming_leaves_no_claim(store):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt), hold_claim(store, 20):
        pass
    assert store.read(CLAIM) is None


# --- images at addresses --------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(folder):
    """Address of a web server that serves the folder."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_images_at_addresses_are_converted_like_files(folder, server, tmp_path):
    system = fsspec.filesystem("memory")
    records = list(ClassFolders(folder))
    far = []
    for number, record in enumerate(records):
        system.pipe_file(f"/images/{record.file}", record.image.read_bytes())
        where = (server, "memory://images")[number % 2]
        far.append(Record(f"{where}/{record.file}", record.file, record.labels))
    convert(records, tmp_path / "near", workers=1)
    convert(far, tmp_path / "far", workers=1)
    assert tree(tmp_path / "far") == tree(tmp_path / "near")


def test_parts_and_heads_of_files_at_addresses_are_read_alone(server, folder):
    data = (folder / "a/000.png").read_bytes()
    assert read_image(FilePart(f"{server}/a/000.png", 0, len(data))) == data
    assert read_head(f"{server}/a/000.png", 10) == (data[:10], len(data))
    system = fsspec.filesystem("memory")
    system.pipe_file("/x", data)
    assert read_image(FilePart("memory://x", 5, 10)) == data[5:15]
    assert read_head("memory://x", 10) == (data[:10], len(data))
    with pytest.raises(ImageError, match="truncated"):
        read_image(FilePart("memory://x", len(data) - 3, 10))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://nothing/here.png", "cannot be read: not found"),
        ("pipe:cat x", "cannot be read: .*no address"),
        ("http://user:secret@127.0.0.1:9/x.png?sig=hidden", "cannot be read: .*"),
    ],
)
def test_images_that_cannot_be_fetched_have_a_short_reason_without_secrets(url, reason, monkeypatch):
    monkeypatch.setattr("artkit_shards.conversion.stores.url_files.DEFAULT_PATIENCE", IMPATIENT)
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(url)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert len(str(caught.value)) < 300
