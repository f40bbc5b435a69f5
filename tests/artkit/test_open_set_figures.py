"""Figures of scores: against scikit-learn, against all orders of ties, and against calculations by hand."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from artkit.engine.open_set.figures import (
    accuracy_at_coverage,
    aurc,
    auroc,
    error_by_coverage,
    fpr_at_tpr,
    score_figures,
)

NONE = np.zeros(0)


def test_auroc_counts_ties_one_half():
    known, strangers = np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0])
    wins = [(s > k) + 0.5 * (s == k) for s in strangers for k in known]
    assert auroc(known, strangers) == pytest.approx(np.mean(wins))


def test_strangers_that_are_all_stranger_are_told_perfectly():
    known, strangers = np.array([0.1, 0.2]), np.array([0.3, 0.4])
    assert (auroc(known, strangers), fpr_at_tpr(known, strangers)) == (1.0, 0.0)
    assert (auroc(strangers, known), fpr_at_tpr(strangers, known)) == (0.0, 1.0)


@pytest.mark.parametrize("digits", [6, 1], ids=["no ties", "many ties"])
def test_the_false_positive_rate_is_that_of_the_roc_curve(digits):
    generator = np.random.default_rng(3)
    known = generator.normal(0, 1, 333).round(digits)
    strangers = generator.normal(1, 1, 200).round(digits)
    labels = np.repeat([1, 0], [333, 200])
    fpr, tpr, _ = roc_curve(labels, -np.concatenate([known, strangers]), drop_intermediate=False)
    assert fpr_at_tpr(known, strangers) == pytest.approx(fpr[tpr >= 0.95][0])


def test_the_error_by_coverage_is_that_of_a_calculation_by_hand():
    scores, right = np.array([0.4, 0.1, 0.3, 0.2]), np.array([False, True, True, False])
    assert error_by_coverage(scores, right) == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    assert aurc(scores, right) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert accuracy_at_coverage(scores, right, 0.75) == pytest.approx(2 / 3)
    assert accuracy_at_coverage(scores, right, 0.5) == pytest.approx(1 / 2)
    assert accuracy_at_coverage(scores, right, 0.01) == 1.0, "one image at least"


def test_ties_are_the_mean_over_all_orders():
    scores, right = np.array([1.0, 2.0, 2.0, 2.0, 3.0]), np.array([True, True, False, False, True])
    orders = [(0, *middle, 4) for middle in itertools.permutations((1, 2, 3))]
    expected = np.mean([np.cumsum(~right[list(order)]) / np.arange(1, 6) for order in orders], axis=0)
    assert error_by_coverage(scores, right) == pytest.approx(expected)
    assert aurc(scores, right) == pytest.approx(expected.mean())


def test_a_score_that_says_nothing_has_the_error_of_all_images_everywhere():
    right = np.array([True, False, False, True, True])
    assert error_by_coverage(np.ones(5), right) == pytest.approx([2 / 5] * 5)


def test_figures_are_told_as_far_as_there_is_what_they_are_of():
    known, right = np.array([0.1, 0.2, 0.3, 0.9]), np.array([True, True, False, True])
    alone = score_figures(known, right, NONE, None)
    assert alone.keys() == {"aurc", "accuracy_at_90", "accuracy_at_80", "accuracy_at_50"}
    with_strangers = score_figures(known, right, np.array([0.25, 0.95]), None)
    assert with_strangers.keys() - alone.keys() == {"auroc", "fpr95"}
    with_threshold = score_figures(known, right, NONE, 0.3)
    assert with_threshold.keys() - alone.keys() == {"threshold", "known_accepted", "trained_accuracy"}


def test_trained_and_unexpected_accuracies_are_those_of_one_classifier_that_may_say_unknown():
    known, right = np.array([0.1, 0.2, 0.3, 0.9]), np.array([True, True, False, True])
    figures = score_figures(known, right, np.array([0.25, 0.5, 0.95]), 0.3)
    assert figures["known_accepted"] == 3 / 4
    assert figures["trained_accuracy"] == 2 / 4, "the last one is right, but called unknown"
    assert figures["unexpected_accuracy"] == pytest.approx(2 / 3)
    generous = score_figures(known, right, np.array([0.25, 0.5, 0.95]), 9.0)
    assert (generous["trained_accuracy"], generous["unexpected_accuracy"]) == (3 / 4, 0.0)
