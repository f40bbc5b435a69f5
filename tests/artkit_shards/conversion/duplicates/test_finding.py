import random
from dataclasses import replace
from io import BytesIO
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from artkit_shards import demo_path, open_dataset
from artkit_shards.conversion.duplicates.finding import SAME_PICTURE, clusters, find_links, redundant
from artkit_shards.conversion.duplicates.likeness import Likeness
from artkit_shards.conversion.inspection import inspect
from artkit_shards.images import read_rgb


def to_bytes(image, kind="PNG", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rows_of(inspections, most_different=1.0):
    return [cluster.rows for cluster in clusters(find_links(inspections), most_different)]


def scene(seed, height=180, width=240):
    """A picture of some blobs and lines, as unlike any other as two paintings are."""
    draw_at = random.Random(seed)
    colour = lambda: tuple(draw_at.randrange(256) for _ in range(3))  # noqa: E731
    image = Image.new("RGB", (width, height), colour())
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = draw_at.randrange(width), draw_at.randrange(height)
        draw.ellipse((x, y, x + draw_at.randrange(10, 90), y + draw_at.randrange(10, 90)), fill=colour())
        draw.line((x, y, draw_at.randrange(width), draw_at.randrange(height)), fill=colour(), width=4)
    return image


@pytest.fixture(scope="module")
def clip_art():
    """120 pieces of real clip art, which are plain, and many alike."""
    split = open_dataset(demo_path()).split("train")
    rows = sorted(random.Random(0).sample(range(len(split)), 120))
    return [Image.fromarray(read_rgb(split.read(row))) for row in rows]


def smaller(image):
    return image.resize((max(1, image.width * 6 // 10), max(1, image.height * 6 // 10)), Image.Resampling.LANCZOS)


def cropped(image):
    left, top = round(image.width * 0.015), round(image.height * 0.015)
    return image.crop((left, top, image.width - left, image.height - top))


COPIES = {
    "lower quality": (lambda image: to_bytes(image, "JPEG", quality=50), 0.97),
    "smaller": (lambda image: to_bytes(smaller(image), "JPEG", quality=85), 0.95),
    "larger": (lambda image: to_bytes(image.resize((image.width * 2, image.height * 2))), 0.95),
    "darker": (lambda image: to_bytes(ImageEnhance.Brightness(image).enhance(0.85)), 0.97),
    "paler": (lambda image: to_bytes(ImageEnhance.Color(image).enhance(0.7)), 0.97),
    "gray": (lambda image: to_bytes(image.convert("L"), "JPEG", quality=85), 0.97),
    "cropped": (lambda image: to_bytes(cropped(image)), 0.7),
}


@pytest.mark.parametrize("change", COPIES)
def test_copies_of_clip_art_are_found(clip_art, change):
    copy, share = COPIES[change]
    originals = [inspect(to_bytes(image)) for image in clip_art]
    found = find_links(originals + [inspect(copy(image)) for image in clip_art])
    together = {frozenset(pair) for cluster in clusters(found) for pair in combinations(cluster.rows, 2)}
    pairs = [frozenset((row, row + len(clip_art))) for row in range(len(clip_art))]
    assert sum(pair in together for pair in pairs) >= share * len(pairs)


def test_clip_art_does_not_run_together(clip_art):
    sizes = [len(rows) for rows in rows_of([inspect(to_bytes(image)) for image in clip_art])]
    assert sum(sizes) <= 12
    assert max(sizes, default=0) <= 4


def test_pictures_that_have_nothing_in_common_are_no_copies():
    assert rows_of([inspect(to_bytes(scene(seed))) for seed in range(150)]) == []


def test_equal_bytes_are_exact_and_other_copies_are_not():
    one, other = to_bytes(scene(1)), to_bytes(scene(2))
    smaller_copy = to_bytes(smaller(scene(2)), "JPEG", quality=90)
    found = clusters(find_links([inspect(data) for data in (one, other, one, smaller_copy, one)]))
    assert [(cluster.rows, cluster.is_exact) for cluster in found] == [((0, 2, 4), True), ((1, 3), False)]


def test_blank_pages_are_copies_only_if_their_bytes_are_equal():
    blank = [to_bytes(Image.new("RGB", (300 + n, 400), (255, 255, 255 - n % 3))) for n in range(20)]
    assert rows_of([inspect(data) for data in (*blank, blank[3])]) == [(3, 20)]


def test_the_same_shape_in_another_colour_is_another_picture():
    red, blue = (Image.new("RGB", (90, 90), "white") for _ in range(2))
    ImageDraw.Draw(red).ellipse((20, 10, 70, 80), fill=(220, 60, 60))
    ImageDraw.Draw(blue).ellipse((20, 10, 70, 80), fill=(60, 60, 250))
    assert rows_of([inspect(to_bytes(red)), inspect(to_bytes(blue))]) == []


def test_a_stretched_picture_is_no_copy():
    assert rows_of([inspect(to_bytes(scene(1))), inspect(to_bytes(scene(1).resize((240, 120))))]) == []


def test_a_copy_of_a_copy_belongs_to_the_cluster():
    frames = [inspect(to_bytes(scene(4).crop((step, 0, 232 + step, 180)))) for step in range(0, 9, 2)]
    assert rows_of(frames) == [(0, 1, 2, 3, 4)]


def test_images_whose_header_alone_was_read_are_compared_by_their_bytes():
    found = [inspect(to_bytes(scene(seed), "JPEG")) for seed in (1, 2, 1)]
    headers = [replace(image, pixels=None) for image in found]
    assert rows_of(headers) == [(0, 2)]
    assert find_links(headers).pairs.tolist() == [[0, 2]]


def test_nothing_is_found_among_nothing():
    links = find_links([])
    assert links.pairs.shape == (0, 2)
    assert clusters(links) == []


def test_the_order_of_the_images_does_not_change_what_is_found(clip_art):
    found = [inspect(to_bytes(image)) for image in (*clip_art[:40], *map(smaller, clip_art[:40]))]
    turned = {frozenset(79 - row for row in rows) for rows in rows_of(found[::-1])}
    assert {frozenset(rows) for rows in rows_of(found)} == turned


def test_the_largest_copy_stays_then_that_with_most_bytes_then_the_first_by_name():
    small, large = to_bytes(smaller(scene(1))), to_bytes(scene(1), "JPEG", quality=80)
    fine = to_bytes(scene(1), "JPEG", quality=95)
    found = [inspect(data) for data in (small, large, fine, fine, to_bytes(scene(2)))]
    names = ["a/small.png", "a/large.jpg", "b/fine.jpg", "a/fine.jpg", "other.png"]
    assert redundant(find_links(found), found, names, among=range(4)) == {0, 1, 2}
    assert redundant(find_links(found), found, names, among={0, 1, 4}) == {0}


def test_what_is_merely_much_alike_is_not_dropped():
    found = [inspect(to_bytes(scene(3))), inspect(to_bytes(scene(3).crop((8, 0, 240, 180))))]
    links = find_links(found)
    assert SAME_PICTURE < links.differences[0] < 0.15
    assert redundant(links, found, ["1.png", "2.png"], among={0, 1}) == set()


def test_differences_are_small_for_copies_and_large_for_others():
    found = find_links([inspect(to_bytes(scene(3))), inspect(to_bytes(smaller(scene(3)), "JPEG", quality=60))])
    assert np.all(found.differences < 0.06)
    assert np.all(found.differences > 0)


def test_a_mark_on_a_plain_picture_makes_it_another():
    luma = np.zeros((2, 16, 16), dtype=np.uint8)
    luma[:, 4:12, 4:12] = 200
    luma[1, 6:9, 6:9] = 60
    gray = np.full((2, 32), 128, dtype=np.uint8)
    likeness = Likeness(luma, gray, np.zeros(2))
    assert likeness.differences(np.array([[0, 1]]))[0] > 0.15
    assert likeness.differences(np.array([[0, 0]]))[0] < 0.001


def test_a_negative_is_no_copy():
    luma = np.random.default_rng(0).integers(0, 256, (1, 16, 16), dtype=np.uint8)
    likeness = Likeness(np.concatenate([luma, 255 - luma]), np.full((2, 32), 128, dtype=np.uint8), np.zeros(2))
    assert likeness.differences(np.array([[0, 1]])).tolist() == [np.inf]
