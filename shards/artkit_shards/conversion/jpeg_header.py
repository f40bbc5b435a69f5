"""Headers of plain JPEG files, read without a library: most files are plain, and Pillow takes four times as long.

Whatever is not plain is left to Pillow: metadata that may turn the image or change its colours, other than 8 bits in
one or three components, rare processes, several images in one file, and everything that looks damaged.
"""

from typing import Final

_START_OF_FRAME: Final = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive (ITU-T T.81, table B.1)."""
_START_OF_SCAN: Final = 0xDA
_HARMLESS: Final = frozenset((0xC4, 0xDB, 0xDD, 0xE0, 0xFE))
"""Huffman and quantisation tables, restart intervals, JFIF, comments."""


def plain_jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a plain JPEG.

    Args:
        head: The first bytes of the file.

    Returns:
        None if it is not plain, or its header goes on behind these bytes.
    """
    size = None
    position = 2
    while position + 10 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        length = int.from_bytes(head[position + 2 : position + 4])
        if marker == _START_OF_SCAN:
            return size
        if marker in _START_OF_FRAME:
            bits, components = head[position + 4], head[position + 9]
            if size is not None or bits != 8 or components not in (1, 3):
                return None
            height = int.from_bytes(head[position + 5 : position + 7])
            size = int.from_bytes(head[position + 7 : position + 9]), height
        elif marker not in _HARMLESS:
            return None
        position += 2 + length
    return None
