"""Pictures of a data set: figures that stay legible from one class to thousands, a sheet of samples, and the page."""

import re
import shutil
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from artkit.cli.dataset_summary import print_statistics
from artkit.dataset_pages.class_histogram import MOST_NAMES, draw_class_histogram
from artkit.dataset_pages.pictures import write_pictures
from artkit.dataset_pages.sample_sheet import MOST_CLASSES, TILE, draw_samples
from artkit.dataset_pages.size_figure import MOST_POINTS, draw_sizes
from artkit.drawing.figures import save_figure
from artkit_shards import Record, Settings, convert, describe_dataset, index_tars, open_dataset


def long_tail(num_classes, top=1000.0, bottom=1.0):
    return np.round(np.geomspace(top, bottom, num_classes)).astype(np.int64)


def names_of(num_classes):
    return [f"class {number}" for number in range(num_classes)]


def boxes_of(figure, texts):
    figure.canvas.draw()
    return [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]


def overlapping(boxes):
    return [(one, other) for at, one in enumerate(boxes) for other in boxes[:at] if one.overlaps(other)]


# --- classes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [1, 2, 16, MOST_NAMES])
def test_few_classes_have_a_bar_each_with_name_and_number_largest_first(num_classes):
    counts = long_tail(num_classes)[::-1]
    names = [f"a rather long name of class number {number:04d}" for number in range(num_classes)]
    axes = draw_class_histogram(names, counts, counts // 2).axes[0]
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert len(shown) == num_classes
    assert all(len(text) <= 32 for text in shown)
    numbers = [text.get_text() for text in axes.texts]
    assert numbers == [f"{count:,}" for count in sorted(counts.tolist(), reverse=True)]
    assert overlapping(boxes_of(axes.figure, axes.get_yticklabels())) == []
    assert overlapping(boxes_of(axes.figure, axes.texts)) == []


@pytest.mark.parametrize("num_classes", [MOST_NAMES + 1, 300, 5000])
def test_many_classes_are_one_curve_with_the_ends_named(num_classes):
    counts = long_tail(num_classes)
    axes = draw_class_histogram(names_of(num_classes), counts, counts // 2).axes[0]
    assert [text.get_text().partition(":")[0] for text in axes.texts] == ["largest", "middle", "smallest"]
    assert axes.texts[0].get_text() == "largest: class 0 (1,000)"
    assert overlapping(boxes_of(axes.figure, axes.texts)) == []


@pytest.mark.parametrize(("bottom", "scale"), [(500.0, "linear"), (20.0, "linear"), (10.0, "log"), (1.0, "log")])
@pytest.mark.parametrize("num_classes", [10, 200])
def test_long_tails_are_drawn_on_a_logarithmic_scale(num_classes, bottom, scale):
    axes = draw_class_histogram(
        names_of(num_classes), long_tail(num_classes, bottom=bottom), np.zeros(num_classes)
    ).axes[0]
    assert (axes.get_xscale() if num_classes == 10 else axes.get_yscale()) == scale


def test_titles_tell_the_extremes_and_empty_classes():
    def title(counts):
        figure = draw_class_histogram(names_of(len(counts)), np.array(counts), np.zeros(len(counts), dtype=np.int64))
        return figure.axes[0].get_title(loc="left")

    assert title([1200, 3, 0]) == "1,203 images of 3 classes: 1,200 in the largest, 3 in the smallest, none in 1"
    assert title([5]) == "5 images of 1 class"
    assert title([0, 0]) == "0 images of 2 classes, none in 2"


@pytest.mark.parametrize(("train", "legend"), [([5, 2], False), ([3, 1], True), ([0, 0], False)])
def test_colours_are_explained_where_there_are_two(train, legend):
    axes = draw_class_histogram(["a", "b"], np.array([5, 2]), np.array(train)).axes[0]
    assert (axes.get_legend() is not None) == legend


def test_names_in_any_script_are_no_warning(tmp_path):
    figure = draw_class_histogram(["葛飾北斎", "Cézanne"], np.array([3, 2]), np.array([2, 1]))
    save_figure(figure, tmp_path / "classes.png")
    with Image.open(tmp_path / "classes.png") as image:
        assert image.width > 500


# --- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 50, MOST_POINTS + 1])
def test_sizes_are_points_or_areas_by_their_number(number):
    rng = np.random.default_rng(0)
    figure = draw_sizes(rng.integers(50, 900, number), rng.integers(50, 900, number))
    # Areas have a bar that explains their colours.
    assert len(figure.axes) == (2 if number <= MOST_POINTS else 3)


def test_titles_of_sizes_tell_orientation_and_extremes():
    figure = draw_sizes(np.array([100, 200, 300, 40]), np.array([100, 100, 100, 80]))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "50 % wide, 25 % tall, 25 % square",
        "longer side 80 to 300 pixels, median 150",
    ]
    same = draw_sizes(np.full(3, 224), np.full(3, 224))
    assert same.axes[1].get_title(loc="left") == "all have a longer side of 224 pixels"


# --- samples --------------------------------------------------------------------------------------------------------


def test_a_sheet_shows_some_images_of_each_class_spread_over_all():
    shown = []

    def image(row, size):
        shown.append(row)
        return np.full((size, size, 3), row, dtype=np.uint8)

    labels = np.array([1] * 90 + [0] * 2 + [-1])
    sheet = draw_samples(["few", "many", "none"], labels, image, split="train")
    assert shown == [0, 11, 22, 33, 44, 56, 67, 78, 89, 90, 91]
    assert sheet.width > 9 * TILE
    pixels = np.asarray(sheet)
    assert all((pixels == row).all(axis=2).sum() >= TILE * TILE for row in shown)


@pytest.mark.parametrize("num_classes", [1, 4, 5, 16, 17, 36, 37, 1000])
def test_a_sheet_is_neither_a_tower_nor_a_ribbon(num_classes):
    asked = set()

    def image(row, size):
        asked.add(row)
        return np.zeros((size, size, 3), dtype=np.uint8)

    sheet = draw_samples(names_of(num_classes), np.repeat(np.arange(num_classes), 10), image, split="train")
    assert len({row // 10 for row in asked}) == min(num_classes, MOST_CLASSES)
    assert sheet.width < 1800
    assert sheet.height < 2100
    assert {0, num_classes - 1} <= {row // 10 for row in asked}


# --- all of it ------------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href")]


def test_the_page_shows_the_pictures_beside_it_and_all_numbers(uneven_shards, tmp_path):
    dataset = open_dataset(uneven_shards)
    page = write_pictures(tmp_path / "out", dataset, describe_dataset(dataset))
    assert page == tmp_path / "out/index.html"
    text = page.read_text()
    links = set(Links(text).found)
    assert links == {"classes.png", "sizes.png", "samples.png"}
    assert {path.name for path in page.parent.iterdir()} == links | {"index.html"}
    for name in links:
        with Image.open(page.parent / name) as image:
            assert min(image.size) > 200
    assert "44 images of 3 classes" in text
    assert re.search(r'many</td><td class="n">27</td>\s*<td class="n">23</td>', text)
    assert "same bytes" not in text
    assert "changed copies" not in text


def test_duplicates_are_told_on_the_page_and_names_are_escaped(foreign_tars, tmp_path):
    image = foreign_tars.image(1)
    foreign_tars.write("train-0.tar", {"a.png": image, "a.txt": "<b>bold</b>", "b.png": image, "b.txt": "x"})
    foreign_tars.write("test-0.tar", {"c.png": image, "c.txt": "x"})
    index_tars(foreign_tars.folder, labels=["txt"])
    dataset = open_dataset(foreign_tars.folder)
    text = write_pictures(tmp_path, dataset, describe_dataset(dataset)).read_text()
    assert "2 images have the same bytes as another." in text
    assert "In several splits: 1 picture, 1 of them in training: what is learnt there is tested" in text
    assert "With different classes: 1 picture; a label may be wrong." in text
    assert "<b>bold" not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert "train: train-0.tar/a.png" in text
    assert "test: test-0.tar/c.png" in text


def test_copies_in_validation_and_test_alone_are_not_said_to_be_learnt(foreign_tars, tmp_path):
    for split in ("val", "test"):
        foreign_tars.write(f"{split}-0.tar", {f"{split}.png": foreign_tars.image(1), f"{split}.cls": "1"})
    foreign_tars.write("train-0.tar", foreign_tars.samples(range(2, 6), cls=lambda number: number % 2))
    index_tars(foreign_tars.folder)
    dataset = open_dataset(foreign_tars.folder)
    text = write_pictures(tmp_path, dataset, describe_dataset(dataset)).read_text()
    assert "1 image has the same bytes as another." in text
    assert "In several splits: 1 picture, none of them in training." in text


def test_changed_copies_are_told_apart(tmp_path, capsys):
    class Inverted:
        description = "inverted"

        def __call__(self, pixels, _seed, /):
            return 255 - pixels

    records = [
        Record(
            encode(np.full((20, 20, 3), 20 * row)), f"{row}.png", {"class": "ab"[row % 2]}, ("train", "test")[row > 5]
        )
        for row in range(8)
    ]
    convert(records, tmp_path / "dst", Settings(augment_copies=2), workers=1, augmenter=Inverted())
    dataset = open_dataset(tmp_path / "dst")
    statistics = describe_dataset(dataset)
    assert [split.num_copies for split in statistics.splits] == [12, 0]
    print_statistics(statistics)
    header, train, *rest = capsys.readouterr().out.splitlines()
    assert [header.split()[:3], train.split()[:3]] == [["split", "images", "copies"], ["train", "18", "12"]]
    assert "20 images, 12 of them changed copies of others" in rest
    page = write_pictures(tmp_path / "out", dataset, statistics)
    assert "20 images of 2 classes" in page.read_text()
    assert "12 of them are changed copies of other training images" in page.read_text()
    figure = draw_class_histogram(dataset.class_names, statistics.class_counts, np.array([9, 9]), num_copies=12)
    assert (
        figure.axes[0].get_title(loc="left")
        == "20 images (12 of them changed copies) of 2 classes: 10 in the largest, 10 in the smallest"
    )


def encode(pixels):
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_data_set_without_training_images_has_pictures_too(foreign_tars, tmp_path):
    foreign_tars.write("test-0.tar", foreign_tars.samples(range(4), cls=lambda number: number % 2))
    index_tars(foreign_tars.folder)
    dataset = open_dataset(foreign_tars.folder)
    assert write_pictures(tmp_path, dataset, describe_dataset(dataset)).exists()


def test_images_that_cannot_be_shown_leave_a_gray_tile(uneven_shards, tmp_path):
    folder = shutil.copytree(uneven_shards, tmp_path / "shards")
    dataset = open_dataset(folder)
    statistics = describe_dataset(dataset)
    for path in folder.glob("*.tar"):
        path.write_bytes(bytes(path.stat().st_size))
    write_pictures(tmp_path / "out", dataset, statistics)
    with Image.open(tmp_path / "out/samples.png") as image:
        pixels = np.asarray(image)
    assert (pixels == 200).all(axis=2).sum() >= 10 * TILE * TILE
