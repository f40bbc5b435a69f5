"""The memory-lean forms of SE-DenseNet: equal to the plain form, with less kept for the backward pass."""

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from artkit import ModelContext
from artkit_plugins.models import se_densenet
from artkit_plugins.models.densenet import SEDenseNet

TINY = {"growth_rate": 4, "layers": (3, 2), "init_channels": 8, "se_min_width": 4}
LEAN = ["lean", "leanest"]


def images(batch=3, size=33, dtype=torch.float32):
    return torch.rand(batch, 3, size, size + 8, generator=torch.Generator().manual_seed(0), dtype=dtype)


def build(memory, dtype=torch.float32, **options):
    """A model whose normalisations are far from the identity, with some scales negative and one 0."""
    torch.manual_seed(0)
    model = SEDenseNet(5, **{**TINY, **options}, memory=memory).to(dtype)
    for norm in batch_norms(model):
        nn.init.uniform_(norm.weight, -1, 1)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
        nn.init.zeros_(norm.weight[0:1])
        nn.init.uniform_(norm.running_mean, -0.3, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    return model


def batch_norms(model):
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def loss(logits):
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(1)[:, 2].sum()


def step(model, inputs):
    """Logits, gradients of images and parameters, and buffers after one step."""
    inputs = inputs.clone().requires_grad_()
    torch.manual_seed(1)  # of dropout
    logits = model(inputs)
    loss(logits).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {"logits": logits.detach(), "images": inputs.grad, **gradients, **dict(model.named_buffers())}


def assert_equal(result, expected, tolerance):
    """Each tensor differs by at most that share of the largest value of its kind."""
    assert result.keys() == expected.keys()
    for name, values in expected.items():
        reach = tolerance * max(values.double().abs().max().item(), 1e-3)
        torch.testing.assert_close(result[name], values, rtol=0, atol=reach, msg=lambda text, n=name: f"{n}: {text}")


def saved_bytes(model, inputs):
    """Bytes that a forward pass keeps for the backward pass: every storage once, without parameters."""
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    storages = {}

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = model(inputs)
    del logits
    return sum(size for pointer, size in storages.items() if pointer not in parameters)


@pytest.mark.parametrize("memory", LEAN)
@pytest.mark.parametrize("stem", ["imagenet", "small", "tiny"])
@pytest.mark.parametrize(("se_placement", "dropout"), [("block", 0.0), ("layer", 0.3), ("none", 0.3)])
def test_logits_gradients_and_statistics_are_those_of_the_plain_form(memory, stem, se_placement, dropout):
    options = {"stem": stem, "se_placement": se_placement, "dropout": dropout, "dtype": torch.float64}
    inputs = images(dtype=torch.float64)
    assert_equal(step(build(memory, **options), inputs), step(build("plain", **options), inputs), 1e-9)


@pytest.mark.parametrize("memory", LEAN)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["first", "last"])
def test_single_precision_is_as_exact_as_in_the_plain_form(memory, batch, layout):
    exact = step(build("plain", torch.float64), images(batch, dtype=torch.float64))
    results = {
        form: step(build(form).to(memory_format=layout), images(batch).contiguous(memory_format=layout))
        for form in ("plain", memory)
    }
    for name, values in exact.items():
        errors = {form: (result[name] - values).abs().max().item() for form, result in results.items()}
        assert errors[memory] <= 4 * errors["plain"] + 1e-6 * values.abs().max().item() + 1e-7, name


@pytest.mark.parametrize("memory", LEAN)
def test_bfloat16_is_as_exact_as_in_the_plain_form_and_gradients_come_in_the_precision_of_the_parameters(memory):
    exact = step(build("plain", torch.float64), images(dtype=torch.float64))
    with torch.autocast("cpu", torch.bfloat16):
        results = {form: step(build(form), images()) for form in ("plain", memory)}
    errors = {form: relative_error(result, exact) for form, result in results.items()}
    assert errors[memory] <= 1.5 * errors["plain"]
    assert {name: values.dtype for name, values in results[memory].items()} == {
        name: values.dtype for name, values in results["plain"].items()
    }


def relative_error(result, exact):
    """Median over tensors of the distance in units of the tensor."""
    floats = {name: values for name, values in exact.items() if values.is_floating_point()}
    errors = [(result[name] - values).norm() / (values.norm() + 1e-12) for name, values in floats.items()]
    return torch.stack(errors).median().item()


@pytest.mark.parametrize("memory", LEAN)
def test_running_statistics_move_once_a_step(memory):
    model = build(memory)
    step(model, images())
    assert {norm.num_batches_tracked.item() for norm in batch_norms(model)} == {1}


@pytest.mark.parametrize("memory", LEAN)
def test_running_statistics_without_momentum_are_means_over_steps(memory):
    models = {form: build(form, torch.float64) for form in ("plain", memory)}
    for model in models.values():
        for norm in batch_norms(model):
            norm.reset_running_stats()
            norm.momentum = None
        model(images(3, dtype=torch.float64))
        model(images(5, dtype=torch.float64))
    assert_equal(dict(models[memory].named_buffers()), dict(models["plain"].named_buffers()), 1e-9)


@pytest.mark.parametrize("memory", LEAN)
def test_frozen_normalisations_go_by_their_running_statistics_and_leave_them(memory):
    results = {}
    for form in ("plain", memory):
        model = build(form, torch.float64)
        for norm in batch_norms(model)[1::2]:  # every second one, so that both kinds meet in a layer
            norm.eval()
        results[form] = step(model, images(dtype=torch.float64))
    assert_equal(results[memory], results["plain"], 1e-9)


@pytest.mark.parametrize("memory", LEAN)
def test_frozen_parameters_get_no_gradients_and_change_no_others(memory):
    results = {}
    for form in ("plain", memory):
        model = build(form, torch.float64)
        for parameter in [*model.features.conv0.parameters(), *list(model.features.denseblock1.parameters())[::2]]:
            parameter.requires_grad_(False)
        results[form] = step(model, images(dtype=torch.float64))
        assert all(parameter.grad is None for parameter in model.parameters() if not parameter.requires_grad)
    assert_equal(results[memory], results["plain"], 1e-9)


@pytest.mark.parametrize("memory", LEAN)
def test_weights_of_the_plain_form_give_its_logits_in_evaluation(memory):
    plain = build("plain").eval()
    other = SEDenseNet(5, **TINY, memory=memory).eval()
    other.load_state_dict(plain.state_dict())
    before = {name: values.clone() for name, values in other.named_buffers()}
    with torch.inference_mode():
        torch.testing.assert_close(other(images()), plain(images()))
    assert all(torch.equal(before[name], values) for name, values in other.named_buffers())


@pytest.mark.parametrize("memory", LEAN)
def test_the_same_step_twice_is_the_same_bit_for_bit(memory):
    first, second = (step(build(memory, dropout=0.3), images()) for _ in range(2))
    assert all(torch.equal(values, second[name]) for name, values in first.items())


@pytest.mark.parametrize("memory", LEAN)
def test_a_layer_with_another_normalisation_runs_its_modules(memory):
    results = {}
    for form in ("plain", memory):
        model = build(form, torch.float64)
        model.features.norm0 = nn.GroupNorm(2, 8).double()
        model.features.denseblock1.denselayer2.norm1 = nn.GroupNorm(2, 12).double()
        model.features.transition1.norm = nn.GroupNorm(2, 20).double()
        results[form] = step(model, images(dtype=torch.float64))
    assert_equal(results[memory], results["plain"], 1e-9)


@pytest.mark.parametrize("memory", LEAN)
def test_one_value_a_channel_is_refused_in_training(memory):
    model = SEDenseNet(5, **{**TINY, "layers": (1,)}, memory=memory)
    with pytest.raises(ValueError, match=r"one value a channel, features \[1, 8, 1, 1\].*larger"):
        model(torch.rand(1, 3, 3, 3))


@pytest.mark.slow
def test_compiled_models_have_the_same_gradients():
    expected = step(build("plain", torch.float64, layers=(1, 1)), images(dtype=torch.float64))
    model = build("lean", torch.float64, layers=(1, 1))
    compiled = torch.compile(model, backend="aot_eager")
    loss(compiled(images(dtype=torch.float64))).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert_equal(gradients, {name: expected[name] for name in gradients}, 1e-9)


@pytest.mark.parametrize("memory", LEAN)
def test_distributed_data_parallel_sees_every_gradient(memory, tmp_path):
    expected = step(build(memory, torch.float64), images(dtype=torch.float64))
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        model = build(memory, torch.float64)
        parallel = DistributedDataParallel(model)
        loss(parallel(images(dtype=torch.float64))).backward()
    finally:
        torch.distributed.destroy_process_group()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert_equal(gradients, {name: expected[name] for name in gradients}, 1e-9)


def test_at_512_pixels_in_bfloat16_an_image_keeps_at_most_nine_hundredths_of_a_gibibyte():
    saved = {}
    for memory in ("plain", *LEAN):
        model = se_densenet(ModelContext(num_outputs=50, image_size=512), memory=memory)
        with torch.autocast("cpu", torch.bfloat16):
            saved[memory] = saved_bytes(model, images(1, 512)[..., :512]) / 2**30
    assert saved["lean"] <= 0.09
    assert saved["leanest"] < saved["lean"] < saved["plain"] / 2


def test_memory_is_lean_by_itself_where_there_is_a_gpu():
    form = se_densenet(ModelContext(num_outputs=5, image_size=64)).features.denseblock1
    lean = SEDenseNet(5, memory="lean" if torch.cuda.is_available() else "plain").features.denseblock1
    assert type(form) is type(lean)
