"""Compiled models: the same names and nearly the same numbers; without a compiler a note, and the plain model."""

import pytest
import torch

from artkit.engine.compiling import compile_model


def test_without_a_compiler_a_note_says_so_and_the_model_is_used_as_it_is():
    from torch._inductor import config

    torch.compiler.reset()
    model, told = torch.nn.Linear(2, 2), []
    with config.patch({"cpp.cxx": (None, "/nowhere/c++")}):
        assert compile_model(model, torch.device("cpu"), told.append) is model
    (note,) = told
    assert note.startswith("train.compile has no effect, for nothing can be compiled on this machine (")
    assert "No working C++ compiler found" in note


@pytest.mark.slow
def test_a_compiled_model_learns_the_same_resumes_exactly_and_has_the_same_names(training_bench):
    options = ("train.epochs=1", "data.image_size=32", "train.batch_size=6")
    plain = training_bench.train(training_bench.recipe(*options))
    recipe = training_bench.recipe(*options, "train.compile=true")
    compiled = training_bench.train(recipe)
    assert compiled.told == []
    assert list(compiled.weights()["model"]) == list(plain.weights()["model"])
    assert compiled.logged[0]["loss"] == pytest.approx(plain.logged[0]["loss"], rel=1e-4)
    assert training_bench.stops_and_resumptions_are_not_seen(recipe, stops=[1])
    assert_same_gradients(compile_model(plain.assembly.model, torch.device("cpu"), pytest.fail), plain.assembly.model)


def assert_same_gradients(compiled, model):
    """Both functions give the same loss and gradients on a batch of noise."""
    images_BCHW = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels_B = torch.arange(6) % 3
    model.train()
    found = []
    for forward in (compiled, model):
        loss = torch.nn.functional.cross_entropy(forward(images_BCHW), labels_B)
        found.append(torch.autograd.grad(loss, list(model.parameters())))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
