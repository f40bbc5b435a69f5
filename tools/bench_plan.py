"""Benchmark: time and memory of planning an epoch, from ten thousand samples to ten million.

    python tools/bench_plan.py

Classes follow a long tail (sizes from 1 to 50, geometrically). "natural" plans every sample once; "balanced" gives
every class the same number of draws, so that samples of rare classes come many times. Each size is planned in a process
of its own, and memory is the peak of its resident set while it plans: interpreter, labels and counts included. The last
column says how much more a sample costs than in the size above it. Linux only, for the memory.
"""

import argparse
import multiprocessing
import statistics
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artkit_shards import plan_epoch

SIZES = (10**4, 10**5, 10**6, 10**7)
NUM_CLASSES = 1000
IMBALANCE = 50


def make_labels(num_samples: int) -> NDArray[np.int64]:
    """Labels of a long tail in random order, int64 (N,)."""
    shares = np.geomspace(IMBALANCE, 1, NUM_CLASSES)
    sizes = np.maximum(1, (num_samples * shares / shares.sum()).astype(np.int64))
    sizes[0] += num_samples - sizes.sum()
    return np.random.default_rng(0).permutation(np.repeat(np.arange(NUM_CLASSES), sizes))


def balanced_counts(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts that give every class the same number of draws, off by less than its size."""
    sizes = np.bincount(labels)
    quota = len(labels) // len(sizes)
    by_class = np.argsort(labels, kind="stable")
    place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    counts = np.empty(len(labels), dtype=np.int64)
    counts[by_class] = quota // sizes[labels[by_class]] + (place < quota % sizes[labels[by_class]])
    return counts


def forget_peak() -> None:
    """Let the peak of the resident set begin anew from what there is now."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Peak of the resident set since then."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def measure(num_samples: int, kind: str, rounds: int) -> tuple[float, int]:
    """Median seconds of a plan, and the peak of memory."""
    labels = make_labels(num_samples)
    counts = balanced_counts(labels) if kind == "balanced" else np.ones(num_samples, dtype=np.int64)
    forget_peak()
    seconds = []
    for epoch in range(rounds):
        started = time.perf_counter()
        plan_epoch(labels, counts, seed=0, epoch=epoch)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), peak_bytes()


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(f"{'samples':>10} {'classes':>8} {'counts':>9} {'seconds':>9} {'peak MB':>8} {'us/sample':>10} {'growth':>7}")
    for kind in ("natural", "balanced"):
        previous = None
        for size in SIZES:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, peak = pool.apply(measure, (size, kind, args.rounds))
            each = seconds / size * 1e6
            growth = f"{each / previous:7.2f}" if previous else f"{'':7}"
            print(
                f"{size:10} {NUM_CLASSES:8} {kind:>9} {seconds:9.3f} {peak / 1e6:8.0f} {each:10.3f} {growth}",
                flush=True,
            )
            previous = each


if __name__ == "__main__":
    main()
