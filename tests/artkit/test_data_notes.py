"""What the user hears of images that cannot be used: each once, and not too many of them."""

import pytest

from artkit.engine.data_notes import DataNotes
from artkit.engine.training_loader import TrainingLoader
from artkit_shards import Loader, open_dataset
from artkit_shards.stream.replacement import Replacement


@pytest.fixture
def loader(shape_shards):
    images = Loader(open_dataset(shape_shards).split("train"), image_size=16, batch_size=4)
    return TrainingLoader(lambda _size, _epoch: images, small=16, full=16, share=0.0)


def bad(number, epoch=0):
    return Replacement(epoch, number, "train-000000.tar", f"{number:09d}", "truncated", "000000099")


def test_each_image_is_told_once_although_every_epoch_meets_it_again(loader):
    told = []
    notes = DataNotes(loader, told.append)
    for epoch in range(3):
        loader.current.replaced.append(bad(7, epoch))
        notes.after_batch()
    loader.current.replaced += [bad(7, 3), bad(8, 3)]
    notes.after_batch()
    assert told == [
        "image 000000007 of train-000000.tar cannot be used (truncated); another one stands in",
        "image 000000008 of train-000000.tar cannot be used (truncated); another one stands in",
    ]


def test_of_many_the_first_are_named_and_the_rest_is_said_to_be_there(loader):
    told = []
    notes = DataNotes(loader, told.append)
    for number in range(40):
        loader.current.replaced.append(bad(number))
        notes.after_batch()
    assert len(told) == 11
    assert told[-1] == "more images cannot be used; `artkit dataset verify` lists them all"


def test_without_a_cache_nothing_is_said_of_one(loader):
    told = []
    notes = DataNotes(loader, told.append)
    assert list(loader)
    notes.after_epoch(0)
    assert told == []
