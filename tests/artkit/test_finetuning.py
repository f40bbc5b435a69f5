"""Fine-tuning: what is frozen stands still bit for bit, thaws when it should, and learns at its own rate."""

import json

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.assembly import assemble, open_data
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.events import Reporters
from artkit.engine.finetuning import plan_finetuning
from artkit.engine.folder import RunFolder
from artkit.engine.run_notes import notes
from artkit.engine.trainer import StopRequested, Trainer
from artkit.errors import ArtkitError, ComponentError, RecipeError
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry

PLUGIN = """
from artkit import hookimpl

@hookimpl
def artkit_models(register):
    register("conv-head", conv_head)
    register("linear", linear)

@hookimpl
def artkit_optimizers(register):
    register("regrouping", regrouping)

def conv_head(ctx):
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, ctx.num_outputs, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def linear(ctx):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * ctx.image_size ** 2, ctx.num_outputs))

def regrouping(ctx):
    import torch
    return torch.optim.SGD([p for group in ctx.param_groups for p in group["params"]], lr=0.1)
"""


@pytest.fixture(scope="module")
def parts_of(shape_shards, tmp_path_factory):
    """Assembles a run of three epochs on shapes; `train.freeze=1` and the like, as `--set` takes them."""
    plugin = tmp_path_factory.mktemp("plugin") / "odd.py"
    plugin.write_text(PLUGIN)
    registry = load_registry([plugin])

    def build(*assignments, model="small-resnet", optimizer="sgd"):
        settings = {"data.path": str(shape_shards), "data.image_size": 32, "train.batch_size": 4, "train.epochs": 3}
        options = ["model.width=8", "model.blocks=1,1"] if model == "small-resnet" else []
        recipe = resolve_recipe(
            {},
            CommandLine(
                choices={"model": model, "optimizer": optimizer},
                augmenters=["none"],
                reporters=["none", "console", "metrics", "predictions"],
                settings=settings,
                assignments=[*options, *assignments],
            ),
            registry,
        )
        return assemble(recipe, open_data(recipe))

    return build


def trainer_of(assembly, folder, stop_after=None):
    (folder / "last").mkdir(parents=True, exist_ok=True)
    asked = iter(range(10**6))
    stop = (lambda: next(asked) >= stop_after) if stop_after is not None else (lambda: False)
    return Trainer(assembly, RunFolder(folder), Reporters(print), stop)


def state_of(assembly):
    return {name: values.clone() for name, values in assembly.model.state_dict().items()}


def changed(before, after):
    """The parts of the model in which any tensor, statistics included, is another one."""
    names = {name for name in before if not torch.equal(before[name], after[name])}
    parts = {"conv1": 0, "bn1": 0, "stages.0": 1, "stages.1": 2, "fc": "head"}
    return {place for part, place in parts.items() if any(name.startswith(part) for name in names)}


@pytest.mark.parametrize(
    ("freeze", "moving"),
    [("none", {0, 1, 2, "head"}), ("1", {1, 2, "head"}), ("2", {2, "head"}), ("3", {"head"}), ("all", {"head"})],
)
def test_what_is_frozen_stands_still_bit_for_bit(parts_of, tmp_path, freeze, moving):
    assembly = parts_of(f"train.freeze={freeze}", "train.epochs=1")
    before = state_of(assembly)
    trainer_of(assembly, tmp_path).train()
    assert changed(before, state_of(assembly)) == moving


def test_statistics_of_frozen_normalisations_stand_still(parts_of, tmp_path):
    assembly = parts_of("train.freeze=1", "train.epochs=1")
    before = state_of(assembly)
    trainer_of(assembly, tmp_path).train()
    after = state_of(assembly)
    assert torch.equal(before["bn1.running_mean"], after["bn1.running_mean"])
    assert before["bn1.num_batches_tracked"] == after["bn1.num_batches_tracked"] == 0
    assert not torch.equal(before["stages.0.bn1.running_mean"], after["stages.0.bn1.running_mean"])


def test_stages_thaw_one_after_the_other_from_the_head_backwards(parts_of):
    finetuning = parts_of("train.freeze=all", "train.unfreeze_every=2").finetuning
    assert [finetuning.num_frozen(epoch) for epoch in range(8)] == [3, 3, 2, 2, 1, 1, 0, 0]


def test_each_epoch_trains_what_has_thawed_by_then(parts_of):
    assembly = parts_of("train.freeze=all", "train.unfreeze_every=1")
    model, finetuning = assembly.model, assembly.finetuning
    seen = []
    for epoch in range(4):
        finetuning.enter_epoch(model, epoch)
        trained = {name.rpartition(".")[0] for name, p in model.named_parameters() if p.requires_grad}
        seen.append({"fc" in trained, "stages.1.conv1" in trained, "stages.0.conv1" in trained, "conv1" in trained})
        assert model.bn1.training == model.conv1.weight.requires_grad == (epoch == 3)
        assert model.stages[1].training == (epoch > 0)
    assert seen == [{True, False}] * 3 + [{True}]


def test_all_parameters_are_known_to_the_optimizer_from_the_start(parts_of):
    assembly = parts_of("train.freeze=all", "train.unfreeze_every=1")
    known = sum(p.numel() for group in assembly.optimizer.param_groups for p in group["params"])
    assert known == sum(p.numel() for p in assembly.model.parameters())


@pytest.mark.parametrize(
    ("assignments", "never"),
    [
        (["train.freeze=all", "train.unfreeze_every=1", "train.epochs=4"], []),
        (["train.freeze=all", "train.unfreeze_every=1"], ["conv1", "bn1"]),
        (["train.freeze=all"], ["conv1", "bn1", "stages"]),
        ([], []),
    ],
)
def test_parameters_count_as_trained_if_they_are_sooner_or_later(parts_of, assignments, never):
    assembly = parts_of(*assignments)
    trained = sum(p.numel() for name, p in assembly.model.named_parameters() if name.split(".")[0] not in never)
    assert assembly.num_parameters == trained


def test_what_may_end_a_run_before_its_stages_thaw_is_told(parts_of):
    thawing = ("train.freeze=2", "train.unfreeze_every=3", "train.epochs=9")
    late = "can end the run before epoch 7, where the last of its stages to thaw does so"
    assert f"train.patience=5 {late}" in list(notes(parts_of(*thawing, "train.patience=5")))
    assert f"train.max_minutes=2 {late}" in list(notes(parts_of(*thawing, "train.max_minutes=2")))
    assert not any(late in line for line in notes(parts_of(*thawing, "train.patience=6")))
    assert not any("thaw does so" in line for line in notes(parts_of("train.freeze=2", "train.patience=1")))


THAWING = ("train.freeze=all", "train.unfreeze_every=1", "train.backbone_lr=0.5", "train.checkpoint_minutes=60")


@pytest.fixture(scope="module")
def undisturbed(parts_of, tmp_path_factory):
    """The weights that a run ends with in which a stage thaws every epoch."""
    assembly = parts_of(*THAWING, optimizer="adamw")
    trainer_of(assembly, tmp_path_factory.mktemp("undisturbed")).train()
    return state_of(assembly)


@pytest.mark.parametrize("stop_after", [1, 6])
def test_a_run_that_was_stopped_while_stages_thaw_ends_with_the_same_weights(
    parts_of, undisturbed, tmp_path, stop_after
):
    with pytest.raises(StopRequested):
        trainer_of(parts_of(*THAWING, optimizer="adamw"), tmp_path, stop_after).train()
    resumed = parts_of(*THAWING, optimizer="adamw")
    trainer = trainer_of(resumed, tmp_path)
    trainer.load()
    assert trainer.progress.step < 9
    trainer.train()
    assert trainer.progress.step == 9
    for name, values in state_of(resumed).items():
        assert torch.equal(values, undisturbed[name]), name


def test_matrices_and_kernels_decay_and_nothing_else_does(parts_of):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    model[3].bias.requires_grad_(False)
    recipe = parts_of().recipe
    decayed, others = plan_finetuning(recipe.train, model, 2, recipe.model.component).param_groups()
    assert decayed == {"params": [model[0].weight, model[3].weight]}
    assert others == {"params": [model[0].bias, model[1].weight, model[1].bias], "weight_decay": 0.0}


def test_without_fine_tuning_groups_are_those_that_decay_and_those_that_do_not(parts_of):
    assembly = parts_of(optimizer="adamw")
    groups = assembly.optimizer.param_groups
    assert [group["weight_decay"] == 0 for group in groups] == [False, True]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])
    assert "lr_scale" not in groups[0]


def rates_of(assembly):
    rates = {id(p): group["lr"] for group in assembly.optimizer.param_groups for p in group["params"]}
    return {name.rpartition(".")[0]: rates[id(p)] for name, p in assembly.model.named_parameters()}


def test_the_backbone_learns_at_its_share_of_the_rate(parts_of):
    rates = rates_of(parts_of("train.backbone_lr=0.1", "optimizer.lr=0.2"))
    assert rates["fc"] == 0.2
    assert [rate for part, rate in rates.items() if part != "fc"] == pytest.approx([0.02] * (len(rates) - 1))


def test_each_stage_learns_slower_than_the_next_one_to_the_head(parts_of):
    assembly = parts_of("train.backbone_lr=0.5", "train.layer_decay=0.1", "optimizer.lr=0.2")
    rates = rates_of(assembly)
    parts = ("fc", "stages.1.conv1", "stages.0.bn2", "bn1", "conv1")
    assert [rates[part] for part in parts] == pytest.approx([0.2, 0.01, 0.001, 0.0001, 0.0001])
    assert assembly.optimizer.param_groups[0]["lr"] == 0.2  # the rate that reporters hear of is the head's


def test_the_schedule_multiplies_all_rates(parts_of, tmp_path):
    assembly = parts_of("train.backbone_lr=0.1", "train.epochs=1")
    first = rates_of(assembly)
    trainer_of(assembly, tmp_path).train()
    last = rates_of(assembly)
    shares = {part: last[part] / first[part] for part in first}
    assert len({round(share, 9) for share in shares.values()}) == 1
    assert shares["fc"] < 1


def test_an_optimizer_that_drops_the_groups_is_named(parts_of):
    with pytest.raises(
        ComponentError, match=r"optimizer 'regrouping' .* does not keep the groups of ctx\.param_groups"
    ):
        parts_of("train.backbone_lr=0.1", optimizer="regrouping")


def test_more_stages_than_there_are_cannot_be_frozen(parts_of):
    text = (
        r"train\.freeze=4: model 'small-resnet' .* has 3 stages before its head: conv1\+bn1; stages\.0; stages\.1; "
        r"freeze no more than there are"
    )
    with pytest.raises(RecipeError, match=text):
        parts_of("train.freeze=4")


@pytest.mark.parametrize("choice", ["train.freeze=all", "train.backbone_lr=0.1", "train.layer_decay=0.5"])
def test_a_model_whose_stages_are_not_known_says_what_its_author_can_do(parts_of, choice):
    name = choice.partition("=")[0].replace(".", r"\.")
    text = rf"{name}=\S+ needs to know the stages of the model, but model 'conv-head' .* has no nn\.Linear with 3 out"
    with pytest.raises(RecipeError, match=text):
        parts_of(choice, model="conv-head")


def test_a_model_whose_stages_are_not_known_trains_as_a_whole(parts_of, tmp_path):
    assembly = parts_of("train.epochs=1", model="conv-head")
    before = state_of(assembly)
    trainer_of(assembly, tmp_path).train()
    assert all(not torch.equal(values, before[name]) for name, values in state_of(assembly).items())


def test_a_model_that_is_nothing_but_a_head_cannot_be_frozen(parts_of):
    with pytest.raises(RecipeError, match=r"train\.freeze=all: model 'linear' .* has nothing but its head; freeze no"):
        parts_of("train.freeze=all", model="linear")


def test_freezing_random_numbers_is_warned_of(parts_of):
    told = list(notes(parts_of("train.freeze=2", "train.unfreeze_every=2")))
    assert told[0].startswith("frozen: the first 2 of 3 stages, conv1 to stages.0, which have 1,416 of ")
    assert told[0].endswith(" parameters; one stage thaws after every 2 epochs, so 1 of them never does in 3 epochs")
    assert told[1].startswith("what is frozen are random numbers, and only ")
    assert " parameters are trained at first; " in told[1]
    assert not any("frozen" in line for line in notes(parts_of()))


def test_stages_that_thaw_in_time_are_not_said_to_stay_frozen(parts_of):
    told = list(notes(parts_of("train.freeze=1", "train.unfreeze_every=1")))
    assert told[0].endswith(" parameters; one stage thaws after every epoch")


def test_thawing_what_is_not_frozen_is_told_to_have_no_effect(parts_of):
    assert "train.unfreeze_every=2 has no effect without train.freeze" in list(
        notes(parts_of("train.unfreeze_every=2"))
    )


def test_a_wrapped_model_is_frozen_through_its_wrapper(parts_of):
    assembly = parts_of("train.freeze=1")
    wrapper = nn.Sequential(assembly.model).eval()
    assembly.finetuning.enter_epoch(wrapper, 0)
    assert wrapper.training
    assert [assembly.model.bn1.training, assembly.model.stages.training] == [False, True]


@pytest.mark.parametrize(("text", "value"), [("all", "all"), ("none", "none"), ("2", 2)])
def test_freeze_reads_words_and_numbers(parts_of, text, value):
    assert parts_of(f"train.freeze={text}").recipe.train.freeze == value


@pytest.mark.parametrize("text", ["some", "-1", "1.5"])
def test_freeze_refuses_everything_else(parts_of, text):
    with pytest.raises(ArtkitError, match=r"freeze.*must be"):
        parts_of(f"train.freeze={text}")


def test_the_command_freezes_and_says_so(shape_shards, tmp_path):
    command = ["run", "--data", str(shape_shards), "--freeze", "1", "--epochs", "1", "--image-size", "32"]
    command += ["--batch-size", "4", "--set", "model.width=8", "--quiet", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "note: frozen: the first 1 of 5 stages, conv1 to bn1" in result.output
    state = load_checkpoint(tmp_path / "run" / "last" / "state.safetensors")
    assert state["model"]["bn1.num_batches_tracked"] == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]["train.freeze"] == 1
