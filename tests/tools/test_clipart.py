import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

TOOLS = Path(__file__).parents[2] / "tools"

SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:creator><Agent><dc:title>{artist}</dc:title></Agent></dc:creator></metadata></svg>"""


@pytest.fixture
def clipart(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    import clipart

    return clipart


@pytest.fixture
def collection(tmp_path):
    """A small collection in the shape of Debian's packages: pictures in `png`, drawings in `svg`."""
    pictures = {
        "animals/cat_ann_artist_01.png": ("Ann Artist", 1),
        "animals/cat_ann_artist_02.png": ("Ann Artist", 2),
        "animals/dog_ann_artist_01.png": ("ann artist (ann@example.org)", 3),
        "pets/dog_ann_artist_01.png": ("Ann Artist", 3),
        "plants/rose_red.png": ("Ann  Artist", 5),
        "shapes/stars/star_05pt02step.png": ("Ann Artist", 6),
        "people/man_01.png": ("Bob", 7),
        "people/man_02.png": ("Bob", 8),
        "people/unknown.png": ("", 9),
    }
    for file, (artist, seed) in pictures.items():
        png, svg = tmp_path / "png" / file, tmp_path / "svg" / Path(file).with_suffix(".svg")
        for path in (png, svg):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((32, 32), 10 * seed).point(lambda value, seed=seed: (value * seed) % 256).save(png)
        svg.write_text(SVG.format(artist=artist))
    (tmp_path / "png/pets/dog_ann_artist_01.png").write_bytes(
        (tmp_path / "png/animals/dog_ann_artist_01.png").read_bytes()
    )
    (tmp_path / "png/pets/link.png").symlink_to(tmp_path / "png/plants/rose_red.png")
    return tmp_path


def test_duplicates_generated_series_and_pictures_without_artist_are_left_out(clipart, collection):
    found = clipart.find_pictures(collection / "png", collection / "svg")
    assert [(picture.name, picture.artist) for picture in found] == [
        ("animals-cat_ann_artist_01.png", "Ann Artist"),
        ("animals-cat_ann_artist_02.png", "Ann Artist"),
        ("animals-dog_ann_artist_01.png", "Ann Artist"),
        ("people-man_01.png", "Bob"),
        ("people-man_02.png", "Bob"),
        ("plants-rose_red.png", "Ann Artist"),
    ]


def test_artists_need_enough_pictures_that_are_not_one_series(clipart, collection):
    found = clipart.find_pictures(collection / "png", collection / "svg")
    assert list(clipart.choose_artists(found, 2)) == ["Ann Artist"]
    assert clipart.choose_artists(found, 5) == {}


@pytest.mark.parametrize(
    ("name", "artist", "series"),
    [
        ("house_juliane_krug_01.png", "Juliane Krug", "house"),
        ("acquila_architetto_franc_01.png", "Architetto Francesco Rollandin", "acquila"),
        ("arrow-right-blue_benji_p_01.png", "Benji Park", "arrow-right"),
        ("croissant_b_amp_w__geral_01.png", "Gerald G.", "croissant"),
        ("smiley115.png", "Nicu Buculei", "smiley"),
        ("70a031.png", "Juliane Krug", "icons"),
    ],
)
def test_series_is_the_name_without_number_colour_and_artist(clipart, name, artist, series):
    assert clipart.series(clipart.Picture(Path("icons") / name, name, artist)) == series


def test_siblings_are_series_and_pictures_that_look_the_same(clipart, collection):
    found = clipart.find_pictures(collection / "png", collection / "svg")
    works = clipart.choose_artists(found, 2)["Ann Artist"]
    (collection / "png/plants/rose_red.png").write_bytes(
        (collection / "png/animals/dog_ann_artist_01.png").read_bytes()
    )
    group = clipart.siblings(works)
    assert group["animals-cat_ann_artist_01.png"] == group["animals-cat_ann_artist_02.png"]
    assert group["animals-dog_ann_artist_01.png"] == group["plants-rose_red.png"]
    assert len(set(group.values())) == 2


def test_the_demo_takes_independent_drawings_first(clipart, collection):
    import build_demo

    works = clipart.choose_artists(clipart.find_pictures(collection / "png", collection / "svg"), 2)["Ann Artist"]
    records = build_demo.choose(works, 3)
    assert {record.label for record in records} == {"Ann Artist"}
    assert len({record.group for record in records}) == 3
    assert len(build_demo.choose(works, 4)) == 4
    assert len({record.group for record in build_demo.choose(works, 4)}) == 3


def test_the_folder_has_a_class_for_each_artist(collection):
    command = [sys.executable, TOOLS / "build_clipart_folder.py", collection / "out"]
    options = ["--png", collection / "png", "--svg", collection / "svg", "--min-count", "2"]
    result = subprocess.run([*command, *options], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "4 pictures by 1 artists" in result.stdout
    made = sorted(path.relative_to(collection / "out").as_posix() for path in (collection / "out").rglob("*.png"))
    assert made[0] == "Ann Artist/animals-cat_ann_artist_01.png"
    assert len(made) == 4
    again = subprocess.run([*command, *options], capture_output=True, text=True)
    assert again.returncode == 2
    assert "is not empty; name a new folder" in again.stderr
