"""Columns of a data set: classes of any target, the JSON beside images, and samplers that go by them."""

import json

import numpy as np
import pytest

from artkit.engine.assembly import assemble, open_data
from artkit.engine.columns import Columns
from artkit.errors import RecipeError
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry
from artkit_shards import index_tars, open_dataset


@pytest.fixture
def weighted_tars(foreign_tars):
    """Eight images of two classes; the JSON beside all but the last says how often each should be drawn."""

    def description(number):
        weight = {"weight": number / 2} if number < 7 else {}
        return json.dumps({"place": "Paris", "is_signed": number > 3, **weight})

    members = foreign_tars.samples(range(8), cls=lambda number: number % 2, json=description)
    foreign_tars.write("train.tar", members)
    index_tars(foreign_tars.folder)
    return foreign_tars.folder


def draws(data, *assignments, targets=None):
    """How often the sampler `by-column` draws each training image in the first and the second epoch."""
    settings = {"data.path": str(data), "data.image_size": 16, "train.batch_size": 4, "train.epochs": 2}
    command_line = CommandLine(
        choices={"sampler": "by-column"},
        reporters=["none"],
        settings=settings | ({"data.targets": targets} if targets else {}),
        assignments=["model.width=8", *assignments],
    )
    recipe = resolve_recipe({}, command_line, load_registry())
    assembly = assemble(recipe, open_data(recipe))
    return assembly, [assembly.sampling.counts(epoch) for epoch in range(2)]


def test_a_column_is_a_target_or_a_field_and_text_wherever_it_comes_from(weighted_tars, two_target_shards):
    columns = Columns(open_dataset(weighted_tars), "train")
    assert columns.column("place") == ["Paris"] * 8
    assert columns.column("is_signed") == ["false"] * 4 + ["true"] * 4
    assert columns.column("weight") == ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", None]
    dataset = open_dataset(two_target_shards)
    styles, labels = Columns(dataset, "train").column("style"), dataset.split("train").targets["style"]
    assert {None, "flat", "line"} == set(styles)
    assert [style is None for style in styles] == (labels < 0).tolist()


def test_a_column_that_is_not_there_is_told_with_the_nearest_and_all(weighted_tars):
    text = r"says nothing called 'wieght' of the images in 'train', only \w+, place, is_signed, weight\. Did you mean"
    with pytest.raises(RecipeError, match=text):
        Columns(open_dataset(weighted_tars), "train").column("wieght")


def test_images_are_drawn_as_often_as_the_json_beside_them_says(weighted_tars):
    _, counts = draws(weighted_tars, "sampler.column=weight")
    expected = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 2.0]
    assert np.abs(sum(counts) - expected).max() <= 1
    whole = [2, 4, 6, 7]  # these are drawn a whole number of times in each epoch
    assert all(epoch[whole].tolist() == [1, 2, 3, 1] for epoch in counts)


def test_one_target_is_learnt_and_another_one_decides_what_is_drawn(two_target_shards):
    assembly, counts = draws(
        *(two_target_shards, "sampler.column=style", "sampler.weights=flat=3,line=2"), targets=("artist",)
    )
    style, artist = (assembly.train.targets[name] for name in ("style", "artist"))
    flat, line = (open_dataset(two_target_shards).targets["style"].index(name) for name in ("flat", "line"))
    factors = np.select([artist < 0, style == flat, style == line], [0, 3, 2], default=1)
    assert all(np.array_equal(epoch, factors) for epoch in counts)
    loss = assembly.loss.losses[0].loss
    drawn = [factors[artist == label].sum() for label in range(3)]
    assert loss.context(0).drawn_counts.tolist() == drawn, "the loss corrects for what is drawn"


def test_a_misspelt_column_stops_before_anything_is_written(two_target_shards):
    with pytest.raises(RecipeError, match=r"nothing called 'styl' .*only artist, style, .*Did you mean 'style'\?"):
        draws(two_target_shards, "sampler.column=styl", "sampler.weights=flat=3")
