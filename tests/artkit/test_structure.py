"""Head and stages of a model: found by looking, or as the model says."""

from collections import OrderedDict

import pytest
import torch
import torchvision
from torch import nn

from artkit import ModelContext
from artkit.engine.structure import StructureError, find_structure
from artkit_plugins.models import se_densenet, small_resnet

K = 5


def stages(model):
    return find_structure(model, K).stages


def net(**children):
    return nn.Sequential(OrderedDict(children))


def test_the_last_linear_layer_is_the_head_and_the_children_before_it_are_the_stages():
    model = net(
        first=nn.Conv2d(3, 8, 3), act=nn.ReLU(), second=nn.Conv2d(8, 8, 3), flat=nn.Flatten(), fc=nn.Linear(8, K)
    )
    assert stages(model) == (("first",), ("second",))
    structure = find_structure(model, K)
    assert [structure.stage_of(name) for name in ("first.bias", "second.weight", "fc.weight")] == [0, 1, None]


def test_a_normalisation_belongs_to_the_stage_before_it():
    assert stages(torchvision.models.resnet18(num_classes=K)) == (
        ("conv1", "bn1"),
        ("layer1",),
        ("layer2",),
        ("layer3",),
        ("layer4",),
    )


def test_a_lone_child_is_opened():
    model = torchvision.models.densenet121(num_classes=K)
    assert stages(model)[0] == ("features.conv0", "features.norm0")
    assert stages(model)[-1] == ("features.denseblock4", "features.norm5")


def test_a_model_in_a_wrapper_has_the_same_stages():
    inner = torchvision.models.resnet18(num_classes=K)
    assert stages(nn.Sequential(inner)) == tuple(tuple(f"0.{name}" for name in stage) for stage in stages(inner))


def test_layers_before_the_head_in_its_container_are_stages_too():
    model = net(body=nn.Conv2d(3, 8, 3), classifier=nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, K)))
    assert stages(model) == (("body",), ("classifier.0",))


def test_loose_parameters_belong_to_the_first_stage():
    structure = find_structure(torchvision.models.vit_b_16(num_classes=K, image_size=32), K)
    assert structure.stages == (("class_token", "conv_proj"), ("encoder",))
    assert structure.stage_of("class_token") == 0


def test_a_linear_layer_alone_is_nothing_but_a_head():
    assert stages(nn.Linear(3, K)) == ()


def test_built_in_models_say_their_stages():
    context = ModelContext(num_outputs=K, image_size=32)
    assert stages(small_resnet(context, width=8, blocks=(1, 2))) == (
        ("conv1", "bn1"),
        ("stages.0",),
        ("stages.1", "stages.2"),
    )
    dense = stages(se_densenet(context, growth_rate=4, layers=(2, 2), init_channels=8))
    assert [stage[-1] for stage in dense] == ["features.norm0", "features.denseblock1_se", "features.norm5"]


@pytest.mark.parametrize("factory", [small_resnet, se_densenet])
def test_nothing_but_the_head_is_in_no_stage(factory):
    model = factory(ModelContext(num_outputs=K, image_size=64))
    structure = find_structure(model, K)
    head = [name for name in model.state_dict() if structure.stage_of(name) is None]
    assert len(head) == 2
    assert model.state_dict()[head[0]].shape[0] == K


def test_a_model_may_say_its_stages_by_submodules_and_parameters():
    model = net(stem=nn.Conv2d(3, 8, 3), body=nn.Conv2d(8, 8, 3), head=nn.Conv2d(8, K, 1))
    model.register_parameter("scale", nn.Parameter(torch.ones(1)))
    model.artkit_stages = ["stem", ["body", "scale"]]
    structure = find_structure(model, K)
    assert [structure.stage_of(name) for name, _ in model.named_parameters()] == [1, 0, 0, 1, 1, None, None]
    assert list(structure.modules(1)) == [model.body]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (["stem", "boody"], r"says in artkit_stages that it has a part 'boody', which it does not have"),
        (["stem", "body", "head"], r"has all its parameters in artkit_stages; leave out the head"),
    ],
)
def test_stages_that_cannot_be_are_refused(said, error):
    model = net(stem=nn.Conv2d(3, 8, 3), body=nn.Conv2d(8, 8, 3), head=nn.Linear(8, K))
    model.artkit_stages = said
    with pytest.raises(StructureError, match=error):
        find_structure(model, K)


def test_a_head_that_is_no_linear_layer_is_not_guessed():
    model = net(body=nn.Conv2d(3, 8, 3), head=nn.Conv2d(8, K, 1))
    text = r"has no nn\.Linear with 5 outputs that could be its head; let the model say it: model\.artkit_stages = "
    with pytest.raises(StructureError, match=text):
        find_structure(model, K)


def test_an_order_that_is_not_clear_is_not_guessed():
    model = net(fc=nn.Linear(8, K), body=nn.Conv2d(3, 8, 3))
    with pytest.raises(StructureError, match=r"has 'body' behind its last layer with as many outputs as classes, 'fc'"):
        find_structure(model, K)
