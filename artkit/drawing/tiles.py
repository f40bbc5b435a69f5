"""Sheets of images with captions, put together from blocks: a grid of tiles, a line of text, blocks set together.

A tile is a square picture in a coloured frame with lines of caption under it. Sizes are in pixels, blocks are RGB
images on white. Text is set in DejaVu Sans, which comes with matplotlib.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from artkit.drawing.files import write_whole

FRAME: Final = 4
GAP: Final = 14
MARGIN: Final = 20
CAPTION_SIZE: Final = 11
LINE: Final = 16
"""Height of a line of caption."""
WHITE: Final = "#ffffff"
INK: Final = "#24292f"
FAINT: Final = "#6e7781"
RIGHT: Final = "#1a8754"
WRONG: Final = "#d1242f"

_LONGEST: Final = 400
"""Characters of a text that could ever be shown on a line."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A line under a tile.

    Attributes:
        text: Stands on the left, shortened where it does not fit.
        number: Stands on the right, never shortened.
        colour: Of both.
        is_file: Whether a text that is too long loses its middle, for file names tell most at both ends.
    """

    text: str
    number: str = ""
    colour: str = INK
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture with its frame and captions.

    Attributes:
        picture: RGB, uint8, (size, size, 3).
        frame: Colour of the frame.
        captions: Lines below.
    """

    picture: NDArray[np.uint8]
    frame: str
    captions: tuple[Caption, ...]


def grid(tiles: Sequence[Tile], *, columns: int, size: int) -> Image.Image:
    """Set tiles in rows of `columns`, always that wide; without tiles the block is empty."""
    rows = -(-len(tiles) // columns)
    step_x = size + 2 * FRAME + GAP
    step_y = size + 2 * FRAME + GAP + LINE * max((len(tile.captions) for tile in tiles), default=0)
    block = Image.new("RGB", (columns * step_x - GAP, max(rows * step_y - GAP, 1)), WHITE)
    draw = ImageDraw.Draw(block)
    for index, tile in enumerate(tiles):
        _put(block, draw, tile, (index % columns * step_x, index // columns * step_y))
    return block


def text_line(
    text: str, *, width: int, number: str = "", size: int = 12, bold: bool = False, colour: str = INK
) -> Image.Image:
    """Set one line of text, shortened to `width`; a number stands at its right end and is never shortened."""
    font = _font(size, bold)
    block = Image.new("RGB", (width, round(1.6 * size)), WHITE)
    draw = ImageDraw.Draw(block)
    taken = round(font.getlength(number)) if number else 0
    text = _fit(text, font, width - taken - (size // 2 if taken else 0))
    draw.text((0, 0.2 * size), text, font=font, fill=colour)
    draw.text((width - taken, 0.2 * size), number, font=font, fill=colour)
    return block


def beside(blocks: Sequence[Image.Image], *, gap: int = GAP) -> Image.Image:
    """Set blocks beside each other, tops aligned."""
    width = sum(block.width for block in blocks) + gap * (len(blocks) - 1)
    whole = Image.new("RGB", (width, max(block.height for block in blocks)), WHITE)
    x = 0
    for block in blocks:
        whole.paste(block, (x, 0))
        x += block.width + gap
    return whole


def below(blocks: Sequence[Image.Image], *, gap: int = GAP) -> Image.Image:
    """Set blocks below each other, left sides aligned."""
    height = sum(block.height for block in blocks) + gap * (len(blocks) - 1)
    whole = Image.new("RGB", (max(block.width for block in blocks), height), WHITE)
    y = 0
    for block in blocks:
        whole.paste(block, (0, y))
        y += block.height + gap
    return whole


def save_sheet(blocks: Sequence[Image.Image], path: Path) -> None:
    """Write blocks below each other, with a margin around, as PNG."""
    body = below(blocks)
    sheet = Image.new("RGB", (body.width + 2 * MARGIN, body.height + 2 * MARGIN), WHITE)
    sheet.paste(body, (MARGIN, MARGIN))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_whole(path, buffer.getvalue())


def grid_width(columns: int, size: int) -> int:
    """Width of a grid of so many columns."""
    return columns * (size + 2 * FRAME + GAP) - GAP


def _put(block: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int]) -> None:
    x, y = corner
    outer = len(tile.picture) + 2 * FRAME
    draw.rectangle((x, y, x + outer - 1, y + outer - 1), outline=tile.frame, width=FRAME)
    block.paste(Image.fromarray(tile.picture), (x + FRAME, y + FRAME))
    font = _font(CAPTION_SIZE, False)
    for line, caption in enumerate(tile.captions):
        top = y + outer + 2 + line * LINE
        taken = round(font.getlength(caption.number)) if caption.number else 0
        text = _fit(caption.text, font, outer - taken - (6 if taken else 0), middle=caption.is_file)
        draw.text((x, top), text, font=font, fill=caption.colour)
        draw.text((x + outer - taken, top), caption.number, font=font, fill=caption.colour)


def _fit(text: str, font: ImageFont.FreeTypeFont, width: int, *, middle: bool = False) -> str:
    """Shorten `text` with an ellipsis, at its end or in its middle, until it is no wider than `width`."""
    text = " ".join(text.split())
    if len(text) > _LONGEST:  # each try to fit takes as long as the text is
        text = text[: _LONGEST // 2] + text[-(_LONGEST // 2) :] if middle else text[:_LONGEST]
    if font.getlength(text) <= width:
        return text
    kept = len(text) - 1
    while kept > 0:
        tail = kept // 2 if middle else 0
        short = text[: kept - tail].rstrip() + "…" + text[len(text) - tail :].lstrip()
        if font.getlength(short) <= width:
            return short
        kept -= 1
    return "…"


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
