"""What a shard says of a sample in words: the JSON member behind its image."""

import json
from typing import Any, Final

from artkit_shards.format.samples import split_name
from artkit_shards.format.tar import BLOCK
from artkit_shards.format.tar_reader import HeaderError, ReadAt, parse_header

_MOST_BYTES: Final = 1 << 20


def read_description(read_at: ReadAt, image_end: int, key: str) -> dict[str, Any]:
    """Read the JSON of a sample.

    Args:
        read_at: Reads the shard.
        image_end: Where the data of its image ends.
        key: Of the sample in the shard.

    Returns:
        Its fields; none if there is no such member behind the image.

    Raises:
        OSError: if the shard cannot be read.
        ValueError: if the member is no JSON of a mebibyte at most.
    """
    position = _padded(image_end)
    while (block := read_at(position, BLOCK)) and len(block) == BLOCK:
        try:
            header = parse_header(block)
        except HeaderError:
            return {}
        names = split_name(header.name.decode("utf-8", "backslashreplace"))
        if names is None or names[0] != key:
            return {}
        if names[1] == "json":
            return _parse(read_at(position + BLOCK, min(header.size, _MOST_BYTES + 1)))
        position = _padded(position + BLOCK + header.size)
    return {}


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise ValueError("it is larger than a mebibyte")
    fields = json.loads(data)
    if not isinstance(fields, dict):
        raise ValueError("it is no table")
    return fields


def _padded(position: int) -> int:
    return position + -position % BLOCK
