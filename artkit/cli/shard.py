"""`artkit shard`: converts images to a data set of tar shards, and says what was done."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from artkit.cli.conversion_progress import conversion_progress
from artkit.cli.paths import given_text, path_or_address
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, Prefer, plugin_settings
from artkit.cli.resolving import open_registry
from artkit.cli.shard_options import (
    entries_of_augmenters,
    options_of_source,
    read_assignments,
    read_fractions,
    read_hold_out,
    read_names,
    read_split_values,
)
from artkit.cli.shard_source import list_images

if TYPE_CHECKING:
    from artkit.cli.shard_augmenter import ShardAugmenter
    from artkit.registry import PluginSettings
    from artkit_shards import Sidecar

_SOURCE: Final = "Where images and classes come from"
_CHOICE: Final = "Which images"
_SPLITS: Final = "Splits"
_WRITING: Final = "How images are written"
_COPIES: Final = "Changed copies of training images"
_RUNNING: Final = "Running"


def shard(
    src: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            parser=given_text,
            help="Folder of class folders, of images that a table names, or of tars; or its address, as s3://...",
        ),
    ],
    dst: Annotated[
        str, typer.Argument(metavar="DST", parser=given_text, help="Folder or address to write the data set to.")
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Table that tells the classes: .csv, .tsv, .jsonl or .parquet.",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the class (of tars: cls, txt, or a field of .json); repeatable for several targets.",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    image_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column that names the images.",
            show_default="the one that names images which are there",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    class_names: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Names of classes that are numbers in tars.", rich_help_panel=_SOURCE),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What reads SRC; see `artkit plugins show source`.",
            show_default="by what SRC holds",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND.OPTION=VALUE",
            help="Set an option of the source, such as source.series=true, or of an augmenter; repeatable.",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    prefer: Prefer = None,
    no_plugins: NoPlugins = False,
    classes: Annotated[
        str | None,
        typer.Option(metavar="A,B|FILE", help="Only these classes.", rich_help_panel=_CHOICE),
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", help="Only the N largest classes.", rich_help_panel=_CHOICE)
    ] = None,
    min_count: Annotated[
        int | None,
        typer.Option(metavar="N", help="Leave out classes with fewer usable images.", rich_help_panel=_CHOICE),
    ] = None,
    max_count: Annotated[
        int | None,
        typer.Option(metavar="N", help="At most N images of each class, drawn by the seed.", rich_help_panel=_CHOICE),
    ] = None,
    duplicates: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="Images of the same picture: 'group' keeps them in one split, 'drop' keeps one, 'keep' all anywhere.",
            rich_help_panel=_CHOICE,
        ),
    ] = "group",
    max_rejects: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Share of files that may be unusable, 0 to 1. Rows without a file do not count.",
            rich_help_panel=_CHOICE,
        ),
    ] = 0.1,
    split: Annotated[
        str,
        typer.Option(metavar="SHARES", help="Splits and their shares of each class.", rich_help_panel=_SPLITS),
    ] = "train=0.7,val=0.1,test=0.2",
    split_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that tells the split.", rich_help_panel=_SPLITS),
    ] = None,
    split_values: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE=SPLIT,...",
            help="What its values stand for, if not plain; 'auto' lets --split decide, 'out' leaves out.",
            rich_help_panel=_SPLITS,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that tells what stays in one split.", rich_help_panel=_SPLITS),
    ] = None,
    hold_out: Annotated[
        str | None,
        typer.Option(
            metavar="N|A,B|FILE",
            help="Whole classes, drawn or named, for the split 'unknown': art by artists that training never sees.",
            rich_help_panel=_SPLITS,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.", rich_help_panel=_SPLITS)] = 0,
    max_side: Annotated[
        int | None,
        typer.Option(
            metavar="PX", help="Make images smaller whose longer side is larger than this.", rich_help_panel=_WRITING
        ),
    ] = None,
    image_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="jpg, png, webp, or auto: the commonest among the images.",
            rich_help_panel=_WRITING,
        ),
    ] = "auto",
    quality: Annotated[
        int,
        typer.Option(help="Quality of jpg and webp images that are written anew, 1 to 100.", rich_help_panel=_WRITING),
    ] = 92,
    verify: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="'full' decodes every image first; 'header' does not where bytes are kept, and is fast.",
            rich_help_panel=_WRITING,
        ),
    ] = "full",
    sidecars: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="Index files for other readers, with commas between: dali, energon, wids.",
            rich_help_panel=_WRITING,
        ),
    ] = None,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Augmenter that changes them; repeatable, in order; see `artkit plugins show augmenter`.",
            rich_help_panel=_COPIES,
        ),
    ] = None,
    augment_copies: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Copies of each image.",
            show_default="1, or 0 with --augment-rare",
            rich_help_panel=_COPIES,
        ),
    ] = None,
    augment_rare: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Copies for classes with fewer than N images, until they have N.", rich_help_panel=_COPIES
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes to use.", show_default="one a core", rich_help_panel=_RUNNING)
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run on a Ray cluster, such as ray://host:10001 or auto.", rich_help_panel=_RUNNING
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the data set that is in DST.", rich_help_panel=_RUNNING)
    ] = False,
) -> None:
    """Convert images to a data set of tar shards.

    SRC holds a folder for each class, or tars, or is a Hugging Face image folder; with --labels, it is a folder of
    images that a table names. Its files are only read; those that cannot be used are listed, with the reason.

    Killed at any moment, the same command goes on where it was.
    """
    from artkit.cli.conversion_summary import summarise
    from artkit_shards import Settings, convert

    augmenters = augment or []
    assignments = read_assignments(set_ or [])
    _check_options(split_column, split_values, augmenters, augment_copies=augment_copies, augment_rare=augment_rare)
    settings = Settings(
        fractions=read_fractions(split),
        seed=seed,
        classes=None if classes is None else read_names(classes),
        top=top,
        min_count=min_count,
        max_count=max_count,
        hold_out=None if hold_out is None else read_hold_out(hold_out),
        duplicates=duplicates,
        verify=verify,
        max_side=max_side,
        image_format=image_format,
        quality=quality,
        augment_copies=_num_copies(augmenters, augment_copies, augment_rare),
        augment_rare=augment_rare,
        max_rejects=max_rejects,
        sidecars=_kinds(sidecars),
    )
    settings.check()
    root, directory = path_or_address(src), path_or_address(dst)
    _check_places(root, directory)
    plugins = plugin_settings(plugin, block, prefer, no_plugins)
    registry = open_registry({"plugins": plugins})
    augmenter = _augmenter(entries_of_augmenters(augmenters, assignments), plugins, max_side)
    flags = _given(
        labels=labels,
        label=label,
        image_column=image_column,
        class_names=class_names,
        split_column=split_column,
        split_values=None if split_values is None else read_split_values(split_values),
        group=group,
    )
    listing = list_images(registry, root, source=source, flags=flags, options=options_of_source(assignments))
    try:
        with conversion_progress() as progress:
            report = convert(
                listing.records,
                directory,
                settings,
                rejects=listing.rejects,
                workers=workers,
                cluster=ray,
                force=force,
                progress=progress,
                augmenter=augmenter,
            )
    except KeyboardInterrupt:
        typer.echo("interrupted before the data set was complete; run the same command again to go on", err=True)
        raise typer.Exit(130) from None
    for line in summarise(report, listing.notes):
        typer.echo(line)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [])}


def _check_options(split_column: str | None, split_values: str | None, augment: Sequence[str], **copies: Any) -> None:
    """Raise RecipeError for options that have no effect without another."""
    from artkit.errors import RecipeError

    if split_values is not None and split_column is None:
        raise RecipeError(
            "--split-values says what the values of a column stand for; name the column with --split-column"
        )
    without = [f"--{name.replace('_', '-')}" for name, value in copies.items() if value is not None]
    if without and not augment:
        raise RecipeError(
            f"{without[0]} asks for changed copies, but nothing says how to change them; name an augmenter, such as "
            "--augment affine"
        )


def _check_places(src: Path | str, dst: Path | str) -> None:
    """Raise ConvertError if the data set would lie within what is converted."""
    from artkit_shards import ConvertError

    if isinstance(src, Path) and isinstance(dst, Path) and dst.resolve().is_relative_to(src.resolve()):
        raise ConvertError(f"{dst} lies in {src}, which is to be converted; choose a folder outside of it")


def _num_copies(augment: Sequence[str], copies: int | None, rare: int | None) -> int:
    """Copies of each training image: one, if augmenters are named and nothing else is said."""
    if copies is not None:
        return copies
    return 1 if augment and rare is None else 0


def _kinds(sidecars: str | None) -> "tuple[Sidecar, ...]":
    from artkit_shards.format.sidecars import check_kinds

    return () if sidecars is None else tuple(check_kinds([name.strip() for name in sidecars.split(",")]))


def _augmenter(
    entries: Sequence[dict[str, object]], plugins: "PluginSettings", max_side: int | None
) -> "ShardAugmenter | None":
    """What changes copies; its names and options are checked now, before any work is done."""
    if not entries:
        return None
    from artkit.cli.shard_augmenter import ShardAugmenter

    augmenter = ShardAugmenter(tuple(entries), plugins, **_given(image_size=max_side))
    _ = augmenter.description
    return augmenter
