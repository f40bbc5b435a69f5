"""The sheet of heat maps: which images it shows, and that heat is over the right ones."""

import numpy as np
import pytest
from PIL import Image

from artkit_plugins.reporters import saliency
from artkit_plugins.reporters.saliency_sheet import lay_heat

CONFUSION = [[4, 2, 0], [0, 3, 0], [1, 0, 0]]


class Asked:
    """Gives heat in the left half of an image, and remembers of which."""

    def __init__(self):
        self.rows = []

    def __call__(self, row, size):
        self.rows.append(row)
        heat = np.zeros((size, size), dtype=np.float32)
        heat[:, : size // 2] = 1
        return heat


def drawn(stage, predictions_from, **options):
    asked = Asked()
    stage.add(saliency(stage.context, tile=40, **options))
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, saliency=asked))
    return asked.rows


def test_half_of_the_images_are_the_worst_and_half_the_best(reporter_stage, predictions_from):
    # Answers get less sure from row to row; rows 4, 5 and 9 are mistakes.
    assert drawn(reporter_stage, predictions_from, images=4) == [4, 5, 0, 1]
    assert reporter_stage.published == [("saliency.png", "Where the model looks", "figure")]


@pytest.mark.parametrize(("which", "rows"), [("worst", [4, 5, 9]), ("best", [0, 1, 2])])
def test_the_worst_or_the_best_can_be_chosen(reporter_stage, predictions_from, which, rows):
    assert drawn(reporter_stage, predictions_from, images=3, which=which) == rows


def test_there_may_be_fewer_images_than_asked_for(reporter_stage, predictions_from):
    rows = drawn(reporter_stage, predictions_from, images=500, which="best")
    assert sorted(rows) == [0, 1, 2, 3, 6, 7, 8]


def test_each_image_stands_beside_its_heat(reporter_stage, predictions_from):
    drawn(reporter_stage, predictions_from, images=1, which="worst")
    with Image.open(reporter_stage.folder / "saliency.png") as opened:
        sheet = np.asarray(opened).astype(int)
    of_picture = np.argwhere((sheet == (4, 77, 200)).all(axis=2))
    assert len(of_picture) == 40 * 40
    top, left = of_picture.min(axis=0)
    step = 40 + 2 * 4 + 14
    overlay = sheet[top : top + 40, left + step : left + step + 40]
    assert (overlay[:, 25:] == overlay[0, 39]).all()
    assert np.ptp(overlay[0, 39]) == 0, "grey where it is cold"
    assert overlay[0, 5, 0] > overlay[0, 5, 2] + 40, "warm where it is hot"


def test_without_a_model_there_is_no_sheet_and_the_user_is_told(reporter_stage, predictions_from):
    reporter_stage.add(saliency(reporter_stage.context))
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION))
    assert list(reporter_stage.folder.iterdir()) == []
    assert reporter_stage.notes == [
        "saliency.png is not drawn, since the model is not at hand, or in parts on several processes"
    ]


def test_heat_colours_a_picture_the_more_the_hotter_and_changes_neither():
    picture = np.full((3, 3, 3), 100, dtype=np.uint8)
    heat = np.array([[0, 0.5, 1]] * 3, dtype=np.float32)
    colours = lay_heat(picture, heat).astype(int)
    assert colours[0, 0].tolist() == [100, 100, 100]
    assert np.ptp(colours[0, 2]) > np.ptp(colours[0, 1]) > 0
    assert picture.max() == 100
    assert heat.max() == 1
