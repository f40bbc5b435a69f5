"""The confusion matrix: its tables, and drawings that say what the tables say."""

import csv

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from artkit_plugins.reporters import confusion_matrix
from artkit_plugins.reporters.confusion_figures import draw_matrices, part_of_matrix, whole_matrix
from artkit_plugins.reporters.confusion_map import draw_map

NAMES = ["Eugène Delacroix", "Rubens, Peter Paul", "$x^{$", "a very long name that no axis could ever hold"]
CONFUSION = np.array([[5, 3, 0, 0], [0, 8, 1, 0], [0, 0, 0, 0], [2, 0, 0, 2]])


def read_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def draw(matrix, num_annotated=None):
    return draw_matrices(matrix, title="t", note="n", num_annotated=num_annotated)


def numbers(axes):
    return {(round(t.get_position()[1]), round(t.get_position()[0])): int(t.get_text()) for t in axes.texts}


def many_classes(num_classes, seed=0):
    generator = np.random.default_rng(seed)
    confusion = generator.poisson(0.3, (num_classes, num_classes)) + np.diag(generator.integers(1, 40, num_classes))
    confusion[:, 3] = confusion[3] = 0
    return confusion


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(confusion_matrix(reporter_stage.context))
    return reporter_stage


def test_the_table_holds_the_counts_by_name(stage, predictions_from):
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    header, *rows = read_rows(stage.folder / "confusion.csv")
    assert header[1:] == NAMES
    assert [row[0] for row in rows] == NAMES
    assert [[int(n) for n in row[1:]] for row in rows] == CONFUSION.tolist()


@pytest.mark.parametrize("num_classes", [2, 14, 60, 70])
def test_pictures_are_drawn_for_any_number_of_classes(stage, predictions_from, num_classes):
    confusion = np.array([[3, 1], [0, 2]]) if num_classes == 2 else many_classes(num_classes)
    names = [f"画家 / {k}" for k in range(num_classes)]  # the font has no such letters, which must not alarm anyone
    stage.send("artkit_predictions", predictions=predictions_from(confusion, names))
    with Image.open(stage.folder / "confusion.png") as picture:
        assert picture.width > 20 * num_classes
    assert (stage.folder / "confusion_worst.png").exists() == (num_classes >= 60)
    figures = [path for path, _, kind in stage.published if kind == "figure"]
    assert figures == ["confusion.png", "confusion_worst.png"][: 1 + (num_classes >= 60)]


def test_every_count_and_its_percentage_is_written_into_its_cell():
    counts, shares = draw(whole_matrix(CONFUSION, NAMES, np.arange(4))).axes
    expected = {(int(r), int(c)): int(CONFUSION[r, c]) for r, c in np.argwhere(CONFUSION)}
    assert numbers(counts) == expected
    assert numbers(shares) == {(0, 0): 62, (0, 1): 38, (1, 1): 89, (1, 2): 11, (3, 0): 50, (3, 3): 50}


def test_right_answers_are_blue_and_mistakes_orange():
    counts, _ = draw(whole_matrix(CONFUSION, NAMES, np.arange(4))).axes
    cells = counts.images[0].get_array()
    red, _, blue, _ = cells[1, 1]
    assert blue > red
    red, _, blue, _ = cells[0, 1]
    assert red > blue
    assert tuple(cells[2, 2][:3]) == to_rgb("white")


def test_rows_name_their_class_and_its_support_and_long_names_are_cut():
    counts, shares = draw(whole_matrix(CONFUSION, NAMES, np.arange(4))).axes
    rows = [label.get_text() for label in counts.get_yticklabels()]
    assert rows == ["Eugène Delacroix  (8)", "Rubens, Peter Paul  (9)", "$x^{$  (0)", "a very long name that n…  (4)"]
    columns = [label.get_text() for label in shares.get_xticklabels()]
    assert columns == ["Eugène Delacroix", "Rubens, Peter Paul", "$x^{$", "a very long name that n…"]
    assert (counts.get_xlabel(), counts.get_ylabel()) == ("predicted", "true (images)")


def test_classes_stand_in_the_order_asked_for():
    counts, _ = draw(whole_matrix(CONFUSION, NAMES, np.array([3, 1, 0, 2]))).axes
    assert counts.get_yticklabels()[0].get_text() == "a very long name that n…  (4)"
    assert numbers(counts)[(0, 2)] == 2


def test_of_many_classes_the_diagonal_and_the_largest_mistakes_are_numbered():
    confusion = np.diag(np.full(30, 20)) + np.eye(30, k=1, dtype=np.int64)
    confusion[4, 9], confusion[8, 2], confusion[0, 7] = 5, 4, 3
    counts, shares = draw(whole_matrix(confusion, [str(k) for k in range(30)], np.arange(30)), num_annotated=2).axes
    off_diagonal = {cell: n for cell, n in numbers(counts).items() if cell[0] != cell[1]}
    assert off_diagonal == {(4, 9): 5, (8, 2): 4}
    assert len(numbers(counts)) == 32
    assert {cell for cell in numbers(shares) if cell[0] != cell[1]} == {(4, 9), (8, 2)}


def test_a_single_mistake_is_no_number_among_many_classes():
    confusion = np.diag(np.full(30, 20)) + np.eye(30, k=1, dtype=np.int64)
    counts, _ = draw(whole_matrix(confusion, [str(k) for k in range(30)], np.arange(30)), num_annotated=60).axes
    assert {row - column for row, column in numbers(counts)} == {0}


def test_a_part_of_the_matrix_counts_the_other_classes_too():
    part = part_of_matrix(CONFUSION, NAMES, np.array([3, 1]))
    assert part.counts.tolist() == [[2, 0, 2], [0, 8, 1]]
    assert part.counts.sum(axis=1).tolist() == part.support.tolist() == [4, 9]
    assert part.columns == [NAMES[3], NAMES[1], "(any other)"]


def test_the_worst_classes_are_as_many_as_asked_for(reporter_stage, predictions_from):
    reporter_stage.add(confusion_matrix(reporter_stage.context, worst=3))
    wide = confusion_matrix(reporter_stage.context, worst=25)
    result = predictions_from(many_classes(40))
    reporter_stage.send("artkit_predictions", predictions=result)
    with Image.open(reporter_stage.folder / "confusion_worst.png") as picture:
        small = picture.height
    wide.artkit_predictions(predictions=result)
    with Image.open(reporter_stage.folder / "confusion_worst.png") as picture:
        assert picture.height > small


def test_a_thousand_classes_are_colours_alone_and_no_gigapixels():
    confusion = np.eye(1000, dtype=np.int64)
    figure = draw(whole_matrix(confusion, [str(k) for k in range(1000)], np.arange(1000)), num_annotated=60)
    counts, _ = figure.axes
    assert max(figure.get_size_inches()) <= 22
    assert not counts.texts
    assert not counts.get_yticklabels()


def texts(artist):
    return [text.get_text() for text in artist.texts]


@pytest.fixture(scope="module")
def map_of_70():
    """A map of 70 classes of which five are taken for one another, its group first, and its two panels."""
    confusion = np.diag(np.full(70, 30))
    confusion[:5, :5] += 4
    confusion[9, 60] = 12
    groups = [np.arange(5), *(np.array([k]) for k in range(5, 70))]
    figure = draw_map(confusion, [f"artist no {k}" for k in range(70)], groups, title="t", note="n")
    return figure, figure.axes


def test_a_map_numbers_its_classes_and_lists_the_name_of_each(map_of_70):
    figure, (counts, shares) = map_of_70
    for axes in (counts, shares):
        assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "20", "30", "40", "50", "60", "70"]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["10", "20", "30", "40", "50", "60", "70"]
    listed = texts(figure)
    assert [listed.count(f"artist no {k} ({50 if k < 5 else 42 if k == 9 else 30})") for k in range(70)] == [1] * 70
    assert all(str(number) in listed for number in range(1, 71))


def test_a_map_outlines_groups_and_says_their_numbers(map_of_70):
    _, panels = map_of_70
    for axes in panels:
        (frame,) = axes.patches
        assert (frame.get_x(), frame.get_y(), frame.get_width()) == (-0.5, -0.5, 5)
        assert texts(axes) == ["1\N{EN DASH}5"]


def test_a_map_rings_the_largest_mistakes_and_lists_them_with_names(map_of_70):
    figure, (counts, _) = map_of_70
    rings = counts.collections[0].get_offsets()
    assert rings[0].tolist() == [60, 9]
    assert len(rings) == 21  # and all cells of the group but its diagonal
    assert "10 artist no 9  taken for  61 artist no 60" in texts(figure)
    assert "12 of 42  28.6 %" in texts(figure)


def test_the_cells_of_a_map_are_those_of_the_matrix_in_the_order_of_its_groups():
    confusion = np.diag(np.full(70, 30))
    confusion[0, 69] = 12
    groups = [np.array([k]) for k in reversed(range(70))]
    counts, _ = draw_map(confusion, [str(k) for k in range(70)], groups, title="t", note="n").axes
    cells = counts.images[0].get_array()
    red, _, blue, _ = cells[69, 0]
    assert red > blue
    assert tuple(cells[0, 69][:3]) == to_rgb("white")


def test_a_map_of_thousands_of_classes_leaves_the_list_out_and_no_gigapixels():
    groups = [np.array([k]) for k in range(1200)]
    figure = draw_map(np.eye(1200, dtype=np.int64), [str(k) for k in range(1200)], groups, title="t", note="n")
    assert "1,200 classes are too many to be named here: see confusion.csv" in texts(figure)
    assert max(figure.get_size_inches()) < 25
    assert len(figure.texts) < 10
    assert len(figure.axes[0].get_xticklabels()) == 40
