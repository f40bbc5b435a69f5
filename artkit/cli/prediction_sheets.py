"""Sheets of images with what a model says about them, a bounded number on each, drawn as the images come.

A folder gets all sheets, `sheet-0001.png` and so on; a file gets the first one.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from artkit.cli.claimed_files import check_free

if TYPE_CHECKING:
    from artkit.drawing.tiles import Caption, Tile
    from artkit.engine.answering import Answered

TILE: Final = 128
"""Height and width of a picture in pixels."""
COLUMNS: Final = 8
TILES: Final = 48
"""Pictures on a sheet."""

_ENDING: Final = ".png"


class Sheets:
    """Draws a sheet whenever it is full, and the last one at `close`.

    Args:
        path: A file if it ends with .png, else a folder.
        title: Stands on each sheet.

    Raises:
        RunError: if something of that name is there already, or the folder cannot be made.
    """

    def __init__(self, path: Path, title: str) -> None:
        self._path = path
        self._title = title
        self._is_file = path.suffix.lower() == _ENDING
        self._tiles: list[Tile] = []
        self._count = 0
        self._drawn = 0
        self._claim()

    def add(self, answered: "Answered") -> None:
        """Set one image."""
        if self._is_file and self._drawn:
            self._count += 1
            return
        self._tiles.append(_tile(answered))
        self._count += 1
        if len(self._tiles) == TILES:
            self._draw()

    def close(self) -> str:
        """Draw what is left; returns a line on what there is to see."""
        from artkit_shards.wording import counted

        if self._tiles:
            self._draw()
        if not self._count:
            return f"no image was answered, so {self._path} shows none"
        if self._is_file and self._count > TILES:
            return f"{self._path} shows the first {TILES} of {self._count} images; a folder would get sheets of all"
        if self._is_file:
            return f"{self._path} shows the images"
        return f"{self._path} has {counted(self._drawn, 'sheet')} of images"

    def _claim(self) -> None:
        from artkit.errors import RunError

        if not self._is_file and self._path.is_dir() and any(self._path.iterdir()):
            raise RunError(f"{self._path} is not empty; name another --mosaic")
        check_free(self._file(1), "--mosaic")

    def _file(self, sheet: int) -> Path:
        return self._path if self._is_file else self._path / f"sheet-{sheet:04d}{_ENDING}"

    def _draw(self) -> None:
        from artkit.drawing.tiles import FAINT, grid, grid_width, save_sheet, text_line

        first, self._drawn = self._drawn * TILES + 1, self._drawn + 1
        last = first + len(self._tiles) - 1
        width = grid_width(COLUMNS, TILE)
        note = f"images {first} to {last}; number: probability the model gave to its answer"
        blocks = [
            text_line(self._title, width=width, size=20, bold=True),
            text_line(note, width=width, colour=FAINT),
            grid(self._tiles, columns=COLUMNS, size=TILE),
        ]
        save_sheet(blocks, self._file(self._drawn))
        self._tiles = []


def _tile(answered: "Answered") -> "Tile":
    from artkit.drawing.tiles import FAINT, Caption, Tile

    assert answered.tile is not None
    file = Caption(answered.name.rpartition("/")[2], colour=FAINT, is_file=True)
    return Tile(answered.tile, FAINT, (file, *_captions(answered)))


def _captions(answered: "Answered") -> "list[Caption]":
    """A line for each target; an unknown image has no probability, since none of the classes is its."""
    from artkit.drawing.tiles import WRONG, Caption

    return [
        Caption(target.predicted, colour=WRONG)
        if target.is_unknown
        else Caption(target.predicted, f"{target.top[0].p:.2f}")
        for target in answered.answer.targets
    ]
