"""Benchmark: how long help and lists of the command line take with twenty plugins installed, five of them heavy.

    python tools/bench_startup.py
    python tools/bench_startup.py --rounds 15 --explain

Twenty packages are put into a folder as pip would leave them; five import torch at their top. No command may import
any: their time is that of Python, typer and rich, whose import alone is the yardstick. The commands take turns,
each in a process of its own; figures are medians over rounds, ratios medians of the ratios within rounds. The first
round warms caches and bytecode and is not counted. `--explain` shows which modules took longest.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

NUM_PLUGINS: Final = 20
NUM_HEAVY: Final = 5
LIMITS: Final = {"artkit --help": 1.6, "artkit run --help": 1.6, "artkit recipes": 2.0, "artkit plugins list": 3.0}
"""Command -> how many times the yardstick it may take."""

YARDSTICK: Final = "import typer, rich"
MODULE: Final = """{heavy}
from artkit import hookimpl


@hookimpl
def artkit_models(register):
    register("model-{number}", lambda ctx: None)
"""


def install_plugins(folder: Path) -> None:
    """Write the packages, each with its metadata and entry point."""
    for number in range(NUM_PLUGINS):
        heavy = "import torch" if number < NUM_HEAVY else ""
        (folder / f"bench_{number}.py").write_text(MODULE.format(heavy=heavy, number=number))
        info = folder / f"bench_{number}-1.0.dist-info"
        info.mkdir()
        needs = "Requires-Dist: artkit>=0.1,<99"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bench-{number}\nVersion: 1.0\n{needs}\n")
        (info / "entry_points.txt").write_text(f"[artkit]\nmain = bench_{number}\n")


def command_of(name: str) -> list[str]:
    """What is started for a name."""
    if name == YARDSTICK:
        return [sys.executable, "-c", YARDSTICK]
    return [str(Path(sys.executable).parent / "artkit"), *name.split()[1:]]


def seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """How long a command takes, from its start to its end."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def measure(rounds: int, environment: Mapping[str, str]) -> dict[str, list[float]]:
    """Seconds of each command in each round, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in (YARDSTICK, *LIMITS)}
    for number in range(rounds + 1):
        for name, times in taken.items():
            times.append(seconds(command_of(name), environment))
            if number == 0:
                times.clear()
    return taken


def explain(environment: Mapping[str, str]) -> None:
    """Print the modules of each command that took longest on their own, in microseconds."""
    for name in LIMITS:
        command = [sys.executable, "-X", "importtime", "-m", "artkit", *name.split()[1:]]
        lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr.splitlines()
        rows = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")][1:]
        print(f"\n{name}: {len(rows)} modules, of which took longest (microseconds)")
        for own, _, module in sorted(rows, key=lambda row: -int(row[0]))[:15]:
            print(f"  {int(own):>8}  {module.strip()}")


def main() -> None:
    """Install, measure, tell; leave with 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--explain", action="store_true", help="show which modules took longest")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        install_plugins(Path(folder))
        environment = {**os.environ, "PYTHONPATH": folder, "COLUMNS": "120"}
        environment.pop("ARTKIT_PLUGINS", None)
        taken = measure(options.rounds, environment)
        missed = False
        print(f"{YARDSTICK}: {1000 * statistics.median(taken[YARDSTICK]):.0f} ms")
        for name, limit in LIMITS.items():
            ratio = statistics.median(a / b for a, b in zip(taken[name], taken[YARDSTICK], strict=True))
            missed |= ratio > limit
            print(f"{name}: {1000 * statistics.median(taken[name]):.0f} ms, {ratio:.2f} times that (limit {limit})")
        if options.explain:
            explain(environment)
    sys.exit(missed)


if __name__ == "__main__":
    main()
