"""Reading the bytes of an image, wherever its record says that they are."""

from pathlib import Path

from artkit_shards.conversion.records import FilePart, ImageSource
from artkit_shards.errors import ImageError
from artkit_shards.format.files import MAX_IMAGE_BYTES, read_file_part, read_image_file


def read_image(source: ImageSource) -> bytes:
    """Read an image of at most `MAX_IMAGE_BYTES`.

    Raises:
        ImageError: if it is missing, too large, or cannot be read.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, FilePart):
        return read_file_part(source.path, source.offset, source.size)
    if isinstance(source, Path):
        return read_image_file(source)
    return _read_url(source)


def _read_url(url: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            data: bytes = file.read(MAX_IMAGE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read: {error}") from error
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"file too large: more than {MAX_IMAGE_BYTES >> 20} MiB")
    return data
