"""Converting: images of any kind -> a complete data set of tar shards, or an error and nothing half-done.

1. Inspect every file, so that bad ones are known before anything is decided.
2. Choose classes, draw the split, lay out the shards: all pure functions of the list of images and the options.
3. Write the shards, each whole or not at all; then the index; the manifest last.

The result does not depend on the number of workers, the time or the machine's file order: the same images and options
give the same bytes.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from artkit_shards.conversion.destination import Destination
from artkit_shards.conversion.inspection import Inspection, inspect
from artkit_shards.conversion.plan import Plan, Rejects, plan_conversion, sort_out
from artkit_shards.conversion.reading import read_image
from artkit_shards.conversion.recording import make_manifest, record_index
from artkit_shards.conversion.records import ImageSource, Record
from artkit_shards.conversion.report import ConvertReport, make_report
from artkit_shards.conversion.settings import DEFAULTS, Settings
from artkit_shards.conversion.workers import Workers, default_workers, open_workers
from artkit_shards.conversion.writing import ShardJob, WrittenShard, write_shard
from artkit_shards.errors import ConvertError, ImageError, is_disk_full
from artkit_shards.format.manifest import is_plain_name, to_json

_IMAGES_PER_WORKER: Final = 64
"""Starting a process costs as much as inspecting about this many images."""
_CHUNK: Final = 16

Progress = Callable[[str, int, int], None]
"""Called as `progress(phase, done, total)` with images done, from 0; the phases are "inspect" and "write"."""


def _ignore_progress(_phase: str, _done: int, _total: int) -> None:
    pass


def convert(
    records: Iterable[Record],
    directory: Path | str,
    settings: Settings = DEFAULTS,
    *,
    rejects: Sequence[tuple[str, str]] = (),
    workers: int | None = None,
    force: bool = False,
    progress: Progress = _ignore_progress,
) -> ConvertReport:
    """Convert images to a data set of tar shards.

    Args:
        records: The images, in any order.
        directory: Folder of the data set; made if it does not exist. Files of others in it are not touched.
        settings: What the data set is to hold.
        rejects: Files that are known to be unusable before anything is read, such as rows of a table whose file is
            missing, each with a reason; they are listed and counted with the others, but not against `max_rejects`.
        workers: Processes; by default one a core. The result does not depend on it.
        force: Replace a complete data set that is there.
        progress: Told of the images done.

    Raises:
        ConvertError: if the images or settings cannot be used, or writing fails. No manifest is written then, and if
            nothing was written yet, a data set that was there stays.
    """
    settings.check()
    listing = _listing(records)
    destination = Destination(directory, force=force)
    destination.check(listing)
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise ConvertError(f"workers={workers} is out of bounds; it must be at least 1")
    workers = min(workers, len(listing) // _IMAGES_PER_WORKER)
    try:
        with open_workers(workers) as pool:
            findings = _inspect_all(listing, pool, progress)
        usable, unusable, suffix = sort_out(listing, findings, settings)
        _check_rejects(unusable, len(listing), settings.max_rejects, destination)
        all_rejects = Rejects(files=(*rejects, *unusable.files))
        plan = plan_conversion(listing, usable, suffix, settings)
        with destination.replace(plan.shard_names):
            # Workers of their own, which have ended when the destination is tidied up.
            with open_workers(workers) as pool:
                written = _write_shards(plan, settings, destination, pool, progress)
            record_index(plan, written, destination.new_index)
            rejects_file = destination.write_rejects(all_rejects.files)
            manifest = make_manifest(plan, written, all_rejects, settings)
            destination.commit(to_json(manifest), plan.shard_names)
    except OSError as error:
        raise write_error(error, destination) from error
    return make_report(plan, written, all_rejects, rejects_file, destination.directory)


def _listing(records: Iterable[Record]) -> list[Record]:
    """The records in the order of their names, each name once."""
    listing = sorted(records, key=lambda record: record.file)
    if not listing:
        raise ConvertError("there are no images to convert")
    for one, other in pairwise(listing):
        if one.file == other.file:
            raise ConvertError(f"the image {one.file!r} is listed twice; list each image once")
    targets = list(listing[0].labels)
    if not targets or not all(is_plain_name(target) for target in targets):
        raise ConvertError(
            f"the targets {targets} cannot be used; give one or more names of small letters, as 'artist'"
        )
    for record in listing:
        if list(record.labels) != targets:
            raise ConvertError(
                f"the image {record.file!r} has the targets {list(record.labels)}, others have {targets}; "
                "give all the same, with None where a class is not known"
            )
        if "" in record.labels.values():
            raise ConvertError(f"the image {record.file!r} has an empty class name; name its class")
        if record.split is not None and not is_plain_name(record.split):
            raise ConvertError(f"the image {record.file!r} has the split {record.split!r}; use a name such as 'train'")
    return listing


def _inspect_all(listing: Sequence[Record], pool: Workers, progress: Progress) -> list[Inspection | str]:
    """What was found in each file, or the reason why it cannot be used."""
    findings: list[Inspection | str] = []
    progress("inspect", 0, len(listing))
    for finding in pool.map(_inspect_file, [record.image for record in listing], _CHUNK):
        findings.append(finding)
        progress("inspect", len(findings), len(listing))
    return findings


def _inspect_file(source: ImageSource) -> Inspection | str:
    try:
        return inspect(read_image(source))
    except ImageError as error:
        return str(error)


def _check_rejects(rejects: Rejects, num_files: int, max_rejects: float, destination: Destination) -> None:
    if len(rejects.files) <= max_rejects * num_files:
        return
    list_file = destination.write_rejects(rejects.files)
    reasons = ", ".join(f"{count} {reason}" for reason, count in list(rejects.reasons.items())[:3])
    raise ConvertError(
        f"{len(rejects.files)} of {num_files} files cannot be used ({reasons}), more than the share of {max_rejects:g} "
        f"that is allowed. {list_file} lists them: mend or remove them, or allow more with --max-rejects"
    )


def _write_shards(
    plan: Plan, settings: Settings, destination: Destination, pool: Workers, progress: Progress
) -> dict[str, WrittenShard]:
    jobs = [
        ShardJob(
            shard,
            destination.directory,
            destination.temporary,
            plan.suffix,
            plan.targets,
            settings.max_side,
            settings.quality,
        )
        for shards in plan.shards.values()
        for shard in shards
    ]
    total = sum(len(job.shard.samples) for job in jobs)
    written: dict[str, WrittenShard] = {}
    done = 0
    progress("write", done, total)
    for job, shard in zip(jobs, pool.map(write_shard, jobs), strict=True):
        written[shard.name] = shard
        done += len(job.shard.samples)
        progress("write", done, total)
    return written


def write_error(error: OSError, destination: Destination) -> ConvertError:
    """What to tell the user when the system refuses to write."""
    directory = destination.directory
    if is_disk_full(error):
        free = shutil.disk_usage(destination.existing_folder()).free / 1e6
        return ConvertError(
            f"no space left to write the shards to {directory} ({free:.0f} MB free); "
            "free some, or choose a folder on another disk, and run the conversion again"
        )
    return ConvertError(f"cannot write the shards to {directory}: {error}; mend this and run the conversion again")
