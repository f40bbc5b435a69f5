"""A conversion that was killed goes on where it was, and ends with the bytes of one that nobody disturbed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from PIL import Image

from artkit_shards import ClassFolders, ConvertError, Settings, convert, open_dataset

ROOT = Path(__file__).parents[3]
SMALL_SHARDS = {"shard_bytes": 20_000, "duplicates": "keep"}
JOURNAL = ".artkit/journal"


def make_images(root, count, *, seed=0):
    """Small pictures in two classes, each of noise of its own."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        path = root / "ab"[number % 2] / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (12, 9, 3), dtype=np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Images, a conversion of them that was killed while it wrote, and one that nobody disturbed."""
    root = tmp_path_factory.mktemp("scene")
    make_images(root / "src", 300)
    kill_at(root / "src", root / "killed", "write", 150)
    run(root / "src", root / "fresh")
    return root


@pytest.fixture
def folder(scene, tmp_path):
    return shutil.copytree(scene / "src", tmp_path / "src")


@pytest.fixture
def dst(tmp_path):
    return tmp_path / "dst"


@pytest.fixture
def killed(scene, dst):
    """What a conversion left that was killed when half of the images were written."""
    return shutil.copytree(scene / "killed", dst)


def run(folder, dst, **options):
    return convert(ClassFolders(folder), dst, Settings(**{**SMALL_SHARDS, **options}), workers=1)


def kill_at(folder, dst, phase, done, **options):
    """Convert, and kill the process when so many images of a phase are done."""
    code = dedent(
        """
        import json, os, signal, sys
        from artkit_shards import ClassFolders, Settings, convert
        folder, dst, phase, done, options = sys.argv[1:]
        def progress(now, images, total):
            if now == phase and images >= int(done):
                os.kill(os.getpid(), signal.SIGKILL)
        convert(ClassFolders(folder), dst, Settings(**json.loads(options)), workers=1, progress=progress)
        """
    )
    arguments = [str(folder), str(dst), phase, str(done), json.dumps({**SMALL_SHARDS, **options})]
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL, result.stderr


def tree(directory):
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def in_a_finished_shard(dst):
    """An image that stands in the first shard."""
    with tarfile.open(dst / "train-000000.tar") as tar:
        return json.load(tar.extractfile(tar.getnames()[2]))["file"]


def check_like_undisturbed(folder, dst, tmp_path, **options):
    run(folder, tmp_path / "fresh", **options)
    assert tree(dst) == tree(tmp_path / "fresh")


def test_shards_that_were_finished_are_kept(folder, killed, scene):
    dst = killed
    there = {path.name: path.stat().st_mtime_ns for path in dst.glob("*.tar")}
    assert len(there) > 5
    report = run(folder, dst)
    # The last one was written, and the kill came before it was noted.
    assert len(there) - 1 <= report.taken_over.num_shards <= len(there) < report.num_shards
    kept = [name for name, time in there.items() if (dst / name).stat().st_mtime_ns == time]
    assert len(kept) == report.taken_over.num_shards
    assert f"{len(kept)} of {report.num_shards} shards were there already" in report.notes[0]
    assert tree(dst) == tree(scene / "fresh")


def test_nothing_of_the_journal_is_left_behind(folder, killed):
    dst = killed
    assert (dst / JOURNAL).is_dir()
    run(folder, dst)
    left = {path.relative_to(dst / ".artkit").parts[0] for path in (dst / ".artkit").rglob("*") if path.is_file()}
    assert left == {"manifest.json", "rejects.jsonl", "index"}


@pytest.mark.parametrize("damage", ["other bytes", "cut off", "gone", "empty"])
def test_a_finished_shard_that_is_not_what_it_was_is_written_again(folder, killed, scene, damage):
    dst = killed
    victim = dst / "train-000001.tar"
    data = victim.read_bytes()
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes({"other bytes": data[:-1] + b"x", "cut off": data[:700], "empty": b""}[damage])
    before = len(list(dst.glob("*.tar")))
    report = run(folder, dst)
    assert report.taken_over.num_shards in (before - 2 + (damage == "gone"), before - 1 + (damage == "gone"))
    assert tree(dst) == tree(scene / "fresh")


def test_other_settings_use_no_shard_that_they_would_change(folder, killed, tmp_path):
    dst = killed
    report = run(folder, dst, seed=1)
    assert report.taken_over.num_shards == 0
    assert report.taken_over.num_inspections >= 256
    check_like_undisturbed(folder, dst, tmp_path, seed=1)


def test_images_that_changed_meanwhile_change_the_shards_they_are_in(folder, killed, tmp_path):
    dst = killed
    num_there = len(list(dst.glob("*.tar")))
    changed = folder / in_a_finished_shard(dst)
    make_images(tmp_path / "other", 1, seed=5)
    changed.write_bytes((tmp_path / "other/a/000.png").read_bytes())
    report = run(folder, dst)
    assert num_there - 3 <= report.taken_over.num_shards < num_there
    check_like_undisturbed(folder, dst, tmp_path)


def test_what_was_found_in_images_is_kept(folder, dst, scene):
    kill_at(folder, dst, "inspect", 290)
    assert not list(dst.glob("*.tar"))
    report = run(folder, dst)
    assert 256 <= report.taken_over.num_inspections < 300
    assert "images had been looked at already" in report.notes[0]
    assert tree(dst) == tree(scene / "fresh")


def test_an_image_that_changed_is_looked_at_again(folder, dst, tmp_path):
    kill_at(folder, dst, "inspect", 300)
    (folder / "a/000.png").write_bytes(b"no image any more")
    os.utime(folder / "b/001.png", ns=(1, 1))
    report = run(folder, dst)
    assert report.rejects == {"not an image": 1}
    assert report.taken_over.num_inspections <= 298
    check_like_undisturbed(folder, dst, tmp_path)


def test_bad_input_costs_no_work_done_before_it(folder, dst):
    for name in "ab":
        (folder / name / "bad.png").write_bytes(b"bad")
    with pytest.raises(ConvertError, match="0 of 2 classes have 151 or more"):
        run(folder, dst, min_count=151)
    assert run(folder, dst).taken_over.num_inspections >= 256


@pytest.mark.parametrize("damage", [b"", b"{}", b"00000000\n{}", b"\xff\xfe" * 50])
def test_a_journal_that_was_damaged_is_no_journal(folder, killed, scene, damage):
    dst = killed
    for path in (dst / JOURNAL).rglob("*.json"):
        path.write_bytes(damage)
    report = run(folder, dst)
    assert (report.taken_over.num_shards, report.taken_over.num_inspections) == (0, 0)
    assert tree(dst) == tree(scene / "fresh")


def test_entries_of_the_journal_that_were_cut_off_are_left_out(folder, killed, scene):
    dst = killed
    entries = sorted((dst / JOURNAL / "shards").iterdir())
    for path in entries[:3]:
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])
    report = run(folder, dst)
    assert report.taken_over.num_shards == len(entries) - 3
    assert tree(dst) == tree(scene / "fresh")


def test_force_goes_on_too_and_a_complete_data_set_is_not_replaced_without(folder, dst, scene):
    run(folder, dst, seed=3)
    code = """
        import os, signal, sys
        from artkit_shards import ClassFolders, Settings, convert
        def progress(phase, done, total):
            if phase == "write" and done > 100:
                os.kill(os.getpid(), signal.SIGKILL)
        convert(ClassFolders(sys.argv[1]), sys.argv[2], Settings(shard_bytes=20_000, duplicates="keep"), workers=1,
                force=True, progress=progress)
    """
    subprocess.run([sys.executable, "-c", dedent(code), folder, dst], capture_output=True)
    report = run(folder, dst)
    assert report.taken_over.num_shards > 3
    assert tree(dst) == tree(scene / "fresh")
    with pytest.raises(ConvertError, match="holds a complete data set already"):
        run(folder, dst)


def test_a_full_disk_leaves_what_is_finished_for_the_next_time(folder, dst, scene):
    # A shard of the third split is too large for the limit that stands for the end of the disk.
    code = """
        import resource, signal, sys
        from artkit_shards import ClassFolders, ConvertError, Settings, convert
        def progress(phase, done, total):
            if phase == "write" and done > 100:
                resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))
        try:
            convert(ClassFolders(sys.argv[1]), sys.argv[2], Settings(shard_bytes=20_000, duplicates="keep"), workers=1,
                    progress=progress)
        except ConvertError as error:
            print(error)
    """
    result = subprocess.run([sys.executable, "-c", dedent(code), folder, dst], capture_output=True, text=True)
    assert "File too large; mend this and run the same command again, which goes on from here" in result.stdout
    assert not (dst / ".artkit/tmp").exists()
    report = run(folder, dst)
    assert report.taken_over.num_shards > 3
    assert tree(dst) == tree(scene / "fresh")


def test_after_a_source_that_changed_everything_is_looked_at_again(folder, dst):
    def change(phase, done, _total):
        if (phase, done) == ("write", 0):
            victim = folder / "a/000.png"
            state = victim.stat()
            victim.write_bytes((folder / "b/001.png").read_bytes().ljust(state.st_size, b"x")[: state.st_size])
            os.utime(victim, ns=(state.st_atime_ns, state.st_mtime_ns))

    with pytest.raises(ConvertError, match=r"a/000\.png changed while it was converted"):
        convert(ClassFolders(folder), dst, Settings(**SMALL_SHARDS), workers=1, progress=change)
    report = run(folder, dst, max_rejects=1)
    assert report.taken_over.num_inspections == 0
    assert open_dataset(dst)


@pytest.mark.slow
def test_killed_at_random_instants_again_and_again(tmp_path):
    make_images(tmp_path / "src", 600)
    result = subprocess.run(
        [sys.executable, ROOT / "tools/kill_conversion.py", tmp_path / "src", "--kills", "20"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "all equal to the one without a kill" in result.stdout
