"""What a conversion did, in a few lines, and what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artkit_shards import ConvertReport

_MOST_REASONS = 4


def summarise(report: "ConvertReport", notes: Sequence[str]) -> list[str]:
    """The lines to print after a conversion.

    Args:
        report: What `convert` returned.
        notes: What the source says of its scan.
    """
    from artkit_shards.wording import counted

    num_images = sum(report.split_counts.values())
    splits = ", ".join(f"{name} {count}" for name, count in report.split_counts.items())
    lines = [
        f"{counted(num_images, 'image')} of {len(report.class_counts)} classes: {splits}",
        f"  {counted(report.num_shards, 'shard')} with {report.num_bytes / 1e6:.1f} MB of {report.image_suffix} images "
        f"in {report.directory}",
        f"  {_imbalance(report.class_counts)}",
    ]
    if report.num_encoded:
        kept = num_images - report.num_encoded
        reasons = _with_counts(report.encoded)
        lines.append(
            f"  {counted(report.num_encoded, 'image')} written anew because of {reasons}; {kept} kept as they are"
        )
    if report.rejects:
        files, reasons = counted(sum(report.rejects.values()), "file"), _with_counts(report.rejects)
        lines.append(f"  {files} could not be used: {reasons}; see {report.rejects_file}")
    lines += [f"  note: {note}" for note in (*notes, *report.notes)]
    return [*lines, f"next: artkit run --data {shlex.quote(str(report.directory))}"]


def _imbalance(class_counts: Mapping[str, int]) -> str:
    from artkit_shards.wording import counted

    largest = max(class_counts, key=lambda name: class_counts[name])
    smallest = min(class_counts, key=lambda name: class_counts[name])
    most, least = class_counts[largest], class_counts[smallest]
    if most == least:
        return f"every class has {counted(most, 'image')}"
    return f"largest class {largest!r} with {most} images, smallest {smallest!r} with {least}: {most / least:.1f} to 1"


def _with_counts(reasons: Mapping[str, int]) -> str:
    from artkit_shards.wording import listed

    return listed([f"{reason} ({count})" for reason, count in reasons.items()], _MOST_REASONS)
