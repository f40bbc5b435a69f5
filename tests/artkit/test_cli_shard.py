import subprocess
import sys

import pytest
from PIL import Image

from artkit_shards import open_dataset


@pytest.fixture
def folder(tmp_path):
    """Class folders of 12 and 6 small pictures, each different."""
    for label, (name, count) in enumerate({"many": 12, "few": 6}.items()):
        (tmp_path / "src" / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (20 + number, 30), (40 * label, 10 * number, 99))
            image.save(tmp_path / "src" / name / f"{name}_{number}.png")
    return tmp_path / "src"


def artkit(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "artkit", "shard", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_a_folder_becomes_a_data_set_and_the_summary_says_what_was_done(folder, tmp_path):
    Image.new("RGBA", (400, 100), (0, 0, 0, 0)).save(folder / "many/wide.png")
    (folder / "many/bad.png").write_bytes(b"<html>")
    (folder / "list.csv").write_text("a,b")
    result = artkit(folder, tmp_path / "dst", "--max-side", 32)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "19 images of 2 classes: train 13, val 2, test 4",
        f"  3 shards with 0.1 MB of png images in {tmp_path / 'dst'}",
        "  largest class 'many' with 13 images, smallest 'few' with 6: 2.2 to 1",
        "  1 image written anew because of transparency (1), size (1); 18 kept as they are",
        f"  1 file could not be used: not an image (1); see {tmp_path / 'dst/.artkit/rejects.jsonl'}",
        "  note: 1 file not named as an image left out (1 .csv)",
        f"next: artkit run --data {tmp_path / 'dst'}",
    ]
    assert "looking at images: 20 of 20" in result.stderr
    assert "writing shards: 19 of 19" in result.stderr
    assert open_dataset(tmp_path / "dst").class_names == ("few", "many")


def test_every_option_reaches_the_conversion(folder, tmp_path):
    options = "--split train=0.5,test=0.5 --seed 7 --max-side 16 --format jpg --quality 80 --min-count 3 --workers 1"
    result = artkit(folder, tmp_path / "dst", *options.split(), "--max-rejects", "0.5")
    assert result.returncode == 0, result.stderr
    dataset = open_dataset(tmp_path / "dst")
    assert dataset.split_names == ("train", "test")
    manifest = (tmp_path / "dst/.artkit/manifest.json").read_text()
    for line in ('"seed": 7', '"max_side": 16', '"image_format": "jpg"', '"quality": 80', '"min_count": 3'):
        assert line in manifest
    assert dataset.split("train").image_suffix == "jpg"


def test_options_of_the_source_can_be_set(folder, tmp_path):
    result = artkit(folder, tmp_path / "dst", "--set", "source.series=true", "--split", "train=0.5,test=0.5")
    assert result.returncode == 0, result.stderr
    # Each class is one numbered series, which stays together.
    assert "18 images of 2 classes: train 18" in result.stdout
    assert "note: there is no image in 'test': too few images, or groups of them" in result.stdout


def test_a_plugin_can_be_the_source(folder, tmp_path):
    plugin = tmp_path / "halves.py"
    plugin.write_text(
        "from artkit import hookimpl\n"
        "class Halves:\n"
        "    def __init__(self, root):\n"
        "        from artkit_shards import ClassFolders\n"
        "        self.records = list(ClassFolders(root))[::2]\n"
        "    def __iter__(self):\n"
        "        return iter(self.records)\n"
        "    def notes(self):\n"
        "        return ['only every other image was taken']\n"
        "@hookimpl\n"
        "def artkit_sources(register):\n"
        "    register('halves', lambda ctx: Halves(ctx.root))\n"
    )
    result = artkit(folder, tmp_path / "dst", "--plugin", plugin, "--source", "halves")
    assert result.returncode == 0, result.stderr
    assert "9 images of 2 classes" in result.stdout
    assert "note: only every other image was taken" in result.stdout


def test_a_source_that_raises_is_named(folder, tmp_path):
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from artkit import hookimpl\n"
        "class Broken:\n"
        "    def __iter__(self):\n"
        "        yield 1 / 0\n"
        "    def notes(self):\n"
        "        return []\n"
        "@hookimpl\n"
        "def artkit_sources(register):\n"
        "    register('broken', lambda ctx: Broken())\n"
    )
    result = artkit(folder, tmp_path / "dst", "--plugin", plugin, "--source", "broken")
    assert result.returncode == 1
    assert "source 'broken' (broken.py) raised ZeroDivisionError in listing images" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["{src}", "{dst}", "--split", "train=0.7,val"],
            "the split 'train=0.7,val' cannot be read at 'val'; write names",
        ),
        (["{src}", "{dst}", "--split", "train=0.5,train=0.5"], "names 'train' twice"),
        (["{src}", "{dst}", "--split", "train=0.5,test=0.4"], "have a sum of 0.9; it must be 1"),
        (["{src}", "{src}/many/dst"], "/many/dst lies in "),
        (["{src}", "{src}"], "which is to be converted; choose a folder outside of it"),
        (["{src}/nowhere", "{dst}"], "/nowhere does not exist; give the folder that holds the class folders"),
        (["{src}/many", "{dst}"], "are not in class folders"),
        (["{src}", "{dst}", "--format", "gif"], "the image format 'gif' is unknown; use auto, jpg, png, webp"),
        (["{src}", "{dst}", "--source", "foldr"], "Did you mean 'folder'?"),
        (["{src}", "{dst}", "--set", "source.serie=1"], "has no option 'serie'. Did you mean 'series'?"),
        (["{src}", "{dst}", "--set", "series=true"], "--set series=true cannot be used; write source.OPTION=VALUE"),
    ],
)
def test_mistakes_give_one_clear_message_and_exit_code_1(folder, tmp_path, arguments, message):
    result = artkit(*(part.format(src=folder, dst=tmp_path / "dst") for part in arguments))
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "dst").exists()


def test_a_data_set_is_replaced_only_by_force(folder, tmp_path):
    assert artkit(folder, tmp_path / "dst").returncode == 0
    again = artkit(folder, tmp_path / "dst")
    assert again.returncode == 1
    assert "holds a complete data set already; choose another folder, or replace it with --force" in again.stderr
    assert artkit(folder, tmp_path / "dst", "--force", "--seed", "1").returncode == 0
