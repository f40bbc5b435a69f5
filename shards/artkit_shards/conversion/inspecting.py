"""Inspecting all images of a listing: in pieces for the workers, without what an earlier conversion has found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from artkit_shards.conversion.inspection import Inspection, inspect, inspect_source
from artkit_shards.conversion.reading import is_far, read_ahead, read_image, threads_to_read
from artkit_shards.conversion.records import ImageSource, Record
from artkit_shards.conversion.resuming.kept_inspections import KeptInspections, State
from artkit_shards.conversion.workers import Workers
from artkit_shards.errors import ImageError

Finding = Inspection | str
"""What was found in an image, or the reason why it cannot be used."""

_MOST_PER_JOB: Final = {"full": 32, "header": 256}
_JOBS_AT_LEAST: Final = 32
"""Small listings are cut into as many jobs as this, so that workers end together."""


@dataclass(frozen=True, slots=True)
class InspectJob:
    """Images to inspect, with all that a worker process must know."""

    sources: tuple[ImageSource, ...]
    header_only: bool


def inspect_job(job: InspectJob) -> list[Finding]:
    """What was found in each image of a job."""
    if job.header_only:
        found = read_ahead(inspect_source, job.sources, threads_to_read(job.sources))
        return [_finding(inspection) for inspection in found]
    # While an image is decoded, the next one comes from the disk.
    images = read_ahead(read_image, job.sources, threads_to_read(job.sources, near=1))
    return [_finding(partial(_inspect_read, image)) for image in images]


def inspect_all(
    listing: Sequence[Record],
    states: Mapping[str, State | None],
    kept: KeptInspections,
    pool: Workers,
    verify: str,
    told: Callable[[int], None],
) -> tuple[list[Finding], int]:
    """Inspect each image of a listing.

    Args:
        listing: The images.
        states: Of each file; taken before, so that a change in between is noticed.
        kept: What an earlier conversion has found; gets what is found now.
        pool: Who looks at the images.
        verify: See `Settings.verify`.
        told: Called with the number of images that are done.

    Returns:
        What was found in each image, and how many an earlier conversion had looked at.
    """
    told(0)
    findings: dict[str, Finding] = dict(kept.load({record.file: states[record.file] for record in listing}))
    num_known = len(findings)
    told(num_known)
    pieces = _pieces([record for record in listing if record.file not in findings], _MOST_PER_JOB[verify])
    jobs = (InspectJob(tuple(record.image for record in piece), verify == "header") for piece in pieces)
    for piece, results in zip(pieces, pool.map(inspect_job, jobs), strict=True):
        for record, finding in zip(piece, results, strict=True):
            findings[record.file] = finding
            if isinstance(finding, Inspection) and _is_costly(record, finding):
                kept.add(record.file, states[record.file], finding)
        told(len(findings))
    return [findings[record.file] for record in listing], num_known


def _pieces(records: Sequence[Record], most: int) -> list[Sequence[Record]]:
    size = max(1, min(most, len(records) // _JOBS_AT_LEAST))
    return [records[start : start + size] for start in range(0, len(records), size)]


def _is_costly(record: Record, finding: Inspection) -> bool:
    """Whether it takes longer to find out again than to keep."""
    return finding.pixels is not None or is_far(record.image)


def _inspect_read(read: Callable[[], bytes]) -> Inspection:
    return inspect(read())


def _finding(look: Callable[[], Inspection]) -> Finding:
    try:
        return look()
    except ImageError as error:
        return str(error)
