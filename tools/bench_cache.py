"""Benchmark: class-balanced epochs over uneven classes, with and without a cache of decoded images.

    python tools/build_photographs.py /tmp/uneven-photographs --class-sizes 25 800
    artkit shard /tmp/uneven-photographs /tmp/uneven-shards --split train=1
    python tools/bench_cache.py /tmp/uneven-shards --size 256

Every class is drawn equally often in an epoch, which has as many draws as there are images: the images of small classes
come many times, most of the large ones not at all. Each side is a process of its own that runs some epochs with one
long-lived `Loader`: without a cache, with one of `--cache`, and with room for everything, whose first epochs fill it.
The sides take turns, epoch by epoch; figures are medians of the ratios within rounds, over the rounds after the first
ones. Decodes are counted, foretold and real; memory is what the process has in RAM beyond files, with what it had
before the loader was made subtracted.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from artkit_shards import Loader, Split, open_dataset
from bench_loader import BATCH_SIZE, WORKERS, resident_bytes

WARM_UP = 3
"""Epochs until a cache of everything has seen nearly all of it."""


def balanced_counts(split: Split, epoch: int) -> np.ndarray:
    """Draws of each image, equally many a class; which images of a large class are drawn changes with the epoch."""
    draws = len(split) // len(split.class_counts)
    counts = np.zeros(len(split), dtype=np.int64)
    for label, size in enumerate(split.class_counts.tolist()):
        rows = np.flatnonzero(split.labels == label)
        counts[rows] = draws // size
        counts[np.roll(rows, -epoch * (draws % size))[: draws % size]] += 1
    return counts


def run_side(args: argparse.Namespace) -> None:
    """Deliver an epoch for each line that comes in, and tell speed, decodes and memory."""
    torch.set_num_threads(1)
    split = open_dataset(args.shards).split("train")
    before = resident_bytes()
    loader = Loader(
        split,
        image_size=args.size,
        batch_size=BATCH_SIZE,
        fit="squash",
        threads=WORKERS,
        counts=lambda epoch: balanced_counts(split, epoch),
        cache=args.side,
    )
    misses = 0
    for _ in sys.stdin:
        started = time.perf_counter()
        images = sum(len(batch.labels) for batch in loader)
        seconds = time.perf_counter() - started
        decodes, foretold = images, images
        if loader.cache is not None and loader.forecast is not None:
            decodes, foretold = loader.cache.misses - misses, loader.forecast.decodes
            misses = loader.cache.misses
        memory = resident_bytes() - before
        print(json.dumps([images / seconds, images, decodes, foretold, memory]), flush=True)


class Side:
    """A process with one loader.

    Args:
        args: Of the command line.
        cache: What the cache may take.
    """

    def __init__(self, args: argparse.Namespace, cache: str) -> None:
        command = [sys.executable, __file__, str(args.shards), "--size", str(args.size), "--side", cache]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.speeds: list[float] = []
        self.facts: list[int] = []

    def run(self) -> None:
        """Run an epoch."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        speed, *self.facts = json.loads(self.process.stdout.readline())
        self.speeds.append(speed)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="data set of uneven classes, written by `artkit shard`")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache", default="1GB")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side is not None:
        run_side(args)
        return
    everything = str(3 * args.size**2 * len(open_dataset(args.shards).split("train")))
    sides = {"no cache": Side(args, "0"), args.cache: Side(args, args.cache), "everything": Side(args, everything)}
    for number in range(WARM_UP + args.rounds):
        for name in [*sides][number % 3 :] + [*sides][: number % 3]:
            sides[name].run()
            images, decodes, foretold, memory = sides[name].facts
            print(
                f"epoch {number}: {name:10} {sides[name].speeds[-1]:7.0f} images/s, {decodes:6d} of {images} decoded, "
                f"{foretold:6d} foretold, {memory / 1e6:6.0f} MB",
                flush=True,
            )
    for name, side in sides.items():
        ratios = [ours / plain for ours, plain in zip(side.speeds, sides["no cache"].speeds, strict=True)][WARM_UP:]
        print(f"{name:10} {statistics.median(side.speeds[WARM_UP:]):7.0f} images/s, {statistics.median(ratios):5.2f} x")


if __name__ == "__main__":
    main()
