"""timm's models as components: two small ones through the contract and a run, their weights, stages and errors."""

import json
from types import MappingProxyType

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

pytest.importorskip("timm", reason="pip install plugins/artkit-timm")
pytest.importorskip("artkit_timm", reason="pip install plugins/artkit-timm")

import timm

from artkit import ModelContext, RecipeError
from artkit.cli import app
from artkit.testing import contract
from artkit.testing.harness import harness  # noqa: F401 # a fixture
from artkit_timm import timm_model

RESNET, VIT = "resnet10t", "vit_tiny_patch16_224"

test_contract = contract("artkit-timm", cases={"timm": [{"arch": RESNET}, {"arch": VIT, "options": {"depth": 2}}]})

CONTEXT = ModelContext(num_outputs=5, image_size=64)


def context(**changes):
    return ModelContext(**{"num_outputs": 5, "image_size": 64, **changes})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights of 1000 classes as timm publishes them: a .safetensors file for each architecture."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("weights")
    paths = {}
    for name in (RESNET, VIT):
        torch.manual_seed(0)
        paths[name] = folder / f"{name}.safetensors"
        save_file(timm.create_model(name).state_dict(), paths[name])
    return MappingProxyType(paths)


@pytest.mark.parametrize(("arch", "size"), [(RESNET, 32), (VIT, 64)])
def test_a_run_trains_two_steps(harness, arch, size):  # noqa: F811 # the fixture
    run = harness.run(plugin="artkit-timm", model={"name": "timm", "arch": arch}, data={"image_size": size}, steps=2)
    assert run.status == "ok"
    assert len(run.losses) == 2


def test_the_last_stage_alone_is_trained_with_lower_rates_before_it(harness):  # noqa: F811 # the fixture
    train = {"freeze": 3, "layer_decay": 0.5}
    run = harness.run(plugin="artkit-timm", model={"name": "timm", "arch": RESNET}, train=train)
    assert any("the first 3 of 5 stages, conv1 to layer2, which have" in note for note in run.notes), run.notes


@pytest.mark.parametrize(
    ("arch", "first", "last", "head"),
    [
        (RESNET, ["conv1", "bn1"], ["layer4"], ["fc"]),
        (VIT, ["cls_token", "pos_embed", "patch_embed"], ["blocks.11", "norm"], ["head"]),
        (
            "deit_tiny_distilled_patch16_224",
            ["cls_token", "pos_embed", "dist_token", "patch_embed"],
            None,
            ["head", "head_dist"],
        ),
        ("convnext_atto", ["stem"], ["stages.3", "head.norm"], ["head.fc"]),
    ],
)
def test_stages_are_those_of_timm_and_leave_out_the_classifier(arch, first, last, head):
    model = timm_model(CONTEXT, arch=arch)
    assert model.artkit_stages[0] == first
    assert last is None or model.artkit_stages[-1] == last
    parts = [part for stage in model.artkit_stages for part in stage]
    left = [name for name in model.state_dict() if not any(name == p or name.startswith(f"{p}.") for p in parts)]
    assert {name.rpartition(".")[0] for name in left} == set(head)
    assert all(isinstance(model.get_submodule(name), nn.Linear) for name in head)


def test_options_reach_timm():
    model = timm_model(
        CONTEXT, arch=VIT, drop_path_rate=0.5, global_pool="avg", options={"class_token": False, "depth": 2}
    )
    assert len(model.blocks) == 2
    assert model.cls_token is None
    assert model.global_pool == "avg"
    assert model.blocks[1].drop_path1.drop_prob == 0.5


def test_a_head_of_timms_own_class_can_be_retrained():
    assert type(timm_model(CONTEXT, arch="mobilenetv3_small_050").classifier) is nn.Linear


def test_images_of_other_channels_are_taken():
    model = timm_model(context(in_channels=1), arch=RESNET, drop_rate=0.3)
    assert model.eval()(torch.zeros(2, 1, 64, 64)).shape == (2, 5)
    assert model.drop_rate == 0.3


@pytest.mark.parametrize("arch", [RESNET, VIT])
def test_weights_from_a_file_are_in_the_model_but_for_the_head(arch, files):
    given = timm.models.load_state_dict(str(files[arch]))
    model = timm_model(CONTEXT, arch=arch, pretrained_file=files[arch])
    own = model.state_dict()
    others = {name for name in own if own[name].shape != given[name].shape or not torch.equal(own[name], given[name])}
    head = {"fc.weight", "fc.bias"} if arch == RESNET else {"head.weight", "head.bias"}
    assert others == head | ({"pos_embed"} if arch == VIT else set())  # positions are fitted to fewer patches


def test_images_are_normalised_as_the_weights_know_them(files, tmp_path):
    model = timm_model(CONTEXT, arch=VIT, pretrained_file=files[VIT])
    assert model.artkit_pretrained.pixel_mean == (0.5, 0.5, 0.5)
    assert model.artkit_pretrained.source.endswith("as vit_tiny_patch16_224.augreg_in21k_ft_in1k of timm")


def test_a_run_keeps_the_normalisation_of_the_weights(harness, files):  # noqa: F811 # the fixture
    model = {"name": "timm", "arch": RESNET, "pretrained_file": str(files[RESNET])}
    run = harness.run(plugin="artkit-timm", model=model, train={"freeze": "all"})
    facts = json.loads((run.folder / "run.json").read_text())
    assert facts["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    assert facts["num_parameters"] == 512 * 4 + 4


def test_no_weights_are_looked_for_where_a_checkpoint_brings_them(tmp_path):
    model = timm_model(context(load_weights=False), arch=RESNET, pretrained=True, pretrained_file=tmp_path / "gone.pth")
    assert not hasattr(model, "artkit_pretrained")


@pytest.mark.parametrize("asked", [{"pretrained": True}, {"weights": "c3_in1k"}])
def test_without_a_network_it_is_said_where_the_weights_are_and_what_else_to_do(asked, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    text = (
        r"the weights of resnet10t\.c3_in1k could not be loaded: .* fetch their file elsewhere, from "
        r"https://huggingface\.co/timm/resnet10t\.c3_in1k, and name it: --set model\.pretrained_file=FILE, "
        r"or start from random numbers: --set model\.pretrained=false"
    )
    with pytest.raises(RecipeError, match=text):
        timm_model(context(weights=asked.get("weights")), arch=RESNET, pretrained=asked.get("pretrained", False))


def test_a_model_without_weights_is_said_to_have_none():
    with pytest.raises(
        RecipeError,
        match=r"timm has no weights for botnet50ts_256; choose another model, or start from random numbers: --set ",
    ):
        timm_model(CONTEXT, arch="botnet50ts_256", pretrained=True)


def test_weights_that_do_not_fit_are_refused(files):
    text = (
        r"the weights in .*vit_tiny.* could not be loaded: RuntimeError: .*Missing key.* weights of resnet10t\.c3_in1k"
    )
    with pytest.raises(RecipeError, match=text):
        timm_model(CONTEXT, arch=RESNET, pretrained_file=files[VIT])


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RecipeError, match=r"model\.pretrained_file='.*gone\.pth' is no file; give one with weights of"):
        timm_model(CONTEXT, arch=RESNET, pretrained_file=tmp_path / "gone.pth")


def test_code_in_a_file_of_weights_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (tmp_path.joinpath("harm").write_text, ("done",))

    torch.save({"state_dict": Harmful()}, tmp_path / "weights.pth")
    with pytest.raises(RecipeError, match=r"the weights in .*weights\.pth could not be loaded"):
        timm_model(CONTEXT, arch=RESNET, pretrained_file=tmp_path / "weights.pth")
    assert not (tmp_path / "harm").exists()


def test_a_name_that_is_none_gets_the_closest_ones():
    with pytest.raises(RecipeError, match=r"timm \S+ has no model 'resnet10x'\. Closest: resnet10t, .*list_models"):
        timm_model(CONTEXT, arch="resnet10x")


def test_weights_that_are_none_get_those_that_there_are():
    with pytest.raises(RecipeError, match=r"timm \S+ has no weights 'c4' for resnet10t; it has c3_in1k"):
        timm_model(context(weights="c4"), arch=RESNET)


def test_options_that_a_model_does_not_have_are_told_with_what_timm_says():
    with pytest.raises(
        RecipeError, match=r"timm cannot build resnet10t with .*colour='red'.*unexpected keyword.*'colour'"
    ):
        timm_model(CONTEXT, arch=RESNET, options={"colour": "red"})


def test_arguments_that_artkit_gives_are_not_for_options():
    with pytest.raises(RecipeError, match=r"leave 'num_classes' out of model\.options: it is the number of classes in"):
        timm_model(CONTEXT, arch=RESNET, options={"num_classes": 7})


def test_a_model_that_cannot_take_the_images_says_which_it_takes():
    text = r"crossvit_9_240 cannot take images of 64 pixels: RuntimeError: .*\. Its own size is --image-size 240"
    with pytest.raises(RecipeError, match=text):
        timm_model(CONTEXT, arch="crossvit_9_240")


def test_a_wrong_name_on_the_command_line_leaves_no_run_folder(tmp_path):
    command = ["run", "--model", "timm", "--set", "model.arch=resnet10x", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "Closest: resnet10t" in str(result.exception)
    assert not (tmp_path / "run").exists()
