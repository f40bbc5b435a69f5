"""Benchmark: images per second of artkit's loader beside other loaders and beside decoding alone; and its memory.

    python tools/build_photographs.py /tmp/photographs
    artkit shard /tmp/photographs /tmp/photo-shards
    artkit shard /tmp/photographs /tmp/photo-shards-512 --max-side 512
    python tools/bench_loader.py /tmp/photo-shards --size 256 --dali-python /tmp/dali/bin/python
    python tools/bench_loader.py /tmp/photo-shards-512 --size 512 --ffcv-python /tmp/ffcv/bin/python
    python tools/bench_loader.py /tmp/photo-shards --memory

Work of each side: read, decode, resize the whole image to S x S, random horizontal flip, batches of 64, uint8; two
threads or two worker processes. "decode alone" is simplejpeg's scaled decode of the same files from memory in two
threads, without resize or batches, at the smallest scale that covers S x S. DALI (nvidia-dali-cuda130, on the CPU) and
FFCV run in Pythons of their own, which may be any; FFCV writes the images into a file of its own first. The sides take
turns; the figures are medians over rounds, the ratios medians of the ratios within rounds, so that a noisy machine
hurts little. The first round warms the page cache, compiles FFCV's code, and is not counted.

`--memory` tells the resident memory of a process that loads an epoch, and of one that loads an epoch ten times as long.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg
import torch
import webdataset

from artkit_shards import Loader, Split, open_dataset

BATCH_SIZE = 64
WORKERS = 2
Side = Callable[[int], float]
"""Runs an epoch of this number and returns images per second."""


def run_artkit(loader: Loader, epoch: int) -> float:
    """One epoch of `Loader`."""
    generator = np.random.default_rng(epoch)
    started = time.perf_counter()
    count = 0
    for batch in loader:
        for number in np.flatnonzero(generator.random(len(batch.labels)) < 0.5).tolist():
            batch.images[number] = batch.images[number].flip(2)
        count += len(batch.images)
    return count / (time.perf_counter() - started)


def to_example(size: int, sample: tuple[object, int]) -> tuple[np.ndarray, int]:
    """What users of webdataset write: resize with Pillow, flip, to array."""
    from PIL import Image

    image, label = sample
    assert isinstance(image, Image.Image)
    resized = image.resize((size, size), Image.Resampling.BILINEAR)
    if np.random.random() < 0.5:
        resized = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(resized), label


def run_webdataset(shards: list[str], size: int, _epoch: int) -> float:
    """The stock pipeline of webdataset: decode("pil"), WebLoader with two worker processes."""
    dataset = (
        webdataset.WebDataset(shards, shardshuffle=len(shards), empty_check=False)
        .shuffle(1000)
        .decode("pil")
        .to_tuple("jpg", "cls")
        .map(partial(to_example, size))
        .batched(BATCH_SIZE)
    )
    loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=WORKERS)
    started = time.perf_counter()
    count = sum(len(images) for images, _ in loader)
    return count / (time.perf_counter() - started)


def run_decode(files: list[bytes], size: int, _epoch: int) -> float:
    """Scaled decoding alone, from memory, in two threads."""

    def decode(data: bytes) -> None:
        simplejpeg.decode_jpeg(data, "RGB", min_height=size, min_width=size, min_factor=2)

    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(decode, files):
            pass
    return len(files) / (time.perf_counter() - started)


def run_child(child: subprocess.Popen[str], _epoch: int) -> float:
    """A side that runs in a Python of its own."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("epoch\n")
    child.stdin.flush()
    line = child.stdout.readline()
    if not line:
        sys.exit("a side that runs in a Python of its own has ended; see above")
    answer = json.loads(line)
    time.sleep(1)  # it may be filling its queue for the next epoch, which must not fall into another side's turn
    return float(answer["images"] / answer["seconds"])


def start_child(python: Path, script: str, settings: dict[str, object]) -> subprocess.Popen[str]:
    """Start a side that runs in a Python of its own."""
    command = [str(python), str(Path(__file__).with_name(script)), json.dumps(settings)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def open_sides(args: argparse.Namespace, split: Split, files: list[bytes], scratch: str) -> dict[str, Side]:
    """All sides that can run; artkit first."""
    loader = Loader(split, image_size=args.size, batch_size=BATCH_SIZE, fit="squash", threads=WORKERS)
    tars = sorted(str(path) for path in args.shards.glob("train-*.tar"))
    sides: dict[str, Side] = {
        "artkit Loader": partial(run_artkit, loader),
        "webdataset stock": partial(run_webdataset, tars, args.size),
        "decode alone": partial(run_decode, files, args.size),
    }
    settings = {"shards": str(args.shards), "size": args.size, "batch_size": BATCH_SIZE, "workers": WORKERS}
    if args.dali_python:
        sides["DALI on the CPU"] = partial(run_child, start_child(args.dali_python, "side_dali.py", settings))
    if args.ffcv_python:
        settings["file"] = f"{scratch}/images.beton"
        sides["FFCV"] = partial(run_child, start_child(args.ffcv_python, "side_ffcv.py", settings))
    return sides


def time_first_batch(split: Split, size: int) -> float:
    """Seconds from making a loader to its first batch."""
    started = time.perf_counter()
    next(iter(Loader(split, image_size=size, batch_size=BATCH_SIZE, fit="squash")))
    return time.perf_counter() - started


def compare(args: argparse.Namespace) -> None:
    """Run all sides in turn and print the table."""
    split = open_dataset(args.shards).split("train")
    files = [split.read(row) for row in range(len(split))]
    with tempfile.TemporaryDirectory() as scratch:
        sides = open_sides(args, split, files, scratch)
        speeds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(args.rounds + 1):
            # Whoever comes first in a round finds the machine as the last one left it, so the order rotates.
            order = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
            for name in order:
                speed = sides[name](number)
                if number:
                    speeds[name].append(speed)
                    print(f"round {number}: {name:18} {speed:7.0f} images/s", flush=True)
    print(f"\n{len(split)} JPEG files of {np.mean([len(data) for data in files]) / 1000:.0f} kB at {args.size} px")
    for name, values in speeds.items():
        ratios = [ours / theirs for ours, theirs in zip(speeds["artkit Loader"], values, strict=True)]
        print(f"{name:18} {statistics.median(values):7.0f} images/s   artkit is {statistics.median(ratios):.2f} x")
    print(f"first batch after {time_first_batch(split, args.size):.2f} s")


def resident_bytes() -> int:
    """Memory of this process that is in RAM and not in files, now."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024


def load_once(args: argparse.Namespace) -> None:
    """Load an epoch in which each image comes `args.repeats` times; print the largest resident memory."""
    split = open_dataset(args.shards).split("train")
    counts = np.full(len(split), args.repeats)
    before = resident_bytes()
    most = images = 0
    for batch in Loader(split, image_size=args.size, batch_size=BATCH_SIZE, fit="squash", counts=counts):
        images += len(batch.labels)
        most = max(most, resident_bytes())
    print(f"{images:7d} images: {most / 1e6:5.0f} MB resident, {before / 1e6:.0f} MB of it before the loader was made")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="data set of JPEG images, written by `artkit shard`")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dali-python", type=Path, help="Python that has DALI")
    parser.add_argument("--ffcv-python", type=Path, help="Python that has FFCV")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--repeats", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    # No model trains here; torch's own idle threads would spin beside the decoders after every flip.
    torch.set_num_threads(1)
    if args.repeats:
        load_once(args)
    elif args.memory:
        for repeats in (1, 10):
            command = [sys.executable, __file__, str(args.shards), "--size", str(args.size), "--repeats", str(repeats)]
            subprocess.run(command, check=True)
    else:
        compare(args)


if __name__ == "__main__":
    main()
