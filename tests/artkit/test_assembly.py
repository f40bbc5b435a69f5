"""What a run is made of, for a data set in which some images have no class in the main target."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from artkit.engine.assembly import assemble, open_data
from artkit.engine.run_notes import notes
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry
from artkit_shards import Record, Settings, convert


@pytest.fixture(scope="module")
def half_known(tmp_path_factory):
    """Two thirds of the training images have a style; all have an artist."""
    generator = np.random.default_rng(0)
    records = []
    for split, styles in {"train": ["flat", "line", None] * 4, "test": ["flat", "line"]}.items():
        for number, style in enumerate(styles):
            file = BytesIO()
            Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(file, "PNG")
            labels = {"style": style, "artist": "AB"[number % 2]}
            records.append(Record(file.getvalue(), f"{split}/{number:02d}.png", labels, split))
    folder = tmp_path_factory.mktemp("half") / "shards"
    convert(records, folder, Settings(duplicates="keep"), workers=1)
    return folder


def assembled(shards, **choices):
    settings = {"data.path": str(shards), "data.image_size": 16, "train.batch_size": 4}
    command_line = CommandLine(choices=choices, settings=settings, assignments=["model.width=8", "data.threads=1"])
    recipe = resolve_recipe({}, command_line, load_registry())
    return assemble(recipe, open_data(recipe))


@pytest.mark.parametrize("sampler", ["natural", "class-balanced", "repeat-factor"])
def test_images_without_a_class_are_not_learnt(half_known, sampler):
    loader = assembled(half_known, sampler=sampler).loader
    assert sorted(set(loader.plan.tolist())) == np.flatnonzero(loader.split.labels >= 0).tolist()
    assert all((batch.labels >= 0).all() for batch in loader)


def test_several_targets_and_images_that_are_not_learnt_are_told(half_known):
    assert list(notes(assembled(half_known)))[:2] == [
        "the data set tells style, artist of its images; a run learns the first, 'style', unless others are chosen, "
        "such as --target style --target artist",
        "4 images of 'train' without a class: only the others are learnt",
    ]
