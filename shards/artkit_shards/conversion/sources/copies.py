"""Second copies of a data set that lie beside it, such as resized/ beside images/.

A loader that walks both trains on what it tests on. A copy is told by its name and by the names of its files: nearly
all of them occur beside it too. Copies that are not named so are left to the search for near duplicates.
"""

import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from artkit_shards.conversion.sources.images import ImageWalk, folders_in
from artkit_shards.conversion.sources.listing import Tree
from artkit_shards.conversion.sources.names import folded, readable

_NAMED_AS_COPY: Final = re.compile(
    r"(re|down|pre)?[-_ ]?(sized|scaled|resize|downsample|downsampled)|thumb(nail)?s?|previews?|low[-_ ]?res"
)
_SHARED: Final = 0.9
"""Share of a copy's file names that occur among the originals; a few may have been lost on the way."""


class Copy(NamedTuple):
    """A folder that holds a second copy."""

    path: str
    num_images: int
    num_shared: int
    """Images whose names, without their endings, occur among the originals."""


def find_copies(tree: Tree, folder: str = "") -> list[Copy]:
    """The folders right in a folder that are second copies of what the others hold."""
    folders = folders_in(tree, folder)
    suspects = [entry for entry in folders if _NAMED_AS_COPY.search(entry.name.casefold())]
    others = [entry for entry in folders if entry not in suspects]
    if not suspects or not others:
        return []
    originals = {stem for entry in others for stem in _stems(tree, entry.path)}
    copies = []
    for entry in suspects:
        stems = _stems(tree, entry.path)
        num_shared = sum(stem in originals for stem in stems)
        if stems and num_shared >= _SHARED * len(stems):
            copies.append(Copy(entry.path, len(stems), num_shared))
    return copies


def copy_note(copy: Copy) -> str:
    """What to tell of a copy that is left out."""
    return (
        f"{readable(copy.path)} left out: it holds a second copy of the images, as {copy.num_shared} of its "
        f"{copy.num_images} file names tell, and copies would leak from training into testing; rename it if it is "
        "something else"
    )


def _stems(tree: Tree, folder: str) -> list[str]:
    """Names of the images below a folder, without endings."""
    return [folded(readable(PurePosixPath(image.name).stem)) for image in ImageWalk(tree).below(folder)]
