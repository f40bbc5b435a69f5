"""Intervals and tests against closed forms, and against the metrics of a run."""

import numpy as np
import pytest
from scipy import stats

from artkit.engine.evaluation import compute_metrics, softmax
from artkit.engine.intervals import (
    mcnemar,
    percentile_interval,
    resampled_scores,
    score_intervals,
    scores,
)
from artkit.wilson import wilson_interval


def answers(num_images, num_classes, seed):
    """Probabilities, labels, answers and losses of a model that is sometimes right; rare classes are missing."""
    generator = np.random.default_rng(seed)
    labels = np.minimum(generator.geometric(0.4, num_images) - 1, num_classes - 1)
    probabilities = softmax(generator.normal(size=(num_images, num_classes)) + 2 * np.eye(num_classes)[labels])
    losses = -np.log(probabilities[np.arange(num_images), labels])
    return probabilities, labels, probabilities.argmax(axis=1), losses


@pytest.mark.parametrize(("num_images", "num_classes"), [(1, 2), (7, 12), (300, 5)])
def test_the_fast_scores_are_the_metrics_of_a_run(num_images, num_classes):
    probabilities, labels, predicted, losses = answers(num_images, num_classes, seed=num_images)
    assert scores(labels, predicted, losses) == pytest.approx(compute_metrics(labels, probabilities))


def test_the_interval_of_a_mean_is_that_of_theory():
    _, labels, predicted, losses = answers(500, 4, seed=1)
    half = 1.96 * losses.std() / np.sqrt(len(losses))
    low, high = score_intervals(labels, predicted, losses)["loss"]
    assert (low, high) == pytest.approx((losses.mean() - half, losses.mean() + half), abs=0.1 * half)


def test_intervals_hold_their_scores_and_the_accuracy_has_wilsons():
    _, labels, predicted, losses = answers(200, 6, seed=2)
    intervals = score_intervals(labels, predicted, losses)
    for name, value in scores(labels, predicted, losses).items():
        assert intervals[name][0] < value < intervals[name][1], name
    assert intervals["accuracy"] == wilson_interval(int((labels == predicted).sum()), 200)


def test_resamples_are_the_same_for_two_models_so_that_their_difference_is_paired():
    _, labels, predicted, losses = answers(100, 4, seed=3)
    ours = resampled_scores(labels, predicted, losses, resamples=50)
    # Worse by the same amount on every image: unpaired resamples would spread, paired ones do not.
    theirs = resampled_scores(labels, predicted, losses + 0.5, resamples=50)
    assert percentile_interval(theirs["loss"] - ours["loss"]) == pytest.approx((0.5, 0.5))
    assert percentile_interval(theirs["macro_f1"] - ours["macro_f1"]) == (0, 0)


def test_mcnemar_counts_the_images_on_which_two_models_disagree():
    assert mcnemar(10, 2) == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert mcnemar(2, 10) == pytest.approx(mcnemar(10, 2))
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 1), (1, 1), (7, 8), (0, 40), (300, 260), (3000, 3200)])
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second):
    expected = stats.binomtest(only_first, only_first + only_second).pvalue
    assert mcnemar(only_first, only_second) == pytest.approx(expected, rel=1e-9)
