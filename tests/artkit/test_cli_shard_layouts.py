"""The two data sets that people start with, made small with real pictures and every defect that the real ones have."""

import csv
import io
import json
from itertools import cycle

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit_shards import demo_path, open_dataset

GARBLED = "Albrecht_DuΓòá├¬rer"
RIGHT = "Albrecht_Dürer"


@pytest.fixture(scope="module")
def pictures():
    """Real pictures by artist, as PIL images."""
    by_artist = {}
    split = open_dataset(demo_path()).split("train")
    for row, label in enumerate(split.labels):
        by_artist.setdefault(int(label), []).append(row)
    return [
        [Image.open(io.BytesIO(split.read(row))).convert("RGB") for row in rows[:20]]
        for rows in sorted(by_artist.values(), key=len, reverse=True)
    ]


def enlarged(picture, side=200):
    scale = side / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)


def run(*words):
    result = CliRunner().invoke(app, ["shard", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows_of(folder):
    dataset = open_dataset(folder)
    return dataset, [
        (split, row) for name in dataset.split_names for split in [dataset.split(name)] for row in range(len(split))
    ]


def classes_of(folder, target=None):
    """Class by file; None where it is not known."""
    dataset, rows = rows_of(folder)
    target = target or next(iter(dataset.targets))
    names = dataset.targets[target]
    return {
        split.files[row]: None if split.targets[target][row] < 0 else names[split.targets[target][row]]
        for split, row in rows
    }


def splits_of(folder):
    _, rows = rows_of(folder)
    return {split.files[row]: split.name for split, row in rows}


def rejects_of(folder):
    lines = (folder / ".artkit/rejects.jsonl").read_text().splitlines()
    return {reject["file"]: reject["reason"] for reject in map(json.loads, lines)}


# --- Best Artworks of All Time ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def best_artworks(tmp_path_factory, pictures):
    """images/<artist>/<artist>_<n>.jpg, artists.csv, and a second copy of everything in resized/."""
    root = tmp_path_factory.mktemp("kaggle") / "best-artworks"
    works = {RIGHT: pictures[0][:8], "Vincent_van_Gogh": pictures[1][:12], "Paul_Klee": pictures[2][:5]}
    # The real set has one artist twice, under a garbled name and with the very same pictures.
    for artist, images in {**works, GARBLED: works[RIGHT]}.items():
        (root / "images" / artist).mkdir(parents=True)
        (root / "resized").mkdir(exist_ok=True)
        for number, picture in enumerate(images, 1):
            enlarged(picture).save(root / f"images/{artist}/{artist}_{number}.jpg", quality=92)
            enlarged(picture, 120).save(root / f"resized/{artist}_{number}.jpg", quality=75)
    with (root / "artists.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "name", "years", "genre", "nationality", "bio", "wikipedia", "paintings"])
        table.writerow(
            [0, "Albrecht Dürer", "1471 - 1528", "Northern Renaissance", "German", "Was a,\nb", "http://", 8]
        )
    return root


def test_the_second_copy_is_left_out_and_the_artist_under_two_names_is_one(best_artworks, tmp_path):
    output = run(best_artworks, tmp_path / "shards", "--max-side", 128)
    assert set(classes_of(tmp_path / "shards").values()) == {RIGHT, "Vincent_van_Gogh", "Paul_Klee"}
    assert not [file for file in classes_of(tmp_path / "shards") if file.startswith("resized")]
    assert len(classes_of(tmp_path / "shards")) == 33
    assert "note: resized left out: it holds a second copy of the images, as 33 of its 33 file names tell" in output
    assert "note: the classes are the folders in images" in output
    assert f"'{RIGHT}' are taken for one class, '{RIGHT}'" in output


def test_the_same_picture_under_two_names_stays_in_one_split(best_artworks, tmp_path):
    run(best_artworks, tmp_path / "shards")
    splits = splits_of(tmp_path / "shards")
    for number in range(1, 9):
        one, other = f"images/{RIGHT}/{RIGHT}_{number}.jpg", f"images/{GARBLED}/{GARBLED}_{number}.jpg"
        assert splits[one] == splits[other]
    assert (tmp_path / "shards/.artkit/leakage.html").is_file()
    run(best_artworks, tmp_path / "once", "--duplicates", "drop")
    assert len(splits_of(tmp_path / "once")) == 25


def test_the_folder_of_the_classes_gives_the_same_data_set(best_artworks, tmp_path):
    run(best_artworks, tmp_path / "outer")
    run(best_artworks / "images", tmp_path / "inner")
    outer, inner = classes_of(tmp_path / "outer"), classes_of(tmp_path / "inner")
    assert {f"images/{file}": label for file, label in inner.items()} == outer


def test_the_flat_copy_alone_is_refused(best_artworks, tmp_path):
    result = CliRunner().invoke(app, ["shard", str(best_artworks / "resized"), str(tmp_path / "shards")])
    assert result.exit_code == 1
    assert "are not in class folders" in str(result.exception)


# --- Painter by Numbers ----------------------------------------------------------------------------------------------

COLUMNS = [
    "artist",
    "date",
    "genre",
    "pixelsx",
    "pixelsy",
    "size_bytes",
    "source",
    "style",
    "title",
    "artist_group",
    "in_train",
    "new_filename",
]


@pytest.fixture(scope="module")
def painter_by_numbers(tmp_path_factory, pictures):
    """Flat folders train_1 to train_9 and test, with all that is known in all_data_info.csv."""
    root = tmp_path_factory.mktemp("kaggle") / "painter-by-numbers"
    folders = cycle([f"train_{number}" for number in range(1, 10)])
    artists = [" Wassily Kandinsky", "Paul Klee ", "Claude Monet", "Ivan Aivazovsky", "Only Once"]
    dates = cycle(["1912.0", "c.1888", "", "NaN", "March 1901", "1912"])
    styles = cycle(["Expressionism", "NaN", " Cubism", ""])
    rows = []
    for artist, images in zip(artists, pictures, strict=False):
        for picture in images[: 1 if artist == "Only Once" else 14]:
            number = len(rows) + 1
            in_train = number % 5 > 0 or artist == "Only Once"
            folder = next(folders) if in_train else "test"
            (root / folder).mkdir(parents=True, exist_ok=True)
            enlarged(picture, 140).save(root / folder / f"{number}.jpg", quality=90)
            title = f'Untitled, "No. {number}"\nsecond line'
            facts = [artist, next(dates), "NaN", 140.0, 100.0, 9000.0, "wikiart", next(styles), title]
            rows.append([*facts, "train_and_test", in_train, f"{number}.jpg"])
    for row, damaged in ((3, None), (7, b""), (20, b"<html>404</html>")):
        (path,) = root.glob(f"*/{rows[row][-1]}")
        path.write_bytes(path.read_bytes()[:1000] if damaged is None else damaged)
    for row in (5, 30, 31):
        (path,) = root.glob(f"*/{rows[row][-1]}")
        path.unlink()
    (path,) = root.glob(f"*/{rows[40][-1]}")
    Image.fromarray(np.full((6911, 15530), 200, dtype=np.uint8)).save(path, quality=30)
    Image.new("RGB", (50, 50)).save(root / "train_1/99999.jpg")
    write_table(root / "all_data_info.csv", COLUMNS, rows)
    hashes = [[row[-1], f"{hash(row[0].strip()) & 0xFFFF:04x}", row[8], row[7], row[2], row[1]] for row in rows]
    write_table(root / "train_info.csv", ["filename", "artist", "title", "style", "genre", "date"], hashes)
    places = {path.name: path.relative_to(root) for path in root.glob("*/*.jpg")}
    absolute = [
        [f"C:\\Users\\student\\data\\{places.get(row[-1], row[-1])}".replace("/", "\\"), row[0]] for row in rows
    ]
    write_table(root / "labels_of_another_computer.csv", ["path", "artist"], absolute)
    return root


def write_table(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def convert_painters(root, dst, *options):
    table = ("--labels", "all_data_info.csv", "--image-column", "new_filename")
    return run(root, dst, *table, "--label", "artist", "--label", "style", "--top", 4, "--max-side", 64, *options)


def test_names_are_trimmed_targets_may_be_missing_and_given_splits_are_kept(painter_by_numbers, tmp_path):
    convert_painters(painter_by_numbers, tmp_path / "shards", "--split-column", "in_train")
    artists = classes_of(tmp_path / "shards", "artist")
    styles = classes_of(tmp_path / "shards", "style")
    assert set(artists.values()) == {"Wassily Kandinsky", "Paul Klee", "Claude Monet", "Ivan Aivazovsky"}
    assert set(styles.values()) == {"Expressionism", "Cubism", None}
    splits = splits_of(tmp_path / "shards")
    assert {splits[file] for file in splits if file.startswith("test/")} == {"test"}
    assert {splits[file] for file in splits if not file.startswith("test/")} == {"train"}


def test_missing_and_damaged_files_are_counted_and_listed_before_the_split(painter_by_numbers, tmp_path):
    output = convert_painters(painter_by_numbers, tmp_path / "shards")
    assert "note: 3 of 57 rows name a file that is not there, such as 6.jpg (all_data_info.csv, line " in output
    assert "note: 1 image that no row names left out, such as train_1/99999.jpg" in output
    assert "6 files could not be used: missing file (3), " in output
    rejects = rejects_of(tmp_path / "shards")
    assert len(rejects) == 6
    assert {rejects[name].partition(":")[0] for name in ("6.jpg", "31.jpg", "32.jpg")} == {"missing file"}
    assert {reason.partition(":")[0] for reason in rejects.values()} == {
        "missing file",
        "truncated",
        "empty file",
        "not an image",
    }
    # 57 rows, less 6 rejects and the artist with one work: the split shares out all that are left.
    assert len(splits_of(tmp_path / "shards")) == 50


def test_a_validation_split_is_drawn_from_what_was_for_training(painter_by_numbers, tmp_path):
    values = ("--split-column", "in_train", "--split-values", "true=auto,false=test", "--split", "train=0.8,val=0.2")
    convert_painters(painter_by_numbers, tmp_path / "shards", *values)
    splits = splits_of(tmp_path / "shards")
    assert {splits[file] for file in splits if file.startswith("test/")} == {"test"}
    assert {splits[file] for file in splits if file.startswith("train")} == {"train", "val"}


def test_an_enormous_image_becomes_small(painter_by_numbers, tmp_path):
    convert_painters(painter_by_numbers, tmp_path / "shards")
    _, rows = rows_of(tmp_path / "shards")
    (size,) = [(split.widths[row], split.heights[row]) for split, row in rows if split.files[row].endswith("/41.jpg")]
    assert size == (64, 28)


def test_the_table_of_hashes_is_read_as_well(painter_by_numbers, tmp_path):
    run(painter_by_numbers, tmp_path / "shards", "--labels", "train_info.csv", "--label", "artist", "--min-count", 2)
    assert len(set(classes_of(tmp_path / "shards").values())) == 4


def test_paths_of_another_computer_name_the_same_images(painter_by_numbers, tmp_path):
    labels = ("--labels", "labels_of_another_computer.csv", "--label", "artist", "--top", 4)
    output = run(painter_by_numbers, tmp_path / "shards", *labels, "--max-side", 64)
    assert "have paths of another computer, such as C:\\Users\\student\\data\\train_1\\1.jpg" in output
    convert_painters(painter_by_numbers, tmp_path / "other")
    assert classes_of(tmp_path / "shards") == classes_of(tmp_path / "other", "artist")


def test_without_the_table_the_folders_are_not_taken_for_artists(painter_by_numbers, tmp_path):
    result = CliRunner().invoke(app, ["shard", str(painter_by_numbers), str(tmp_path / "shards")])
    assert result.exit_code == 1
    assert "are named as parts of splits, not as classes" in str(result.exception)
    assert "--labels all_data_info.csv --label COLUMN" in str(result.exception)
    assert not (tmp_path / "shards").exists()


def test_unexpected_artists_can_be_held_out(painter_by_numbers, tmp_path):
    output = convert_painters(painter_by_numbers, tmp_path / "shards", "--hold-out", "Paul Klee", "--min-count", 2)
    splits = splits_of(tmp_path / "shards")
    assert sorted(set(splits.values())) == ["test", "train", "unknown", "val"]
    assert "held out: Paul Klee" in output
    assert "Paul Klee" not in classes_of(tmp_path / "shards", "artist").values()
