"""The images of a tar, read right out of it: nothing is unpacked."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from artkit.engine.images.found import Found, FoundImage, Unusable
from artkit_shards import DatasetError
from artkit_shards.conversion.sources.names import readable
from artkit_shards.format.files import read_file_part
from artkit_shards.format.samples import read_members
from artkit_shards.images import IMAGE_ENDINGS

TAR_ENDING: Final = ".tar"


def is_tar(path: str) -> bool:
    """Whether a file is named as a tar."""
    return path.lower().endswith(TAR_ENDING)


def tar_images(path: str) -> Iterator[Found]:
    """The members of a tar that are named as images, in its order; what is damaged in it comes last."""
    shown, count = readable(path), 0
    try:
        for member in read_members(Path(path)):
            if member.is_file and _is_image(member.name):
                count += 1
                read = partial(read_file_part, path, member.offset, member.size)
                yield FoundImage(f"{shown}/{member.name}", read)
    except DatasetError as error:
        yield Unusable(shown, f"not a tar that can be used: {error}")
        return
    if not count:
        yield Unusable(shown, "a tar without images")


def _is_image(name: str) -> bool:
    # What macOS adds to archives is hidden, and named as the images that it belongs to.
    return name.lower().endswith(IMAGE_ENDINGS) and not any(
        part.startswith(".") or part == "__MACOSX" for part in name.split("/")
    )
