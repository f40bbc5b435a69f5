r"""Benchmark: what artkit's recipes, and fastai, learn of the same images in the same time. Prints a Markdown table.

    python tools/build_clipart_folder.py /tmp/clipart
    artkit shard /tmp/clipart /tmp/clipart-shards --max-side 128 --split train=0.64,val=0.16,test=0.2 \
        --labels /tmp/clipart/pictures.csv --image-column file --label artist --group series
    python tools/bench_learning.py /tmp/clipart-shards --out /tmp/learning --fastai-python /tmp/fastai/bin/python

Every method trains for the same wall-clock minutes on the same two threads, one run at a time, with several seeds; the
test images are looked at once a run, at its end, and choose nothing. All see whole images on white, 64 pixels a side.
A run that is there already is not run again, so that the benchmark goes on after an interruption.

Head, mid and tail are the classes with more than 100, 20 to 100, and fewer than 20 training images (Liu et al. 2019,
"Large-scale long-tailed recognition in an open world"). ECE is the expected calibration error over 15 bins (Guo et al.
2017). Intervals are 95 % bootstrap intervals over the test images, of the mean over seeds.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artkit_shards import Dataset, fit_image, open_dataset

IMAGE_SIZE = 64
THREADS = 2
NUM_BINS = 15
RESAMPLES = 1000
SPLITS = ("train", "val", "test")
METHODS: Mapping[str, Sequence[str]] = {
    "artist-prediction": ("artist-prediction", "--image-size", str(IMAGE_SIZE)),
    "artist-prediction, batch 64, rate 0.003": (
        *("artist-prediction", "--image-size", str(IMAGE_SIZE)),
        *("--batch-size", "64", "--set", "optimizer.lr=0.003"),
    ),
    "default": ("default",),
}
FASTAI = "fastai xresnet18"
Side = Callable[[Path, int], None]
"""Trains into a folder, from a seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a run said of the test images, in the order of the split; each array is (N,)."""

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    p_predicted: NDArray[np.float64]
    loss: NDArray[np.float64]


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


def read_answers(path: Path, class_names: Sequence[str]) -> Answers:
    """Read a table of predictions, with classes by name or by number."""
    numbers = {name: number for number, name in enumerate(class_names)}
    numbers |= {str(number): number for number in range(len(class_names))}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Answers(
        true=np.array([numbers[row["true"]] for row in rows]),
        predicted=np.array([numbers[row["predicted"]] for row in rows]),
        p_predicted=np.array([float(row["p_predicted"]) for row in rows]),
        loss=np.array([float(row["loss"]) for row in rows]),
    )


def scores(answers: Answers, rows: NDArray[np.int64], train_counts: NDArray[np.int64]) -> dict[str, float]:
    """All figures of a run over some of the test images."""
    true, right = answers.true[rows], (answers.predicted == answers.true)[rows]
    images = np.bincount(true, minlength=len(train_counts))
    recalls = np.bincount(true, weights=right, minlength=len(train_counts)) / np.maximum(images, 1)

    def mean_recall(chosen: NDArray[np.bool_]) -> float:
        return 100 * float(recalls[chosen & (images > 0)].mean())

    return {
        "top-1": 100 * float(right.mean()),
        "macro recall": mean_recall(images > 0),
        "head": mean_recall(train_counts > 100),
        "mid": mean_recall((train_counts >= 20) & (train_counts <= 100)),
        "tail": mean_recall(train_counts < 20),
        "NLL": float(answers.loss[rows].mean()),
        "ECE": 100 * calibration_error(answers.p_predicted[rows], right),
    }


def calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, mean over bins by their images."""
    bins = np.minimum((confidences * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    gaps = np.bincount(bins, weights=right - confidences, minlength=NUM_BINS)
    return float(np.abs(gaps).sum() / len(right))


def table_row(runs: Sequence[Answers], train_counts: NDArray[np.int64]) -> dict[str, tuple[float, float, float]]:
    """Mean over seeds of each figure, with the bounds of its interval."""
    rng = np.random.default_rng(0)
    num_images = len(runs[0].true)

    def mean_scores(rows: NDArray[np.int64]) -> dict[str, float]:
        of_runs = [scores(run, rows, train_counts) for run in runs]
        return {name: float(np.mean([one[name] for one in of_runs])) for name in of_runs[0]}

    resampled = [mean_scores(rng.integers(num_images, size=num_images)) for _ in range(RESAMPLES)]
    means = mean_scores(np.arange(num_images))
    bounds = {name: np.nanpercentile([one[name] for one in resampled], (2.5, 97.5)) for name in means}
    return {name: (mean, float(bounds[name][0]), float(bounds[name][1])) for name, mean in means.items()}


def print_table(answers: Mapping[str, Sequence[Answers]], train_counts: NDArray[np.int64]) -> None:
    """Print the Markdown table."""
    rows = {method: table_row(runs, train_counts) for method, runs in answers.items() if runs}
    names = list(next(iter(rows.values())))
    print(f"| method | seeds | {' | '.join(names)} |")
    print("|---" * (len(names) + 2) + "|")
    for method, row in rows.items():
        cells = []
        for name in names:
            digits = 2 if name == "NLL" else 1
            mean, low, high = row[name]
            cells.append(f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})")
        print(f"| {method} | {len(answers[method])} | {' | '.join(cells)} |")


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fastai-python", type=Path, help="Python that has fastai")
    parser.add_argument("--only", help="run only methods with this text in their name")
    args = parser.parse_args()
    dataset = open_dataset(args.shards)
    args.out.mkdir(parents=True, exist_ok=True)
    sides: dict[str, Side] = {
        name: partial(run_artkit, arguments, args.shards, args.minutes) for name, arguments in METHODS.items()
    }
    if args.fastai_python:
        arrays = args.out / "images.npz"
        if not arrays.exists():
            write_arrays(dataset, arrays)
        sides[FASTAI] = partial(run_fastai, args.fastai_python, arrays, len(dataset.class_names), args.minutes)
    answers: dict[str, list[Answers]] = {}
    for seed in range(args.seeds):
        for name, run in sides.items():
            if args.only and args.only not in name:
                continue
            out = args.out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
            if not (out / "predictions.csv").exists():
                run(out, seed)
            answers.setdefault(name, []).append(read_answers(out / "predictions.csv", dataset.class_names))
    print_table(answers, dataset.split("train").class_counts)


if __name__ == "__main__":
    main()
