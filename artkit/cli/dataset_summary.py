"""What was done with a data set that exists, or found in it, in lines and tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import typer

from artkit.cli.conversion_summary import imbalance_line, with_counts
from artkit.cli.tables import plain_table, print_table

if TYPE_CHECKING:
    from artkit_shards import DatasetStatistics, IndexReport, VerifyReport
    from artkit_shards.auditing.duplicates import Copy

_MOST_FAULTS: Final = 50
_MOST_GROUPS: Final = 5


def index_lines(report: "IndexReport") -> list[str]:
    """The lines to print after indexing."""
    from artkit_shards.wording import counted

    num_images = sum(report.split_counts.values())
    splits = ", ".join(f"{name} {count}" for name, count in report.split_counts.items())
    kind = "images" if report.image_suffix == "mixed" else f"{report.image_suffix} images"
    lines = [
        f"{counted(num_images, 'image')} of {len(report.class_counts)} classes: {splits}",
        f"  {counted(report.num_shards, 'tar')} with {report.num_bytes / 1e6:.1f} MB, {kind}, in {report.location}",
        f"  {imbalance_line(report.class_counts)}",
    ]
    if len(report.targets) > 1:
        lines.append(f"  {_targets_line(report.targets)}")
    if report.rejects:
        samples, reasons = counted(sum(report.rejects.values()), "sample"), with_counts(report.rejects)
        lines.append(f"  {samples} could not be used: {reasons}; see {report.rejects_file}")
    return [*lines, *(f"  note: {note}" for note in report.notes)]


def verified_lines(report: "VerifyReport") -> list[str]:
    """The lines to print if nothing is wrong."""
    from artkit_shards.wording import counted, listed

    able = [reader for reader, complaints in report.readers.items() if not complaints]
    lines = [
        f"{report.directory} is good: {counted(report.num_samples, 'sample')} in {counted(report.num_shards, 'shard')} "
        f"({report.num_bytes / 1e6:.1f} MB), every image decodes",
        f"  readable by artkit, {', '.join(able)}" if able else "  readable by artkit",
    ]
    if report.sidecars:
        lines.append(f"  sidecars for {', '.join(report.sidecars)} agree with the shards")
    for reader, complaints in report.readers.items():
        if complaints:
            lines.append(f"  note: not for {reader}: {listed(complaints, 2)}")
    return lines


def fault_lines(report: "VerifyReport") -> list[str]:
    """The lines to print if something is wrong: the faults, then how many there are."""
    from artkit_shards.wording import counted

    lines = [str(fault) for fault in report.faults[:_MOST_FAULTS]]
    others = len(report.faults) - len(lines)
    if others:
        lines.append(f"... and {counted(others, 'other fault')}")
    files = len({fault.file for fault in report.faults})
    return [*lines, f"{report.directory} has {counted(len(report.faults), 'fault')} in {counted(files, 'file')}"]


def print_statistics(statistics: "DatasetStatistics") -> None:
    """Print what a data set holds: a table of its splits, and what else is worth knowing."""
    copies = ["copies"] if statistics.num_copies else []
    numbers = ("images", *copies, "classes", "largest", "smallest", "imbalance", "shards", "MB")
    table = plain_table("split", *numbers, right=numbers)
    for split in statistics.splits:
        copied = [split.num_copies] if copies else []
        sizes = (split.num_images, *copied, split.num_classes, split.largest, split.smallest)
        cells = [*(f"{size:,}" for size in sizes), f"{split.imbalance:.1f} to 1", f"{split.num_shards:,}"]
        table.add_row(split.name, *cells, f"{split.image_bytes / 1e6:,.1f}")
    print_table(table)
    for line in _statistics_lines(statistics):
        typer.echo(line)


def _statistics_lines(statistics: "DatasetStatistics") -> list[str]:
    from artkit_shards.wording import counted

    counts = dict(zip(statistics.class_names, statistics.class_counts.tolist(), strict=True))
    widths, heights = statistics.widths, statistics.heights
    lines = [imbalance_line(counts)] if sum(counts.values()) else []
    if statistics.num_copies:
        num_images = sum(split.num_images for split in statistics.splits)
        lines.append(f"{counted(num_images, 'image')}, {statistics.num_copies} of them changed copies of others")
    lines.append("formats: " + ", ".join(f"{name} ({count:,})" for name, count in statistics.formats.items()))
    lines.append(f"sizes: {widths.min()} to {widths.max()} pixels wide, {heights.min()} to {heights.max()} tall")
    if len(statistics.num_classes_of) > 1:
        lines.append(_targets_line(statistics.num_classes_of))
    unlabelled = sum(split.num_unlabelled for split in statistics.splits)
    if unlabelled:
        lines.append(f"{counted(unlabelled, 'image')} without a class")
    return [*lines, *_duplicate_lines(statistics)]


def _targets_line(num_classes: Mapping[str, int]) -> str:
    counts = (f"{name} ({number:,} {'class' if number == 1 else 'classes'})" for name, number in num_classes.items())
    return f"targets: {', '.join(counts)}"


def _duplicate_lines(statistics: "DatasetStatistics") -> list[str]:
    from artkit_shards.wording import counted

    found = statistics.duplicates
    if not found.groups:
        return ["duplicates: none, no two images have the same bytes"]
    lines = [f"duplicates: {counted(found.num_extra, 'image')} with the same bytes as another"]
    for what, groups in (("in several splits", found.across_splits), ("of different classes", found.across_classes)):
        if groups:
            lines.append(f"  {counted(len(groups), 'group')} {what}, such as {_described(groups[0])}")
    return lines


def _described(group: "Sequence[Copy]") -> str:
    return " = ".join(f"{copy.split}: {copy.file}" for copy in group[:_MOST_GROUPS])
