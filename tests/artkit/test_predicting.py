"""A trained model answers images: with the pixels of a loader, the logits of an evaluation, and the head's features."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from artkit.engine.evaluation import predict_split
from artkit.engine.naming import UNKNOWN, name_answers
from artkit.engine.precision import Precision
from artkit.engine.predicting import Answers, Predictor
from artkit.engine.structure import find_head
from artkit.engine.trained import find_weights, load_trained
from artkit_shards import ImageError, Loader, open_dataset


@pytest.fixture(scope="module")
def trained(uneven_run):
    return load_trained(find_weights(uneven_run))


@pytest.fixture(scope="module")
def split(uneven_shards):
    return open_dataset(uneven_shards).split("train")


@pytest.fixture(scope="module")
def pictures(trained, split):
    """The images of the split as the model is shown them."""
    return np.stack([Predictor(trained).picture(split.read(row)) for row in range(len(split))])


def evaluated(trained, split, *, mirrored):
    return predict_split(
        trained.model,
        trained.recipe.model.component,
        split,
        trained.preprocessing,
        batch_size=4,
        threads=1,
        device=trained.device,
        precision=Precision("float32", trained.device),
        mirrored=mirrored,
        columns=[head.columns for head in trained.heads],
    )


class Scores:
    """Gives the images the scores 0, 1, 2, ...; those above 1 are unknown."""

    threshold = 1.0

    def scores(self, answers):
        return np.arange(len(answers), dtype=np.float64)


def test_pictures_are_those_of_the_loader_to_the_pixel(trained, split, pictures):
    loader = Loader(split, image_size=16, batch_size=5, fit=trained.preprocessing.fit, order="rows")
    loaded = np.concatenate([batch.images.permute(0, 2, 3, 1).numpy() for batch in loader])
    assert np.array_equal(pictures, loaded[: len(split)])


@pytest.mark.parametrize("mirrored", [False, True])
def test_logits_are_those_of_an_evaluation(trained, split, pictures, mirrored):
    answers = Predictor(trained, mirrored=mirrored).answer(pictures)
    assert answers.logits_BK == pytest.approx(evaluated(trained, split, mirrored=mirrored), abs=1e-5)


def test_mirror_images_are_judged_if_the_run_did(trained, pictures):
    plain = replace(trained, recipe=replace(trained.recipe, train=replace(trained.recipe.train, tta=False)))
    assert (Predictor(trained).mirrored, Predictor(plain).mirrored) == (True, False)
    one, other = Predictor(trained).answer(pictures), Predictor(trained, mirrored=False).answer(pictures)
    assert not np.allclose(one.logits_BK, other.logits_BK)


def test_the_answer_to_an_image_does_not_depend_on_its_company(trained, pictures):
    predictor = Predictor(trained)
    together = predictor.answer(pictures[:6]).logits_BK
    alone = np.concatenate([predictor.answer(pictures[row : row + 1]).logits_BK for row in range(6)])
    assert alone == pytest.approx(together, abs=1e-5)


def test_features_are_what_the_head_makes_logits_of(trained, pictures):
    answers = Predictor(trained, mirrored=False).answer(pictures)
    head = find_head(trained.model, 3)
    assert answers.features_BD.dtype == np.float32
    made = head(torch.from_numpy(answers.features_BD)).detach().numpy()
    assert made == pytest.approx(answers.logits_BK, abs=1e-5)


def test_features_are_those_of_the_image_itself_not_of_its_mirror_image(trained, pictures):
    one, other = (Predictor(trained, mirrored=mirrored).answer(pictures) for mirrored in (False, True))
    assert np.array_equal(one.features_BD, other.features_BD)


def test_asking_leaves_nothing_behind_in_the_model(trained, pictures):
    Predictor(trained).answer(pictures)
    assert not any(module._forward_hooks for module in trained.model.modules())


class Behind(nn.Module):
    """A model with something behind its head."""

    artkit_stages = ("body",)

    def __init__(self, factor):
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.head = nn.Linear(4, 3)
        self.factor = factor

    def forward(self, images):
        return self.factor * self.head(self.body(images.mean((2, 3))))


@pytest.mark.parametrize(("factor", "has_features"), [(1.0, True), (2.0, False)])
def test_a_model_with_something_behind_its_head_has_no_features(trained, pictures, factor, has_features):
    answers = Predictor(replace(trained, model=Behind(factor))).answer(pictures)
    assert (answers.features_BD is not None) == has_features


def test_a_model_without_a_head_that_can_be_told_answers_as_well(trained, pictures):
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1), nn.Flatten())
    answers = Predictor(replace(trained, model=model)).answer(pictures)
    assert answers.features_BD is None
    assert answers.logits_BK.shape == (len(pictures), 3)


def test_features_are_told_although_the_model_has_gone_astray(trained, pictures):
    model = Behind(1.0)
    nn.init.constant_(model.head.weight, float("nan"))
    answers = Predictor(replace(trained, model=model)).answer(pictures)
    assert answers.features_BD is not None
    assert not answers.is_finite.any()


def test_tau_takes_the_prior_off_and_temperature_makes_less_sure(trained, pictures):
    (head,) = trained.heads
    plain, shifted = (Predictor(trained, tau=tau).answer(pictures) for tau in (0.0, 1.0))
    heated = Predictor(trained, tau=1.0, temperatures={head.name: 2.0}).answer(pictures)
    expected = plain.probabilities(head) / head.class_counts
    assert shifted.probabilities(head) == pytest.approx(expected / expected.sum(axis=1, keepdims=True))
    warm = np.sqrt(shifted.probabilities(head))
    assert heated.probabilities(head) == pytest.approx(warm / warm.sum(axis=1, keepdims=True))


def test_probabilities_of_each_target_sum_to_one(two_target_run, two_target_shards):
    predictor = Predictor(load_trained(find_weights(two_target_run)))
    split = open_dataset(two_target_shards).split("test")
    answers = predictor.answer(np.stack([predictor.picture(split.read(row)) for row in range(len(split))]))
    assert [head.name for head in predictor.heads] == ["artist", "style"]
    for head in predictor.heads:
        probabilities = answers.probabilities(head)
        assert probabilities.shape == (9, len(head.class_names))
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(9))


def test_what_is_no_image_is_refused(trained):
    with pytest.raises(ImageError, match="not an image"):
        Predictor(trained).picture(b"<svg/>")


def test_the_likeliest_classes_are_named_best_first(trained, pictures):
    predictor = Predictor(trained)
    answers = predictor.answer(pictures)
    (head,) = predictor.heads
    named = list(name_answers(predictor, answers, 2))
    for answer, probabilities in zip(named, answers.probabilities(head), strict=True):
        (target,) = answer.targets
        order = np.argsort(-probabilities)[:2]
        assert [guess.name for guess in target.top] == [head.class_names[k] for k in order]
        assert [guess.p for guess in target.top] == pytest.approx(probabilities[order])
        assert (target.target, target.predicted) == (head.name, target.top[0].name)
        assert answer.unknown_score is None


def test_of_few_classes_all_are_named(trained, pictures):
    predictor = Predictor(trained)
    (answer,) = name_answers(predictor, predictor.answer(pictures[:1]), 10)
    assert sorted(guess.name for guess in answer.targets[0].top) == ["few", "many", "some"]


def test_a_rule_says_which_images_are_unknown_in_the_main_target(two_target_run):
    predictor = Predictor(load_trained(find_weights(two_target_run)), unknown=Scores())
    logits = np.tile([3.0, 0.0, 0.0, 3.0, 0.0], (4, 1))
    named = list(name_answers(predictor, Answers(logits_BK=logits, features_BD=None), 1))
    assert [answer.targets[0].predicted for answer in named] == ["A", "A", UNKNOWN, UNKNOWN]
    assert {answer.targets[0].top[0].name for answer in named} == {"A"}
    assert {answer.targets[1].predicted for answer in named} == {"flat"}
    assert [[target.is_unknown for target in answer.targets] for answer in named] == [
        *([False, False], [False, False], [True, False], [True, False])
    ]
    assert [answer.unknown_score for answer in named] == [0.0, 1.0, 2.0, 3.0]


def test_an_image_of_a_class_named_unknown_is_not_taken_for_an_unknown_image(two_target_run):
    trained = load_trained(find_weights(two_target_run))
    heads = (replace(trained.heads[0], class_names=(UNKNOWN, "B", "C")), trained.heads[1])
    predictor = Predictor(replace(trained, heads=heads), unknown=Scores())
    logits = np.tile([3.0, 0.0, 0.0, 3.0, 0.0], (3, 1))
    named = list(name_answers(predictor, Answers(logits_BK=logits, features_BD=None), 1))
    assert {answer.targets[0].predicted for answer in named} == {UNKNOWN}
    assert [answer.targets[0].is_unknown for answer in named] == [False, False, True]


def test_scores_of_strangeness_are_those_of_logits_that_nothing_was_done_to(trained, pictures):
    plain = Predictor(trained).answer(pictures)
    changed = Predictor(trained, tau=1.0, temperatures={"class": 3.0}).answer(pictures)
    assert np.array_equal(plain.logits_BK, changed.logits_BK)
