"""Logits moved from one prior to another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit.engine.evaluation import softmax
from artkit.engine.prior import adjust_logits, log_prior

COUNTS = np.array([900, 90, 9, 1])


def logits(num_images=5):
    return np.random.default_rng(0).normal(0, 2, (num_images, len(COUNTS)))


def test_the_prior_is_the_share_of_each_class():
    np.testing.assert_allclose(np.exp(log_prior(COUNTS)), COUNTS / 1000)


def test_a_class_without_images_counts_as_one_with_one_image():
    np.testing.assert_allclose(np.exp(log_prior(np.array([8, 0, 1]))), [0.8, 0.1, 0.1])


def test_at_zero_nothing_changes():
    np.testing.assert_array_equal(adjust_logits(logits(), COUNTS, 0.0), logits())


@pytest.mark.parametrize("tau", [1.0, 0.3, -1.0])
def test_probabilities_are_divided_by_the_prior_to_the_power_of_tau(tau):
    expected = softmax(logits()) / (COUNTS / COUNTS.sum()) ** tau
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax(adjust_logits(logits(), COUNTS, tau)), expected)


@given(tau=st.floats(-3, 3), other=st.floats(-3, 3))
def test_strengths_add_up(tau, other):
    twice = adjust_logits(adjust_logits(logits(), COUNTS, tau), COUNTS, other)
    np.testing.assert_allclose(twice, adjust_logits(logits(), COUNTS, tau + other), atol=1e-9)


def test_what_knows_nothing_but_the_prior_comes_to_know_nothing():
    learnt = np.log(COUNTS / COUNTS.sum())[None]
    np.testing.assert_allclose(softmax(adjust_logits(learnt, COUNTS, 1.0)), np.full((1, 4), 0.25))
