r"""Benchmark: what artkit's recipes, and fastai, learn of the same images in the same time. Prints a Markdown table.

    python tools/build_clipart_folder.py /tmp/clipart
    artkit shard /tmp/clipart /tmp/clipart-shards --max-side 128 --split train=0.64,val=0.16,test=0.2 \
        --labels /tmp/clipart/pictures.csv --image-column file --label artist --group series
    python tools/bench_learning.py /tmp/clipart-shards --out /tmp/learning --fastai-python /tmp/fastai/bin/python

Every method trains for the same wall-clock minutes on the same two threads, one run at a time, with several seeds; the
test images are looked at once a run, at its end, and choose nothing. All see whole images on white, 64 pixels a side.
A run that is there already is not run again, so that the benchmark goes on after an interruption; one that was cut off
starts anew.

`learning_table.py` says what the figures mean. With --tau, a second table has artkit's runs again, with the prior of
training taken off their logits as often as their validation images ask for: see `chosen_tau.py`.

The methods with pretrained weights need the packages of plugins/artkit-pretrained; a method that cannot run stops the
benchmark with its error, and --methods leaves it out.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artkit_shards import Dataset, fit_image, open_dataset
from chosen_tau import answers_at_chosen_tau
from learning_table import Answers, print_table, read_answers

IMAGE_SIZE = 64
THREADS = 2
SPLITS = ("train", "val", "test")
METHODS: Mapping[str, Sequence[str]] = {
    "artist-prediction": ("artist-prediction", "--image-size", str(IMAGE_SIZE)),
    "artist-prediction, batch 64, rate 0.003": (
        *("artist-prediction", "--image-size", str(IMAGE_SIZE)),
        *("--batch-size", "64", "--set", "optimizer.lr=0.003"),
    ),
    "default": ("default",),
    "default, mobilenet-v2": (
        *("default", "--model", "mobilenet-v2", "--set", "model.enlarge=2", "--set", "train.backbone_lr=0.3"),
        *("--optimizer", "adamw", "--set", "optimizer.lr=0.002", "--schedule", "one-cycle", "--set", "train.ema=0.99"),
    ),
}
FASTAI = "fastai xresnet18"
Side = Callable[[Path, int], None]
"""Trains into a folder, from a seed."""


def run_artkit(arguments: Sequence[str], shards: Path, minutes: float, out: Path, seed: int) -> None:
    """Train by the command line, as people do."""
    choices = [*arguments, "--data", str(shards), "--max-minutes", str(minutes), "--set", f"train.seed={seed}"]
    # Epochs must not end the run before its time does.
    choices += ["--set", "train.epochs=1000", "--set", f"data.threads={THREADS}", "--out", str(out)]
    subprocess.run([sys.executable, "-m", "artkit", "run", *choices], check=True)


def run_fastai(python: Path, arrays: Path, num_classes: int, minutes: float, out: Path, seed: int) -> None:
    """Train with fastai in its own Python."""
    out.mkdir(parents=True, exist_ok=True)
    settings = {"arrays": str(arrays), "num_classes": num_classes, "out": str(out), "minutes": minutes, "seed": seed}
    script = Path(__file__).with_name("side_fastai.py")
    subprocess.run([python, script, json.dumps({**settings, "threads": THREADS})], check=True)


def write_arrays(dataset: Dataset, path: Path) -> None:
    """All images as they are shown to artkit's models, for the others."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name in SPLITS:
        split = dataset.split(name)
        arrays[f"{name}_images"] = np.stack([fit_image(split.read(row), IMAGE_SIZE) for row in range(len(split))])
        arrays[f"{name}_labels"] = split.labels
    np.savez(path, **arrays)  # type: ignore[arg-type] # numpy's stubs take them for an option of its own


def choose_methods(text: str | None, there: Sequence[str]) -> list[str]:
    """The methods named in "A;B", each by its whole name or its beginning; all without a text.

    Raises:
        SystemExit: if one is not there.
    """
    if text is None:
        return list(there)
    chosen: list[str] = []
    for name in (name.strip() for name in text.split(";")):
        found = [name] if name in there else [method for method in there if method.startswith(name)]
        if not found:
            raise SystemExit(f"there is no method '{name}'; there are: {'; '.join(there)}")
        chosen += [method for method in found if method not in chosen]
    return chosen


def all_sides(dataset: Dataset, args: argparse.Namespace) -> dict[str, Side]:
    """How each method trains; fastai's needs its Python."""
    sides: dict[str, Side] = {
        name: partial(run_artkit, arguments, args.shards, args.minutes) for name, arguments in METHODS.items()
    }
    if args.fastai_python:
        arrays = args.out / "images.npz"
        sides[FASTAI] = partial(run_fastai, args.fastai_python, arrays, len(dataset.class_names), args.minutes)
    return sides


def run_missing(sides: Mapping[str, Side], seeds: int, out: Path) -> dict[str, list[Path]]:
    """Run what is not there yet, one seed of all methods after the other; gives the folders of each method."""
    folders: dict[str, list[Path]] = {name: [] for name in sides}
    for seed in range(seeds):
        for name, run in sides.items():
            folder = out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
            if not (folder / "predictions.csv").exists():
                shutil.rmtree(folder, ignore_errors=True)
                run(folder, seed)
            folders[name].append(folder)
    return folders


def main() -> None:
    """Run what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fastai-python", type=Path, help="Python that has fastai")
    parser.add_argument("--methods", help="run only these, by name or its beginning, with ; between; all by default")
    parser.add_argument("--tau", action="store_true", help="print the table at tau chosen on validation, too")
    args = parser.parse_args()
    dataset = open_dataset(args.shards)
    args.out.mkdir(parents=True, exist_ok=True)
    sides = all_sides(dataset, args)
    chosen = choose_methods(args.methods, list(sides))
    if FASTAI in chosen and not (args.out / "images.npz").exists():
        write_arrays(dataset, args.out / "images.npz")
    folders = run_missing({name: sides[name] for name in chosen}, args.seeds, args.out)
    answers: dict[str, list[Answers]] = {
        name: [read_answers(folder / "predictions.csv", dataset.class_names) for folder in of_method]
        for name, of_method in folders.items()
    }
    train_counts = dataset.split("train").class_counts
    print_table(answers, train_counts)
    if args.tau:
        print()
        print_table(
            {
                f"{name}, tau {taus}": shifted
                for name, of_method in folders.items()
                if name in METHODS
                for taus, shifted in [answers_at_chosen_tau(of_method, dataset)]
            },
            train_counts,
        )


if __name__ == "__main__":
    main()
