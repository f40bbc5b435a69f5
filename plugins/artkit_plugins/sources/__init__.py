"""Sources: where `artkit shard` gets its images from."""

from typing import Annotated

from artkit import Doc, Source, SourceContext


def folder(
    ctx: SourceContext,
    *,
    series: Annotated[bool, Doc("keep numbered series such as rose_01, rose_02 together in one split")] = False,
) -> Source:
    """Class folders: SRC/<class>/.../<image>, or SRC/train/<class>/... with given splits."""
    from artkit_shards import ClassFolders

    return ClassFolders(ctx.root, series=series)
