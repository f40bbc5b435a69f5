import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent

import fsspec
import numpy as np
import pytest

from artkit_shards import DatasetError, Loader, LocalPlanner, Patience, WindowPlanner, open_dataset
from artkit_shards.format.manifest import FILE_NAME, FOLDER
from artkit_shards.format.manifest_reader import read_manifest

HASTY = Patience(attempts=3, first_wait_s=0.001, longest_wait_s=0.002, silence_s=5)


@pytest.fixture(scope="module")
def many_shards(tmp_path_factory):
    """A data set of 12 small training shards and one for validation. Do not change it."""
    from PIL import Image

    from artkit_shards import ClassFolders, Settings, convert

    folder = tmp_path_factory.mktemp("many")
    generator = np.random.default_rng(1)
    for name, count in (("a", 60), ("b", 24), ("c", 6)):
        (folder / "src" / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "src" / name / f"{number}.png")
    convert(ClassFolders(folder / "src"), folder / "dst", Settings(shard_bytes=20_000, duplicates="keep"), workers=1)
    assert len(read_manifest(folder / "dst").splits[0].shards) >= 6
    return folder / "dst"


@pytest.fixture
def served(many_shards, unreliable_server):
    """The server, with the data set in its folder `set`."""
    shutil.copytree(many_shards, unreliable_server.folder / "set")
    return unreliable_server


def open_served(server, tmp_path, **options):
    options = {"cache_dir": tmp_path / "cache", "patience": HASTY, **options}
    return open_dataset(f"{server.address}/set", **options)


def shard_requests(server):
    return [path for path, _, _ in server.requests if path.endswith(".tar")]


def shards_kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").glob("shards/*/*"))


# --- opening and reading --------------------------------------------------------------------------------------------


def test_a_data_set_at_an_address_is_read_as_one_in_a_folder(served, many_shards, tmp_path):
    far, near = open_served(served, tmp_path), open_dataset(many_shards)
    assert far.path == f"{served.address}/set"
    assert (far.fingerprint, far.targets, far.split_names) == (near.fingerprint, near.targets, near.split_names)
    assert shard_requests(served) == []
    for name in far.split_names:
        assert far.split(name).is_remote
        assert not near.split(name).is_remote
        for row in range(len(near.split(name))):
            assert far.split(name).read(row) == near.split(name).read(row)
    assert sorted(shard_requests(served)) == sorted(f"/set/{path.name}" for path in many_shards.glob("*.tar"))


def test_what_was_fetched_is_not_fetched_again(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    split.read(0)
    served.requests.clear()
    again = open_served(served, tmp_path).split("train")
    assert again.read(0) == split.read(0)
    assert [path for path, _, _ in served.requests] == [f"/set/{FOLDER}/{FILE_NAME}"]


def test_data_sets_with_shards_of_one_name_do_not_mix(served, demo_address, tmp_path):
    ours = open_served(served, tmp_path).split("train")
    demo = open_dataset(demo_address, cache_dir=tmp_path / "cache", patience=HASTY).split("train")
    assert ours.shard_of(0) == demo.shard_of(0) == "train-000000.tar"
    assert ours.read(0) != demo.read(0)
    assert len(shards_kept(tmp_path)) == 2


@pytest.fixture
def demo_address(served):
    from artkit_shards import demo_path

    shutil.copytree(demo_path(), served.folder / "demo")
    return f"{served.address}/demo"


def test_file_systems_of_fsspec_are_read(many_shards, tmp_path):
    system = fsspec.filesystem("memory")
    system.put(str(many_shards), "/far", recursive=True)
    split = open_dataset("memory://far", cache_dir=tmp_path / "cache").split("train")
    near = open_dataset(many_shards).split("train")
    assert split.is_remote
    assert all(split.read(row) == near.read(row) for row in range(len(near)))
    system.rm("/far", recursive=True)


def test_addresses_of_this_machine_are_opened_in_place(many_shards):
    dataset = open_dataset(f"file://{many_shards}")
    assert not dataset.split("train").is_remote
    assert dataset.path == many_shards


def test_opening_a_folder_imports_nothing_that_addresses_need(many_shards):
    program = "import sys; from artkit_shards import open_dataset; open_dataset(sys.argv[1]).split('train').read(0)"
    program += "; assert not {'fsspec', 'aiohttp', 'torch'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", program, str(many_shards)], check=True)


def test_the_folder_and_size_of_the_cache_can_come_from_the_environment(served, tmp_path, monkeypatch):
    monkeypatch.setenv("ARTKIT_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("ARTKIT_CACHE_BYTES", "10 kB")
    with pytest.raises(DatasetError, match=r"has \d+ bytes, more than cache_bytes=10000; a shard is kept whole: give"):
        open_dataset(f"{served.address}/set", patience=HASTY)
    monkeypatch.setenv("ARTKIT_CACHE_BYTES", "10 parsecs")
    with pytest.raises(DatasetError, match="ARTKIT_CACHE_BYTES: '10 parsecs' is no size; write a number with a unit"):
        open_dataset(f"{served.address}/set", patience=HASTY)
    monkeypatch.setenv("ARTKIT_CACHE_BYTES", "1MB")
    open_dataset(f"{served.address}/set", patience=HASTY).split("train").read(0)
    assert len(list((tmp_path / "mine").glob("shards/*/*.tar"))) == 1


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_an_address_without_a_data_set_is_told_what_to_do(served, tmp_path):
    told = rf"^{served.address}/none is not a data set, .* `artkit dataset index {served.address}/none`"
    with pytest.raises(DatasetError, match=told):
        open_dataset(f"{served.address}/none", cache_dir=tmp_path, patience=HASTY)


def test_a_manifest_of_something_else_is_refused_by_its_address(served, tmp_path):
    path = f"/set/{FOLDER}/{FILE_NAME}"
    for data, fault in ((b"{", "is not JSON"), (b"{}", "is not the manifest of an artkit data set")):
        served.faults[path] = [("bytes", data)]
        with pytest.raises(DatasetError, match=rf"^{served.address}{path} {fault}"):
            open_served(served, tmp_path)


def test_a_manifest_without_end_is_not_read_to_its_end(served, tmp_path, monkeypatch):
    monkeypatch.setattr("artkit_shards.format.remote_dataset.MAX_BYTES", 1000)
    with pytest.raises(DatasetError, match=r"manifest\.json has more than 1000 bytes, which is more than a file of"):
        open_served(served, tmp_path)


INDEX_FAULTS = {
    "missing": (404, r"offset\.npy cannot be fetched .*HTTP 404"),
    "huge": (("bytes", bytes(1 << 20)), r"offset\.npy has more than \d+ bytes"),
    "no numpy file": (("bytes", b"<html>"), r"offset\.npy cannot be read"),
    "empty": (("bytes", b""), r"offset\.npy cannot be read"),
}


@pytest.mark.parametrize(("fault", "told"), INDEX_FAULTS.values(), ids=INDEX_FAULTS)
def test_an_index_that_is_not_what_it_should_be_is_refused_and_fetched_anew_later(served, tmp_path, fault, told):
    served.faults_forever[f"/set/{FOLDER}/index/train/offset.npy"] = fault
    with pytest.raises(DatasetError, match=told):
        open_served(served, tmp_path)
    served.faults_forever.clear()
    open_served(served, tmp_path).split("train").read(0)


def test_an_index_damaged_in_the_cache_is_fetched_again(served, tmp_path):
    open_served(served, tmp_path)
    [path] = (tmp_path / "cache").glob(f"indexes/*/{FOLDER}/index/train/class.label.npy")
    path.write_bytes(b"damaged")
    open_served(served, tmp_path).split("train").read(0)
    assert path.read_bytes() != b"damaged"


def test_a_shard_comes_in_spite_of_cuts_and_errors_each_byte_once(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    shard = split.shard_of(0)
    size = (served.folder / "set" / shard).stat().st_size
    served.faults[f"/set/{shard}"] = [("cut", 5000), 500, ("cut", 2000)]
    split.read(0)
    assert served.asked_for(shard) == [f"bytes={start}-{size - 1}" for start in (0, 5000, 5000, 7000)]


def test_a_shard_that_does_not_come_is_told_with_the_byte_and_goes_on_there_later(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    shard = split.shard_of(0)
    size = (served.folder / "set" / shard).stat().st_size
    served.faults[f"/set/{shard}"] = [("cut", 5000), 500, 500, 500]
    told = rf"/set/{shard} cannot be fetched from byte 5000 of {size} on after 3 attempts in a row: HTTP 500"
    with pytest.raises(DatasetError, match=told):
        split.read(0)
    assert split.read(0)
    assert served.asked_for(shard)[-1] == f"bytes=5000-{size - 1}"


def test_a_shard_with_other_bytes_is_refused_and_not_kept(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    shard = split.shard_of(0)
    path = served.folder / "set" / shard
    data = bytearray(path.read_bytes())
    good = bytes(data)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    told = rf"{shard} holds other bytes than the manifest says: .*sha256 is {hashlib.sha256(data).hexdigest()}, not"
    with pytest.raises(DatasetError, match=told):
        split.read(0)
    assert len(served.asked_for(shard)) == 2
    assert [name for name in shards_kept(tmp_path) if name.endswith(".tar")] == []
    path.write_bytes(good)
    assert split.read(0)


def test_a_damaged_beginning_costs_one_more_fetch(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    shard = split.shard_of(0)
    served.faults[f"/set/{shard}"] = [("cut", 5000), 404]
    with pytest.raises(DatasetError, match="HTTP 404"):
        split.read(0)
    [part] = (tmp_path / "cache").glob("shards/*/.*.part")
    part.write_bytes(b"x" * 5000)
    split.read(0)
    assert [asked.partition("-")[0] for asked in served.asked_for(shard)[-2:]] == ["bytes=5000", "bytes=0"]


def test_a_shard_that_was_cut_off_there_is_told(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    shard = split.shard_of(0)
    os.truncate(served.folder / "set" / shard, 4000)
    with pytest.raises(DatasetError, match=rf"{shard} cannot be fetched from byte 4000 of \d+ on: HTTP 416 .*shorter"):
        split.read(0)


def test_secrets_of_an_address_are_in_no_error_and_no_file(served, tmp_path):
    address = f"http://artist:pass%2Fword@{served.host}/set?signature=hidden"
    options = {"cache_dir": tmp_path / "cache", "patience": HASTY}
    dataset = open_dataset(address, **options)
    split = dataset.split("train")
    split.read(0)
    served.faults_forever |= {f"/set/{name}": 403 for name in os.listdir(served.folder / "set")}
    texts = [str(dataset.path), repr(dataset), repr(split)]
    for act in (lambda: split.read(len(split) - 1), lambda: dataset.split("none"), lambda: open_dataset(address + "x")):
        try:
            act()
        except DatasetError as error:
            texts.append(str(error))
    served.faults_forever[f"/set/{FOLDER}/{FILE_NAME}"] = ("bytes", b"[]")
    with pytest.raises(DatasetError, match="is not the manifest") as caught:
        open_dataset(address, **options)
    texts.append(str(caught.value))
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    for secret in ("artist", "pass", "word", "hidden"):
        assert not [text for text in texts if secret in text]
        assert not [path for path in kept if secret in str(path) or secret.encode() in path.read_bytes()]


# --- budget, processes, reading ahead -------------------------------------------------------------------------------


def kept_bytes(tmp_path):
    return sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_the_budget_holds_and_every_sample_still_comes(served, many_shards, tmp_path):
    near = open_dataset(many_shards).split("train")
    budget = 90_000
    split = open_served(served, tmp_path, cache_bytes=budget).split("train")
    for row in np.random.default_rng(0).permutation(len(split)).tolist():
        assert split.read(row) == near.read(row)
        assert kept_bytes(tmp_path) <= budget
    assert len(shard_requests(served)) > len(read_manifest(many_shards).splits[0].shards)


PROGRAM = dedent("""
    import sys
    from artkit_shards import open_dataset
    split = open_dataset(sys.argv[1], cache_dir=sys.argv[2]).split("train")
    print("open", flush=True)
    print(sum(len(split.read(row)) for row in range(len(split))))
""")


def reader(server, tmp_path):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, f"{server.address}/set", str(tmp_path / "cache")],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_that_share_a_cache_fetch_each_shard_once(served, many_shards, tmp_path):
    processes = [reader(served, tmp_path) for _ in range(2)]
    near = open_dataset(many_shards).split("train")
    expected = f"open\n{sum(len(near.read(row)) for row in range(len(near)))}\n"
    assert [process.communicate(timeout=100)[0] for process in processes] == [expected] * 2
    requests = shard_requests(served)
    assert len(requests) == len(set(requests)) == len(read_manifest(many_shards).splits[0].shards)


def test_a_process_killed_in_the_middle_of_a_shard_is_followed_by_one_that_goes_on(served, tmp_path):
    shard = "train-000000.tar"
    served.faults[f"/set/{shard}"] = [("slow", 0.2)]
    victim = reader(served, tmp_path)
    assert victim.stdout.readline() == "open\n"
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in (tmp_path / "cache").glob("shards/*/.*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    [part] = (tmp_path / "cache").glob("shards/*/.*.part")
    there = part.stat().st_size
    split = open_served(served, tmp_path).split("train")
    assert split.read(0)
    assert served.asked_for(shard)[-1].startswith(f"bytes={there}-")
    assert there > 0


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_shards_come_before_they_are_read_and_not_too_many_of_them(served, tmp_path):
    split = open_served(served, tmp_path, cache_bytes=130_000).split("train")
    numbers = split.shard_starts[:-1].tolist()
    split.want(np.array(numbers))
    # A quarter of the budget is for what is fetched ahead.
    wait_until(lambda: shards_kept(tmp_path)[:1] == ["train-000000.tar"])
    time.sleep(0.1)
    assert len(shard_requests(served)) == 1
    split.read(0)
    wait_until(lambda: len(shard_requests(served)) == 2)
    wait_until(lambda: "train-000001.tar" in shards_kept(tmp_path))
    split.read(numbers[1])
    assert len(served.asked_for("train-000001.tar")) == 1


def test_a_failure_while_fetching_ahead_is_told_when_the_shard_is_needed(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    served.faults_forever["/set/train-000001.tar"] = 403
    split.want(split.shard_starts[:-1])
    wait_until(lambda: served.asked_for("train-000001.tar") != [])
    assert split.read(0)
    with pytest.raises(DatasetError, match=r"train-000001\.tar cannot be fetched .*HTTP 403"):
        split.read(int(split.shard_starts[1]))


def test_pinned_samples_are_fetched_once_without_their_shard(served, many_shards, tmp_path):
    near = open_dataset(many_shards).split("train")
    split = open_served(served, tmp_path).split("train")
    pinned = split.shard_starts[3:5] + 1
    order = np.concatenate([pinned, pinned, pinned])
    split.want(order, pinned)
    for row in order.tolist():
        assert split.read(row) == near.read(row)
    split.want(order, pinned)
    assert split.read(int(pinned[0])) == near.read(int(pinned[0]))
    assert shards_kept(tmp_path) == []
    assert sorted(shard_requests(served)) == ["/set/train-000003.tar", "/set/train-000004.tar"]
    split.want(order)
    split.read(int(pinned[0]))
    assert shards_kept(tmp_path) != []


def test_a_pinned_sample_with_other_bytes_is_refused(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    for name in os.listdir(served.folder / "set"):
        if name.endswith(".tar"):
            served.faults_forever[f"/set/{name}"] = ("bytes", bytes(200_000))
    split.want(np.array([1]), np.array([1]))
    with pytest.raises(DatasetError, match=r"000000\.tar holds another image at byte \d+ than the index says \(crc32"):
        split.read(1)


def test_a_pinned_sample_is_read_from_a_shard_that_is_there(served, tmp_path):
    split = open_served(served, tmp_path).split("train")
    split.read(0)
    split.want(np.array([1, 1]), np.array([1]))
    split.read(1)
    assert len(shard_requests(served)) == 1


# --- the loader -----------------------------------------------------------------------------------------------------


def test_the_loader_plans_windows_for_addresses_and_delivers_what_is_planned(served, many_shards, tmp_path):
    far, near = open_served(served, tmp_path).split("train"), open_dataset(many_shards).split("train")
    counts = np.where(near.labels == 2, 4, 1)
    loader = Loader(far, image_size=16, batch_size=8, counts=counts, seed=5)
    assert loader.state_dict()["fields"]["kind"] == "remote-1"
    planner = WindowPlanner(near, seed=5)
    expected = Loader(near, image_size=16, batch_size=8, counts=counts, order=planner)
    for batch, wanted in zip(loader, expected, strict=True):
        assert np.array_equal(batch.rows, wanted.rows)
        assert (batch.images == wanted.images).all()
    # Each shard came once, and each repeated sample that had no shard yet.
    whole = [ranges for path, ranges, _ in served.requests if path.endswith(".tar") and ranges.startswith("bytes=0-")]
    assert len(whole) == len(read_manifest(many_shards).splits[0].shards)
    assert len(shard_requests(served)) - len(whole) <= int((near.labels == 2).sum())
    assert loader.state_dict()["epoch"] == 1


def test_the_plan_of_a_loader_can_be_chosen(served, many_shards, tmp_path):
    far, near = open_served(served, tmp_path).split("train"), open_dataset(many_shards).split("train")
    local = Loader(far, image_size=16, batch_size=8, order=LocalPlanner(far.labels, 0))
    assert local.state_dict() == Loader(near, image_size=16, batch_size=8).state_dict()
    few = Loader(near, image_size=16, batch_size=8, order=WindowPlanner(near, window=2, pinned_bytes="1 MB"))
    assert few.state_dict()["fields"]["window"] == 2
    assert few.state_dict()["plan"] != Loader(far, image_size=16, batch_size=8).state_dict()["plan"]


def test_a_window_that_does_not_fit_into_the_cache_is_refused(served, tmp_path):
    split = open_served(served, tmp_path, cache_bytes=60_000).split("train")
    told = r"needs 16 shards at a time, up to \d+ bytes, and the cache .* has room for 60000; give it more"
    with pytest.raises(DatasetError, match=told):
        Loader(split, image_size=16, batch_size=8)
    assert len(Loader(split, image_size=16, batch_size=8, order=WindowPlanner(split, window=1))) > 0


def test_a_run_over_a_small_cache_goes_on_exactly_where_it_stood(served, many_shards, tmp_path):
    split = open_served(served, tmp_path, cache_bytes=100_000).split("train")
    planner = WindowPlanner(split, window=2)
    whole = [key for batch in Loader(split, image_size=8, batch_size=4, order=planner) for key in batch.keys]
    first = Loader(split, image_size=8, batch_size=4, order=planner)
    begun = [key for _, batch in zip(range(5), first, strict=False) for key in batch.keys]
    second = Loader(split, image_size=8, batch_size=7, threads=1, order=planner)
    second.load_state_dict(first.state_dict())
    consumed = first.state_dict()["consumed"]
    assert (len(begun), begun + [key for batch in second for key in batch.keys]) == (consumed, whole)
    assert kept_bytes(tmp_path) <= 100_000


# --- servers that do not answer -------------------------------------------------------------------------------------

PATIENT = Patience(attempts=100, first_wait_s=100, longest_wait_s=100, silence_s=1000)


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("artkit-loader")]


@pytest.mark.parametrize("make_plan", [lambda split: LocalPlanner(split.labels, 0), WindowPlanner])
def test_nobody_waits_for_a_silent_server_after_an_interrupt(served, many_shards, tmp_path, make_plan):
    def make_loader(data):
        split = data.split("train")
        counts = 1 + (np.arange(len(split)) % 7 == 0)  # with samples that are pinned
        return Loader(split, image_size=8, batch_size=4, order=make_plan(split), counts=counts)

    loader = make_loader(open_served(served, tmp_path, patience=PATIENT))
    for path in (served.folder / "set").glob("train-*.tar"):
        served.faults_forever[f"/set/{path.name}"] = ("slow", 1000)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(iter(loader))
    for thread in loader_threads():
        thread.join(10)
    assert not loader_threads()
    served.faults_forever.clear()
    expected = make_loader(open_dataset(many_shards))
    assert [batch.rows.tolist() for batch in loader] == [batch.rows.tolist() for batch in expected]


def test_another_epoch_does_not_wait_for_a_silent_server(served, tmp_path):
    split = open_served(served, tmp_path, patience=PATIENT).split("train")
    loader = Loader(split, image_size=8, batch_size=4)
    last = split.shard_of(int(loader.plan[-1]))
    state = loader.state_dict()
    served.faults_forever[f"/set/{last}"] = ("slow", 1000)
    batches = iter(loader)
    first = next(batches)
    time.sleep(0.3)
    loader.load_state_dict(state)
    served.faults_forever.clear()
    again = list(loader)
    assert again[0].rows.tolist() == first.rows.tolist()
    assert sum(len(batch.rows) for batch in again) == len(split)
