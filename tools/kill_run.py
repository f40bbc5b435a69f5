"""Kill a run at random moments, resume it each time, and compare what it leaves with a run that nobody disturbed.

    python tools/kill_run.py --kills 50

The run has about three times as many steps as kills. Each kill is a SIGKILL a few milliseconds after a random step, in
the middle of whatever goes on then; some fall while the run is only starting. After the last one it runs to its end:
weights, averages, the optimizer's state, the best weights, history and predictions must be the same, bit for bit.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from artkit.engine import job
from artkit.engine.answers import ANSWERS
from artkit.engine.checkpoint import load_checkpoint
from artkit.recipe import CommandLine, Recipe, read_recipe_file, resolve_recipe
from artkit.registry import load_registry
from killing import begin, is_killed

STEPS_PER_EPOCH = 8
OPTIONS = (
    "data.image_size=16 data.threads=2 train.batch_size=4 train.accumulate=2 train.ema=0.9 train.clip=5 "
    "train.checkpoint_minutes=0 model.growth_rate=4 model.layers=1,1 model.init_channels=8 model.dropout=0.2 "
    f"sampler.size={8 * STEPS_PER_EPOCH - 3} loss.defer=0.6 schedule.patience=2"
)
CLOCK = {"seconds", "validation_seconds", "images_per_s"}


def make_recipe(num_epochs: int) -> Recipe:
    """What a checkpoint could forget: accumulation, averages, dropout, mixing, deferral, a schedule's memory."""
    command_line = CommandLine(
        choices={"model": "se-densenet", "sampler": "class-balanced", "optimizer": "adamw", "schedule": "plateau"},
        augmenters=["affine", "mixup"],
        reporters=["none", "metrics", "predictions"],
        settings={"train.epochs": num_epochs},
        assignments=OPTIONS.split(),
    )
    return resolve_recipe({}, command_line, load_registry([]))


def go_on(recipe: Recipe, folder: Path) -> None:
    """Begin a run, or go on with it."""
    if (folder / "last" / "state.safetensors").exists():
        job.resume(resolve_recipe(read_recipe_file(folder / "recipe.toml"), CommandLine(), load_registry([])), folder)
    else:
        job.start(recipe, plugins=[], out=folder, warn=lambda _: None)


def num_steps(folder: Path) -> int:
    """Steps that a run has logged."""
    path = folder / "steps.csv"
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def where_it_stood(folder: Path) -> str:
    """What a run was doing when it was killed, by what it left."""
    for half in (*folder.glob("*.part"), *folder.glob("last/*.part")):
        return f"writing {half.name.split('.')[0]}"
    if any(folder.glob("last/best_*")):
        return "between best weights and checkpoint"
    return "elsewhere"


def without_clock(value: Any) -> Any:
    """Plain values without those that are times, tensors as bytes."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: without_clock(item) for key, item in value.items() if key not in CLOCK}
    return [without_clock(item) for item in value] if isinstance(value, list) else value


def content(folder: Path) -> dict[str, Any]:
    """What a run leaves that does not depend on the clock, by file."""
    checkpoints = [path for path in folder.rglob("*.safe*") if path.name != ANSWERS]
    weights = {str(path.relative_to(folder)): without_clock(load_checkpoint(path)) for path in checkpoints}
    tables = {name: (folder / name).read_bytes() for name in ("steps.csv", "predictions.csv", ANSWERS)}
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    return {**weights, **tables, "names": names}


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # steps are small
    for slow in ("sklearn.metrics", "torch._dynamo"):  # imported once, not in every process
        import_module(slow)
    generator = random.Random(args.seed)
    recipe = make_recipe(-(-3 * args.kills // STEPS_PER_EPOCH))
    killed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="kill-") as scratch:
        expected, folder = Path(scratch) / "expected", Path(scratch) / "killed"
        os.waitpid(begin(lambda: go_on(recipe, expected)), 0)
        steps = sorted(generator.sample(range(num_steps(expected)), args.kills))
        for step in steps:
            process = begin(lambda: go_on(recipe, folder))
            is_early = generator.random() < 0.1
            while not is_early and num_steps(folder) <= step:
                time.sleep(0.001)
            if not is_killed(process, generator.uniform(0, 0.5 if is_early else 0.03)):
                sys.exit("the run ended before it was killed")
            killed["starting" if is_early else where_it_stood(folder)] += 1
        os.waitpid(begin(lambda: go_on(recipe, folder)), 0)
        theirs, ours = content(expected), content(folder)
    different = [name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name)]
    if different:
        sys.exit(f"after {args.kills} kills these differ: {', '.join(sorted(different))}")
    places = ", ".join(f"{count} while {where}" for where, count in sorted(killed.items()))
    print(f"{args.kills} kills in one run of {len(ours['steps.csv'].splitlines()) - 1} steps ({places})")
    print(f"equal to the run without a kill, bit for bit: {', '.join(sorted(ours))}")


if __name__ == "__main__":
    main()
