"""Profile: where the time of `artkit run` goes, once it is under way.

    python tools/profile_run.py
    python tools/profile_run.py --epochs 4 --device cuda --set model.width=64
    python tools/profile_run.py --cpu-time          # where others use the machine too

Runs the recipe in this process with a clock around each part, and prints the share of every part in the time of
training, validation left out. The first epoch warms up and is not counted. Parts nest; a moment counts for the
innermost one. On a GPU work is only handed over by most parts, so their times say where the CPU is kept.
With --cpu-time the clock is that of the main thread's own work, and torch has this thread alone: waiting is not in it,
be it for a disk, for images, or for a processor that others have.
"""

import argparse
import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from artkit.engine import job, keeping
from artkit.engine.augmentation import AugmentationChain
from artkit.engine.events import Reporters
from artkit.engine.objective import Objective
from artkit.engine.preprocessing import Preprocessing
from artkit.engine.state import TrainingState
from artkit.engine.trainer import Trainer
from artkit.engine.training_loader import TrainingLoader
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry

LEARNING = ("forward", "loss", "backward", "optimizer")
VALIDATION = "validation"


class Clock:
    """Adds up the time of parts, each without the parts inside it; those of a validation all count for it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._parts = ["rest"]
        self._now = now
        self._since = now()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A context whose time counts for a part."""
        self._switch()
        self._parts.append(VALIDATION if VALIDATION in self._parts else name)
        try:
            yield
        finally:
            self._switch()
            self._parts.pop()

    def restart(self) -> None:
        """Forget what was added up."""
        self._switch()
        self.seconds.clear()

    def time_calls(self, owner: object, name: str, part: str) -> None:
        """Let the calls of a function count for a part."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(part):
                return function(*args, **kwargs)

        setattr(owner, name, timed)

    def _switch(self) -> None:
        now = self._now()
        self.seconds[self._parts[-1]] += now - self._since
        self._since = now


def watch_classes(clock: Clock) -> None:
    """Put the clock around the parts of a run that are there before it."""
    clock.time_calls(torch.Tensor, "backward", "backward")
    clock.time_calls(Objective, "__call__", "loss")
    clock.time_calls(AugmentationChain, "__call__", "augment")
    clock.time_calls(Preprocessing, "to_unit", "to floats")
    clock.time_calls(Preprocessing, "normalise", "normalise")
    clock.time_calls(TrainingState, "save", "checkpoint")
    clock.time_calls(Trainer, "weights", "best weights")
    clock.time_calls(keeping, "save_checkpoint", "best weights")
    clock.time_calls(Trainer, "_validate", VALIDATION)
    clock.time_calls(Reporters, "_send", "reporters")
    deliver = TrainingLoader.__iter__

    def timed_batches(loader: TrainingLoader) -> Iterator[Any]:
        batches = deliver(loader)
        while True:
            with clock.part("wait for data"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    TrainingLoader.__iter__ = timed_batches  # type: ignore[method-assign]


def watch_run(clock: Clock) -> None:
    """Put the clock around the model and optimizer of the run to come, and start it with the second epoch."""
    train = Trainer.train
    finish_epoch = Trainer._finish_epoch

    def timed_train(self: Trainer) -> None:
        clock.time_calls(self.assembly.model, "forward", "forward")
        clock.time_calls(self.assembly.optimizer, "step", "optimizer")
        clock.time_calls(self.assembly.optimizer, "zero_grad", "optimizer")
        train(self)

    def finish(self: Trainer, validation: dict[str, float]) -> None:
        finish_epoch(self, validation)
        if self.progress.epoch == 1:
            clock.restart()
        if self.finished:
            print_table(clock)

    Trainer.train = timed_train  # type: ignore[method-assign]
    Trainer._finish_epoch = finish  # type: ignore[method-assign]


def print_table(clock: Clock) -> None:
    """Print the parts in the order of their time."""
    seconds = {name: value for name, value in clock.seconds.items() if name != VALIDATION}
    whole = sum(seconds.values())
    for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{name:14} {value:8.2f} s {value / whole:7.1%}")
    outside = 1 - sum(seconds.get(name, 0.0) for name in LEARNING) / whole
    print(f"outside of model, loss and optimizer: {outside:.1%} of {whole:.1f} s")
    print(f"validation, not counted: {clock.seconds[VALIDATION]:.2f} s")


def main() -> None:
    """Run the profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="demo", help="data set written by `artkit shard`")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="KIND.OPTION=VALUE")
    parser.add_argument("--cpu-time", action="store_true")
    args = parser.parse_args()
    if args.cpu_time:
        torch.set_num_threads(1)
    settings = {"data.path": args.data, "train.epochs": args.epochs, "train.device": args.device}
    command_line = CommandLine(settings=settings, reporters=["no:console"], assignments=args.set)
    recipe = resolve_recipe({}, command_line, load_registry([]))
    clock = Clock(time.thread_time if args.cpu_time else time.perf_counter)
    watch_classes(clock)
    watch_run(clock)
    with tempfile.TemporaryDirectory() as folder:
        job.start(recipe, plugins=[], out=Path(folder) / "run")


if __name__ == "__main__":
    main()
