"""Images that grow during training: the same ones in the same order, larger from an epoch on, and exact resumption."""

import re

import numpy as np
import pytest

from artkit.engine.assembly import assemble, open_data
from artkit.engine.run_notes import notes
from artkit.engine.training_loader import TrainingLoader
from artkit.errors import RecipeError
from artkit_shards import Loader, open_dataset


@pytest.fixture
def growing(shape_shards):
    """A function that makes a loader of images of 8 pixels, 16 in the second half of training."""
    split = open_dataset(shape_shards).split("train")

    def make(size, epoch):
        return Loader(split, image_size=size, batch_size=5, threads=1, epoch=epoch)

    return lambda: TrainingLoader(make, small=8, full=16, share=0.5)


def batches(loader):
    return [(batch.images.shape[-1], batch.rows.tolist()) for batch in loader]


def test_images_grow_between_epochs_and_come_in_the_order_of_the_plan(growing, shape_shards):
    loader, plain = growing(), Loader(open_dataset(shape_shards).split("train"), image_size=8, batch_size=5, threads=1)
    seen = []
    for epoch in range(4):
        loader.begin_epoch(epoch / 4)
        seen.append(batches(loader))
    assert [{size for size, _ in epoch} for epoch in seen] == [{8}, {8}, {16}, {16}]
    assert [[rows for _, rows in epoch] for epoch in seen] == [[rows for _, rows in batches(plain)] for _ in range(4)]


def test_in_the_middle_of_an_epoch_the_size_stays(growing):
    loader = growing()
    loader.begin_epoch(0.4)
    first = next(iter(loader))
    loader.begin_epoch(0.6)
    assert [first.images.shape[-1], *(size for size, _ in batches(loader))] == [8, 8, 8]
    assert loader.epoch == 1


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_loader_goes_on_at_the_size_where_another_one_stood(growing, epochs):
    loader = growing()
    for epoch in range(epochs):
        loader.begin_epoch(epoch / 3)
        batches(loader)
    loader.begin_epoch(epochs / 3)
    next(iter(loader))
    state = loader.state_dict()
    resumed = growing()
    resumed.load_state_dict(state)
    assert batches(resumed) == batches(loader)


def test_a_run_with_growing_images_resumes_exactly_and_is_judged_at_full_size(training_bench):
    recipe = training_bench.recipe("data.grow_from=8", "data.grow_after=0.5")
    # In the epoch of small images, and in that of large ones.
    assert training_bench.stops_and_resumptions_are_not_seen(recipe, stops=[2, 6])
    trainer = training_bench.train(recipe)
    assert trainer.weights()["preprocessing"]["image_size"] == 16
    plain = training_bench.train(training_bench.recipe())
    assert not np.isclose(trainer.logged[0]["loss"], plain.logged[0]["loss"])


@pytest.mark.parametrize("size", [7, 17])
def test_a_size_that_images_cannot_grow_from_is_refused(training_bench, size):
    message = f"section [data]: grow_from={size} is out of bounds; images grow from a size between 8 and image_size=16"
    with pytest.raises(RecipeError, match=re.escape(message)):
        training_bench.recipe(f"data.grow_from={size}")


@pytest.mark.parametrize(
    ("assignments", "line"),
    [
        (
            ("data.grow_from=8", "data.grow_after=0.9", "train.epochs=4"),
            "data.grow_after=0.9 leaves no whole epoch of 4 for larger images: all are learnt at grow_from=8 and "
            "judged at image_size=16",
        ),
        (
            ("data.grow_from=16",),
            "data.grow_from=16 has no effect: images have image_size=16 from the start",
        ),
        (
            ("data.grow_from=8", "data.grow_after=0"),
            "data.grow_from=8 has no effect: images have image_size=16 from the start",
        ),
        (("data.grow_from=8", "data.grow_after=0.75", "train.epochs=4"), None),
        (("data.grow_after=1",), None),
    ],
)
def test_images_that_do_not_grow_are_told_of(training_bench, assignments, line):
    recipe = training_bench.recipe(*assignments)
    told = [note for note in notes(assemble(recipe, open_data(recipe))) if note.startswith("data.grow")]
    assert told == ([line] if line else [])
