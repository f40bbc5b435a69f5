"""The test images of the page: small JPEGs, each stored once however often it is shown."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Final

from PIL import Image

from artkit import Predictions

SIDE: Final = 96
"""Height and width of a picture in pixels."""
ROOM_BYTES: Final = 7_000_000
"""Most bytes of all pictures, which base64 makes a third larger."""
_QUALITY: Final = 78


class Album:
    """Pictures in the order in which they came.

    Attributes:
        pictures: JPEG files in base64.
    """

    def __init__(self) -> None:
        self.pictures: list[str] = []
        self._number_of: dict[str, int] = {}

    def add(self, predictions: Predictions, rows: Sequence[int], *, of: int) -> Mapping[int, int]:
        """Add images of a target while there is room; what other targets have shown is not added again.

        Args:
            predictions: Whose images.
            rows: Which of them, the most important first.
            of: Number of targets, each of which has its part of the room.

        Returns:
            Row -> number of its picture.
        """
        room = ROOM_BYTES // of
        shown = {}
        for row in rows:
            key = predictions.keys[row]
            if key not in self._number_of:
                picture = _jpeg(predictions, row)
                room -= len(picture)
                if room < 0:
                    break
                self._number_of[key] = len(self.pictures)
                self.pictures.append(base64.b64encode(picture).decode())
            shown[row] = self._number_of[key]
        return shown


def _jpeg(predictions: Predictions, row: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(predictions.image(row, SIDE)).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
