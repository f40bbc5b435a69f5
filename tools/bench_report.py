"""Benchmark: how large and how quick the report page is, and what all reporters take of time and memory.

    python tools/bench_report.py                      10,000 test images of 200 classes: the page in chromium
    python tools/bench_report.py --images 100000      all reporters: minutes, and memory beyond the answers themselves

The run is made up, its pictures are JPEGs of 420 x 300 pixels. The page is loaded in a new browser several times;
the time is that from the navigation to two frames after its scripts have run. Memory is the most that the process ever
held, once before the reporters are told and once after; a tenth of the images shows whether it grows with them.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from made_up_run import made_up_run

REPORTERS: Final = (
    "metrics",
    "predictions",
    "confusion-matrix",
    "per-class",
    "confused-pairs",
    "top-losses",
    "mosaic",
    "calibration",
    "curves",
    "model-card",
    "report",
)
PAGE_LIMIT_MB: Final = 15.0
LOAD_LIMIT_S: Final = 2.0
READY: Final = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
    () => done((performance.now()) / 1000))))"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Time and size of reports.")
    parser.add_argument("--images", type=int, default=10_000, help="test images (%(default)s)")
    parser.add_argument("--classes", type=int, default=200, help="classes (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="times that the page is loaded (%(default)s)")
    parser.add_argument("--out", type=Path, help="where to leave the run folder (nowhere)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        draw(options.out, options.classes, options.images)
        return
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch) / "run"
        for images in sorted({options.images // 10, options.images}):
            in_child(out, options.classes, images)
        load(out / "report.html", options.rounds)


def in_child(out: Path, num_classes: int, num_images: int) -> None:
    """Draw in a process of its own, so that memory is that of one run."""
    arguments = ["--child", "--out", out, "--classes", num_classes, "--images", num_images]
    subprocess.run([sys.executable, __file__, *map(str, arguments)], check=True)


def draw(out: Path, num_classes: int, num_images: int) -> None:
    """Tell all reporters of a made-up run, and print time and memory."""
    from artkit.registry import load_registry

    out.mkdir(parents=True, exist_ok=True)
    fake, events = made_up_run(out, num_classes=num_classes, num_images=num_images)
    registry = load_registry()
    reporters = {name: registry.component("reporter", name).build(fake.context) for name in REPORTERS}
    before_mb = peak_mb()
    print(f"{num_images:,} test images of {num_classes} classes; before the reports {before_mb:,.0f} MB")
    total_s = 0.0
    for name, reporter in reporters.items():
        files = [("artkit_artifact", {"path": p, "title": t, "kind": k}) for p, t, k in fake.published]
        started = time.perf_counter()
        fake.replay(reporter, events=[*events[:-1], *files, events[-1]])
        taken_s = time.perf_counter() - started
        total_s += taken_s
        print(f"  {name:<18} {taken_s:7.1f} s   peak {peak_mb():,.0f} MB", flush=True)
    print(f"  all reporters      {total_s:7.1f} s   {peak_mb() - before_mb:,.0f} MB more than before")


def load(page: Path, rounds: int) -> None:
    """Load the page in new browsers, and print its size and the median time."""
    from playwright.sync_api import sync_playwright

    size_mb = page.stat().st_size / 1e6
    times = []
    with sync_playwright() as playwright:
        for _ in range(rounds):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.goto(page.resolve().as_uri())
            times.append(float(tab.evaluate(READY)))
            browser.close()
    median_s = statistics.median(times)
    print(
        f"report.html: {size_mb:.1f} MB (limit {PAGE_LIMIT_MB:g}), opened in {median_s:.2f} s (limit {LOAD_LIMIT_S:g})"
    )


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
