"""Benchmark: a real training loop with the loader's threads in the same process, and in a process of their own.

    python tools/bench_training_loader.py /tmp/photo-shards --size 128
    python tools/bench_training_loader.py /tmp/photo-shards --size 128 --device cuda

The model is small-resnet, trained with SGD on whole batches as artkit's trainer does it: uint8 batches go to the
device, become floats there, forward, backward, step. Both sides have long-lived loaders and train the same model, a
stretch of steps each in turn; figures are medians over rounds, ratios medians of the ratios within rounds. The first
round starts the process and is not counted.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.nn import functional as F

from artkit import ModelContext
from artkit_plugins.models import small_resnet
from artkit_shards import Batch, Loader, open_dataset

BATCH_SIZE = 64


def endless(loader: Loader) -> Iterator[Batch]:
    """Batches of one epoch after another."""
    while True:
        yield from loader


def train(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, batches: Iterator[Batch], steps: int, device: str
) -> float:
    """Train some steps; returns images per second."""
    started, count = time.perf_counter(), 0
    for _ in range(steps):
        batch = next(batches)
        images = batch.images.to(device, non_blocking=True).float().div_(255).sub_(0.5).div_(0.25)
        loss = F.cross_entropy(model(images), batch.labels.to(device, non_blocking=True))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss.item()
        count += len(images)
    return count / (time.perf_counter() - started)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="data set written by `artkit shard`")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20, help="steps a stretch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    dataset = open_dataset(args.shards)
    context = ModelContext(num_outputs=len(dataset.class_names), image_size=args.size)
    model = small_resnet(context).to(args.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    options = {"image_size": args.size, "batch_size": BATCH_SIZE, "threads": args.threads, "pin_memory": True}
    sides = {
        name: endless(Loader(dataset.split("train"), **options, subprocess=subprocess))
        for name, subprocess in (("threads", False), ("subprocess", True))
    }
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(args.rounds + 1):
        for name in list(sides)[:: 1 if number % 2 else -1]:
            speed = train(model, optimizer, sides[name], args.steps, args.device)
            if number:
                speeds[name].append(speed)
                print(f"round {number}: {name:10} {speed:7.1f} images/s", flush=True)
    ratios = [a / b for a, b in zip(speeds["subprocess"], speeds["threads"], strict=True)]
    for name, values in speeds.items():
        print(f"{name:10} {statistics.median(values):7.1f} images/s")
    print(f"subprocess is {statistics.median(ratios):.3f} x threads")


if __name__ == "__main__":
    main()
