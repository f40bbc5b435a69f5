"""Pictures and files that other reporters left: inside the page while there is room, else linked from it."""

import base64
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from PIL import Image

ROOM_BYTES: Final = 2_500_000
"""Most bytes of pictures inside the page, which base64 makes a third larger."""
SHEET_WIDTH: Final = 1100
_CURVES: Final = ("curves.png",)
_MATRICES: Final = ("confusion.png", "confusion_worst.png")
_SHEETS: Final = ("mosaics/confused_pairs.png", "mosaics/top_losses.png")
"""What the page draws itself: these still pictures of it are shown where scripts do not run, and linked everywhere."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a reporter published."""

    path: Path
    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the page: `source` is a data URI, or a link where the page has no room for the picture itself."""

    title: str
    link: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What there is to show beside what the page draws itself."""

    curves: Sequence[Picture]
    """The curves as a still picture."""
    matrices: Sequence[Sequence[Picture]]
    """Of each target, the confusion matrix as still pictures."""
    sheets: Sequence[Sequence[Picture]]
    """Of each target, the mosaics that are about all of its classes."""
    figures: Sequence[Picture]
    """What the page does not draw itself."""
    mosaics: Sequence[Picture]
    """Mosaics of single classes, as links."""
    files: Sequence[Picture]
    """Tables, other files, and the still pictures in full size, as links."""


def gather_leftovers(artifacts: Iterable[Artifact], folder: Path, targets: Sequence[Path]) -> Leftovers:
    """Sort out what reporters published.

    Args:
        artifacts: In the order in which they came.
        folder: Of the page.
        targets: Folder of each target, relative to that of the page.
    """
    there = [artifact for artifact in artifacts if artifact.path.is_file()]
    by_path = {artifact.path: artifact for artifact in there}
    mosaics = [artifact for artifact in there if artifact.kind == "mosaic"]
    # Mosaics of single classes lie in folders of their own; those beside these folders are about all classes.
    top = min((len(artifact.path.parts) for artifact in mosaics), default=0)
    of_classes = [artifact for artifact in mosaics if len(artifact.path.parts) > top]
    still = [path for path in by_path if _is_drawn_anew(path, folder, targets)]
    figures = [a for a in there if a.kind in ("figure", "mosaic") and a.path not in still and a not in of_classes]
    room = _Room(folder)

    def shown(place: Path, names: Sequence[str]) -> list[Picture]:
        return [room.shown(by_path[place / name]) for name in names if place / name in by_path]

    return Leftovers(
        figures=[room.shown(artifact) for artifact in figures],
        curves=shown(folder, _CURVES),
        matrices=[shown(folder / target, _MATRICES) for target in targets],
        sheets=[shown(folder / target, _SHEETS) for target in targets],
        mosaics=[room.linked(artifact) for artifact in of_classes],
        files=[room.linked(a) for a in there if a.kind in ("table", "file") or a.path in still],
    )


def _is_drawn_anew(path: Path, folder: Path, targets: Sequence[Path]) -> bool:
    places = [folder / name for name in _CURVES]
    places += [folder / target / name for target in targets for name in (*_MATRICES, *_SHEETS)]
    return path in places


class _Room:
    """Puts pictures into the page while there is room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = ROOM_BYTES

    def shown(self, artifact: Artifact) -> Picture:
        """A figure as it is, a mosaic at reading size."""
        if artifact.kind == "mosaic":
            data, media_type = _as_jpeg(artifact.path, SHEET_WIDTH), "image/jpeg"
        else:
            data, media_type = artifact.path.read_bytes(), f"image/{artifact.path.suffix[1:].lower()}"
        linked = self.linked(artifact)
        if len(data) > self._left:
            return linked
        self._left -= len(data)
        return Picture(linked.title, linked.link, f"data:{media_type};base64,{base64.b64encode(data).decode()}")

    def linked(self, artifact: Artifact) -> Picture:
        """A file's name alone."""
        href = quote(Path(os.path.relpath(artifact.path, self._folder)).as_posix())
        return Picture(artifact.title, href, href)


def _as_jpeg(path: Path, width: int) -> bytes:
    """Shrink a picture to a width."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = min(1.0, width / image.width)
    image = image.resize((round(image.width * scale), max(round(image.height * scale), 1)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
