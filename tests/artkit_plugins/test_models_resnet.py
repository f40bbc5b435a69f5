"""ResNets: torchvision's with a head of the right size, weights from files and names, and the small one."""

import re

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from artkit import ModelContext, RecipeError
from artkit_plugins.models import resnet, small_resnet
from artkit_plugins.models.basic_resnet import BasicBlock

CONTEXT = ModelContext(num_outputs=5, image_size=32)


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


def test_outputs_are_torchvisions_up_to_the_new_head(imagenet_like, tmp_path):
    torch.save(imagenet_like.state_dict(), tmp_path / "weights.pth")
    model = resnet(CONTEXT, depth=18, weights=str(tmp_path / "weights.pth"), dropout=0.3).eval()
    imagenet_like.fc, head = torch.nn.Linear(512, 5), imagenet_like.fc
    imagenet_like.fc.load_state_dict(model.fc.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(model(images()), imagenet_like(images()))
    imagenet_like.fc = head


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_head_of_the_same_shape_is_loaded_too(ending, tmp_path):
    state = torchvision.models.resnet18(num_classes=5).state_dict()
    path = tmp_path / f"weights.{ending}"
    if ending == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    loaded = resnet(CONTEXT, depth=18, weights=str(path)).state_dict()
    assert all(torch.equal(values, loaded[name]) for name, values in state.items())


def test_weights_without_a_head_are_loaded(imagenet_like, tmp_path):
    state = {name: values for name, values in imagenet_like.state_dict().items() if not name.startswith("fc.")}
    torch.save(state, tmp_path / "backbone.pth")
    model = resnet(CONTEXT, depth=18, weights=str(tmp_path / "backbone.pth"))
    assert torch.equal(model.state_dict()["layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])


def test_a_checkpoint_of_parallel_training_is_unwrapped(imagenet_like, tmp_path):
    state = {f"module.{name}": values for name, values in imagenet_like.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "checkpoint.pth")
    model = resnet(CONTEXT, depth=18, weights=str(tmp_path / "checkpoint.pth"))
    assert torch.equal(model.state_dict()["conv1.weight"], state["module.conv1.weight"])


def test_weights_of_another_model_are_refused_by_name(imagenet_like, tmp_path):
    torch.save(imagenet_like.state_dict(), tmp_path / "weights.pth")
    text = (
        r"model\.weights='.*weights\.pth' does not fit the model: "
        r"missing: layer1\.0\.bn3\..* and \d+ more; .*of another shape: .*Choose the model they were made for\."
    )
    with pytest.raises(RecipeError, match=text):
        resnet(CONTEXT, depth=50, weights=str(tmp_path / "weights.pth"))


def test_weights_with_a_part_that_the_model_lacks_are_refused(imagenet_like, tmp_path):
    torch.save({**imagenet_like.state_dict(), "extra.weight": torch.zeros(2)}, tmp_path / "weights.pth")
    with pytest.raises(RecipeError, match=r"does not fit the model: not in the model: extra\.weight\. Choose"):
        resnet(CONTEXT, depth=18, weights=str(tmp_path / "weights.pth"))


def test_an_unknown_name_of_weights_lists_the_known_ones():
    text = r"model\.weights='IMAGENET' is neither a file nor .* resnet18\. .*: IMAGENET1K_V1, DEFAULT\."
    with pytest.raises(RecipeError, match=text):
        resnet(CONTEXT, depth=18, weights="IMAGENET")


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_a_file_that_holds_no_weights_is_refused(name, tmp_path):
    (tmp_path / name).write_text("these are no weights")
    with pytest.raises(RecipeError, match=rf"The file .*{re.escape(name)} holds no weights .*Give a \.safetensors"):
        resnet(CONTEXT, depth=18, weights=str(tmp_path / name))


def test_a_file_with_code_in_it_is_refused_and_the_code_not_run(tmp_path):
    torch.save({"run": RunsWhenRead(tmp_path / "ran")}, tmp_path / "evil.pth")
    with pytest.raises(RecipeError, match=r"evil\.pth holds no weights that can be read\. .* and no code\."):
        resnet(CONTEXT, depth=18, weights=str(tmp_path / "evil.pth"))
    assert not (tmp_path / "ran").exists()


class RunsWhenRead:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (self.path.write_text, ("ran",))


def test_a_file_without_a_state_dict_says_how_to_save_one(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    with pytest.raises(RecipeError, match=r"epoch\.pth holds no state_dict\. Save one with torch\.save"):
        resnet(CONTEXT, depth=18, weights=str(tmp_path / "epoch.pth"))


def test_without_a_network_the_error_says_which_file_goes_where(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    text = (
        r"The weights IMAGENET1K_V1 could not be downloaded: .*On a machine with a network download "
        rf"https://\S+/resnet18-\w+\.pth and copy it to {re.escape(str(tmp_path))}\S+resnet18-\w+\.pth here, "
        r"or give its path as model\.weights\."
    )
    with pytest.raises(RecipeError, match=text):
        resnet(CONTEXT, depth=18, weights="DEFAULT")


def test_named_weights_come_from_torchvisions_cache(imagenet_like, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    name = torchvision.models.ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(imagenet_like.state_dict(), tmp_path / "hub" / "checkpoints" / name)
    model = resnet(CONTEXT, depth=18, weights="DEFAULT")
    assert torch.equal(model.conv1.weight, imagenet_like.conv1.weight)


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
    assert sum(parameter.numel() for parameter in model.parameters()) == 2_775_842


@pytest.mark.parametrize("size", [32, 48, 63, 128])
def test_small_resnet_takes_any_size_from_32_pixels_on(size):
    model = small_resnet(ModelContext(num_outputs=5, image_size=size)).eval()
    with torch.inference_mode():
        assert model(images(size=size)).shape == (2, 5)


def test_small_resnet_stages_double_channels_and_halve_resolution():
    model = small_resnet(CONTEXT, width=8, blocks=(1, 2, 1))
    shapes = []
    for block in model.stages:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    model(images(size=64))
    assert shapes == [(8, 16, 16), (16, 8, 8), (16, 8, 8), (32, 4, 4)]


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
