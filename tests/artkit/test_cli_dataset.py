"""`artkit dataset`: what the commands print, their exit codes, and that mistakes are one clear message."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest

from artkit.cli import main
from artkit_shards import open_dataset
from artkit_shards.format.index import write_checksums


def artkit(*arguments, cwd=".", **environment):
    """The command, by its entry point but in this process: torch and the rest are imported already."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(cwd), redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr(sys, "argv", ["artkit", *map(str, arguments)])
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
    return SimpleNamespace(returncode=end.value.code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


@pytest.fixture
def tars(foreign_tars):
    """Two tars of two classes, which names tell in JSON and numbers in `.cls`."""

    def facts(number):
        return json.dumps(
            {"artist": ["Klee", "Monet"][number % 2], "style": "cubism"} if number else {"artist": "Klee"}
        )

    for name, numbers in (("train-0.tar", range(10)), ("val-0.tar", range(10, 14))):
        foreign_tars.write(name, foreign_tars.samples(numbers, cls=lambda number: number % 2, json=facts))
    return foreign_tars


# --- index ----------------------------------------------------------------------------------------------------------


def test_indexing_says_what_was_found_and_what_to_do_next(tars):
    result = artkit("dataset", "index", tars.folder)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines == [
        "14 images of 2 classes: train 10, val 4",
        f"  2 tars with 0.1 MB, png images, in {tars.folder}",
        "  every class has 7 images",
        "  note: classes have numbers for names; give --classes FILE, or a field that names them, --label FIELD",
        f"next: artkit run --data {tars.folder}",
    ]
    assert "reading headers: 2 of 2" in result.stderr
    assert "looking at images: 14 of 14" in result.stderr


@pytest.mark.slow
def test_what_was_indexed_can_be_trained_on(tars, tmp_path):
    assert artkit("dataset", "index", tars.folder, "--label", "artist").returncode == 0
    result = artkit(
        "run",
        "--data",
        tars.folder,
        "--epochs",
        1,
        "--image-size",
        16,
        "--batch-size",
        4,
        "--out",
        tmp_path / "run",
        "--json",
        "--reporter",
        "no:report",
        "--reporter",
        "no:mosaic",
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["status"] == "ok"


def test_every_option_reaches_the_index(tars, tmp_path):
    (tmp_path / "names.txt").write_text("Monet\nKlee\n")
    bad = tars.samples(range(20, 22), cls=str)
    (tars.folder / "train-9.tar").write_bytes(b"no tar at all")
    tars.write("train-1.tar", {**bad, "020.png": b"<html>"})
    result = artkit(
        "dataset",
        "index",
        tars.folder,
        "--label",
        "artist",
        "--label",
        "kind=style",
        "--classes",
        tmp_path / "names.txt",
        "--split",
        "test=val-*.tar",
        "--image",
        "png",
        "--skip-bad",
        "--max-rejects",
        "0.5",
        "--threads",
        "1",
        "--sidecars",
        "wids,energon",
    )
    assert result.returncode == 0, result.stderr
    dataset = open_dataset(tars.folder)
    assert dict(dataset.targets) == {"artist": ("Monet", "Klee"), "kind": ("cubism",)}
    assert dataset.split_names == ("train", "test")
    assert "  targets: artist (2 classes), kind (1 classes)" not in result.stdout
    assert "  targets: artist (2 classes), kind (1 class)" in result.stdout
    assert "  3 samples could not be used: " in result.stdout
    assert "  note: class names are those of " in result.stdout
    assert "sidecars for wids, energon: " in result.stdout
    assert (tars.folder / "shardindex-test.json").exists()


def test_sidecars_alone_are_added_to_any_data_set(uneven_shards, tmp_path):
    folder = shutil.copytree(uneven_shards, tmp_path / "shards")
    manifest = (folder / ".artkit/manifest.json").read_bytes()
    (folder / ".huggingface.yaml").write_text("license: mit\n")
    result = artkit("dataset", "index", folder, "--sidecars", "dali, energon,wids")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"sidecars for dali, energon, wids: 12 files in {folder}",
        "  note: left alone, as someone else wrote them: .huggingface.yaml",
    ]
    assert (folder / ".artkit/manifest.json").read_bytes() == manifest


MISTAKES = {
    "no folder": (["index", "{tars}/nowhere"], "/nowhere does not exist; give the folder with the tar files"),
    "kind": (
        ["index", "{tars}", "--sidecars", "dally"],
        "the sidecar 'dally' is unknown; there are dali, energon, wids",
    ),
    "split": (
        ["index", "{tars}", "--split", "val"],
        "--split val cannot be read; write NAME=PATTERN, such as val='shard",
    ),
    "slip": (
        ["index", "{tars}", "--split", "tset=*.tar"],
        "'tset' is none of the usual splits train, val, test, unknown; did you mean 'test'?",
    ),
    "label": (["index", "{tars}", "--label", "painter"], "of 14 samples in {tars} cannot be used (10 no class)"),
    "address": (["index", "ftp://host/x"], "begins with ftp://, which is not read"),
    "sidecars far": (["index", "s3://b/x", "--sidecars", "dali"], "so they do not go with --out or a URL"),
    "verify": (["verify", "{tars}"], "holds tars without an index; make one with `artkit dataset index {tars}`"),
    "stats": (["stats", "{tars}"], "holds tars without an index; make one with `artkit dataset index {tars}`"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_give_one_clear_message_and_exit_code_1(tars, arguments, message):
    result = artkit("dataset", *(part.format(tars=tars.folder) for part in arguments))
    assert result.returncode == 1
    assert message.format(tars=tars.folder) in result.stderr
    assert "error: " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tars.folder / ".artkit").exists()


def test_empty_paths_are_refused(tars):
    for arguments in (["verify", ""], ["stats", ""], ["index", ""], ["stats", tars.folder, "--out", ""]):
        result = artkit("dataset", *arguments)
        assert result.returncode == 2
        assert "the path is empty" in result.stderr


def test_an_index_is_replaced_only_by_force(tars):
    assert artkit("dataset", "index", tars.folder).returncode == 0
    again = artkit("dataset", "index", tars.folder, "--label", "artist")
    assert again.returncode == 1
    assert f"{tars.folder} has an index already; to replace it, add --force" in again.stderr
    assert artkit("dataset", "index", tars.folder, "--label", "artist", "--force").returncode == 0
    assert open_dataset(tars.folder).class_names == ("Klee", "Monet")


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(foreign_tars):
    big = foreign_tars.image(1, size=(2500, 2500))
    members = {}
    for number in range(400):
        members |= {f"{number}.png": big, f"{number}.cls": "0"}
    foreign_tars.write("a.tar", members)
    arguments = [sys.executable, "-m", "artkit", "dataset", "index", str(foreign_tars.folder), "--threads", "1"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("reading headers")
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; nothing was written" in errors
    assert "Traceback" not in errors
    assert not (foreign_tars.folder / ".artkit").exists()


# --- verify ---------------------------------------------------------------------------------------------------------


def test_a_good_data_set_is_told_so_in_one_summary(uneven_shards, tmp_path):
    folder = shutil.copytree(uneven_shards, tmp_path / "shards")
    assert artkit("dataset", "index", folder, "--sidecars", "dali").returncode == 0
    result = artkit("dataset", "verify", folder)
    assert result.returncode == 0, result.stderr
    size = sum(path.stat().st_size for path in folder.glob("*.tar")) / 1e6
    assert result.stdout.splitlines() == [
        f"{folder} is good: 44 samples in 3 shards ({size:.1f} MB), every image decodes",
        "  readable by artkit, webdataset, Hugging Face datasets, DALI, Energon",
        "  sidecars for dali agree with the shards",
    ]
    assert "verifying: 44 of 44" in result.stderr


def test_a_data_set_at_an_address_is_verified_and_its_secrets_are_not_shown(uneven_shards, unreliable_server):
    shutil.copytree(uneven_shards, unreliable_server.folder / "set")
    unreliable_server.faults_forever["/set/val-000000.tar"] = 404
    host = unreliable_server.host
    result = artkit("dataset", "verify", f"http://user:hidden@{host}/set?sig=hidden")
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "val-000000.tar: is missing; copy the file again from where it is whole",
        f"http://{host}/set has 1 fault in 1 file",
    ]
    assert "hidden" not in result.stderr


def test_faults_are_listed_with_file_key_and_advice_and_exit_code_1(uneven_shards, tmp_path):
    folder = shutil.copytree(uneven_shards, tmp_path / "shards")
    (folder / "val-000000.tar").unlink()
    path = folder / "test-000000.tar"
    data = bytearray(path.read_bytes())
    data[700:720] = bytes(20)
    path.write_bytes(data)
    result = artkit("dataset", "verify", folder)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "val-000000.tar: is missing; copy the file again from where it is whole"
    assert (
        lines[1]
        == "test-000000.tar: its sha256 is not that of the manifest; copy the file again from where it is whole"
    )
    assert lines[2].startswith("test-000000.tar, sample 0000000")
    assert lines[-1] == f"{folder} has {len(lines) - 1} faults in 2 files"
    assert "Traceback" not in result.stderr


def test_many_faults_are_cut_short_with_their_number(uneven_shards, tmp_path):
    folder = shutil.copytree(uneven_shards, tmp_path / "shards")
    path = folder / ".artkit/index/train/width.npy"
    np.save(path, np.load(path) + np.uint32(1))
    write_checksums(path.parent)
    result = artkit("dataset", "verify", folder)
    lines = result.stdout.splitlines()
    assert len(lines) == 52
    assert lines[50] == "... and 22 other faults"
    assert lines[51] == f"{folder} has 72 faults in 1 file"


def test_what_keeps_other_readers_away_is_a_note(foreign_tars):
    members = {f"a b/{name}": data for name, data in foreign_tars.samples(range(6), cls=lambda n: n % 2).items()}
    foreign_tars.write("a.tar", members)
    assert artkit("dataset", "index", foreign_tars.folder).returncode == 0
    result = artkit("dataset", "verify", foreign_tars.folder)
    assert result.returncode == 0
    assert result.stdout.splitlines()[1:] == [
        "  readable by artkit, webdataset, Hugging Face datasets, Energon",
        "  note: not for DALI: a.tar: names have blanks ('a b/000.png' and 11 more)",
    ]


# --- stats ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_pictures_of_a_data_set_at_an_address_go_to_a_folder_named_without_its_secrets(
    uneven_shards, unreliable_server, tmp_path
):
    shutil.copytree(uneven_shards, unreliable_server.folder / "art")
    address = f"{unreliable_server.address}/art?signature=hush"
    result = artkit("dataset", "stats", address, cwd=tmp_path, ARTKIT_CACHE=str(tmp_path / "cache"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "art-stats/index.html").exists()
    assert "hush" not in result.stdout + result.stderr


def test_statistics_are_a_table_and_pictures(uneven_shards, tmp_path):
    result = artkit("dataset", "stats", uneven_shards, "--out", tmp_path / "pictures")
    assert result.returncode == 0, result.stderr
    table, rest = result.stdout.splitlines()[:4], result.stdout.splitlines()[4:]
    assert [line.split()[:5] for line in table] == [
        ["split", "images", "classes", "largest", "smallest"],
        ["train", "36", "3", "23", "4"],
        ["val", "4", "3", "2", "1"],
        ["test", "4", "3", "2", "1"],
    ]
    assert rest[0] == "largest class 'many' with 27 images, smallest 'few' with 6: 4.5 to 1"
    assert rest[1] == "formats: jpg (44)"
    assert rest[2].startswith("sizes: ")
    assert rest[3:] == [
        "duplicates: none, no two images have the same bytes",
        f"pictures: {tmp_path / 'pictures/index.html'}",
    ]
    assert (tmp_path / "pictures/classes.png").exists()


def test_pictures_go_to_a_folder_named_for_the_data_set(foreign_tars, tmp_path):
    image = foreign_tars.image(3)
    foreign_tars.write("train-0.tar", {"a.png": image, "a.txt": "x", "b.png": image, "b.txt": "y"})
    foreign_tars.write("test-0.tar", {"c.png": image, "c.txt": "x"})
    assert artkit("dataset", "index", foreign_tars.folder, "--label", "txt").returncode == 0
    result = artkit("dataset", "stats", foreign_tars.folder, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "foreign-stats/index.html").exists()
    group = "train: train-0.tar/a.png = train: train-0.tar/b.png = test: test-0.tar/c.png"
    assert result.stdout.splitlines()[-4:] == [
        "duplicates: 2 images with the same bytes as another",
        f"  1 group in several splits, such as {group}",
        f"  1 group of different classes, such as {group}",
        "pictures: foreign-stats/index.html",
    ]


def test_a_folder_that_cannot_be_made_is_told(uneven_shards, tmp_path):
    (tmp_path / "file").write_text("")
    result = artkit("dataset", "stats", uneven_shards, "--out", tmp_path / "file" / "pictures")
    assert result.returncode == 1
    assert "cannot write pictures to " in result.stderr
    assert "choose another folder with --out" in result.stderr
    assert "Traceback" not in result.stderr
