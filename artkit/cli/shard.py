"""`artkit shard`: converts images to a data set of tar shards, and says what was done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artkit.cli.conversion_progress import conversion_progress
from artkit.cli.conversion_summary import summarise
from artkit.cli.paths import given_path

if TYPE_CHECKING:
    from artkit.options import CommandLineText
    from artkit_shards import Record


def shard(
    src: Annotated[
        Path, typer.Argument(metavar="SRC", parser=given_path, help="Folder with a folder of images for each class.")
    ],
    dst: Annotated[Path, typer.Argument(metavar="DST", parser=given_path, help="Folder to write the data set to.")],
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
    from artkit_shards import ConvertError, Settings, convert

    settings = Settings(
        fractions=_read_split(split),
        seed=seed,
        max_side=max_side,
        image_format=image_format,
        quality=quality,
        min_count=min_count,
        max_rejects=max_rejects,
    )
    if dst.resolve().is_relative_to(src.resolve()):
        raise ConvertError(f"{dst} lies in {src}, which is to be converted; choose a folder outside of it")
    records, notes = _scan(src, source, _read_options(set_ or []), plugin or [])
    try:
        with conversion_progress() as progress:
            report = convert(records, dst, settings, workers=workers, force=force, progress=progress)
    except KeyboardInterrupt:
        typer.echo("interrupted before the data set was complete; run the same command again to make it", err=True)
        raise typer.Exit(130) from None
    for line in summarise(report, notes):
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


def _read_options(assignments: Sequence[str]) -> "dict[str, CommandLineText]":
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
    src: Path, source: str, options: Mapping[str, object], plugins: Sequence[Path]
) -> "tuple[list[Record], list[str]]":
    """What the source finds in SRC, and what it says of it."""
    from artkit.contracts import SourceContext
    from artkit.registry import load_registry

    component = load_registry(plugins).component("source", source)
    images = component.build(SourceContext(root=src), options)
    with component.guard("listing images"):
        return list(images), list(images.notes())
