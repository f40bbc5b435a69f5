"""Class balance on real data, counted from what the loader delivers: the bundled demo, one epoch after another."""

from collections import Counter

import numpy as np
import pytest

from artkit.contracts import SamplerContext
from artkit.registry import load_registry
from artkit_shards import Loader, demo_path, open_dataset


@pytest.fixture(scope="module")
def split():
    return open_dataset(demo_path()).split("train")


@pytest.fixture(scope="module")
def sampler(split):
    names = open_dataset(demo_path()).class_names
    component = load_registry().component("sampler", "class-balanced")
    return component.build(SamplerContext(labels=split.labels, class_names=names, seed=3, num_epochs=7))


def deliver(split, counts, epoch, threads):
    loader = Loader(split, image_size=8, batch_size=64, counts=counts, seed=3, epoch=epoch, threads=threads)
    keys, labels = [], []
    for batch in loader:
        keys += batch.keys
        labels += batch.labels.tolist()
    return keys, labels


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_epoch_has_every_class_equally_often_whatever_the_threads(split, sampler, threads):
    keys, labels = deliver(split, sampler.counts(0), 0, threads)
    per_class = np.bincount(labels, minlength=len(split.class_counts))
    assert len(labels) == len(split)
    assert per_class.max() - per_class.min() <= 1
    repeats = Counter(keys)
    for label in range(len(split.class_counts)):
        of_class = [repeats[split.keys[row]] for row in np.flatnonzero(split.labels == label)]
        assert max(of_class) - min(of_class) <= 1


def test_over_epochs_every_image_of_a_class_is_drawn_equally_often(split, sampler):
    total: Counter[str] = Counter()
    for epoch in range(7):
        total.update(deliver(split, sampler.counts(epoch), epoch, 2)[0])
    for label in range(len(split.class_counts)):
        of_class = [total[split.keys[row]] for row in np.flatnonzero(split.labels == label)]
        assert max(of_class) - min(of_class) <= 1
