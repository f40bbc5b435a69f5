"""`artkit dataset`: indexes tars that others wrote, verifies data sets, and shows what is in them."""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from artkit.cli.conversion_progress import conversion_progress
from artkit.cli.framed_help import FramedCommand, FramedGroup
from artkit.cli.paths import given_path, given_text

if TYPE_CHECKING:
    from artkit_shards import Sidecar

_SIDECARS: Final = "Comma-separated: dali, energon, wids. Files beside the shards for these readers."

dataset_app = typer.Typer(
    cls=FramedGroup,
    help="Index tars that others wrote, verify data sets, and show what is in them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Threads = Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="one a core")]


@dataset_app.command("index", cls=FramedCommand)
def index(
    location: Annotated[str, typer.Argument(metavar="DIR", help="Folder of the tars, or its URL.")],
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="Where samples say their class: cls, txt, or a field of .json such as artist, or style=meta.style; "
            "repeatable for several targets.",
            show_default="cls",
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=given_path,
            help="Names of the classes, one a line.",
            show_default="classes.txt in DIR, if it is there",
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATTERN",
            help="Tars of a split, such as val='shard-009*.tar'; repeatable. By default, names say it; else train.",
        ),
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="SUFFIX", help="The image member, where samples have several images.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave damaged tars out.")] = False,
    max_rejects: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of samples that may be unusable, 0 to 1.", min=0, max=1)
    ] = 0.1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="Folder to write the index to, instead of beside the tars.",
        ),
    ] = None,
    sidecars: Annotated[str | None, typer.Option(metavar="KINDS", help=_SIDECARS)] = None,
    threads: Threads = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the index that is in DIR.")] = False,
) -> None:
    """Make a data set of WebDataset tars that others wrote. The tars are only read.

    Every image is decoded once. Those that cannot be are listed, with the reason, in DIR/.artkit/rejects.jsonl. With
    --sidecars, a data set that has an index keeps it and gets the sidecars.
    """
    from artkit.cli.dataset_summary import index_lines
    from artkit_shards import DatasetError, index_tars

    place = _read_location(location)
    kinds = _read_kinds(sidecars)
    if kinds and (isinstance(place, str) or out is not None):
        raise DatasetError("--sidecars are written beside the tars of a folder, so they do not go with --out or a URL")
    changes = any((label, classes, split, image, skip_bad, out))
    if kinds and not force and not changes and _has_index(Path(place)):
        _write_sidecars(Path(place), kinds)
        return
    phases = {"tars": "fetching tars", "headers": "reading headers", "images": "looking at images"}
    units = {"tars": "tars", "headers": "tars"}
    with _interruptible("nothing was written"), conversion_progress(phases, units) as progress:
        report = index_tars(
            place,
            out=out,
            labels=label or (),
            classes=classes,
            image=image,
            splits=_read_splits(split or []),
            skip_bad=skip_bad,
            max_rejects=max_rejects,
            threads=threads,
            force=force,
            progress=progress,
        )
    _print_lines(index_lines(report))
    if kinds:
        _write_sidecars(Path(place), kinds)
    if out is None:
        typer.echo(f"next: {shlex.join(['artkit', 'run', '--data', report.location])}")
    else:
        typer.echo(f"next: put the folder {out / '.artkit'} beside the tars")


@dataset_app.command("verify", cls=FramedCommand)
def verify(
    directory: Annotated[str, typer.Argument(metavar="DIR", parser=given_text, help="Folder of the tars, or its URL.")],
    threads: Threads = None,
) -> None:
    """Check every byte and every sample, the index, the sidecars, and whether other readers can read it.

    At a URL, shards are fetched one after the other, and none is kept.

    The exit code is 0 if nothing is wrong and 1 if something is; each fault names the file and the sample, and says
    what is wrong and what to do.
    """
    from artkit.cli.dataset_summary import fault_lines, verified_lines
    from artkit_shards import verify_dataset

    location = _read_location(directory)
    with _interruptible("nothing was changed"), conversion_progress({"verify": "verifying"}) as progress:
        report = verify_dataset(location, threads=threads, progress=progress)
    if report.is_good:
        _print_lines(verified_lines(report))
        return
    _print_lines(fault_lines(report))
    raise typer.Exit(1)


@dataset_app.command("stats", cls=FramedCommand)
def stats(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Folder of the data set, or its URL.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="Folder for the pictures and the page that shows them.",
            show_default="<name of DIR>-stats",
        ),
    ] = None,
) -> None:
    """Show what is in a data set: classes, imbalance, sizes, formats, duplicates; as a table and as pictures."""
    from artkit.cli.dataset_summary import print_statistics
    from artkit_shards import describe_dataset, open_dataset

    dataset = open_dataset(_read_location(directory))
    statistics = describe_dataset(dataset)
    print_statistics(statistics)
    from artkit.dataset_pages.pictures import write_pictures  # only now: matplotlib takes a while to import
    from artkit.errors import RunError

    # The data set's own path, for an address may have a secret in it.
    folder = out or Path(f"{Path(dataset.path).resolve().name}-stats")
    try:
        page = write_pictures(folder, dataset, statistics)
    except OSError as error:
        raise RunError(f"cannot write pictures to {folder}: {error}; choose another folder with --out") from error
    typer.echo(f"pictures: {page}")


def _read_location(text: str) -> Path | str:
    """A path, or an address as it is."""
    from artkit_shards import is_address

    return text if is_address(text) else given_path(text)


def _read_kinds(text: str | None) -> "list[Sidecar]":
    """Read `dali,energon`; raises DatasetError for a kind that is unknown."""
    from artkit_shards.format.sidecars import check_kinds

    names = [name.strip() for name in text.split(",")] if text is not None else []
    return check_kinds(names)


def _read_splits(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Read `val=shard-009*.tar`."""
    from artkit_shards import DatasetError
    from artkit_shards.conversion.split_names import check_spelling

    splits: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        name, equals, pattern = text.partition("=")
        if not equals or not name.strip() or not pattern.strip():
            raise DatasetError(f"--split {text} cannot be read; write NAME=PATTERN, such as val='shard-009*.tar'")
        check_spelling(name.strip())
        splits[name.strip()].append(pattern.strip())
    return splits


def _has_index(directory: Path) -> bool:
    from artkit_shards.format.manifest import FILE_NAME, FOLDER

    return (directory / FOLDER / FILE_NAME).exists()


def _write_sidecars(directory: Path, kinds: "Sequence[Sidecar]") -> None:
    from artkit_shards import write_sidecars
    from artkit_shards.wording import counted, listed

    done = write_sidecars(directory, kinds)
    typer.echo(f"sidecars for {', '.join(kinds)}: {counted(len(done.written), 'file')} in {directory}")
    if done.kept:
        typer.echo(f"  note: left alone, as someone else wrote them: {listed(done.kept)}")


@contextmanager
def _interruptible(state: str) -> Iterator[None]:
    """Ctrl-C says in which state the data set is left, and ends with the exit code of shells."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"interrupted; {state}", err=True)
        raise typer.Exit(130) from None


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)
