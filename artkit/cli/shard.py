"""`artkit shard`: converts images to a data set of tar shards, and says what was done."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from artkit.options import CommandLineText
    from artkit_shards import ConvertReport, Record

_SECONDS_BETWEEN_LINES = 10.0
_DOING = {"inspect": "looking at images", "write": "writing shards"}


def shard(
    src: Annotated[Path, typer.Argument(metavar="SRC", help="Folder with a folder of images for each class.")],
    dst: Annotated[Path, typer.Argument(metavar="DST", help="Folder to write the data set to.")],
    split: Annotated[str, typer.Option(help="Splits and their shares.")] = "train=0.7,val=0.1,test=0.2",
    seed: Annotated[int, typer.Option(help="Seed of split and shuffle.")] = 0,
    max_side: Annotated[
        int | None, typer.Option(metavar="PX", help="Make images smaller whose longer side is larger than this.")
    ] = None,
    image_format: Annotated[
        str, typer.Option("--format", help="jpg, png, webp, or auto: the commonest among the images.")
    ] = "auto",
    quality: Annotated[int, typer.Option(help="Quality of jpg and webp images that are written anew, 1 to 100.")] = 92,
    min_count: Annotated[
        int | None, typer.Option(metavar="N", help="Leave out classes with fewer usable images.")
    ] = None,
    max_rejects: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of files that may be unusable, 0 to 1.")
    ] = 0.1,
    workers: Annotated[int | None, typer.Option(help="Processes.", show_default="one a core")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the data set that is in DST.")] = False,
    source: Annotated[str, typer.Option(metavar="NAME", help="What reads SRC; see `artkit plugins show source`.")] = (
        "folder"
    ),
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="source.OPTION=VALUE",
            help="Set an option of the source, such as source.series=true; repeatable.",
        ),
    ] = None,
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", "-P", metavar="FILE.py", help="Load a plugin from a file; repeatable."),
    ] = None,
) -> None:
    """Convert a folder of images to a data set of tar shards.

    The files of SRC are only read. Files that cannot be used are listed, with the reason, in DST/.artkit/rejects.jsonl.
    """
    from artkit_shards import ConvertError, convert

    fractions = _read_split(split)
    if dst.resolve().is_relative_to(src.resolve()):
        raise ConvertError(f"{dst} lies in {src}, which is to be converted; choose a folder outside of it")
    records, notes = _scan(src, source, _read_options(set_ or []), plugin or [])
    with _progress() as progress:
        report = convert(
            records,
            dst,
            fractions=fractions,
            seed=seed,
            max_side=max_side,
            image_format=image_format,
            quality=quality,
            min_count=min_count,
            max_rejects=max_rejects,
            workers=workers,
            force=force,
            progress=progress,
        )
    for line in _summary(report, notes):
        typer.echo(line)


def _read_split(text: str) -> dict[str, float]:
    """Read `train=0.7,val=0.1,test=0.2`.

    Raises:
        ConvertError: if the text has another form. What the shares must be, `convert` checks.
    """
    from artkit_shards import ConvertError

    fractions: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        try:
            value = float(share)
        except ValueError as error:
            raise ConvertError(
                f"the split {text!r} cannot be read at {part!r}; write names and shares, "
                "for example --split train=0.7,val=0.1,test=0.2"
            ) from error
        if name in fractions:
            raise ConvertError(f"the split {text!r} names {name!r} twice; give each split one share")
        fractions[name] = value
    return fractions


def _read_options(assignments: "Sequence[str]") -> "dict[str, CommandLineText]":
    """Read `source.series=true` as the option `series`."""
    from artkit.errors import RecipeError
    from artkit.options import CommandLineText

    options = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        kind, _, option = path.strip().partition(".")
        if not equals or kind != "source" or not option:
            raise RecipeError(
                f"--set {assignment} cannot be used; write source.OPTION=VALUE, such as source.series=true"
            )
        options[option] = CommandLineText(text)
    return options


def _scan(
    src: Path, source: str, options: "Mapping[str, object]", plugins: "Sequence[Path]"
) -> "tuple[list[Record], list[str]]":
    """What the source finds in SRC, and what it says of it."""
    from artkit.contracts import SourceContext
    from artkit.registry import load_registry

    component = load_registry(plugins).component("source", source)
    images = component.build(SourceContext(root=src), options)
    with component.guard("listing images"):
        return list(images), list(images.notes())


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar with images per second and time left; plain lines if nobody watches at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainProgress()
        return
    speed = TextColumn("{task.fields[speed]:.0f} images/s")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        speed,
        TimeRemainingColumn(),
        console=console,
    )
    tasks: dict[str, TaskID] = {}

    def show(phase: str, done: int, total: int) -> None:
        if phase not in tasks:
            tasks[phase] = bar.add_task(_DOING[phase], total=total, speed=0.0)
        task = bar.tasks[list(tasks).index(phase)]
        bar.update(tasks[phase], completed=done, speed=done / max(task.elapsed or 0.0, 1e-3))

    with bar:
        yield show


class _PlainProgress:
    """Prints a line from time to time, and one at the end of each phase."""

    def __init__(self) -> None:
        self._phase = ""
        self._started = self._printed = time.monotonic()

    def __call__(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._started, self._printed = phase, now, now
        if done < total and now - self._printed < _SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        speed = done / max(now - self._started, 1e-3)
        left = f", {(total - done) / speed:.0f} s left" if done < total else ""
        typer.echo(f"{_DOING[phase]}: {done} of {total}, {speed:.0f} images/s{left}", err=True)


def _summary(report: "ConvertReport", notes: list[str]) -> list[str]:
    """What was done, in a few lines, and what to do next."""
    num_images = sum(report.split_counts.values())
    splits = ", ".join(f"{name} {count}" for name, count in report.split_counts.items())
    lines = [
        f"{num_images} images of {len(report.class_counts)} classes: {splits}",
        f"  {report.num_shards} shards with {report.num_bytes / 1e6:.1f} MB of {report.image_suffix} images in "
        f"{report.directory}",
        f"  {_imbalance(report)}",
    ]
    if report.num_encoded:
        lines.append(
            f"  {report.num_encoded} images written anew because of {_listed(report.encoded)}; "
            f"{num_images - report.num_encoded} kept byte by byte"
        )
    if report.rejects:
        total = sum(report.rejects.values())
        lines.append(f"  {total} files could not be used: {_listed(report.rejects)}; see {report.rejects_file}")
    lines += [f"  note: {note}" for note in (*notes, *report.notes)]
    return [*lines, f"next: artkit run --data {report.directory}"]


def _imbalance(report: "ConvertReport") -> str:
    largest = max(report.class_counts, key=lambda name: report.class_counts[name])
    smallest = min(report.class_counts, key=lambda name: report.class_counts[name])
    most, least = report.class_counts[largest], report.class_counts[smallest]
    return f"largest class {largest!r} with {most} images, smallest {smallest!r} with {least}: {most / least:.1f} to 1"


def _listed(counts: Mapping[str, int], most: int = 4) -> str:
    items = list(counts.items())
    named = ", ".join(f"{reason} ({count})" for reason, count in items[:most])
    return named + (f" and {len(items) - most} more reasons" if len(items) > most else "")
