"""Files that are whole or not there: what is killed while it writes leaves the old file or the new one."""

from pathlib import Path

from artkit_shards.format.files import whole_file


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that at every moment it is absent, old or complete; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, path.parent, sync=False) as file:
        file.write(content.encode() if isinstance(content, str) else content)
