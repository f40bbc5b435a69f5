"""Conversion on a Ray cluster of several nodes, all of them processes of this machine."""

import os
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artkit_shards import ClassFolders, ConvertError, Record, Settings, convert
from artkit_shards.conversion.cluster import check_nodes, open_cluster
from artkit_shards.conversion.stores.local_store import LocalStore

pytestmark = pytest.mark.slow

SETTINGS = Settings(shard_bytes=20_000, max_side=150, image_format="webp", duplicates="keep")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    generator = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("images")
    for number in range(90):
        path = root / "ab"[number % 2] / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        coarse = generator.integers(0, 256, (20, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((250, 200), Image.Resampling.BICUBIC).save(path, compress_level=1)
    return root


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    dst = tmp_path_factory.mktemp("expected") / "dst"
    convert(ClassFolders(folder), dst, SETTINGS, workers=1)
    return tree(dst)


def tree(directory):
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def ray_cluster():
    """A cluster of a head and two more nodes of one CPU each, that this process is not yet connected to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        for _ in range(2):
            cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        cluster.wait_for_nodes()
        yield cluster
        cluster.shutdown()


def test_a_cluster_gives_the_bytes_of_one_process_though_a_node_is_lost(folder, expected, ray_cluster, tmp_path):
    import ray

    lost = []

    def lose_a_node(phase, done, _total):
        if phase == "write" and done > 20 and not lost:
            # Ray ends a process with the node that it is connected to, which may be any of them.
            here = ray.get_runtime_context().get_node_id()
            lost.append(next(node for node in ray_cluster.worker_nodes if node.node_id != here))
            ray_cluster.remove_node(lost[0], allow_graceful=False)

    report = convert(
        ClassFolders(folder), tmp_path / "dst", SETTINGS, cluster=ray_cluster.address, progress=lose_a_node
    )
    assert lost
    assert report.num_shards > 10
    assert tree(tmp_path / "dst") == expected


def test_errors_of_jobs_come_back_as_they_are(folder, ray_cluster, tmp_path):
    def change(phase, done, _total):
        if (phase, done) == ("write", 0):
            (tmp_path / "src/a/000.png").write_bytes(b"other")

    for name in ("a/000.png", "a/002.png", "b/001.png", "b/003.png"):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, tmp_path / "src" / name)
    with pytest.raises(ConvertError, match=r"^a/000\.png changed while it was converted; leave the folder alone"):
        convert(
            ClassFolders(tmp_path / "src"), tmp_path / "dst", SETTINGS, cluster=ray_cluster.address, progress=change
        )
    assert not (tmp_path / "dst/.artkit/tmp").exists()


def test_a_job_that_takes_its_process_down_is_given_up_in_the_end(ray_cluster, monkeypatch):
    monkeypatch.setattr("artkit_shards.conversion.cluster._RETRIES", 1)
    message = r"the cluster lost a job 2 times, the last time because: .* run the same command again"
    with open_cluster(ray_cluster.address) as workers, pytest.raises(ConvertError, match=message):
        list(workers.map(os._exit, [1]))


def test_a_node_that_does_not_see_the_images_is_named(ray_cluster, tmp_path):
    only_here = Path(f"/proc/self/task/{os.getpid()}")
    records = [Record(Path("nowhere"), "nowhere", {"class": "a"}), Record(only_here, "here", {"class": "a"})]
    message = r"the node [0-9.]+ does not see /proc/self/task/\d+; give folders that all nodes of the cluster share"
    with open_cluster(ray_cluster.address), pytest.raises(ConvertError, match=message):
        check_nodes(records, LocalStore(tmp_path / "dst"))
    assert not list((tmp_path / "dst/.artkit/tmp").iterdir())


@pytest.mark.parametrize("address", ["ray://127.0.0.1:9", "127.0.0.1:9", "no-such-host.invalid:6379", "here:port"])
def test_an_address_without_a_cluster_is_told_at_once_with_what_to_do(folder, tmp_path, address):
    message = rf"no Ray cluster can be reached at '{re.escape(address)}': .*start one with `ray start"
    with pytest.raises(ConvertError, match=message):
        convert(ClassFolders(folder), tmp_path / "dst", SETTINGS, cluster=address)
    assert not (tmp_path / "dst").exists()
