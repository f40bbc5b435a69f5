"""Scores, thresholds and temperature, against calculations by hand and against scikit-learn and scipy."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.neighbors import NearestNeighbors

from artkit.engine.evaluation import softmax
from artkit.engine.open_set.scores import LOGIT_SCORES, energy, knn, max_logit, msp, unit_length, usual_neighbours
from artkit.engine.open_set.temperature import BOUNDS, fit_temperature, mean_loss
from artkit.engine.open_set.threshold import accepted, threshold_at

LOGITS = np.log(np.array([[1.0, 1.0, 2.0], [1.0, 3.0, 6.0], [10.0, 10.0, 20.0]]))


def drawn_logits(num_images=200, num_classes=5, scale=3.0):
    """Logits, and labels drawn by their softmax: a temperature of `scale` mends logits that are multiplied by it."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(num_images, num_classes))
    labels = np.array([generator.choice(num_classes, p=p) for p in softmax(logits)])
    return scale * logits, labels


def test_scores_are_those_of_a_calculation_by_hand():
    assert msp(LOGITS) == pytest.approx([1 - 2 / 4, 1 - 6 / 10, 1 - 20 / 40])
    assert energy(LOGITS) == pytest.approx([-math.log(4), -math.log(10), -math.log(40)])
    assert max_logit(LOGITS) == pytest.approx([-math.log(2), -math.log(6), -math.log(20)])


@pytest.mark.parametrize("name", LOGIT_SCORES)
def test_more_evidence_for_a_class_is_less_strange(name):
    weak, strong = np.array([[1.0, 0.0, 0.0]]), np.array([[6.0, 0.0, 0.0]])
    assert LOGIT_SCORES[name](strong) < LOGIT_SCORES[name](weak)


def test_msp_tells_apart_answers_whose_probability_rounds_to_one():
    scores = msp(np.array([[40.0, 0.0], [50.0, 0.0]]))
    assert 1 - softmax(np.array([[40.0, 0.0]])).max() == 0, "there is nothing left of the difference from 1"
    assert scores == pytest.approx([math.exp(-40), math.exp(-50)])


def test_knn_is_the_cosine_distance_to_the_neighbour_that_scikit_learn_finds():
    generator = np.random.default_rng(1)
    bank, queries = (generator.normal(size=(n, 8)).astype(np.float32) for n in (50, 20))
    distances, _ = NearestNeighbors(n_neighbors=7, metric="cosine").fit(bank).kneighbors(queries)
    assert knn(queries, unit_length(bank), 7) == pytest.approx(distances[:, 6], abs=1e-6)
    assert knn(7 * queries, unit_length(bank), 7) == pytest.approx(distances[:, 6], abs=1e-6), "length has no say"


def test_knn_in_small_pieces_is_knn_at_once(monkeypatch):
    generator = np.random.default_rng(2)
    bank, queries = (unit_length(generator.normal(size=(n, 4)).astype(np.float32)) for n in (30, 21))
    whole = knn(queries, bank, 3)
    monkeypatch.setattr("artkit.engine.open_set.scores._MOST_SIMILARITIES", 120)
    assert knn(queries, bank, 3) == pytest.approx(whole, abs=1e-6)


def test_knn_uses_the_farthest_of_a_bank_that_is_smaller_than_k_and_takes_features_of_zeros():
    bank = unit_length(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32))
    scores = knn(np.array([[2.0, 0.0], [0.0, 0.0]], dtype=np.float32), bank, 10)
    assert scores == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([848, 40, 15], 10), ([20, 3, 2], 3), ([5, 0, 0], 5), ([1, 1], 1), ([0, 0], 1)],
    ids=["many", "few", "one class", "one image each", "none"],
)
def test_the_usual_number_of_neighbours_is_no_larger_than_the_middle_class(counts, expected):
    assert usual_neighbours(np.array(counts)) == expected


@pytest.mark.parametrize(
    ("scores", "share", "expected"),
    [
        (range(1, 21), 0.95, 19),
        (range(1, 101), 0.95, 95),
        (range(1, 61), 0.95, 57),
        ([1, 1, 1, 2], 0.5, 1),
        ([3.0], 0.95, 3.0),
        ([1, 2, 3], 1.0, 3),
        ([5, 1, 3], 0.01, 1),
    ],
)
def test_the_threshold_is_the_lowest_that_accepts_the_share(scores, share, expected):
    scores = np.array(list(scores), dtype=np.float64)
    threshold = threshold_at(scores, share)
    assert threshold == expected
    assert accepted(scores, threshold).mean() >= share - 1e-12
    lower = scores[scores < threshold]
    assert not len(lower) or accepted(scores, lower.max()).mean() < share


def test_the_temperature_is_the_one_with_the_least_loss():
    logits, labels = drawn_logits()
    temperature = fit_temperature(logits, labels)
    best = minimize(lambda x: mean_loss(logits, labels, float(np.exp(x[0]))), [0.0], method="Nelder-Mead")
    assert temperature == pytest.approx(float(np.exp(best.x[0])), rel=1e-3)
    assert 2 < temperature < 5
    assert mean_loss(logits, labels, temperature) < mean_loss(logits, labels)


def test_the_loss_is_that_of_the_probabilities():
    logits, labels = drawn_logits(30)
    probabilities = softmax(logits / 2)
    assert mean_loss(logits, labels, 2.0) == pytest.approx(-np.log(probabilities[np.arange(30), labels]).mean())


def test_a_temperature_changes_the_order_of_no_two_classes():
    logits, labels = drawn_logits()
    temperature = fit_temperature(logits, labels)
    assert temperature != 1.0
    assert np.array_equal(logits.argsort(axis=1), (logits / temperature).argsort(axis=1))
    assert np.array_equal(softmax(logits).argmax(axis=1), softmax(logits / temperature).argmax(axis=1))


def test_a_temperature_that_gains_nothing_is_one():
    logits = np.zeros((4, 3))
    assert fit_temperature(logits, np.array([0, 1, 2, 0])) == 1.0


@pytest.mark.parametrize(
    ("labels", "low", "high"),
    [([0, 1, 0], BOUNDS[0], 0.1), ([1, 0, 1], 19.0, BOUNDS[1])],
    ids=["all right", "all wrong"],
)
def test_a_temperature_stays_within_its_bounds(labels, low, high):
    logits = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    assert low <= fit_temperature(logits, np.array(labels)) <= high
