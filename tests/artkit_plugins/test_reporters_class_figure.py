"""The figure of the recall of every class: what it shows of each, for any number of classes."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artkit_plugins.reporters import per_class
from artkit_plugins.reporters.class_figure import ROWS, draw_classes
from artkit_plugins.reporters.statistics import class_scores


def scores_of(right, support, train=None):
    """Scores of classes of which so many images of so many are recognised; mistakes go to one more class."""
    num_classes = len(right)
    labels = np.repeat(np.arange(num_classes), support)
    answers = [np.where(np.arange(n) < r, k, num_classes) for k, (r, n) in enumerate(zip(right, support, strict=True))]
    predicted = np.concatenate(answers)
    names = [f"artist {k}" for k in range(num_classes)]
    return class_scores(labels, predicted, names, train or [10 * (k + 1) for k in range(num_classes)])


def texts(axes):
    return [text.get_text() for text in axes.texts]


def names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_the_worst_class_is_on_top_with_its_interval_and_both_counts():
    scores = scores_of([8, 1, 4], [10, 10, 8])
    (axes,) = draw_classes(scores, title="t").axes
    assert names(axes) == ["artist 1", "artist 2", "artist 0"]
    bar, dot = axes.lines[0], axes.lines[1]
    assert dot.get_xydata().tolist() == [[0.1, 0]]
    assert bar.get_xdata() == pytest.approx([scores[1].recall_low, scores[1].recall_high])
    assert texts(axes) == ["10", "20", "8", "30", "10", "10", "tested", "learnt"]
    assert axes.yaxis_inverted()


def test_a_class_without_images_comes_last_and_says_so():
    (axes,) = draw_classes(scores_of([0, 0, 3], [0, 4, 4]), title="t").axes
    assert names(axes) == ["artist 1", "artist 2", "artist 0"]
    assert texts(axes)[4:7] == ["no image in this split", "0", "10"]


def test_the_mean_is_that_of_the_classes_with_images():
    figure = draw_classes(scores_of([0, 2, 3], [0, 4, 4]), title="t")
    assert any("the mean, 62.5 %" in text for text in texts(figure))
    assert list(figure.axes[0].lines[-1].get_xdata()) == [0.625, 0.625]


@pytest.mark.parametrize(("num_classes", "columns"), [(2, 1), (50, 1), (51, 2), (200, 4)])
def test_many_classes_stand_in_columns_of_equal_length(num_classes, columns):
    figure = draw_classes(scores_of([3] * num_classes, [5] * num_classes), title="t")
    shown = [names(axes) for axes in figure.axes]
    assert len(shown) == columns
    assert max(map(len, shown)) <= ROWS
    assert list(chain(*shown)) == [f"artist {k}" for k in range(num_classes)]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_of_very_many_classes_the_worst_and_the_best_are_shown():
    figure = draw_classes(scores_of([*[0] * 300, *[5] * 300], [5] * 600), title="t")
    shown = list(chain(*(names(axes) for axes in figure.axes)))
    assert (len(shown), shown[0], shown[-1]) == (400, "artist 0", "artist 599")
    assert any("the 200 worst and the 200 best of 600 classes" in text for text in texts(figure))


def test_the_figure_is_told_of_and_goes_to_the_folder_of_its_target(reporter_stage, predictions_from):
    reporter_stage.add(per_class(reporter_stage.context))
    named = ["$x^{$", "画家 with a very long name that no axis could ever hold"]
    result = predictions_from([[2, 1], [0, 3]], named, folder=Path("style"), target="style")
    reporter_stage.send("artkit_predictions", predictions=result)
    assert reporter_stage.published == [("style/per_class.png", "Recall of every class: style", "figure")]
    with Image.open(reporter_stage.folder / "style" / "per_class.png") as picture:
        assert picture.width > 600
