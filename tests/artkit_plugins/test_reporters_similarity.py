"""Which classes are alike: an order, and groups in it."""

import numpy as np
import pytest

from artkit_plugins.reporters.similarity import similar_groups, similarity_order

GROUPS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])


def in_groups(groups, within=4, right=20):
    """Counts of classes that are taken for those of their own group only."""
    return np.where(groups[:, None] == groups, within, 0) + right * np.eye(len(groups), dtype=np.int64)


def test_classes_that_are_confused_stand_beside_each_other():
    ordered = GROUPS[similarity_order(in_groups(GROUPS))]
    assert (np.diff(ordered) != 0).sum() == 2


@pytest.mark.parametrize("num_classes", [1, 2, 3, 40])
def test_the_order_is_a_permutation_even_without_confusion(num_classes):
    order = similarity_order(7 * np.eye(num_classes, dtype=np.int64))
    assert sorted(order.tolist()) == list(range(num_classes))


def test_likeness_is_of_shares_so_that_large_classes_do_not_outweigh_small_ones():
    counts = 100 * np.eye(4, dtype=np.int64)
    counts[0, 1] = 5  # of a hundred
    counts[2] = [0, 0, 4, 4]  # half of a class
    order = similarity_order(counts).tolist()
    assert abs(order.index(2) - order.index(3)) == 1
    assert [2, 3] in [sorted(group.tolist()) for group in similar_groups(counts)]


def test_groups_are_those_that_are_confused_and_join_to_the_order():
    counts = in_groups(GROUPS)
    groups = similar_groups(counts)
    assert sorted(sorted(group.tolist()) for group in groups) == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    np.testing.assert_array_equal(np.concatenate(groups), similarity_order(counts))


@pytest.mark.parametrize("num_classes", [1, 2, 5, 30])
def test_without_confusion_every_class_stands_alone(num_classes):
    groups = similar_groups(7 * np.eye(num_classes, dtype=np.int64))
    assert [len(group) for group in groups] == [1] * num_classes


def test_mistakes_that_are_spread_evenly_make_no_groups():
    counts = np.full((40, 40), 1) + 60 * np.eye(40, dtype=np.int64)
    assert max(len(group) for group in similar_groups(counts)) == 1


def test_classes_without_images_are_ordered_too():
    counts = in_groups(GROUPS)
    counts[4] = 0
    assert sorted(similarity_order(counts).tolist()) == list(range(9))
