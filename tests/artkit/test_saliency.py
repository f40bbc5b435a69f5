"""Where a model finds its answers: heat worked out by hand, for models of every sort, which stay as they are."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from artkit.engine.assembly import assemble, open_data
from artkit.engine.saliency import Explainer
from artkit.errors import RunError
from artkit.testing import Harness
from artkit_shards import fit_image

LINEAR_IN_ITS_MAP = """
@hookimpl
def artkit_models(register):
    register("mine", mine)

def mine(ctx):
    import torch
    from torch import nn

    class LastChannels(nn.Conv2d):
        def forward(self, images):
            return super().forward(images).permute(0, 2, 3, 1).contiguous()

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = {conv}(3, 5, 4, stride=4)
            self.head = nn.Linear(5, ctx.num_outputs)

        def forward(self, images):
            return self.head(self.maps(images).mean({places}))

    return Mine()
"""
FIRST = LINEAR_IN_ITS_MAP.format(conv="nn.Conv2d", places="(2, 3)")
LAST = LINEAR_IN_ITS_MAP.format(conv="LastChannels", places="(1, 2)")
WITHOUT_MAPS = """
@hookimpl
def artkit_models(register):
    register("mine", mine)

def mine(ctx):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * ctx.image_size ** 2, ctx.num_outputs))
"""
IN_PLACE = """
@hookimpl
def artkit_models(register):
    register("mine", mine)

def mine(ctx):
    from torch import nn

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4)
            self.head = nn.Linear(4, ctx.num_outputs)

        def forward(self, images):
            images.mul_(0.5)
            return self.head(self.norm(self.conv(images)).relu_().mean((2, 3)))

    return Mine()
"""
TOKENS = """
@hookimpl
def artkit_models(register):
    register("mine", mine)

def mine(ctx):
    from torch import nn

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.mixing = nn.Conv2d(3, 4, 4, stride=4), nn.Linear(4, 6)
            self.head = nn.Linear(6, ctx.num_outputs)

        def forward(self, images):
            return self.head(self.mixing(self.patches(images).flatten(2).transpose(1, 2)).mean(1))

    return Mine()
"""
WITHOUT_GRADIENTS = WITHOUT_MAPS.replace(
    "return nn.Sequential(",
    """
    import torch

    class Mine(nn.Sequential):
        def forward(self, images):
            with torch.no_grad():
                return super().forward(images)

    return Mine(""",
)


@pytest.fixture
def explainer_of(training_bench):
    """A function that makes an explainer of the test images with a model of a plugin, and gives its assembly too."""

    def make(plugin=None, *assignments):
        choices = {} if plugin is None else {"model": "mine"}
        recipe = training_bench.recipe(*assignments, plugin=plugin, **choices)
        assembly = assemble(recipe, open_data(recipe))
        return Explainer(assembly, assembly.tested), assembly

    return make


def image_of(assembly, row):
    """An image as the model sees it, (1, 3, S, S)."""
    preprocessing = assembly.preprocessing
    pixels = fit_image(assembly.tested.read(row), preprocessing.image_size, preprocessing.fit)
    return preprocessing.normalise(preprocessing.to_unit(torch.from_numpy(pixels).permute(2, 0, 1)[None]))


@pytest.mark.parametrize("plugin", [FIRST, LAST])
def test_channels_are_weighed_by_what_they_do_for_the_answer(explainer_of, plugin):
    explainer, assembly = explainer_of(plugin)
    model, output = assembly.model, 1
    with torch.no_grad():
        map_1CHW = F.conv2d(image_of(assembly, 2), model.maps.weight, model.maps.bias, stride=4)
        # The logit is linear in the map, so a channel's mean gradient is its weight in the head, up to a factor.
        cam = F.relu((model.head.weight[output].view(1, 5, 1, 1) * map_1CHW).sum(1, keepdim=True))
        expected = F.interpolate(cam / cam.max(), size=(32, 32), mode="bilinear", align_corners=False)[0, 0]
    heat = explainer(2, output, 32)
    assert (heat.shape, heat.dtype) == ((32, 32), np.float32)
    np.testing.assert_allclose(heat, expected.numpy(), atol=1e-5)


def test_a_model_without_maps_is_explained_by_pixels_times_gradients(explainer_of):
    explainer, assembly = explainer_of(WITHOUT_MAPS)
    image, weight = image_of(assembly, 0), assembly.model[1].weight[2].view(1, 3, 16, 16)
    expected = (image * weight).sum(1).abs().detach()[0]
    np.testing.assert_allclose(explainer(0, 2, 16), expected / expected.max(), atol=1e-5)


def test_a_model_of_tokens_is_explained_by_pixels_times_gradients_too(explainer_of):
    explainer, assembly = explainer_of(TOKENS)
    image = image_of(assembly, 0).requires_grad_()
    (gradient,) = torch.autograd.grad(assembly.model.eval()(image)[0, 1], image)
    expected = (image * gradient).sum(1).abs().detach()[0]
    np.testing.assert_allclose(explainer(0, 1, 16), expected / expected.max(), atol=1e-5)


@pytest.mark.parametrize("assignments", [(), ("train.precision=bf16", "data.image_size=64"), ("train.freeze=all",)])
def test_the_model_stays_as_it_was(explainer_of, assignments):
    explainer, assembly = explainer_of(None, *assignments)
    model = assembly.model.train()
    model.stages[0].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    first, again = explainer(1, 0, 24), explainer(1, 0, 24)
    np.testing.assert_array_equal(first, again)
    assert 0 <= first.min() < first.max() <= 1
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)


def test_the_model_is_asked_in_evaluation_mode_and_left_in_its_own_after_an_error(explainer_of):
    explainer, assembly = explainer_of(WITHOUT_GRADIENTS)
    modes = []
    assembly.model.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    assembly.model.train()
    with pytest.raises(RunError, match=r"'mine' .* computes without gradients, so it cannot be said where"):
        explainer(0, 0, 16)
    assert modes == [False]
    assert assembly.model.training


def test_a_model_that_works_in_place_is_explained_too(explainer_of):
    heat = explainer_of(IN_PLACE)[0](0, 0, 16)
    assert 0 <= heat.min() <= heat.max() <= 1


def test_models_that_save_memory_are_explained_as_others(training_bench):
    sizes = ["model.growth_rate=4", "model.layers=2,2", "model.init_channels=8", "model.stem=small"]
    heats = []
    for memory in ("plain", "leanest"):
        recipe = training_bench.recipe(*sizes, f"model.memory={memory}", model="se-densenet")
        assembly = assemble(recipe, open_data(recipe))
        heats.append(Explainer(assembly, assembly.tested)(0, 0, 16))
    np.testing.assert_allclose(heats[0], heats[1], atol=1e-5)


def test_heat_of_stretched_images_lies_over_the_letterboxed_picture(training_bench, uneven_shards):
    recipe = training_bench.recipe(f"data.path={uneven_shards}", "data.fit=squash")
    assembly = assemble(recipe, open_data(recipe))
    split = assembly.tested
    row = int(np.argmax(np.maximum(split.heights, split.widths) / np.minimum(split.heights, split.widths)))
    explainer = Explainer(assembly, split)
    # Of an untrained model, nothing may speak for one answer or another.
    heat = max((explainer(row, output, 60) for output in range(3)), key=np.sum)
    white = (fit_image(split.read(row), 60) == 255).all(axis=2)
    margins = white.all(axis=1)[:, None] | white.all(axis=0)
    assert margins.mean() > 0.1
    assert heat[margins].max() == 0
    assert heat[~margins].max() > 0.9


def test_runs_tell_reporters_where_the_model_looks_in_every_target(two_target_shards, tmp_path):
    data = {"path": str(two_target_shards), "targets": ["artist", "style"], "image_size": 16}
    run = Harness(tmp_path).run(data=data)
    told = [arguments["predictions"] for name, arguments in run.events if name == "artkit_predictions"]
    assert [predictions.target for predictions in told] == ["artist", "style"]
    heats = [predictions.saliency(len(predictions.labels) - 1, 20) for predictions in told]
    assert all(heat.shape == (20, 20) and 0 <= heat.min() <= heat.max() <= 1 for heat in heats)
