"""Benchmark: images per second of artkit's loader beside webdataset's stock pipeline and beside decoding alone.

    python tools/build_photographs.py /tmp/photographs
    artkit shard /tmp/photographs /tmp/photo-shards
    python tools/bench_loader.py /tmp/photo-shards --size 256

Work of each side: read, decode, resize the whole image to S x S, random horizontal flip, batches of 64, uint8; two
threads or two worker processes. "decode alone" is simplejpeg's scaled decode of the same files from memory in two
threads, without resize or batches: the limit that a loader on this machine can come near. The sides take turns; the
figures are medians over rounds, the ratios medians of the ratios within rounds, so that a noisy machine hurts little.
The first round warms the page cache and is not counted.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
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


def run_artkit(split: Split, size: int, epoch: int) -> float:
    """Images per second of one epoch of `Loader`."""
    loader = Loader(split, image_size=size, batch_size=BATCH_SIZE, fit="squash", epoch=epoch, threads=WORKERS)
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
    """Images per second of webdataset's stock pipeline: decode("pil"), WebLoader with two worker processes."""
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
    """Images per second of scaled decoding alone, from memory, in two threads."""

    def decode(data: bytes) -> None:
        simplejpeg.decode_jpeg(data, "RGB", min_height=size, min_width=size, min_factor=2)

    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(decode, files):
            pass
    return len(files) / (time.perf_counter() - started)


def time_first_batch(split: Split, size: int) -> float:
    """Seconds from making a loader to its first batch."""
    started = time.perf_counter()
    batches: Iterator[object] = iter(Loader(split, image_size=size, batch_size=BATCH_SIZE, fit="squash"))
    next(batches)
    return time.perf_counter() - started


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="data set of JPEG images, written by `artkit shard`")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    # No model trains here; torch's own idle threads would spin beside the decoders after every flip.
    torch.set_num_threads(1)
    split = open_dataset(args.shards).split("train")
    tars = sorted(str(path) for path in args.shards.glob("train-*.tar"))
    files = [split.read(row) for row in range(len(split))]
    sides: dict[str, Callable[[int], float]] = {
        "artkit Loader": partial(run_artkit, split, args.size),
        "webdataset stock": partial(run_webdataset, tars, args.size),
        "decode alone": partial(run_decode, files, args.size),
    }
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


if __name__ == "__main__":
    main()
