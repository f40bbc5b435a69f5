"""The confusion matrix: its tables, and drawings that say what the tables say."""

import csv

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from artkit_plugins.reporters import confusion_matrix
from artkit_plugins.reporters.confusion_figures import draw_matrices, part_of_matrix, whole_matrix

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


def test_confused_pairs_say_of_how_many_and_how_much_there_was_to_learn_from(stage, predictions_from):
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    header, *rows = read_rows(stage.folder / "confused_pairs.csv")
    assert header == ["true", "predicted", "n", "of", "share", "train_true", "train_predicted"]
    assert rows == [
        [NAMES[0], NAMES[1], "3", "8", "0.375", "10", "20"],
        [NAMES[3], NAMES[0], "2", "4", "0.5", "40", "10"],
        [NAMES[1], NAMES[2], "1", "9", "0.111111", "20", "30"],
    ]


@pytest.mark.parametrize("num_classes", [2, 14, 60])
def test_pictures_are_drawn_for_any_number_of_classes(stage, predictions_from, num_classes):
    confusion = np.array([[3, 1], [0, 2]]) if num_classes == 2 else many_classes(num_classes)
    names = [f"画家 / {k}" for k in range(num_classes)]  # the font has no such letters, which must not alarm anyone
    stage.send("artkit_predictions", predictions=predictions_from(confusion, names))
    with Image.open(stage.folder / "confusion.png") as picture:
        assert picture.width > 20 * num_classes
    assert (stage.folder / "confusion_worst.png").exists() == (num_classes == 60)
    figures = [path for path, _, kind in stage.published if kind == "figure"]
    assert figures == ["confusion.png", "confusion_worst.png"][: 1 + (num_classes == 60)]


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
