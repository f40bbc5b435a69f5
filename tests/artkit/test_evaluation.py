"""Metrics against a calculation by hand, and logits in the order of the split."""

import math

import numpy as np
import pytest
import torch

from artkit.engine.evaluation import compute_metrics, predict_split, softmax
from artkit.engine.precision import Precision
from artkit.engine.preprocessing import Preprocessing
from artkit.registry import load_registry
from artkit_shards import fit_image, open_dataset

PREPROCESSING = Preprocessing(image_size=16, fit="letterbox", mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.5))


def test_metrics_are_those_of_a_calculation_by_hand():
    # Class 2 never occurs; it is predicted once.
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]])
    values = compute_metrics(np.array([0, 0, 0, 1]), probabilities)
    assert values["accuracy"] == pytest.approx(2 / 4)
    assert values["macro_recall"] == pytest.approx((1 / 3 + 1) / 2), "over the classes that occur"
    # F1: class 0 has precision 1 and recall 1/3; class 1 has precision 1/2 and recall 1; class 2 has none.
    assert values["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert values["loss"] == pytest.approx(-sum(map(math.log, (0.6, 0.2, 0.1, 0.5))) / 4)


def test_a_probability_of_zero_gives_a_finite_loss():
    assert math.isfinite(compute_metrics(np.array([1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]))["loss"])


def test_softmax_is_right_for_logits_too_large_to_exponentiate():
    assert softmax(np.array([[1000.0, 1000.0 + math.log(3)]])) == pytest.approx(np.array([[0.25, 0.75]]))


class FirstPixels(torch.nn.Module):
    """Its logits are the normalised centre pixel of each image."""

    def forward(self, images_BCHW):
        return images_BCHW[:, :, 8, 8]


def predict(model, split, **changes):
    component = load_registry().component("model", "small-resnet")
    cpu = torch.device("cpu")
    options = {"batch_size": 4, "threads": 1, "device": cpu, "precision": Precision("float32", cpu), "mirrored": False}
    options |= changes
    return predict_split(model, component, split, PREPROCESSING, **options)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_logits_stand_in_the_order_of_the_split_whatever_the_batch_size(shape_shards, batch_size):
    split = open_dataset(shape_shards).split("train")
    logits = predict(FirstPixels(), split, batch_size=batch_size)
    pixels = np.array([fit_image(split.read(row), 16)[8, 8] for row in range(len(split))]) / 255
    assert logits == pytest.approx((pixels - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.5], abs=1e-5)


class LeftPixels(torch.nn.Module):
    """Its logits are a normalised pixel left of the centre."""

    def forward(self, images_BCHW):
        return images_BCHW[:, :, 8, 5]


def test_mirrored_answers_are_the_mean_of_the_probabilities_of_both_images(shape_shards):
    split = open_dataset(shape_shards).split("train")
    logits = predict(LeftPixels(), split, mirrored=True)
    pixels = np.array([fit_image(split.read(row), 16)[8] for row in range(len(split))]) / 255
    normalised = (pixels - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.5]
    expected = (softmax(normalised[:, 5]) + softmax(normalised[:, 15 - 5])) / 2
    assert (normalised[:, 5] != normalised[:, 10]).any()
    assert softmax(logits) == pytest.approx(expected, abs=1e-6)
