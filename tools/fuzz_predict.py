"""Hostile paths for `artkit predict`: it must answer what it can, tell the rest by name, and end in bounded memory.

    python tools/fuzz_predict.py --cases 300

A folder is filled with images that are none (`tools/hostile.py`), files that are no files, tars with traps, and names
that are odd; some good images lie between. All of it is given to one `artkit predict`, in a process with a time limit:
the folder, and a list of paths that are not there or too long. Prints what became of each kind. The exit code is 1 if
there was a traceback, a hang, a good image without an answer, a path of which nothing was told, or too much memory.
"""

import argparse
import csv
import io
import os
import random
import resource
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PIL import Image

from artkit.testing import tiny_dataset
from hostile import HOSTILE, inflating, png

TIME_LIMIT_S: Final = 600
MEMORY_LIMIT: Final = 3 << 30
"""Peak of the whole process, torch included."""

GOOD: Final = "good"
_ODD_NAMES: Final = (
    "-rf.jpg",
    "a\nb.jpg",
    "\x1b[31mred.png",
    "'; drop table.png",
    "ü" * 120 + ".jpg",
    " .jpg",
    "\udcff.png",
)


def _good(path: Path, rng: random.Random) -> None:
    Image.new("RGB", (rng.randint(1, 200), rng.randint(1, 200)), rng.choice(("red", "blue"))).save(path, "PNG")


def _special(path: Path, rng: random.Random) -> None:
    """No regular file, though it is named as an image."""
    number = rng.randrange(7)
    if number == 0:
        os.mkfifo(path)
    elif number == 1:
        path.mkdir()
    elif number == 2:
        with socket.socket(socket.AF_UNIX) as server:
            here = os.open(path.parent, os.O_RDONLY)  # the names of sockets are short
            server.bind(f"/proc/self/fd/{here}/{path.name}")
            os.close(here)
    elif number == 3:
        with path.open("wb") as file:
            file.truncate(600 << 20)
    else:
        path.symlink_to((path.parent, path, Path("/dev/zero"))[number - 4])


def _tar(path: Path, rng: random.Random) -> None:
    """A tar with a trap in it."""
    number = rng.randrange(6)
    with tarfile.open(path, "w:gz" if number == 0 else "w") as tar:
        for name in ("1.png", "../../2.png", "/3.png") if number == 1 else ("1.png",):
            _add(tar, name, png(2, 2, bytes(14)))
        if number == 2:
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
        if number == 3:
            _add(tar, "inflating.png", inflating(rng))
    if number == 4:
        path.write_bytes(path.read_bytes()[: rng.randrange(1, 1200)])
    if number == 5:
        path.write_bytes(rng.randbytes(2048))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _bytes(make: Callable[[random.Random], bytes]) -> Callable[[Path, random.Random], None]:
    def write(path: Path, rng: random.Random) -> None:
        path.write_bytes(make(rng))

    return write


FILES: Final[dict[str, Callable[[Path, random.Random], None]]] = {
    GOOD: _good,
    **{kind: _bytes(make) for kind, make in HOSTILE.items()},
    "no regular file": _special,
    "tar": _tar,
    "odd name": _good,
}


def fill(folder: Path, num_cases: int) -> dict[str, str]:
    """Make hostile files; returns the kind of each by its path."""
    kinds, names = list(FILES), iter(_odd_names(folder))
    made = {}
    for number in range(num_cases):
        kind = kinds[number % len(kinds)]
        rng = random.Random(f"{kind}/{number}")
        path = folder / f"{kind.replace(' ', '-')}-{number:03d}.{'tar' if kind == 'tar' else 'png'}"
        path = next(names, path) if kind == "odd name" else path
        FILES[kind](path, rng)
        made[os.fsencode(path).decode("utf-8", "backslashreplace")] = kind
    return made


def _odd_names(folder: Path) -> Iterator[Path]:
    return (folder / name for name in _ODD_NAMES)


def missing_paths() -> list[str]:
    """Paths of a list that lead nowhere."""
    return ["nowhere.png", "../" * 40 + "etc/nothing.png", "x" * 100_000, "y/" * 3_000, "s3://bucket/no.png", " "]


def predict(run: Path, folder: Path, results: Path) -> tuple[int | None, str, float]:
    """Exit code, or None for a hang; what was printed to standard error; and seconds."""
    listed = "\n".join([str(folder), *missing_paths()])
    answers, rejects, sheets = (results / name for name in ("answers.csv", "rejects.csv", "sheets"))
    outputs = ["--out", answers, "--rejects", rejects, "--mosaic", sheets]
    command = ["predict", run, "-", "--device", "cpu", *outputs]
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "artkit", *map(str, command)],
            input=listed.encode(),
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, "", TIME_LIMIT_S
    return done.returncode, done.stderr.decode(errors="replace"), time.monotonic() - started


def outcomes(made: dict[str, str], results: Path) -> tuple[dict[str, Counter[str]], list[str]]:
    """What became of each kind, and the paths of which nothing was told, or something wrong."""
    told = {row["file"]: "answered" for row in _rows(results / "answers.csv")}
    told |= {row["file"]: row["reason"].partition(":")[0] for row in _rows(results / "rejects.csv")}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    wrong = []
    for path, kind in made.items():
        what = sorted({outcome for file, outcome in told.items() if file == path or file.startswith(f"{path}/")})
        counts[kind][" and ".join(what) or "passed over"] += 1
        is_empty_folder = kind == "no regular file" and Path(path).is_dir() and not Path(path).is_symlink()
        if (not what and not is_empty_folder) or (kind in (GOOD, "odd name") and what != ["answered"]):
            wrong.append(f"{kind} {path!r}: {what}")
    missing = [file for file in told if not any(file == path or file.startswith(f"{path}/") for path in made)]
    counts["list entry"].update(told[file] for file in missing)
    if len(missing) < len(missing_paths()):
        wrong.append(f"of {len(missing_paths())} paths that lead nowhere, {len(missing)} are told")
    return counts, wrong


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def train(folder: Path) -> Path:
    """A run of one epoch, with few reporters."""
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'[data]\npath = "{tiny_dataset(folder / "shapes")}"\nimage_size = 32\n[train]\nepochs = 1\nbatch_size = 8\n'
        'device = "cpu"\n[model]\nname = "small-resnet"\nwidth = 8\n[[reporter]]\nname = "metrics"\n'
    )
    command = [sys.executable, "-m", "artkit", "run", str(recipe), "--out", str(folder / "run")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "run"


def main() -> None:
    """Run the cases and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300, help="hostile and good files (%(default)s)")
    parser.add_argument("--run", type=Path, help="a finished run (by default a small one is trained)")
    options = parser.parse_args()
    csv.field_size_limit(1 << 20)
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or train(Path(folder))
        (files := Path(folder) / "files").mkdir()
        made = fill(files, options.cases)
        code, notes, seconds = predict(run, files, Path(folder))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        counts, wrong = outcomes(made, Path(folder)) if code == 0 else ({}, [f"exit code {code}", notes])
    for kind, results in counts.items():
        print(f"{kind:16}", ", ".join(f"{count} {outcome}" for outcome, count in results.most_common()))
    print(f"{'all':16} {seconds:.0f} s, {peak / 1e6:.0f} MB at most")
    wrong += ["a traceback"] * ("Traceback" in notes) + ["too much memory"] * (peak > MEMORY_LIMIT)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
