"""Which source reads a folder, by what lies in it: tars, metadata beside images, or class folders."""

from pathlib import Path
from typing import Final, Literal

from artkit_shards.conversion.sources.images import has_images
from artkit_shards.conversion.sources.listing import Tree, open_tree
from artkit_shards.conversion.sources.metadata_folder import IMAGE_COLUMN, find_metadata
from artkit_shards.conversion.sources.tables.opening import open_table
from artkit_shards.errors import ConvertError

SourceName = Literal["folder", "metadata", "tars"]

_METADATA_DEPTH: Final = 2
"""Metadata lies at the top, in a folder for each split, or one deeper."""


def recognise(root: Path | str) -> SourceName:
    """Which source reads a folder, a tar, or what is at an address.

    Raises:
        ConvertError: if it does not exist, or holds several kinds of things.
    """
    if isinstance(root, Path) and root.is_file() and root.suffix == ".tar":
        return "tars"
    tree = open_tree(root)
    tars = [entry.name for entry in tree.entries() if entry.kind == "file" and entry.name.endswith(".tar")]
    if tars and has_images(tree, ""):
        raise ConvertError(
            f"{tree.name} holds tars ({tars[0]}) and images: say which to convert with --source tars or --source folder"
        )
    if tars:
        return "tars"
    return "metadata" if _has_metadata(tree) else "folder"


def _has_metadata(tree: Tree) -> bool:
    """Whether there is metadata that names images; other people name other things so."""
    paths = find_metadata(tree, _METADATA_DEPTH)
    return any(IMAGE_COLUMN in open_table(tree.place(path)).columns for path in paths)
