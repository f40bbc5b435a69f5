import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass

import pytest
from PIL import Image

from artkit.cli import main
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


@dataclass
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def artkit(*arguments):
    """Runs the command as a shell would, but in this process, which takes a tenth of the time."""
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["artkit", "shard", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Ended(code, out.getvalue(), err.getvalue())


def test_a_folder_becomes_a_data_set_and_the_summary_says_what_was_done(folder, tmp_path):
    Image.new("RGBA", (400, 100), (0, 0, 0, 0)).save(folder / "many/wide.png")
    (folder / "many/bad.png").write_bytes(b"<html>")
    (folder / "list.csv").write_text("a,b")
    command = [sys.executable, "-m", "artkit", "shard", folder, tmp_path / "dst", "--max-side", "32"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"19 images of 2 classes, 0.1 MB of png in 3 shards: {tmp_path / 'dst'}",
        "",
        "  class  train  val  test  all",
        "  many       9    1     3   13",
        "  few        4    1     1    6",
        "  all       13    2     4   19",
        "",
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
    choices = "--classes many,few --min-count 3 --top 2 --max-count 5 --duplicates keep --verify header"
    splits = "--split train=0.5,test=0.5 --seed 7"
    writing = "--max-side 16 --format jpg --quality 80 --workers 1 --max-rejects 0.5 --sidecars dali,wids"
    result = artkit(folder, tmp_path / "dst", *choices.split(), *splits.split(), *writing.split())
    assert result.returncode == 0, result.stderr
    dataset = open_dataset(tmp_path / "dst")
    assert dataset.split_names == ("train", "test")
    assert dataset.split("train").image_suffix == "jpg"
    options = json.loads((tmp_path / "dst/.artkit/manifest.json").read_text())["options"]
    expected = {
        "seed": 7,
        "classes": ["many", "few"],
        "min_count": 3,
        "top": 2,
        "max_count": 5,
        "duplicates": "keep",
        "verify": "header",
        "max_side": 16,
        "image_format": "jpg",
        "quality": 80,
    }
    assert {name: options[name] for name in expected} == expected
    assert (tmp_path / "dst/train-000000.idx").is_file()


def test_classes_can_be_held_out_by_name_from_a_file_or_by_number(folder, tmp_path):
    Image.new("RGB", (9, 9)).save((folder / "more").mkdir() or folder / "more/1.png")
    Image.new("RGB", (9, 8)).save(folder / "more/2.png")
    (tmp_path / "names.txt").write_text("\ufeffmore\n\n")
    result = artkit(folder, tmp_path / "dst", "--hold-out", tmp_path / "names.txt")
    assert result.returncode == 0, result.stderr
    assert open_dataset(tmp_path / "dst").class_names == ("few", "many")
    assert "held out: more" in result.stdout
    result = artkit(folder, tmp_path / "drawn", "--hold-out", "1")
    assert len(open_dataset(tmp_path / "drawn").class_names) == 2


def test_changed_copies_are_written_with_the_options_of_their_augmenters(folder, tmp_path):
    options = ("--augment", "affine", "--set", "augmenter.rotation=5", "--augment-rare", 6, "--workers", 1)
    result = artkit(folder, tmp_path / "dst", *options)
    assert result.returncode == 0, result.stderr
    assert "  changed copies      2    -     -    2" in result.stdout
    result = artkit(folder, tmp_path / "each", "--augment", "affine", "--workers", 1)
    assert "  changed copies     12    -     -   12" in result.stdout


def test_the_table_shows_the_ends_of_a_long_tail(tmp_path):
    for number in range(20):
        (tmp_path / f"src/class {number:02d}").mkdir(parents=True)
        for copy in range(2 + number):
            image = Image.new("RGB", (8 + copy, 9), (10 * number, 5 * copy, 0))
            image.save(tmp_path / f"src/class {number:02d}/{copy}.png")
    result = artkit(tmp_path / "src", tmp_path / "dst", "--split", "train=0.5,test=0.5", "--duplicates", "keep")
    assert result.returncode == 0, result.stderr
    table = result.stdout.split("\n\n")[1].splitlines()
    assert len(table) == 1 + 8 + 1 + 4 + 1
    assert table[0].split() == ["class", "train", "test", "all"]
    assert table[1].split()[:2] == ["class", "19"]
    assert table[9].startswith("  8 classes between")
    assert table[13].split()[:2] == ["class", "00"]
    assert len({len(line) for line in table}) == 1


def test_options_of_the_source_can_be_set(folder, tmp_path):
    result = artkit(folder, tmp_path / "dst", "--set", "source.series=true", "--split", "train=0.5,test=0.5")
    assert result.returncode == 0, result.stderr
    # Each class is one numbered series, which stays together.
    assert "  all       18   18" in result.stdout
    assert "note: there is no image in 'test': too few images" in result.stdout


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


def test_a_generator_is_enough_of_a_source(folder, tmp_path):
    plugin = tmp_path / "flat.py"
    plugin.write_text(
        "from artkit import hookimpl\n"
        "from artkit_shards import Record\n"
        "def by_name(ctx):\n"
        "    for path in sorted(ctx.root.glob('*/*.png')):\n"
        "        yield Record(path, path.name, {'artist': path.stem.rpartition('_')[0]})\n"
        "@hookimpl\n"
        "def artkit_sources(register):\n"
        "    register('by-name', by_name)\n"
    )
    result = artkit(folder, tmp_path / "dst", "--plugin", plugin, "--source", "by-name")
    assert result.returncode == 0, result.stderr
    assert open_dataset(tmp_path / "dst").class_names == ("few", "many")


def test_what_a_source_rejects_is_listed(folder, tmp_path):
    plugin = tmp_path / "picky.py"
    plugin.write_text(
        "from artkit import hookimpl\n"
        "from artkit_shards import ClassFolders\n"
        "class Picky(ClassFolders):\n"
        "    def rejects(self):\n"
        "        return [('lost.png', 'missing file')]\n"
        "@hookimpl\n"
        "def artkit_sources(register):\n"
        "    register('picky', lambda ctx: Picky(ctx.root))\n"
    )
    result = artkit(folder, tmp_path / "dst", "--plugin", plugin, "--source", "picky")
    assert result.returncode == 0, result.stderr
    assert "1 file could not be used: missing file (1)" in result.stdout
    assert json.loads((tmp_path / "dst/.artkit/rejects.jsonl").read_text()) == {
        "file": "lost.png",
        "reason": "missing file",
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "    yield ctx.root / 'a.png'",
            "must yield artkit_shards.Record(image, file, labels), not PosixPath",
        ),
        ("    return 3", "returned int; its factory returns what yields artkit_shards.Record, such as a generator"),
    ],
)
def test_a_source_that_breaks_the_contract_is_named(folder, tmp_path, body, message):
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        f"from artkit import hookimpl\ndef broken(ctx):\n{body}\n"
        "@hookimpl\ndef artkit_sources(register):\n    register('broken', broken)\n"
    )
    result = artkit(folder, tmp_path / "dst", "--plugin", plugin, "--source", "broken")
    assert result.returncode == 1
    assert "source 'broken' (broken.py)" in result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


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
        (["{src}/nowhere", "{dst}"], "/nowhere does not exist; give the folder that holds the images"),
        (["{src}/many", "{dst}"], "are not in class folders"),
        (["{src}", "{dst}", "--format", "gif"], "the image format 'gif' is unknown; use auto, jpg, png, webp"),
        (["{src}", "{dst}", "--source", "foldr"], "Did you mean 'folder'?"),
        (["{src}", "{dst}", "--source", "table"], "the source 'table' needs --labels; `artkit shard -h` explains it"),
        (["{src}", "{dst}", "--set", "source.serie=1"], "has no option 'serie'. Did you mean 'series'?"),
        (["{src}", "{dst}", "--set", "series=true"], "--set series=true cannot be used; write source.OPTION=VALUE"),
        (["{src}", "{dst}", "--set", "source.a.b=1"], "--set source.a.b=1 cannot be used"),
        (["{src}", "{dst}", "--set", "augmenter.flip.p=1"], "the augmenters are none; name one of them"),
        (["{src}", "{dst}", "--split-values", "a=test"], "name the column with --split-column"),
        (
            ["{src}", "{dst}", "--split-column", "x", "--split-values", "a"],
            "--split-values a cannot be read; write what",
        ),
        (
            ["{src}", "{dst}", "--label", "artist"],
            "--label is for the sources metadata, table, tars; 'folder', which was",
        ),
        (["{src}", "{dst}", "--label", "artist"], "A table is read with --labels FILE"),
        (
            ["{src}", "{dst}", "--labels", "x.csv", "--source", "folder"],
            "'folder', which was asked for, has no 'labels'",
        ),
        (["{src}", "{dst}", "--labels", "x.csv", "--set", "source.labels=y.csv"], "say the same; give one of them"),
        (["{src}", "{dst}", "--labels", "x.csv"], "the table x.csv is neither there nor in"),
        (["{src}", "{dst}", "--augment-rare", "9"], "--augment-rare asks for changed copies, but nothing says how"),
        (
            ["{src}", "{dst}", "--augment", "affine", "--augment-copies", "0"],
            "no copies for it to change; say how many",
        ),
        (["{src}", "{dst}", "--augment", "affin"], "Did you mean 'affine'?"),
        (["{src}", "{dst}", "--augment", "affine", "--set", "augmenter.rotat=1"], "has no option 'rotat'"),
        (["{src}", "{dst}", "--top", "1"], "top=1 is out of bounds; it must be at least 2"),
        (
            ["{src}", "{dst}", "--classes", "names.txt"],
            "there is no file names.txt; give a file with a name a line, or",
        ),
        (["{src}", "{dst}", "--classes", ","], "',' names no class; give names with commas between"),
        (["{src}", "{dst}", "--classes", "many,fw"], "'fw', but there is no such class; did you mean 'few'?"),
        (["{src}", "{dst}", "--sidecars", "tfrecord"], "tfrecord"),
        (["{src}", "{dst}", "--verify", "twice"], "the verification 'twice' is unknown; use full, header"),
        (["pipe:ls", "{dst}"], "pipe:ls is no address that can be read"),
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


def test_what_lies_in_the_folder_chooses_the_source(folder, tmp_path):
    assert artkit(folder, tmp_path / "one", "--workers", 1).returncode == 0
    result = artkit(tmp_path / "one", tmp_path / "two", "--split", "train=0.5,test=0.5", "--set", "source.splits=false")
    assert result.returncode == 0, result.stderr
    one, two = open_dataset(tmp_path / "one"), open_dataset(tmp_path / "two")
    assert two.split_names == ("train", "test")
    assert two.class_names == one.class_names
    assert {file for split in two.split_names for file in two.split(split).files} == {
        file for split in one.split_names for file in one.split(split).files
    }
    lines = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.glob("*/*.png"))]
    (folder / "metadata.csv").write_text("\n".join(["file_name,artist", *lines]))
    result = artkit(folder, tmp_path / "three", "--label", "artist")
    assert result.returncode == 0, result.stderr
    assert open_dataset(tmp_path / "three").class_names == one.class_names


def test_source_and_destination_may_be_addresses(folder):
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in folder.glob("*/*.png"):
        memory.pipe(f"/shard-cli/src/{path.relative_to(folder)}", path.read_bytes())
    memory.pipe(
        "/shard-cli/src/labels.csv", b"file,artist\nmany_1.png,Klee\nmany_2,Klee\nfew_1.png,Monet\nfew_2.png,Monet\n"
    )
    try:
        result = artkit("memory://shard-cli/src", "memory://shard-cli/dst", "--workers", 1)
        assert result.returncode == 0, result.stderr
        assert "18 images of 2 classes" in result.stdout
        assert result.stdout.endswith("next: artkit run --data memory://shard-cli/dst\n")
        assert memory.exists("/shard-cli/dst/.artkit/manifest.json")
        table = ("--labels", "labels.csv", "--label", "artist", "--workers", 1)
        result = artkit("memory://shard-cli/src", "memory://shard-cli/other", *table)
        assert result.returncode == 0, result.stderr
        assert "4 images of 2 classes" in result.stdout
    finally:
        memory.rm("/shard-cli", recursive=True)
