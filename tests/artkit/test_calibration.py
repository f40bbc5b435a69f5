"""Reliability of probabilities against calculations by hand and scikit-learn; temperatures of probabilities."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from artkit import calibration_interval, reliability, tempered
from artkit.engine.evaluation import softmax


def binary(confidences):
    """Probabilities of two classes, of which the first is predicted with these."""
    return np.stack([confidences, 1 - np.asarray(confidences)], axis=1)


def test_bins_hold_what_a_calculation_by_hand_puts_into_them():
    probabilities, labels = binary([0.55, 0.65, 0.69, 0.95]), np.array([0, 0, 1, 0])
    found = reliability(probabilities, labels, bins=10)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 1, 2, 0, 0, 1]
    assert found.confidences[[5, 6, 9]] == pytest.approx([0.55, 0.67, 0.95])
    assert found.accuracies[[5, 6, 9]] == pytest.approx([1, 0.5, 1])
    assert found.error == pytest.approx((0.45 + 2 * 0.17 + 0.05) / 4)


def test_certain_answers_are_in_the_last_bin_and_answers_on_an_edge_in_the_bin_above():
    found = reliability(binary([1.0, 0.5]), np.array([0, 0]), bins=2)
    assert found.counts.tolist() == [0, 2]


def test_bins_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    probabilities = softmax(generator.normal(size=(300, 2)))
    labels = generator.integers(0, 2, 300)
    found = reliability(probabilities, labels, bins=15)
    right = probabilities.argmax(axis=1) == labels
    accuracies, confidences = calibration_curve(right, probabilities.max(axis=1), n_bins=15)
    filled = found.counts > 0
    assert found.accuracies[filled] == pytest.approx(accuracies)
    assert found.confidences[filled] == pytest.approx(confidences)


def test_probabilities_that_keep_their_word_have_little_error_and_a_small_interval():
    generator = np.random.default_rng(1)
    confidences = generator.uniform(0.5, 1, 20000)
    labels = (generator.uniform(size=20000) > confidences).astype(np.int64)
    probabilities = binary(confidences)
    error, (low, high) = reliability(probabilities, labels).error, calibration_interval(probabilities, labels)
    assert error < 0.02
    assert low <= high < 0.03
    surer = tempered(probabilities, 0.5)
    assert reliability(surer, labels).error > high


def test_one_image_has_an_error_and_an_interval():
    assert reliability(binary([0.75]), np.array([1])).error == pytest.approx(0.75)
    assert calibration_interval(binary([0.75]), np.array([1])) == pytest.approx((0.75, 0.75))


def test_the_interval_is_the_same_every_time():
    probabilities, labels = binary(np.linspace(0.5, 1, 40)), np.arange(40) % 2
    assert calibration_interval(probabilities, labels) == calibration_interval(probabilities, labels)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.7, 20.0])
def test_tempered_probabilities_are_those_of_divided_logits(temperature):
    logits = np.random.default_rng(2).normal(0, 5, size=(50, 7))
    after = tempered(softmax(logits), temperature)
    assert after == pytest.approx(softmax(logits / temperature), abs=1e-12)
    assert np.array_equal(after.argmax(axis=1), logits.argmax(axis=1))


def test_a_temperature_of_one_changes_no_bit():
    probabilities = softmax(np.random.default_rng(3).normal(size=(5, 3)))
    assert tempered(probabilities, 1.0) is probabilities


def test_probabilities_of_zero_stay_so():
    assert tempered(np.array([[1.0, 0.0]]), 20.0).tolist() == [[1.0, 0.0]]
