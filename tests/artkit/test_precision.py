"""Mixed precision: the model computes in 16 bits, all else stays in float32, and runs resume exactly."""

import numpy as np
import pytest
import torch

from artkit.engine.overlong_strides import overlong_strides
from artkit.engine.precision import Precision, has_quick_bf16
from artkit.errors import RunError

NOTES_TYPES = """
    @hookimpl
    def artkit_models(register):
        register("noting", noting)

    def noting(ctx):
        from torch import nn

        class Noting(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(3, ctx.num_outputs)
                self.seen = set()

            def forward(self, images):
                logits = self.head(images.mean((2, 3)))
                self.seen.add((self.training, str(logits.dtype)))
                return logits

        return Noting()

    @hookimpl
    def artkit_losses(register):
        register("strict", strict)

    def strict(ctx):
        import torch
        from torch.nn.functional import cross_entropy

        def loss(logits, labels):
            assert logits.dtype == torch.float32, logits.dtype
            return cross_entropy(logits, labels)

        return loss
"""


def test_models_train_and_are_judged_in_bf16_while_weights_and_loss_stay_in_float32(training_bench):
    recipe = training_bench.recipe(
        "train.precision=bf16", "data.image_size=32", plugin=NOTES_TYPES, model="noting", loss="strict"
    )
    trainer = training_bench.train(recipe)
    assert trainer.assembly.model.seen == {(True, "torch.bfloat16"), (False, "torch.bfloat16")}
    assert {parameter.dtype for parameter in trainer.assembly.model.parameters()} == {torch.float32}
    assert trainer.predict(trainer.assembly.validation).dtype == np.float64


def test_runs_in_bf16_resume_exactly(training_bench):
    # Not at 16 px: torch leaves weight gradients undefined where a stride is wider than the image that is left.
    recipe = training_bench.recipe("train.precision=bf16", "data.image_size=32")
    assert training_bench.stops_and_resumptions_are_not_seen(recipe, stops=[2, 4, 7])


def test_a_step_in_bf16_has_nearly_the_loss_of_one_in_float32(training_bench):
    first = [
        training_bench.train(
            training_bench.recipe(f"train.precision={name}", "train.epochs=1", "data.image_size=32")
        ).logged[0]["loss"]
        for name in ("float32", "bf16")
    ]
    assert first[0] != first[1]
    assert first[0] == pytest.approx(first[1], rel=0.02)


def test_left_to_the_device_the_precision_is_bf16_where_that_is_quick_and_the_run_says_which(training_bench):
    quick = has_quick_bf16(torch.device("cpu"))
    recipe = training_bench.recipe("train.precision=auto", "train.epochs=1", "data.image_size=32")
    settled = training_bench.train(recipe).assembly.recipe.train.precision
    assert settled == ("bf16" if quick else "float32")


def test_a_model_whose_gradients_would_be_wrong_in_bf16_has_float32_or_is_refused(training_bench):
    small = ["data.image_size=16", "model.stem=pooled", "train.epochs=1"]
    auto = training_bench.train(training_bench.recipe("train.precision=auto", *small))
    assert auto.assembly.recipe.train.precision == "float32"
    with pytest.raises(RunError, match=r"a stride is wider than the image that is left, as in 'stages.*use larger"):
        training_bench.train(training_bench.recipe("train.precision=bf16", *small))


@pytest.mark.parametrize(("size", "stride", "kernel", "found"), [(1, 2, 3, ["0"]), (2, 2, 3, []), (1, 2, 1, [])])
def test_strides_are_overlong_where_they_pass_the_whole_image(size, stride, kernel, found):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, kernel, stride, kernel // 2))
    assert overlong_strides(model, size, torch.device("cpu")) == found


def test_fp16_on_the_cpu_is_refused_with_what_to_use(training_bench):
    with pytest.raises(RunError, match=r"train.precision=fp16 needs a GPU.*use train.precision=bf16"):
        training_bench.train(training_bench.recipe("train.precision=fp16", "train.device=cpu"))


def test_what_is_not_float32_is_computed_in_16_bits_where_layers_bear_it():
    layer, images = torch.nn.Linear(4, 2), torch.ones(3, 4)
    with Precision("bf16", torch.device("cpu")).autocast():
        assert layer(images).dtype == torch.bfloat16
        assert torch.nn.functional.cross_entropy(layer(images), torch.tensor([0, 1, 1])).dtype == torch.float32
    with Precision("float32", torch.device("cpu")).autocast():
        assert layer(images).dtype == torch.float32


@pytest.mark.parametrize(("exact", "allowed"), [(True, False), (False, True)])
def test_on_a_gpu_float32_keeps_all_digits_where_answers_must_not_depend_on_the_machine(monkeypatch, exact, allowed):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    with Precision("float32", torch.device("cuda"), exact=exact).autocast():
        assert torch.backends.cudnn.allow_tf32 == allowed
    assert torch.backends.cudnn.allow_tf32
