"""Files of a run that are replaced in one step, and are on disk when that is over."""

from pathlib import Path

from artkit_shards.format.files import sync_folder, whole_file


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file by one step, so that a kill leaves either the old or the new content."""
    with whole_file(path, path.parent) as file:
        file.write(data)
    sync_folder(path.parent)
