"""From rows of a split to pixels of a batch: out of the cache, or read, decoded and fitted or cropped.

The pixels at a position are a function of the sample's bytes, the settings and, with a crop, of (seed, epoch,
position). A cache changes when they are made, not what they are; with crops alone the settings say that there is one,
see `PixelSettings.kept_size`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import ImageError, SampleError
from artkit_shards.format.dataset import Split
from artkit_shards.stream.cache import DecodeCache
from artkit_shards.stream.crop import RandomResizedCrop
from artkit_shards.stream.decode import Box, Fit, crop_into, crop_pixels, fit_into

BadPlaces = list[tuple[int, ImageError | SampleError]]
"""Places of a span that could not be filled, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelSettings:
    """How images are shown."""

    size: int
    """Height and width S of a square in pixels."""
    fit: Fit
    """How an image meets the square; without effect if there are crops."""
    crop: RandomResizedCrop | None = None
    """Shows a random part of each image."""
    seed: int = 0
    """Of the crops."""
    cached: bool = False
    """Whether decoded images are kept."""

    @property
    def kept_size(self) -> int:
        """Height and width of the squares that are kept.

        A crop differs from epoch to epoch, so with crops the whole image is kept, somewhat larger than the square, and
        all crops are taken from that: a little less sharp than those that are taken from the file where there is no
        cache. Hits and misses do not differ, runs with and without a cache do.
        """
        return self.size if self.crop is None else -(-self.size * 5 // 4)

    def fields(self) -> Mapping[str, Any]:
        """What the pixels depend on beside the samples."""
        fields: dict[str, Any] = {"image_size": self.size, "fit": self.fit}
        if self.crop is not None:
            fields |= {"fit": "crop", "crop_seed": self.seed}
            # As JSON gives them back.
            fields |= {f"crop_{name}": list(value) for name, value in asdict(self.crop).items()}
            fields["crop_of"] = f"{self.kept_size} px" if self.cached else "file"
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Consecutive places of a rank's sequence that one thread fills."""

    epoch: int
    index: int
    """Place of the first one in the sequence that the cache was told of."""
    positions: NDArray[np.int64]
    """In the plan of the epoch."""
    rows: NDArray[np.int64]
    """Samples to show there. Overwritten where another one has to stand in."""


class PixelSource(Protocol):
    """Fills squares with the images of samples. Thread-safe."""

    def fill(self, span: Span, squares: NDArray[np.uint8]) -> BadPlaces:
        """Fill the squares of a span, (n, S, S, 3); returns the places in it that could not be filled, and why."""
        ...


class Pixels:
    """The `PixelSource` that works in the calling thread.

    Args:
        split: Where the samples are.
        settings: How they are shown.
        cache: Keeps squares of `settings.kept_size` for their next use, or None.
    """

    def __init__(self, split: Split, settings: PixelSettings, cache: DecodeCache | None = None) -> None:
        self._split = split
        self._settings = settings
        self._cache = cache

    def fill(self, span: Span, squares: NDArray[np.uint8]) -> BadPlaces:
        """See `PixelSource.fill`."""
        try:
            return self._fill(span, squares)
        except BaseException:
            if self._cache is not None:
                self._cache.give_up()
            raise

    def _fill(self, span: Span, squares: NDArray[np.uint8]) -> BadPlaces:
        boxes = self._boxes(span)
        bad: BadPlaces = []
        for place, row in enumerate(span.rows.tolist()):
            try:
                if boxes is None:
                    self._fit(span.index + place, row, squares[place], self._settings.fit)
                else:
                    self._crop(span.index + place, row, squares[place], boxes[place])
            except (ImageError, SampleError) as error:
                bad.append((place, error))
        return bad

    def _boxes(self, span: Span) -> list[Box] | None:
        crop, split = self._settings.crop, self._split
        if crop is None:
            return None
        heights, widths = split.heights[span.rows], split.widths[span.rows]
        boxes = crop.boxes(self._settings.seed, span.epoch, span.positions, heights, widths)
        return [(top, left, height, width) for top, left, height, width in boxes.tolist()]

    def _fit(self, index: int, row: int, square: NDArray[np.uint8], fit: Fit) -> None:
        if self._cache is None:
            fit_into(self._split.read(row), square, fit)
            return
        if self._cache.fetch(index, square):
            return
        try:
            fit_into(self._split.read(row), square, fit)
        except (ImageError, SampleError):
            self._cache.store(index, None)
            raise
        self._cache.store(index, square)

    def _crop(self, index: int, row: int, square: NDArray[np.uint8], box: Box) -> None:
        if not self._settings.cached:
            crop_into(self._split.read(row), square, box)
            return
        kept = np.empty((self._settings.kept_size, self._settings.kept_size, 3), dtype=np.uint8)
        self._fit(index, row, kept, "squash")
        crop_pixels(kept, square, box, int(self._split.heights[row]), int(self._split.widths[row]))
