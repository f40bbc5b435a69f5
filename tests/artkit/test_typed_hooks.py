"""A hook's `register` has a type, so that type checkers flag factories which artkit could not use."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLUGIN = """\
from typing import Annotated

import torch
from torch import nn

from artkit import (
    Augmenter, AugmenterContext, Draws, Ge, Loss, LossContext, ModelContext, OptimizerContext, RegisterAugmenters,
    RegisterLosses, RegisterModels, RegisterOptimizers, RegisterReporters, RegisterSamplers, RegisterSchedules,
    RegisterSources, ReporterContext, Sampler, SamplerContext, Schedule, ScheduleContext, Source, SourceContext,
    hookimpl,
)


def right_model(ctx: ModelContext, *, depth: Annotated[int, Ge(1)] = 3) -> nn.Module:
    return nn.Linear(depth, ctx.num_outputs)


def needs_an_option(ctx: ModelContext, *, depth: int) -> nn.Linear:
    return nn.Linear(depth, ctx.num_outputs)


class Net(nn.Module):
    def __init__(self, ctx: ModelContext, *, width: int = 3) -> None:
        super().__init__()


def not_annotated(ctx, *, depth=3):  # type: ignore[no-untyped-def]
    return nn.Linear(depth, ctx.num_outputs)


def context_of_losses(ctx: LossContext, *, depth: int = 3) -> nn.Module:
    return nn.Linear(3, depth)


def returns_text(ctx: ModelContext, *, depth: int = 3) -> str:
    return ""


def no_context(*, depth: int = 3) -> nn.Module:
    return nn.Linear(3, depth)


@hookimpl
def artkit_models(register: RegisterModels) -> None:
    register("right", right_model, presets={"depth": 2}, renamed={"layers": "depth"}, stability="stable")
    register("needs-an-option", needs_an_option)
    register("a-class", Net)
    register("not-annotated", not_annotated)
    register("context-of-losses", context_of_losses)  # WRONG
    register("returns-text", returns_text)  # WRONG
    register("no-context", no_context)  # WRONG
    register("stability", right_model, stability="good")  # WRONG
    register("presets", right_model, preset={"depth": 2})  # WRONG


def fade(ctx: AugmenterContext) -> Augmenter:
    def apply(images_BCHW: torch.Tensor, draws: Draws, /) -> torch.Tensor:
        return images_BCHW

    return apply


def one_image(images_CHW: torch.Tensor, /) -> torch.Tensor:
    return images_CHW


def forgets_draws(ctx: AugmenterContext) -> Augmenter:
    return one_image  # WRONG


@hookimpl
def artkit_augmenters(register: RegisterAugmenters) -> None:
    register("fade", fade)
    register("a-model", right_model)  # WRONG


class Orders:
    def order(self, epoch: int) -> list[int]:
        return []


def orders(ctx: SamplerContext) -> Orders:
    return Orders()


@hookimpl
def artkit_samplers(register: RegisterSamplers) -> None:
    register("orders", orders)  # WRONG


def plain_loss(ctx: LossContext, *, smoothing: float = 0.0) -> nn.CrossEntropyLoss:
    return nn.CrossEntropyLoss(label_smoothing=smoothing)


def a_number(ctx: LossContext) -> float:
    return 0.0


@hookimpl
def artkit_losses(register: RegisterLosses) -> None:
    register("plain", plain_loss)
    register("a-number", a_number)  # WRONG


def sgd(ctx: OptimizerContext, *, lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(ctx.param_groups, lr)


def a_schedule(ctx: OptimizerContext) -> Schedule:
    return lambda progress: 1.0


@hookimpl
def artkit_optimizers(register: RegisterOptimizers) -> None:
    register("sgd", sgd)
    register("a-schedule", a_schedule)  # WRONG


def flat(ctx: ScheduleContext) -> Schedule:
    return lambda progress: 1.0


def words(ctx: ScheduleContext) -> type[str]:
    return str


@hookimpl
def artkit_schedules(register: RegisterSchedules) -> None:
    register("flat", flat)
    register("words", words)  # WRONG


class Printer:
    @hookimpl
    def artkit_epoch_end(self, epoch: int) -> None:
        print(epoch)


def printer(ctx: ReporterContext) -> Printer:
    return Printer()


@hookimpl
def artkit_reporters(register: RegisterReporters) -> None:
    register("printer", printer)
    register("class", Printer)  # WRONG


def empty(ctx: SourceContext) -> list[str]:
    return []


@hookimpl
def artkit_sources(register: RegisterSources) -> None:
    register("empty", empty)  # WRONG
"""

WRONG = [number for number, line in enumerate(PLUGIN.splitlines(), 1) if line.endswith("# WRONG")]

PYRIGHT = next((name for name in ("basedpyright", "pyright") if find_spec(name)), None)


@pytest.fixture
def plugin_file(tmp_path) -> Path:
    """A plugin with right factories and wrong ones, which are marked."""
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    return file


@pytest.mark.slow  # mypy reads all of torch, unless it has been run on artkit before
def test_mypy_flags_wrong_factories_and_those_alone(plugin_file):
    done = subprocess.run([sys.executable, "-m", "mypy", plugin_file], capture_output=True, text=True, cwd=ROOT)
    found = re.findall(r"mine\.py:(\d+): error:", done.stdout)
    assert list(map(int, found)) == WRONG, done.stdout + done.stderr


@pytest.mark.skipif(PYRIGHT is None, reason="neither basedpyright nor pyright is installed")
def test_pyright_flags_wrong_factories_and_those_alone(plugin_file):
    command = [sys.executable, "-m", PYRIGHT, "--pythonpath", sys.executable, "--level", "error", "--outputjson"]
    done = subprocess.run([*command, plugin_file], capture_output=True, text=True)
    found = [problem["range"]["start"]["line"] + 1 for problem in json.loads(done.stdout)["generalDiagnostics"]]
    assert found == WRONG, done.stdout + done.stderr
