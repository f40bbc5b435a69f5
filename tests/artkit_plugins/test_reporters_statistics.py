"""The numbers that reporters share, against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_plugins.reporters.statistics import (
    class_scores,
    confused_pairs,
    confusion_counts,
    row_shares,
    sample_scores,
    worst_first,
)

LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 2, 1, 1, 1])
NAMES = ("Delacroix", "Rubens", "Klee", "nobody")


def test_confusion_counts_has_a_row_for_a_class_nobody_saw():
    expected = [[2, 1, 1, 0], [0, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert confusion_counts(LABELS, PREDICTED, 4).tolist() == expected


def test_row_shares_sum_to_one_or_are_zero_without_samples():
    shares = row_shares(confusion_counts(LABELS, PREDICTED, 4))
    assert shares.sum(axis=1).tolist() == [1, 1, 1, 0]
    assert shares[0].tolist() == [0.5, 0.25, 0.25, 0]


def test_class_scores_are_those_worked_out_by_hand():
    delacroix, rubens, klee, nobody = class_scores(LABELS, PREDICTED, NAMES, (50, 30, 20, 7))
    assert (delacroix.precision, delacroix.recall, delacroix.support) == (1.0, 0.5, 4)
    assert delacroix.f1 == pytest.approx(2 / 3)
    assert (delacroix.recall_low, delacroix.recall_high) == pytest.approx((0.15, 0.85), abs=1e-4)
    assert (rubens.precision, rubens.recall, rubens.right) == (0.5, 1.0, 2)
    assert (klee.precision, klee.recall, klee.f1, klee.right) == (0, 0, 0, 0)
    assert (nobody.support, nobody.recall, nobody.recall_low, nobody.recall_high) == (0, 0, 0.0, 1.0)
    assert [s.train_count for s in (delacroix, rubens, klee, nobody)] == [50, 30, 20, 7]


def test_worst_first_prefers_the_larger_support_among_equals_and_leaves_unseen_classes_out():
    labels = np.array([0, 1, 1, 1, 2, 2])
    predicted = np.array([1, 0, 0, 0, 2, 2])
    scores = class_scores(labels, predicted, NAMES, (1, 1, 1, 1))
    assert worst_first(scores) == [1, 0, 2]


def test_confused_pairs_come_by_count_then_share_with_their_support():
    confusion = np.array([[8, 3, 1], [2, 2, 0], [0, 3, 0]])
    pairs = [(p.true, p.predicted, p.n, p.of, p.share) for p in confused_pairs(confusion)]
    assert pairs == [(2, 1, 3, 3, 1.0), (0, 1, 3, 12, 0.25), (1, 0, 2, 4, 0.5), (0, 2, 1, 12, 1 / 12)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60))
def test_confused_pairs_count_every_mistake_once(answers):
    labels, predicted = map(np.array, zip(*answers, strict=True))
    pairs = confused_pairs(confusion_counts(labels, predicted, 6))
    assert sum(pair.n for pair in pairs) == (labels != predicted).sum()
    assert all(pair.n <= pair.of for pair in pairs)


def test_sample_scores_are_those_worked_out_by_hand():
    scores = sample_scores(np.array([[0.7, 0.2, 0.1], [0.25, 0.5, 0.25]]), np.array([1, 1]))
    assert scores.p_true.tolist() == [0.2, 0.5]
    assert scores.p_predicted.tolist() == [0.7, 0.5]
    assert scores.margin.tolist() == pytest.approx([0.5, 0.25])
    assert scores.loss.tolist() == pytest.approx([-math.log(0.2), -math.log(0.5)])
    assert scores.entropy[1] == pytest.approx(1.5 * math.log(2))


def test_sample_scores_stay_finite_where_a_probability_underflowed():
    scores = sample_scores(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 0]))
    assert 700 < scores.loss[0] < 720
    assert scores.entropy.tolist() == pytest.approx([0.0, math.log(2)])


def test_the_margin_of_a_single_class_is_its_probability():
    assert sample_scores(np.ones((2, 1)), np.zeros(2, dtype=np.int64)).margin.tolist() == [1, 1]
