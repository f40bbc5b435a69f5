"""Any number of images answered in bounded memory: read and decoded in threads, asked for in batches, in order.

Images are looked at a little ahead of their turn, and only the squares that a model is shown are kept. What cannot be
used is told and left out; it never stops the others.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit.engine.images.found import Found, Unusable
from artkit.engine.naming import ImageAnswer, name_answers
from artkit.engine.predicting import Predictor
from artkit_shards import ImageError, SampleError, fit_image
from artkit_shards.format.interest import threads_while_wanted
from artkit_shards.images import decoded_size, open_image

_LARGE: Final = 16_000_000
"""Images with more pixels are decoded one at a time by one thread: some take gigabytes, and a thread keeps for the next
time what it has taken once."""

OnUnusable = Callable[[Unusable], None]
"""Hears of each image that is left out."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An image with what the model says about it."""

    name: str
    answer: ImageAnswer
    tile: NDArray[np.uint8] | None
    """RGB, (T, T, 3), letterboxed on white, if it was asked for."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    name: str
    picture: NDArray[np.uint8]
    """What the model is shown, (S, S, 3)."""
    tile: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How images are answered."""

    predictor: Predictor
    batch_size: int
    """Images that are computed at once, at least 1."""
    threads: int
    """That read and decode, at least 1."""
    top: int
    """Classes to name for each image and target, at least 1."""
    tile: int | None = None
    """Height and width in pixels of a picture of each image for people; None: there is none."""
    on_unusable: OnUnusable

    def answer(self, found: Iterable[Found]) -> Iterator[Answered]:
        """Yield the images with their answers, in order.

        Args:
            found: Images that were found; what is unusable among them is told in its turn.

        Raises:
            ComponentError: if the model raised, or broke its contract.
        """
        batch: list[_Decoded] = []
        for one in self._decoded(found):
            if isinstance(one, Unusable):
                self.on_unusable(one)
                continue
            batch.append(one)
            if len(batch) == self.batch_size:
                yield from self._answer(batch)
                batch = []
        if batch:
            yield from self._answer(batch)

    def _decoded(self, found: Iterable[Found]) -> Iterator[_Decoded | Unusable]:
        """Images as the model is shown them, decoded ahead of their turn."""
        threads, one_thread = threads_while_wanted(self.threads, "predict"), threads_while_wanted(1, "predict-large")
        with threads as pool, one_thread as alone:
            ahead: deque[Future[_Decoded | Unusable]] = deque()
            for one in found:
                ahead.append(pool.submit(self._decode, one, alone))
                if len(ahead) > 2 * self.batch_size + self.threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _decode(self, found: Found, alone: Executor) -> _Decoded | Unusable:
        if isinstance(found, Unusable):
            return found
        try:
            data = found.read()
            if is_large(data):
                return alone.submit(self._decode_bytes, found.name, data).result()
            return self._decode_bytes(found.name, data)
        except ImageError as error:
            return Unusable(found.name, str(error))
        except SampleError as error:
            return Unusable(found.name, f"damaged in its shard: {error.fault}")
        except MemoryError:
            return Unusable(found.name, "too large for the memory")

    def _decode_bytes(self, name: str, data: bytes) -> _Decoded:
        picture = self.predictor.picture(data)
        return _Decoded(name, picture, None if self.tile is None else fit_image(data, self.tile))

    def _answer(self, batch: Sequence[_Decoded]) -> Iterator[Answered]:
        answers = self.predictor.answer(np.stack([one.picture for one in batch]))
        finite = answers.is_finite
        for one in compress(batch, ~finite):
            self.on_unusable(Unusable(one.name, "the model gives no finite numbers for it"))
        if finite.any():
            named = name_answers(self.predictor, answers.of(finite), self.top)
            for one, answer in zip(compress(batch, finite), named, strict=True):
                yield Answered(one.name, answer, one.tile)


def is_large(data: bytes) -> bool:
    """Whether an image should be decoded alone: so many pixels that several at a time could fill the memory."""
    try:
        width, height = decoded_size(open_image(data), data)
    except ImageError:  # to decode it says more, and knows some that are odd
        return False
    return width * height > _LARGE
