"""SE-DenseNet against the numbers and the structure that are published for it."""

import pytest
import torch
import torchvision
from torch import nn

from artkit import ModelContext, RecipeError
from artkit_plugins.models import se_densenet
from artkit_plugins.models.densenet import SEDenseNet, SqueezeExcitation, smallest_image

TINY = {"growth_rate": 4, "layers": (2, 2), "init_channels": 8}


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def images(batch=2, size=32):
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_defaults_with_50_outputs_have_the_published_number_of_parameters():
    model = se_densenet(ModelContext(num_outputs=50, image_size=64))
    assert num_parameters(model) == 1_939_778
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_without_squeeze_and_excitation_there_are_92112_parameters_fewer():
    assert num_parameters(SEDenseNet(50, se_placement="none")) == 1_847_666


def test_squeeze_and_excitation_follows_every_block_and_every_transition_with_the_published_widths():
    units = [m for m in SEDenseNet(50).features.children() if isinstance(m, SqueezeExcitation)]
    widths = [(unit.fc1.in_features, unit.fc1.out_features) for unit in units]
    assert widths == [(160, 10), (80, 5), (272, 17), (136, 8), (520, 32), (260, 16), (516, 32)]
    assert [(unit.fc2.in_features, unit.fc2.out_features) for unit in units] == [(w, c) for c, w in widths]


def test_order_of_the_modules_is_that_of_the_published_structure():
    names = [name for name, _ in SEDenseNet(50).features.named_children()]
    assert names[:4] == ["conv0", "norm0", "relu0", "pool0"]
    assert names[4:10] == [
        "denseblock1",
        "denseblock1_se",
        "transition1",
        "transition1_se",
        "denseblock2",
        "denseblock2_se",
    ]
    assert names[-3:] == ["denseblock4", "denseblock4_se", "norm5"]


def test_the_shape_of_densenet121_gives_the_outputs_of_torchvisions_from_its_weights():
    theirs = torchvision.models.densenet121().eval()
    ours = SEDenseNet(1000, growth_rate=32, se_placement="none").eval()
    ours.load_state_dict(theirs.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(ours(images()), theirs(images()))
    assert num_parameters(ours) == 7_978_856


def test_squeeze_and_excitation_scales_channels_as_its_formula_says():
    unit = SqueezeExcitation(6, 3)
    features = torch.rand(2, 6, 5, 4)
    hidden = (features.mean((2, 3)) @ unit.fc1.weight.T + unit.fc1.bias).clamp(min=0)
    scales = 1 / (1 + torch.exp(-(hidden @ unit.fc2.weight.T + unit.fc2.bias)))
    torch.testing.assert_close(unit(features), features * scales[:, :, None, None])


def test_placement_by_layer_weighs_the_new_channels_of_every_layer():
    model = SEDenseNet(5, **TINY, se_placement="layer", se_ratio=2)
    units = {name: m.fc1.in_features for name, m in model.named_modules() if isinstance(m, SqueezeExcitation)}
    layers = [f"features.denseblock{block}.denselayer{layer}.se" for block in (1, 2) for layer in (1, 2)]
    assert units == {**dict.fromkeys(layers, 4), "features.transition1_se": 8}


def test_smallest_width_keeps_squeeze_and_excitation_from_a_bottleneck():
    model = SEDenseNet(5, **TINY, se_min_width=8)
    assert {m.fc1.out_features for m in model.modules() if isinstance(m, SqueezeExcitation)} == {8}


@pytest.mark.parametrize("size", [64, 96, 29])
def test_logits_have_one_number_for_each_output_at_any_size(size):
    model = se_densenet(ModelContext(num_outputs=7, image_size=size), **{**TINY, "layers": (1, 1, 1, 1)}).eval()
    with torch.inference_mode():
        assert model(images(size=size)).shape == (2, 7)


def test_small_and_tiny_stems_keep_twice_and_four_times_the_resolution():
    seen = {}
    for stem in ("imagenet", "small", "tiny"):
        model = se_densenet(ModelContext(num_outputs=3, image_size=64), stem=stem, **TINY)
        model.features.denseblock1.register_forward_pre_hook(lambda _, args, s=stem: seen.update({s: args[0].shape}))
        model(images(size=64))
    assert seen["imagenet"][-2:] == (16, 16)
    assert seen["small"][-2:] == (32, 32)
    assert seen["tiny"][-2:] == (64, 64)


@pytest.mark.parametrize(("stem", "smallest"), [("imagenet", 29), ("small", 15), ("tiny", 8)])
def test_an_image_too_small_for_the_blocks_is_refused_and_one_pixel_more_is_not(stem, smallest):
    assert smallest_image(stem, 4) == smallest
    with pytest.raises(RecipeError, match=rf"image_size={smallest - 1} is too small for 4 dense blocks.*{smallest}"):
        se_densenet(ModelContext(num_outputs=3, image_size=smallest - 1), stem=stem)
    model = se_densenet(
        ModelContext(num_outputs=3, image_size=smallest), stem=stem, **{**TINY, "layers": (1, 1, 1, 1)}
    ).eval()
    with torch.inference_mode():
        assert model(images(size=smallest)).isfinite().all()
        with pytest.raises(RuntimeError, match="too small"):
            model(images(size=smallest - 1))


def test_no_blocks_at_all_are_refused():
    with pytest.raises(RecipeError, match=r"model\.layers is empty"):
        se_densenet(ModelContext(num_outputs=3, image_size=64), layers=())


@pytest.mark.parametrize("se_placement", ["block", "layer", "none"])
def test_gradients_reach_every_parameter(se_placement):
    torch.manual_seed(0)
    model = SEDenseNet(3, **TINY, se_placement=se_placement, se_min_width=4, dropout=0.1)
    model(images(batch=4)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_dropout_acts_in_training_only():
    model = SEDenseNet(3, **TINY, dropout=0.5)
    model.eval()
    assert torch.equal(model(images()), model(images()))
    model.train()
    assert not torch.equal(model(images()), model(images()))


def test_each_convolution_of_a_layer_is_followed_by_dropout():
    torch.manual_seed(0)
    layer = SEDenseNet(3, **TINY, dropout=0.5).features.denseblock1.denselayer1
    new = layer(torch.rand(2, 8, 6, 6))
    assert 0.3 < (new == 0).float().mean() < 0.7


def test_state_dict_goes_into_another_model_and_gives_its_outputs():
    first, second = SEDenseNet(3, **TINY).eval(), SEDenseNet(3, **TINY).eval()
    assert not torch.equal(first(images()), second(images()))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(images()), second(images()))


def test_same_seed_gives_the_same_weights():
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(SEDenseNet(3, **TINY).state_dict())
    assert all(torch.equal(values, states[1][name]) for name, values in states[0].items())


def test_convolutions_start_with_the_variance_of_he_et_al():
    torch.manual_seed(0)
    for name, module in SEDenseNet(50).named_modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
            fan_in = module.weight[0].numel()
            assert module.weight.var().item() == pytest.approx(2 / fan_in, rel=0.15), name


def test_channels_last_gives_the_same_logits():
    model = SEDenseNet(3, **TINY).eval()
    with torch.inference_mode():
        expected = model(images())
        model = model.to(memory_format=torch.channels_last)
        torch.testing.assert_close(model(images().to(memory_format=torch.channels_last)), expected)


def test_other_numbers_of_channels_come_in():
    model = se_densenet(ModelContext(num_outputs=3, image_size=32, in_channels=1), **TINY)
    assert model(torch.rand(2, 1, 32, 32)).shape == (2, 3)
