"""From the bytes of an image to what is said about it, as JSON has it. Safe to call from several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from artkit.engine.answering import is_large
from artkit.engine.naming import name_answers
from artkit.engine.plain_answers import plain_answer, short
from artkit.engine.predicting import Answers, Predictor
from artkit.serving.neighbours import Neighbours, draw_thumbnail
from artkit.serving.refusals import Refusal
from artkit_shards import ImageError, ShardsError, TooManyPixelsError
from artkit_shards.images import image_format

Result = TypeVar("Result")

_WANTED: Final = "send a JPEG, PNG, WEBP, BMP, GIF or TIFF image"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Service:
    """Answers images with a trained run."""

    run: str
    """Its name."""
    predictor: Predictor
    neighbours: Neighbours | None
    """None: training works are not told."""
    no_neighbours: str | None = None
    """Why they are not told, for people; names nothing of this machine."""
    top: int = 5
    """Classes to name in a target."""
    works: int = 6
    """Training works to tell."""
    _model: Lock = field(default_factory=Lock)
    """A model answers one image at a time."""
    _large: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1))
    """Decodes large images one at a time: some take gigabytes, and a thread keeps what it has taken once."""

    def about(self) -> dict[str, Any]:
        """What answers."""
        trained, rule = self.predictor.trained, self.predictor.unknown
        preprocessing = trained.preprocessing
        return {
            "run": self.run,
            "model": trained.recipe.model.component.name,
            "preprocessing": {"image_size": preprocessing.image_size, "fit": preprocessing.fit, "background": "white"},
            "classes": {head.name: list(head.class_names) for head in self.predictor.heads},
            "mirrored": self.predictor.mirrored,
            "tau": self.predictor.tau,
            "temperature": self.predictor.temperatures or None,
            "unknown_above": None if rule is None else short(rule.threshold),
            "nearest": "training works by cosine of features" if self.neighbours else self.no_neighbours,
        }

    def predict(self, data: bytes, max_pixels: int) -> dict[str, Any]:
        """What is said about an image: as `artkit predict --json` says it, and "nearest", the training works.

        Args:
            data: Of the image.
            max_pixels: The most that it may have.

        Raises:
            Refusal: if it is no image that can be used.
            ComponentError: if the model fails.
        """
        picture = self._decoded(data, max_pixels)
        with self._model:
            answers = self.predictor.answer(picture[None])
        if not answers.is_finite.all():
            raise Refusal(422, "the model gives no finite numbers for this image; send another one")
        (answer,) = name_answers(self.predictor, answers, self.top)
        return plain_answer(answer) | {"nearest": self._nearest(answers)}

    def thumbnail(self, row: int) -> bytes:
        """The picture of a training work, a JPEG.

        Raises:
            Refusal: if there is none.
        """
        if self.neighbours is None:
            raise Refusal(404, "this server shows no training works")
        try:
            return self._with_room(self.neighbours.read(row), draw_thumbnail)
        except (IndexError, ShardsError, MemoryError):
            raise Refusal(404, f"there is no picture of a training work {row}") from None

    def _decoded(self, data: bytes, max_pixels: int) -> NDArray[np.uint8]:
        try:
            image_format(data)
        except ImageError:
            raise Refusal(415, f"this is not an image of a kind that can be read; {_WANTED}") from None
        try:
            return self._with_room(data, partial(self.predictor.picture, max_pixels=max_pixels))
        except TooManyPixelsError as error:
            raise Refusal(
                422,
                f"this image has {error.width} x {error.height} pixels, more than the limit of {max_pixels / 1e6:g} "
                "megapixels; send a smaller copy of it",
            ) from None
        except ImageError as error:
            raise Refusal(422, f"this image cannot be used ({error}); {_WANTED} that is whole") from None
        except MemoryError:
            raise Refusal(422, "this image is too large for the memory here; send a smaller one") from None

    def _with_room(self, data: bytes, decode: Callable[[bytes], Result]) -> Result:
        """What is decoded of an image, once there is memory for it."""
        return self._large.submit(decode, data).result() if is_large(data) else decode(data)

    def _nearest(self, answers: Answers) -> list[dict[str, Any]]:
        features_BD = answers.features_BD
        if self.neighbours is None or features_BD is None or not np.isfinite(features_BD).all():
            return []
        return [
            {
                "file": work.file,
                "similarity": short(work.similarity),
                "classes": work.classes,
                "thumbnail": f"thumbnails/{work.row}",
            }
            for work in self.neighbours.nearest(features_BD[0], self.works)
        ]
