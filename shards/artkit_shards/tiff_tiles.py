"""How large the tiles of a TIFF are, as TIFF 6.0 and BigTIFF write it down.

A decoder holds a tile as a whole, and a tile may be much larger than the image that it is of. All entries are looked
at, of whichever type of number, since decoders do not agree in which they take if there are several.
"""

from typing import Final, Literal

_TILE_WIDTH: Final = 322
_TILE_LENGTH: Final = 323
_BIG: Final = 43
_MOST_ENTRIES: Final = 0xFFFF
_BYTES_OF: Final = {1: 1, 6: 1, 3: 2, 8: 2, 4: 4, 9: 4, 13: 4, 16: 8, 17: 8}
"""Type of a whole number -> its size. Negative ones are read as large ones, which no tile has either."""

Order = Literal["little", "big"]


def largest_tile(data: bytes) -> tuple[int, int]:
    """Width and height of the largest tile that the first image of a TIFF can have, in pixels; 0 if it has none.

    Args:
        data: The whole file. Nothing is raised for one that is damaged: what is not there counts as 0.
    """
    order: Order = "little" if data.startswith(b"II") else "big"
    is_big = _number(data, 2, 2, order) == _BIG
    word = 8 if is_big else 4  # bytes of a place in the file
    start = _number(data, word, word, order)
    count_size = 8 if is_big else 2
    num_entries = min(_number(data, start, count_size, order), _MOST_ENTRIES)
    found = {_TILE_WIDTH: 0, _TILE_LENGTH: 0}
    for at in range(start + count_size, start + count_size + num_entries * (4 + 2 * word), 4 + 2 * word):
        tag = _number(data, at, 2, order)
        size = _BYTES_OF.get(_number(data, at + 2, 2, order))
        if tag in found and size is not None:
            place = at + 4 + word
            value = _number(data, place if size <= word else _number(data, place, word, order), size, order)
            found[tag] = max(found[tag], value)
    return found[_TILE_WIDTH], found[_TILE_LENGTH]


def _number(data: bytes, at: int, size: int, order: Order) -> int:
    return int.from_bytes(data[at : at + size], order)
