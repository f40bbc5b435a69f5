"""The images of a folder and of the folders in it, however deep, and those of tars that lie there.

Hidden files are passed over. Links to files are followed, links to folders are not: they may lead in circles.
"""

import os
from collections import Counter
from collections.abc import Iterator

from artkit.engine.images.found import Found, Unusable, image_file
from artkit.engine.images.tars import is_tar, tar_images
from artkit_shards.conversion.sources.names import readable
from artkit_shards.images import IMAGE_ENDINGS


def folder_images(folder: str, passed_over: Counter[str]) -> Iterator[Found]:
    """Yield the images of a folder, sorted by name, those of the folders in it after those right in it.

    Args:
        folder: Its path.
        passed_over: Counts what is not named as an image, under "file" and "link".
    """
    folders = [folder]
    while folders:
        where = folders.pop()
        try:
            entries = _entries(where)
        except OSError as error:
            yield Unusable(readable(where), f"cannot be read: {error.strerror}")
            continue
        folders += [entry.path for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
        yield from _files(entries, passed_over)


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as found:
        visible = (entry for entry in found if not entry.name.startswith(".") and entry.name != "__MACOSX")
        return sorted(visible, key=lambda entry: entry.name)


def _files(entries: list["os.DirEntry[str]"], passed_over: Counter[str]) -> Iterator[Found]:
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            continue
        if entry.name.lower().endswith(IMAGE_ENDINGS):
            yield image_file(entry.path)
        elif is_tar(entry.name):
            yield from tar_images(entry.path)
        else:
            passed_over["link" if entry.is_symlink() else "file"] += 1
