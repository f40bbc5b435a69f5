"""Images in sheets: which are shown, how they are framed, and sheets of any size. A picture's red value is its row."""

import weakref

import numpy as np
import pytest
from PIL import Image

from artkit import RecipeError
from artkit.drawing.tiles import (
    FRAME,
    RIGHT,
    WRONG,
    Caption,
    Tile,
    below,
    beside,
    grid,
    grid_width,
    save_sheet,
    text_line,
)
from artkit_plugins.reporters import confused_pairs, mosaic, top_losses
from artkit_plugins.reporters.gallery import KEPT_PICTURES, num_kept

CONFUSION = [[4, 2, 0], [0, 3, 0], [1, 0, 0]]
NAMES = ["Monet", "AC/DC", "Ünïcode " + "x" * 90]


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def shown_rows(image):
    """The rows whose pictures are in a sheet, and the colour of each one's frame."""
    of_picture = (image[..., 1] == 77) & (image[..., 2] == 200)
    frames = {}
    for y, x in np.argwhere(of_picture & ~np.roll(of_picture, 1, 0) & ~np.roll(of_picture, 1, 1)):
        frames[int(image[y, x, 0])] = tuple(image[y - 1, x].tolist())
    return frames


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(mosaic(reporter_stage.context, tile=40))
    return reporter_stage


def test_each_class_has_a_sheet_of_its_images_and_one_of_what_was_taken_for_it(stage, predictions_from):
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    folder = stage.folder / "mosaics"
    stems = ["AC_DC", "Monet", "Ünïcode " + "x" * 90]
    assert sorted(path.stem for path in (folder / "by_true").iterdir()) == stems
    assert sorted(path.stem for path in (folder / "by_predicted").iterdir()) == stems
    assert set(shown_rows(pixels(folder / "by_true" / "Monet.png"))) == {0, 1, 2, 3, 4, 5}
    assert set(shown_rows(pixels(folder / "by_predicted" / "Monet.png"))) == {0, 1, 2, 3, 9}
    assert set(shown_rows(pixels(folder / "by_predicted" / "AC_DC.png"))) == {4, 5, 6, 7, 8}


def test_right_is_framed_green_and_wrong_red(stage, predictions_from):
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    frames = shown_rows(pixels(stage.folder / "mosaics" / "by_true" / "Monet.png"))
    assert {row for row, frame in frames.items() if frame == rgb(RIGHT)} == {0, 1, 2, 3}
    assert {row for row, frame in frames.items() if frame == rgb(WRONG)} == {4, 5}


def test_a_class_nothing_was_taken_for_has_an_empty_sheet(stage, predictions_from):
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    assert shown_rows(pixels(stage.folder / "mosaics" / "by_predicted" / f"{NAMES[2]}.png")) == {}


def test_a_sheet_without_room_shows_mistakes_in_proportion_surest_first(reporter_stage, predictions_from):
    reporter_stage.add(mosaic(reporter_stage.context, tile=40, tiles=4))
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[8, 4], [0, 5]], ["a", "b"]))
    folder = reporter_stage.folder / "mosaics"
    frames = shown_rows(pixels(folder / "by_true" / "a.png"))
    assert {row: frame == rgb(WRONG) for row, frame in frames.items()} == {0: False, 1: False, 8: True, 9: True}
    frames = shown_rows(pixels(folder / "by_true" / "b.png"))
    assert set(frames) == {12, 13, 14, 15}


def test_a_single_mistake_among_many_is_still_shown(reporter_stage, predictions_from):
    reporter_stage.add(mosaic(reporter_stage.context, tile=40, tiles=3))
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[40, 1], [0, 1]], ["a", "b"]))
    frames = shown_rows(pixels(reporter_stage.folder / "mosaics" / "by_true" / "a.png"))
    assert set(frames) == {0, 1, 40}


def test_the_highest_losses_are_those_with_the_least_probability_of_the_truth(reporter_stage, predictions_from):
    reporter_stage.add(top_losses(reporter_stage.context, tile=40, tiles=2))
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    frames = shown_rows(pixels(reporter_stage.folder / "mosaics" / "top_losses.png"))
    assert frames == {4: rgb(WRONG), 5: rgb(WRONG)}  # the surest of the mistakes


def test_a_confused_pair_stands_between_examples_of_its_two_classes(reporter_stage, predictions_from):
    reporter_stage.add(confused_pairs(reporter_stage.context, tile=40, pairs=1))
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    image = pixels(reporter_stage.folder / "mosaics" / "confused_pairs.png")
    assert set(shown_rows(image)) == {0, 1, 4, 5, 6, 7}
    first_column = {row: int(np.argwhere(image[..., 0] == row)[:, 1].min()) for row in (4, 5)}
    assert all(np.argwhere(image[..., 0] == 0)[:, 1].max() < x for x in first_column.values())


def test_a_pair_with_a_class_that_has_no_other_image_leaves_its_place_empty(reporter_stage, predictions_from):
    reporter_stage.add(confused_pairs(reporter_stage.context, tile=40))
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[0, 2], [0, 0]], ["a", "b"]))
    assert set(shown_rows(pixels(reporter_stage.folder / "mosaics" / "confused_pairs.png"))) == {0, 1}


def test_images_that_were_not_recognised_fill_the_place_of_examples(reporter_stage, predictions_from):
    reporter_stage.add(confused_pairs(reporter_stage.context, tile=40, pairs=1))
    confusion = [[1, 3, 1], [0, 0, 1], [0, 0, 2]]
    reporter_stage.send("artkit_predictions", predictions=predictions_from(confusion))
    frames = shown_rows(pixels(reporter_stage.folder / "mosaics" / "confused_pairs.png"))
    assert {row: frame == rgb(RIGHT) for row, frame in frames.items()} == {
        0: True,
        4: False,
        1: False,
        2: False,
        5: False,
    }


def test_without_mistakes_there_are_no_pairs_to_show(reporter_stage, predictions_from):
    reporter_stage.add(confused_pairs(reporter_stage.context, tile=40))
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[2, 0], [0, 2]], ["a", "b"]))
    assert shown_rows(pixels(reporter_stage.folder / "mosaics" / "confused_pairs.png")) == {}


def test_of_very_many_classes_the_worst_have_pictures(reporter_stage, predictions_from):
    reporter_stage.add(mosaic(reporter_stage.context, tile=40, classes=2))
    confusion = np.diag(np.full(60, 3))
    confusion[17, 17], confusion[17, 18], confusion[42, 41] = 0, 3, 1
    reporter_stage.send("artkit_predictions", predictions=predictions_from(confusion))
    names = {path.stem for path in (reporter_stage.folder / "mosaics" / "by_true").iterdir()}
    assert names == {"class 17", "class 42"}


def test_people_are_told_of_every_sheet_those_of_the_worst_class_first(stage, predictions_from):
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    paths = [path for path, _, _ in stage.published]
    assert paths[:2] == [f"mosaics/by_true/{NAMES[2]}.png", f"mosaics/by_predicted/{NAMES[2]}.png"]
    assert len(paths) == 6
    assert {kind for *_, kind in stage.published} == {"mosaic"}
    assert all((stage.folder / path).is_file() for path in paths)


def test_one_column_and_awkward_names_are_no_trouble(reporter_stage, predictions_from):
    reporter_stage.add(mosaic(reporter_stage.context, tile=32, columns=1))
    names = ["", "两\n个", "b" * 300]
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, names))
    assert len(list((reporter_stage.folder / "mosaics" / "by_true").iterdir())) == 3


def tile(value, size=20, captions=()):
    return Tile(np.full((size, size, 3), value, dtype=np.uint8), RIGHT, captions)


def test_a_grid_sets_tiles_in_rows_with_their_frames():
    block = np.asarray(grid([tile(10), tile(20), tile(30)], columns=2, size=20))
    step = 20 + 2 * FRAME + 14
    assert block.shape == (2 * step - 14, 2 * step - 14, 3)
    assert [block[FRAME, FRAME, 0], block[FRAME, FRAME + step, 0], block[FRAME + step, FRAME, 0]] == [10, 20, 30]
    assert tuple(block[0, 0]) == tuple(block[27, 27]) == rgb(RIGHT)
    assert tuple(block[FRAME + step, FRAME + step]) == (255, 255, 255)


def ink_columns(block):
    return np.flatnonzero((np.asarray(block) < 128).any(axis=(0, 2)))


@pytest.mark.parametrize("is_file", [False, True])
def test_captions_stay_under_their_tile_however_long(is_file):
    caption = Caption("a" * 200 + "_01.png", "0.97", is_file=is_file)
    block = grid([tile(255, 100, (caption,))], columns=1, size=100)
    assert ink_columns(block.crop((0, 110, block.width, block.height))).max() < 108


def test_lines_of_text_are_as_wide_as_asked_for_and_cut_to_it():
    line = text_line("Delacroix taken for Rubens " * 9, width=150, size=12)
    assert line.width == 150
    assert 120 < ink_columns(line).max() < 150


def test_blocks_are_set_beside_and_below_each_other(tmp_path):
    red, blue = Image.new("RGB", (10, 20), "red"), Image.new("RGB", (30, 5), "blue")
    assert beside([red, blue], gap=4).size == (44, 20)
    assert beside([red, blue], gap=4).getpixel((14, 0)) == (0, 0, 255)
    assert below([red, blue], gap=4).size == (30, 29)
    assert below([red, blue], gap=4).getpixel((0, 24)) == (0, 0, 255)
    save_sheet([red, blue], tmp_path / "sheet.png")
    assert pixels(tmp_path / "sheet.png")[20, 20].tolist() == [255, 0, 0]
    assert grid_width(3, 20) == 3 * 28 + 2 * 14


def test_pairs_are_listed_without_a_picture_where_none_is_wanted(reporter_stage, predictions_from):
    reporter_stage.add(confused_pairs(reporter_stage.context, pairs=0))
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    assert [path for path, _, _ in reporter_stage.published] == ["confused_pairs.csv"]
    assert not (reporter_stage.folder / "mosaics").exists()


class CountedPictures:
    """Gives pictures, and counts those that are in memory.

    Attributes:
        given: All that were given.
        most: Most of them that were there at the same time.
    """

    def __init__(self):
        self.given = self.most = self._here = 0

    def __call__(self, row, size):
        picture = np.full((size, size, 3), row % 256, dtype=np.uint8)
        weakref.finalize(picture, self._forget)
        self.given += 1
        self._here += 1
        self.most = max(self.most, self._here)
        return picture

    def _forget(self):
        self._here -= 1


def test_any_number_of_images_keeps_no_more_pictures_in_memory(reporter_stage, predictions_from):
    reporter_stage.add(mosaic(reporter_stage.context, tile=32, tiles=36))
    pictures = CountedPictures()
    confusion = np.full((40, 40), 1) + 60 * np.eye(40, dtype=np.int64)  # 4,000 images, 100 of each class
    reporter_stage.send("artkit_predictions", predictions=predictions_from(confusion, image=pictures))
    assert pictures.given > 1000
    assert pictures.most <= KEPT_PICTURES + 36


@pytest.mark.parametrize(("tile", "kept"), [(32, KEPT_PICTURES), (144, KEPT_PICTURES), (1024, 20)])
def test_large_pictures_are_kept_in_smaller_numbers(tile, kept):
    assert num_kept(tile) == kept
    assert 3 * tile * tile * num_kept(tile) < 65_000_000


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda ctx: mosaic(ctx, tile=1024, tiles=100), "mosaic: 100 images of 1024 x 1024 pixels .* have 95: lower"),
        (lambda ctx: mosaic(ctx, tile=32, columns=100_000), "mosaic: 100,000 images .* lower tiles or tile"),
        (lambda ctx: top_losses(ctx, tiles=10_000), "top-losses: 10,000 images of 144 x 144 pixels .* lower tiles"),
        (lambda ctx: confused_pairs(ctx, pairs=2_000), "confused-pairs: 12,000 images .* lower pairs or tile"),
    ],
)
def test_pictures_that_would_not_fit_into_memory_are_refused_at_once(reporter_stage, make, said):
    with pytest.raises(RecipeError, match=said):
        make(reporter_stage.context)
