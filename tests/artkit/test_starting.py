"""What a model starts from: an earlier run, a file of weights, or weights that its factory knows by name."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import save_file

from artkit import Pretrained
from artkit.engine.assembly import assemble, open_data
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.job import resume, start
from artkit.engine.run_notes import notes
from artkit.engine.weights import read_weights, weights_file
from artkit.errors import RecipeError, RunError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.registry import load_registry
from artkit.testing import tiny_dataset

DENSE = ("se-densenet", ("model.growth_rate=4", "model.layers=2,2", "model.init_channels=8", "model.stem=small"))
SMALL = ("small-resnet", ("model.width=8", "model.blocks=1,1"))

PLUGIN = """
from artkit import Pretrained, hookimpl

@hookimpl
def artkit_models(register):
    register("knowing", knowing)
    register("own-weights", own_weights)
    register("conv-head", conv_head)

def knowing(ctx):
    from torch import nn
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * ctx.image_size ** 2, ctx.num_outputs))
    if ctx.load_weights:
        name = "SKETCHES" if ctx.weights == "SKETCHES" else None
        means = {"pixel_mean": (0.9, 0.8, 0.7), "pixel_std": (0.1, 0.2, 0.3)}
        model.artkit_pretrained = Pretrained(source="sketches", name=name, **means)
    return model

def own_weights(ctx, *, weights: float = 0.5):
    from torch import nn
    assert weights == 0.25
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * ctx.image_size ** 2, ctx.num_outputs))

def conv_head(ctx):
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, ctx.num_outputs, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    plugin = tmp_path_factory.mktemp("plugin") / "knowing.py"
    plugin.write_text(PLUGIN)
    return load_registry([plugin])


@pytest.fixture(scope="module")
def recipe_of(registry, shape_shards):
    """A recipe of an epoch on shapes, or other data, without reporters."""

    def build(model, *assignments, data=shape_shards):
        settings = {"data.path": str(data), "data.image_size": 32, "train.batch_size": 4, "train.epochs": 1}
        name, options = model if isinstance(model, tuple) else (model, ())
        layer = {"reporter": [], "augmenter": []}
        command_line = CommandLine(choices={"model": name}, settings=settings, assignments=[*options, *assignments])
        return resolve_recipe(layer, command_line, registry)

    return build


@pytest.fixture(scope="module")
def parts_of(recipe_of):
    def build(*choices, **data):
        recipe = recipe_of(*choices, **data)
        return assemble(recipe, open_data(recipe))

    return build


@pytest.fixture(scope="module")
def dense_run(recipe_of, tmp_path_factory):
    """The folder of a finished run of a small SE-DenseNet."""
    folder = tmp_path_factory.mktemp("runs") / "dense"
    start(recipe_of(DENSE), plugins=[], out=folder)
    return folder


def best(folder):
    return load_checkpoint(folder / "best_accuracy.safetensors")


def head_and_rest(state):
    return ({n: v for n, v in state.items() if n.startswith(part)} for part in ("classifier.", "features."))


def assert_equal(state, other):
    assert state.keys() == other.keys()
    assert all(torch.equal(values, other[name]) for name, values in state.items())


def with_weights(path):
    return f"model.weights={path}"


# --- from a run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "best_accuracy.safetensors"])
def test_a_model_starts_from_a_run_or_one_of_its_files_head_and_all_if_the_classes_are_the_same(
    parts_of, dense_run, name
):
    assembly = parts_of(DENSE, with_weights(dense_run / name))
    assert_equal(assembly.model.state_dict(), best(dense_run)["model"])
    assert next(notes(assembly)) == f"the model starts from {dense_run / 'best_accuracy.safetensors'}"


def test_the_head_starts_anew_for_other_classes_of_the_same_number(parts_of, dense_run, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, best(dense_run) | {"targets": [{"class_names": ["shape-0", "shape-2", "shape-1"]}]})
    assembly = parts_of(DENSE, with_weights(path))
    head, rest = head_and_rest(assembly.model.state_dict())
    old_head, old_rest = head_and_rest(best(dense_run)["model"])
    assert_equal(rest, old_rest)
    assert not torch.equal(head["classifier.weight"], old_head["classifier.weight"])
    assert next(notes(assembly)).endswith("; its head starts anew, for the classes are others")


def test_images_are_normalised_as_in_the_run_that_the_weights_are_from(parts_of, dense_run, tmp_path):
    data = tiny_dataset(tmp_path, classes=4, seed=7)
    ours, theirs = (parts_of(DENSE, *choice, data=data).preprocessing for choice in ((with_weights(dense_run),), ()))
    assert list(ours.mean) == best(dense_run)["preprocessing"]["mean"] != list(theirs.mean)
    assert list(ours.std) == best(dense_run)["preprocessing"]["std"] != list(theirs.std)


def test_a_frozen_model_with_weights_of_a_run_is_not_warned_of(parts_of, dense_run):
    told = list(notes(parts_of(DENSE, with_weights(dense_run), "train.freeze=all")))
    assert any(line.startswith("frozen: the first 3 of 3 stages") for line in told)
    assert not any("random numbers" in line for line in told)


def test_a_run_goes_on_and_is_the_same_when_the_one_it_started_from_is_gone(recipe_of, dense_run, registry, tmp_path):
    first = tmp_path / "first"
    shutil.copytree(dense_run, first)
    data = tiny_dataset(tmp_path, classes=3, seed=7)
    start(recipe_of(DENSE, with_weights(first), data=data), plugins=[], out=tmp_path / "second")
    before = load_checkpoint(tmp_path / "second" / "best_loss.safetensors")
    shutil.rmtree(first)
    facts = json.loads((tmp_path / "second" / "run.json").read_text())
    (tmp_path / "second" / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    recipe = resolve_recipe(read_recipe_file(tmp_path / "second" / "recipe.toml"), CommandLine(), registry)
    outcome = resume(recipe, tmp_path / "second")
    assert outcome.metrics == facts["tested"]["metrics"]
    assert before["preprocessing"]["mean"] == best(dense_run)["preprocessing"]["mean"]


def test_a_path_in_a_recipe_is_relative_to_its_folder_and_full_in_the_resolved_one(registry, dense_run):
    path = dense_run.parent / "from_run.toml"
    path.write_text('[model]\nname = "se-densenet"\nweights = "dense"\n')
    recipe = resolve_recipe(read_recipe_file(path), CommandLine(), registry)
    assert recipe.model.shared["weights"] == recipe.to_plain()["model"]["weights"] == str(dense_run)


def test_a_folder_that_no_run_left_is_refused(parts_of, tmp_path):
    with pytest.raises(
        RunError, match=r"model\.weights='.*' is a folder, but not that of a run: it has no recipe\.toml"
    ):
        parts_of(SMALL, with_weights(tmp_path))


def test_a_run_without_weights_says_to_go_on_with_it_or_to_start_it_again(dense_run, tmp_path):
    shutil.copy(dense_run / "recipe.toml", tmp_path)
    folder = re.escape(str(tmp_path))
    with pytest.raises(
        RunError, match=rf"is a run without weights, .* start it again: `artkit run {folder}/recipe.toml`"
    ):
        weights_file(str(tmp_path))
    shutil.copytree(dense_run / "last", tmp_path / "last")
    with pytest.raises(RunError, match=rf"is a run without weights, .* go on with it: `artkit run --resume {folder}`"):
        weights_file(str(tmp_path))


def test_a_run_without_validation_has_the_weights_of_its_last_epoch(dense_run, tmp_path):
    shutil.copy(dense_run / "recipe.toml", tmp_path)
    shutil.copy(dense_run / "best_accuracy.safetensors", tmp_path / "last_epoch.safetensors")
    assert weights_file(str(tmp_path)) == tmp_path / "last_epoch.safetensors"


def test_the_state_to_resume_from_is_not_taken_for_weights(dense_run):
    with pytest.raises(RunError, match=r"state\.safetensors is a state to resume from; start from the run's folder"):
        read_weights(dense_run / "last" / "state.safetensors")


# --- from a file ----------------------------------------------------------------------------------------------------


def plain_state(parts_of):
    torch.manual_seed(5)
    state = parts_of(SMALL).model.state_dict()
    return {name: torch.rand_like(v) if v.is_floating_point() else v for name, v in state.items()}


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_state_dict_that_fits_is_loaded_whole(parts_of, tmp_path, ending):
    state, path = plain_state(parts_of), tmp_path / f"weights.{ending}"
    torch.save(state, path) if ending == "pth" else save_file({n: v.contiguous() for n, v in state.items()}, path)
    assert_equal(parts_of(SMALL, with_weights(path)).model.state_dict(), state)


@pytest.mark.parametrize("outputs", [None, 1000])
def test_a_head_that_is_missing_or_of_another_shape_starts_anew(parts_of, tmp_path, outputs):
    state = plain_state(parts_of)
    head = {} if outputs is None else {"fc.weight": torch.zeros(outputs, 16), "fc.bias": torch.zeros(outputs)}
    state = {name: values for name, values in state.items() if not name.startswith("fc.")} | head
    torch.save(state, tmp_path / "weights.pth")
    assembly = parts_of(SMALL, with_weights(tmp_path / "weights.pth"))
    assert torch.equal(assembly.model.conv1.weight, state["conv1.weight"])
    assert assembly.model.fc.weight.shape == (3, 16)
    assert next(notes(assembly)).endswith("its head starts anew, for the classes are others")


def test_a_checkpoint_of_parallel_training_is_unwrapped(parts_of, tmp_path):
    state = plain_state(parts_of)
    wrapped = {f"module.{name}": values for name, values in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "checkpoint.pth")
    assert_equal(parts_of(SMALL, with_weights(tmp_path / "checkpoint.pth")).model.state_dict(), state)


def test_weights_of_another_model_are_refused_with_what_fits_and_what_does_not(parts_of, dense_run):
    text = (
        r"the weights in .*best_accuracy\.safetensors do not fit model 'small-resnet' .*, only 0 of its 38 tensors; "
        r"missing: bn1\.bias, .* and 27 more; not in the model: classifier\..* and \d+ more\. Choose the model, and"
    )
    with pytest.raises(RecipeError, match=text):
        parts_of(SMALL, with_weights(dense_run))


def test_weights_of_another_width_are_refused_with_both_shapes(parts_of, tmp_path):
    torch.save(plain_state(parts_of), tmp_path / "weights.pth")
    text = r"of another shape: bn1\.bias 8 for 12, .*, conv1\.weight 8x3x3x3 for 12x3x3x3 and \d+ more"
    with pytest.raises(RecipeError, match=text):
        parts_of(("small-resnet", ("model.width=12", "model.blocks=1,1")), with_weights(tmp_path / "weights.pth"))


def test_a_model_whose_head_is_not_known_takes_weights_that_fit_as_a_whole(parts_of, tmp_path):
    state = parts_of("conv-head").model.state_dict()
    torch.save({name: values + 1 for name, values in state.items()}, tmp_path / "weights.pth")
    assembly = parts_of("conv-head", with_weights(tmp_path / "weights.pth"))
    assert torch.equal(assembly.model[1].bias, state["1.bias"] + 1)


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_a_file_that_holds_no_weights_is_refused(name, tmp_path):
    (tmp_path / name).write_text("these are no weights")
    with pytest.raises(RunError, match=rf"{re.escape(name)} holds no weights that can be read; give a \.safetensors"):
        read_weights(tmp_path / name)


def test_a_file_with_code_in_it_is_refused_and_the_code_not_run(tmp_path):
    torch.save({"run": RunsWhenRead(tmp_path / "ran")}, tmp_path / "evil.pth")
    with pytest.raises(RunError, match=r"evil\.pth holds no weights that can be read; .* and no code"):
        read_weights(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


class RunsWhenRead:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (self.path.write_text, ("ran",))


def test_a_file_without_a_state_dict_says_how_to_save_one(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    with pytest.raises(RunError, match=r"epoch\.pth holds no state_dict; save one with torch\.save"):
        read_weights(tmp_path / "epoch.pth")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    save_checkpoint(tmp_path / "c.safetensors", {"model": {"a": torch.ones(100)}})
    (tmp_path / "c.safetensors").write_bytes((tmp_path / "c.safetensors").read_bytes()[:-50])
    with pytest.raises(RunError, match=r"c\.safetensors holds no weights that can be read"):
        read_weights(tmp_path / "c.safetensors")


# --- by name --------------------------------------------------------------------------------------------------------


def test_a_name_that_the_model_knows_is_left_to_its_factory(parts_of):
    assembly = parts_of("knowing", "model.weights=SKETCHES")
    assert assembly.start.pretrained == Pretrained(
        source="sketches", name="SKETCHES", pixel_mean=(0.9, 0.8, 0.7), pixel_std=(0.1, 0.2, 0.3)
    )


def test_images_are_normalised_as_the_pretrained_weights_want_it(parts_of):
    preprocessing = parts_of("knowing").preprocessing
    assert (preprocessing.mean, preprocessing.std) == ((0.9, 0.8, 0.7), (0.1, 0.2, 0.3))


@pytest.mark.parametrize("model", ["knowing", "small-resnet"])
def test_a_name_that_no_file_run_or_model_has_is_refused(parts_of, model):
    text = rf"model\.weights='runs/gone' is neither a file nor the folder of a run, and model '{model}' .* knows no wei"
    with pytest.raises(RecipeError, match=text):
        parts_of(model, "model.weights=runs/gone")


def test_an_option_that_a_model_has_of_its_own_is_its_own(parts_of):
    assert parts_of("own-weights", "model.weights=0.25").start.pretrained is None
