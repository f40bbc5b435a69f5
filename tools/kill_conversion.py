"""Kill conversions at random instants, start each again, and compare what comes out with a conversion left in peace.

    python tools/kill_conversion.py /tmp/clipart --kills 200

A conversion runs in a process of its own, which gets SIGKILL after a random part of the time that a whole conversion
takes. The next process does the same conversion into the same folder, and so on. When one ends before it is killed, the
folder must be equal, file by file, to that of a conversion that nobody disturbed; then the next folder is begun. Runs
have one worker and two in turn.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from artkit_shards import ClassFolders, Settings, convert
from killing import begin, is_killed

SETTINGS = Settings(min_count=1, shard_bytes=1_000_000, max_rejects=1)


def start(source: Path, destination: Path, workers: int) -> int:
    """Begin a conversion in another process; returns its id."""

    def work() -> None:
        report = convert(ClassFolders(source), destination, SETTINGS, workers=workers)
        there = report.taken_over
        print(
            f"  ended: {there.num_inspections} images and {there.num_shards} of {report.num_shards} shards were there"
        )

    return begin(work)


def tree(directory: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def content(directory: Path) -> dict[str, bytes]:
    """What a data set consists of: all files but those that a conversion removes after it has completed it."""
    passing = (".artkit/journal", ".artkit/tmp", ".artkit/lock", ".artkit/unfinished.json")
    return {name: data for name, data in tree(directory).items() if not name.startswith(passing)}


def is_complete(destination: Path) -> bool:
    """Whether a data set is there."""
    return (destination / ".artkit/manifest.json").exists()


def where_it_stood(destination: Path) -> str:
    """How far a conversion had come."""
    if is_complete(destination):
        return "tidying up"
    if (destination / ".artkit/unfinished.json").exists():
        return "writing"
    return "looking at images"


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="class folders of images")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    generator = random.Random(args.seed)
    killed: dict[str, int] = {}
    num_kills = num_ended = 0
    with tempfile.TemporaryDirectory(prefix="kill-") as scratch:
        expected, destination = Path(scratch) / "expected", Path(scratch) / "killed"
        started = time.monotonic()
        os.waitpid(start(args.source, expected, 1), 0)
        whole_s = time.monotonic() - started
        in_peace = tree(expected)
        print(f"{len(in_peace)} files, {whole_s:.1f} s without a kill", flush=True)
        while num_kills < args.kills or destination.exists():
            patience_s = generator.uniform(0, whole_s) if num_kills < args.kills else 100 * whole_s + 60
            process = start(args.source, destination, 1 + num_kills % 2)
            if num_kills < args.kills and is_killed(process, patience_s):
                where = where_it_stood(destination)
                killed[where] = killed.get(where, 0) + 1
                num_kills += 1
                if not is_complete(destination):
                    continue
            elif num_kills >= args.kills:
                os.waitpid(process, 0)
            if content(destination) != in_peace:
                sys.exit(f"{destination} differs from {expected} after {num_kills} kills")
            num_ended += 1
            shutil.rmtree(destination)
    places = ", ".join(f"{count} while {where}" for where, count in sorted(killed.items()))
    print(f"{num_kills} kills ({places}), {num_ended} conversions ended, all equal to the one without a kill")


if __name__ == "__main__":
    main()
