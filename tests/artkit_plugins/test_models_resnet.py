"""ResNets: torchvision's with a head of the right size and weights that it knows by name, and the small one."""

import math
import re

import pytest
import torch
import torchvision

from artkit import ModelContext, Pretrained, RecipeError
from artkit_plugins.models import resnet, small_resnet
from artkit_plugins.models.basic_resnet import BasicBlock

CONTEXT = ModelContext(num_outputs=5, image_size=32)


def with_weights(name):
    return ModelContext(num_outputs=5, image_size=32, weights=name)


def images(batch=2, size=32):
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def imagenet_like():
    """A ResNet-18 with the usual thousand outputs."""
    torch.manual_seed(1)
    return torchvision.models.resnet18().eval()


# --- torchvision's --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "num_parameters"), [(18, 11_179_077), (34, 21_287_237), (50, 23_518_277)])
def test_depths_are_torchvisions_with_a_head_of_the_right_size(depth, num_parameters):
    model = resnet(CONTEXT, depth=depth)
    expected = torchvision.models.get_model(f"resnet{depth}", num_classes=5)
    assert list(model.state_dict()) == list(expected.state_dict())
    assert sum(parameter.numel() for parameter in model.parameters()) == num_parameters


def test_an_unknown_name_of_weights_lists_the_known_ones():
    text = r"model\.weights='IMAGENET' is neither a file, nor .* resnet18\. .*: IMAGENET1K_V1, DEFAULT\."
    with pytest.raises(RecipeError, match=text):
        resnet(with_weights("IMAGENET"), depth=18)


def test_without_a_network_the_error_says_which_file_goes_where(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    text = (
        r"The weights IMAGENET1K_V1 could not be downloaded: .*On a machine with a network download "
        rf"https://\S+/resnet18-\w+\.pth and copy it to {re.escape(str(tmp_path))}\S+resnet18-\w+\.pth here, "
        r"or give its path as model\.weights\."
    )
    with pytest.raises(RecipeError, match=text):
        resnet(with_weights("DEFAULT"), depth=18)


@pytest.fixture
def cached_weights(tmp_path, monkeypatch):
    """Where torchvision looks for the weights of ResNet-18, without a network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    path = tmp_path / "hub" / "checkpoints" / torchvision.models.ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    return path


def test_named_weights_come_from_torchvisions_cache_and_outputs_are_theirs_up_to_the_new_head(
    imagenet_like, cached_weights
):
    torch.save(imagenet_like.state_dict(), cached_weights)
    model = resnet(with_weights("DEFAULT"), depth=18, dropout=0.3).eval()
    head, imagenet_like.fc = imagenet_like.fc, model.fc
    with torch.inference_mode():
        torch.testing.assert_close(model(images()), imagenet_like(images()))
    imagenet_like.fc = head
    assert model.artkit_pretrained == Pretrained(
        source="IMAGENET1K_V1 of torchvision",
        name="DEFAULT",
        pixel_mean=(0.485, 0.456, 0.406),
        pixel_std=(0.229, 0.224, 0.225),
    )


@pytest.mark.parametrize("missing", ["conv1.weight", None])
def test_a_cached_file_of_something_else_is_refused_with_what_to_do(imagenet_like, cached_weights, missing):
    state = imagenet_like.state_dict()
    torch.save({name: values for name, values in state.items() if missing and name != missing}, cached_weights)
    with pytest.raises(RecipeError, match=r"\.pth does not hold the weights IMAGENET1K_V1\. Delete it, and they are"):
        resnet(with_weights("DEFAULT"), depth=18)


def test_pretrained_weights_are_for_three_channels(imagenet_like, cached_weights):
    torch.save(imagenet_like.state_dict(), cached_weights)
    context = ModelContext(num_outputs=5, image_size=32, in_channels=1, weights="DEFAULT")
    with pytest.raises(RecipeError, match=r"model\.weights=DEFAULT are for images of 3 channels, these have 1\."):
        resnet(context, depth=18)


def test_stages_are_the_stem_and_the_four_stages_of_the_paper():
    model = resnet(CONTEXT, depth=18)
    assert [stage[0] for stage in model.artkit_stages] == ["conv1", "layer1", "layer2", "layer3", "layer4"]


def test_dropout_acts_before_the_head_in_training_only():
    torch.manual_seed(0)
    model = resnet(CONTEXT, depth=18, dropout=0.5)
    features = []
    model.fc.register_forward_pre_hook(lambda _, args: features.append(args[0]))
    model(images())
    model.eval()(images())
    dropped, kept = ((values == 0).float().mean() for values in features)
    assert dropped > kept + 0.3


# --- small-resnet ---------------------------------------------------------------------------------------------------


def test_small_resnet_with_50_outputs_has_the_known_number_of_parameters():
    model = small_resnet(ModelContext(num_outputs=50, image_size=64))
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_239_250


@pytest.mark.parametrize("size", [32, 48, 63, 128])
def test_small_resnet_takes_any_size_from_32_pixels_on(size):
    model = small_resnet(ModelContext(num_outputs=5, image_size=size)).eval()
    with torch.inference_mode():
        assert model(images(size=size)).shape == (2, 5)


def test_small_resnet_stages_double_channels_and_halve_resolution():
    model = small_resnet(CONTEXT, width=8, blocks=(1, 2, 1), stem="pooled")
    shapes = []
    for block in model.stages:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    model(images(size=64))
    assert shapes == [(8, 16, 16), (16, 8, 8), (16, 8, 8), (32, 4, 4)]


@pytest.mark.parametrize(
    ("stem", "image_size", "share"),
    [("small", 64, 2), ("pooled", 64, 4), ("auto", 64, 2), ("auto", 96, 2), ("auto", 97, 4), ("small", 128, 2)],
)
def test_small_resnet_begins_with_half_of_a_small_image_and_a_quarter_of_a_large_one(stem, image_size, share):
    model = small_resnet(ModelContext(num_outputs=5, image_size=image_size), width=4, stem=stem)
    sizes = []
    model.stages[0].register_forward_hook(lambda _, __, out: sizes.append(out.shape[-1]))
    model(images(size=image_size))
    assert sizes == [math.ceil(image_size / share)]


def test_small_resnet_blocks_start_as_their_shortcut():
    block = small_resnet(CONTEXT, width=8).stages[0]
    assert isinstance(block, BasicBlock)
    features = torch.rand(2, 8, 4, 4)
    assert torch.equal(block(features), features)


def test_small_resnet_gradients_reach_every_parameter_after_a_step():
    torch.manual_seed(0)
    model = small_resnet(CONTEXT, width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):  # in the first step the silent normalisations pass no gradient on
        optimizer.zero_grad()
        model(images(batch=8, size=64)).square().sum().backward()
        optimizer.step()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_small_resnet_state_dict_goes_into_another_model():
    first, second = small_resnet(CONTEXT, width=8).eval(), small_resnet(CONTEXT, width=8).eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(images()), second(images()))


def test_small_resnet_without_stages_is_refused():
    with pytest.raises(RecipeError, match=r"model\.blocks is empty"):
        small_resnet(CONTEXT, blocks=())


def test_small_resnet_learns_two_colours():
    torch.manual_seed(0)
    labels = torch.arange(16) % 2
    reds = torch.rand(16, 3, 32, 32) * 0.5
    reds[:, 0] += labels[:, None, None] * 0.5
    model = small_resnet(ModelContext(num_outputs=2, image_size=32), width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(15):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(reds), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
