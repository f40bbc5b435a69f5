"""What a conversion did, in a few lines, and what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from artkit.cli.conversion_table import class_table

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
    headline = (
        f"{counted(num_images, 'image')} of {len(report.class_counts)} classes, {report.num_bytes / 1e6:.1f} MB of "
        f"{report.image_suffix} in {counted(report.num_shards, 'shard')}: {report.directory}"
    )
    header, *rows = class_table(report)
    lines = [
        typer.style(headline, bold=True),
        "",
        f"  {typer.style(header, dim=True)}",
        *(f"  {row}" for row in rows),
        "",
        f"  {imbalance_line(report.class_counts)}",
        *_changes(report, num_images - report.num_augmented),
        *(f"  note: {note}" for note in (*notes, *report.notes)),
    ]
    command = f"artkit run --data {shlex.quote(str(report.directory))}"
    return [*lines, f"next: {typer.style(command, bold=True)}"]


def _changes(report: "ConvertReport", num_images: int) -> list[str]:
    """What became of images that were not kept as they are."""
    from artkit_shards.wording import counted

    lines = []
    if report.num_encoded:
        kept = num_images - report.num_encoded
        reasons = with_counts(report.encoded)
        lines.append(
            f"  {counted(report.num_encoded, 'image')} written anew because of {reasons}; {kept} kept as they are"
        )
    if report.rejects:
        files, reasons = counted(sum(report.rejects.values()), "file"), with_counts(report.rejects)
        lines.append(f"  {files} could not be used: {reasons}; see {report.rejects_file}")
    return lines


def imbalance_line(class_counts: Mapping[str, int]) -> str:
    """How the largest class compares with the smallest, of those that have images."""
    from artkit_shards.wording import counted

    present = {name: count for name, count in class_counts.items() if count}
    largest = max(present, key=lambda name: present[name])
    smallest = min(present, key=lambda name: present[name])
    most, least = present[largest], present[smallest]
    if most == least:
        return f"every class has {counted(most, 'image')}"
    return f"largest class {largest!r} with {most} images, smallest {smallest!r} with {least}: {most / least:.1f} to 1"


def with_counts(reasons: Mapping[str, int]) -> str:
    """Reasons with how often each occurs, in a row."""
    from artkit_shards.wording import listed

    return listed([f"{reason} ({count})" for reason, count in reasons.items()], _MOST_REASONS)
