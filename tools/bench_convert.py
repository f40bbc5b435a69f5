"""Benchmark: seconds that a conversion takes beside GNU tar, tarfile, webdataset's ShardWriter, and decoding alone.

    python tools/build_photographs.py /tmp/photographs
    python tools/bench_convert.py /tmp/photographs

The images are JPEG files in class folders, whose bytes are kept. tar, tarfile and ShardWriter list the folders and put
every file into tars, and do nothing else: they check nothing, and leave it to the system when the tars reach the disk.
"synced" waits for the disk. artkit lists the folders, looks at each image (its header, or all of it, decoded), splits,
shuffles, writes shards with class and JSON for each image, checksums and an index, and has seen all of it onto the disk
when it ends, which may take longer than all else. "decode alone" is the decode of an inspection, in this process, from
memory.

The sides take turns, each after all that was written before it is on the disk; figures are medians over rounds, the
ratios medians of the ratios within rounds. The first round warms the page cache and is not counted.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import simplejpeg

from artkit_shards import ClassFolders, Settings, convert

IMAGES_PER_SHARD = 100


def run_tar(folder: Path, out: Path) -> None:
    """GNU tar."""
    subprocess.run(["tar", "cf", out / "all.tar", "-C", folder, "."], check=True)


def run_synced_tar(folder: Path, out: Path) -> None:
    """GNU tar, and what it wrote seen onto the disk."""
    run_tar(folder, out)
    subprocess.run(["sync", out / "all.tar"], check=True)


def run_tarfile(folder: Path, out: Path) -> None:
    """The standard library's tarfile, in USTAR format, one tar."""
    with tarfile.open(out / "all.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*.jpg")):
            tar.add(path, path.relative_to(folder).as_posix())


def run_shard_writer(folder: Path, out: Path) -> None:
    """The ShardWriter of webdataset: image and class of each sample."""
    import webdataset  # brings torch with it, which workers would load too if it were above

    classes = {path: number for number, path in enumerate(sorted(path.name for path in folder.iterdir()))}
    with webdataset.ShardWriter(str(out / "train-%06d.tar"), maxcount=IMAGES_PER_SHARD, verbose=0) as writer:
        for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
            label = classes[path.parent.name]
            writer.write({"__key__": f"{number:09d}", "jpg": path.read_bytes(), "cls": label})


def run_artkit(verify: str, workers: int, folder: Path, out: Path) -> None:
    """A whole conversion."""
    convert(ClassFolders(folder), out, Settings(verify=verify), workers=workers)


def run_decode(files: Sequence[bytes], _folder: Path, _out: Path) -> None:
    """The decode of an inspection, alone."""
    for data in files:
        simplejpeg.decode_jpeg(data, "RGB", min_height=128, min_width=128, min_factor=2)


def time_side(run: Callable[[Path, Path], None], folder: Path, scratch: Path) -> float:
    """Seconds that a side takes, on a disk that has nothing else to do."""
    out = Path(tempfile.mkdtemp(dir=scratch))
    os.sync()
    started = time.perf_counter()
    run(folder, out)
    seconds = time.perf_counter() - started
    shutil.rmtree(out)
    return seconds


def ratio(times: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """Median over rounds of how much longer one side takes than another."""
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))


def report(times: Mapping[str, Sequence[float]], num_images: int) -> None:
    """Print times, and the ratios that matter."""
    for name, values in times.items():
        seconds = statistics.median(values)
        print(f"{name:28} {seconds:6.2f} s  {num_images / seconds:7.0f} images/s")
    print("\nmedians of ratios within rounds:")
    header, full = "artkit header, {} worker", "artkit full, {} worker"
    for text, one, other in (
        ("time of header, 1 worker, over GNU tar", header.format(1), "GNU tar"),
        ("time of header, 1 worker, over GNU tar, synced", header.format(1), "GNU tar, synced"),
        ("time of ShardWriter over header, 1 worker", "ShardWriter", header.format(1)),
        ("time of ShardWriter over GNU tar", "ShardWriter", "GNU tar"),
        ("speed of full, 1 worker, over decode alone", "decode alone", full.format(1)),
        ("full: speed of 2 workers over 1", full.format(1), full.format(2)),
        ("header: speed of 2 workers over 1", header.format(1), header.format(2)),
    ):
        if one in times and other in times:
            print(f"{ratio(times, one, other):5.2f}  {text}")


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="JPEG files in class folders")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()), help="where to write")
    parser.add_argument("--only", help="run only sides with one of these texts in their name, as 'tar+full'")
    args = parser.parse_args()
    paths = sorted(args.folder.rglob("*.jpg"))
    files = [path.read_bytes() for path in paths]
    sides: dict[str, Callable[[Path, Path], None]] = {
        "GNU tar": run_tar,
        "GNU tar, synced": run_synced_tar,
        "tarfile": run_tarfile,
        "ShardWriter": run_shard_writer,
        **{
            f"artkit {verify}, {workers} worker": partial(run_artkit, verify, workers)
            for verify in ("header", "full")
            for workers in (1, 2)
        },
        "decode alone": partial(run_decode, files),
    }
    words = (args.only or "").split("+")
    sides = {name: run for name, run in sides.items() if any(word in name for word in words)}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(args.rounds + 1):
        # Whoever comes first in a round finds the machine as the last one left it, so the order rotates.
        order = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
        for name in order:
            seconds = time_side(sides[name], args.folder, args.scratch)
            if number:
                times[name].append(seconds)
                print(f"round {number}: {name:28} {seconds:6.2f} s", flush=True)
    print(f"\n{len(files)} JPEG files, {sum(map(len, files)) / 1e6:.0f} MB")
    report(times, len(files))


if __name__ == "__main__":
    main()
