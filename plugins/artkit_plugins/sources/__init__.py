"""Sources: where `artkit shard` gets its images from.

Options whose names the command line has too (`labels`, `label`, `image_column`, ...) are given there most easily.
"""

from typing import Annotated

from artkit import Doc, Ge, Le, Source, SourceContext


def folder(
    ctx: SourceContext,
    *,
    series: Annotated[bool, Doc("keep numbered series such as rose_01, rose_02 together in one split")] = False,
) -> Source:
    """Class folders: SRC/<class>/.../<image>, or SRC/train/<class>/... with given splits."""
    from artkit_shards import ClassFolders

    return ClassFolders(ctx.root, series=series)


def table(
    ctx: SourceContext,
    *,
    labels: Annotated[str, Doc("the table: .csv, .tsv, .jsonl or .parquet; looked for in SRC too")],
    label: Annotated[tuple[str, ...], Doc("columns of classes; the first is the main target")] = (),
    image_column: Annotated[str | None, Doc("column that names images; none: found by what is there")] = None,
    split_column: Annotated[str | None, Doc("column that tells the split")] = None,
    split_values: Annotated[dict[str, str] | None, Doc("what its values stand for; 'auto': drawn, 'out': none")] = None,
    group: Annotated[str | None, Doc("column that tells what stays in one split")] = None,
    encoding: Annotated[str, Doc("of the table's text, such as latin-1")] = "utf-8",
    max_missing: Annotated[float, Ge(0), Le(1), Doc("share of rows whose file may be missing")] = 0.95,
) -> Source:
    """A table that names images below SRC and tells their classes."""
    from artkit_shards import LabelTable

    return LabelTable(
        ctx.root,
        labels,
        image_column=image_column,
        label_columns=label,
        split_column=split_column,
        split_values=split_values,
        group_column=group,
        encoding=encoding,
        max_missing=max_missing,
    )


def metadata(
    ctx: SourceContext,
    *,
    label: Annotated[tuple[str, ...], Doc("columns of classes; none: 'label', 'labels', 'class' or folders")] = (),
    image_column: Annotated[str | None, Doc("column that names images; none: 'file_name'")] = None,
    split_column: Annotated[str | None, Doc("column that tells the split; none: folders do")] = None,
    split_values: Annotated[dict[str, str] | None, Doc("what its values stand for; 'auto': drawn, 'out': none")] = None,
    group: Annotated[str | None, Doc("column that tells what stays in one split")] = None,
    max_missing: Annotated[float, Ge(0), Le(1), Doc("share of rows whose file may be missing")] = 0.95,
) -> Source:
    """Image folders of Hugging Face: metadata.csv, .jsonl or .parquet beside the images."""
    from artkit_shards import MetadataFolder

    return MetadataFolder(
        ctx.root,
        image_column=image_column,
        label_columns=label,
        split_column=split_column,
        split_values=split_values,
        group_column=group,
        max_missing=max_missing,
    )


def tars(
    ctx: SourceContext,
    *,
    label: Annotated[tuple[str, ...], Doc("where classes are: cls, txt, or fields of .json such as artist")] = (),
    class_names: Annotated[str | None, Doc("file with a name for each class number; none: classes.txt in SRC")] = None,
    image: Annotated[str | None, Doc("suffix of the image, where samples have several")] = None,
    splits: Annotated[bool, Doc("whether names such as train-000000.tar tell the split")] = True,
) -> Source:
    """WebDataset tars, or a data set that artkit wrote."""
    from artkit_shards import TarSamples

    return TarSamples(ctx.root, labels=label, class_names=class_names, image=image, splits=splits)
