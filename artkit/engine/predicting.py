"""A trained model answers images: what `artkit evaluate` does with those of a data set, for images from anywhere.

From the same bytes it makes the same pixels, and from these the same probabilities.

`B` images, `S` pixels a side, `K` outputs or classes, `D` features.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.evaluation import mean_answers, model_logits, softmax
from artkit.engine.head_input import HeadInput
from artkit.engine.prior import adjust_logits
from artkit.engine.structure import StructureError, find_head
from artkit.engine.targets import TargetHead, num_outputs
from artkit.engine.trained import TrainedModel
from artkit_shards import ImageError, fit_image
from artkit_shards.format.files import MAX_IMAGE_BYTES
from artkit_shards.images import MAX_PIXELS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What a model says about some images, in all its targets."""

    logits_BK: NDArray[np.float64]  # noqa: N815 # shapes stand in names of arrays
    """Of all targets side by side, the prior of training still in them; with mirror images, the mean is in them."""
    features_BD: NDArray[np.float32] | None  # noqa: N815
    """What the head was given, of the images themselves, not of their mirror images; None if the head is not known."""
    tau: float = 0.0
    """Strength of the logit adjustment by the prior of training."""
    temperatures: Mapping[str, float] = field(default_factory=dict)
    """Target -> what its logits are divided by after the adjustment, > 0; 1 where nothing is said. A model is less sure
    with more than 1."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.logits_BK)

    @property
    def is_finite(self) -> NDArray[np.bool_]:
        """Which images have an answer at all, (B,): numbers that are finite."""
        finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(self.logits_BK), axis=1)
        return finite

    def of(self, chosen: NDArray[np.bool_]) -> "Answers":
        """The answers to some of the images.

        Args:
            chosen: Which, (B,).
        """
        features = None if self.features_BD is None else self.features_BD[chosen]
        return replace(self, logits_BK=self.logits_BK[chosen], features_BD=features)

    def logits(self, head: TargetHead) -> NDArray[np.float64]:
        """Logits of one target, the prior taken off, divided by the temperature, (B, K of the target)."""
        adjusted = adjust_logits(head.of(self.logits_BK), head.class_counts, self.tau)
        return adjusted / self.temperatures.get(head.name, 1.0)

    def probabilities(self, head: TargetHead) -> NDArray[np.float64]:
        """Probabilities of the classes of one target, (B, K of the target)."""
        return softmax(self.logits(head))


class UnknownRule(Protocol):
    """Says of which images a model should not decide, since they are like none that it has learnt: by a score."""

    @property
    def threshold(self) -> float:
        """Images whose score is above it are unknown."""
        ...

    def scores(self, answers: Answers) -> NDArray[np.float64]:
        """How strange each image is to the model's first target, finite, (B,); the larger, the stranger."""
        ...


class Predictor:
    """Answers images with a trained model.

    `picture` may be called from several threads at once, `answer` from one at a time.

    Args:
        trained: The model.
        tau: Strength of the logit adjustment by the prior of training in each target; 0 leaves the answers as they are.
        temperatures: Target -> what its logits are divided by, see `load_temperatures`; empty: nothing is divided.
        mirrored: Whether each image is judged together with its mirror image; None: as in the run.
        unknown: Tells images that the model should not decide about; None: it decides about all.
    """

    def __init__(
        self,
        trained: TrainedModel,
        *,
        tau: float = 0.0,
        temperatures: Mapping[str, float] | None = None,
        mirrored: bool | None = None,
        unknown: UnknownRule | None = None,
    ) -> None:
        self.trained = trained
        self.tau = tau
        self.temperatures = dict(temperatures or {})
        self.mirrored = trained.recipe.train.tta if mirrored is None else mirrored
        self.unknown = unknown
        self._num_outputs = num_outputs(trained.heads)
        self._columns = [head.columns for head in trained.heads]
        self._head_input = _head_input(trained.model, self._num_outputs)

    @property
    def heads(self) -> tuple[TargetHead, ...]:
        """The targets that the model was trained for; the first is the main one."""
        return self.trained.heads

    def picture(self, data: bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
        """What the model is shown of an image: the pixels that a data set with the same bytes gives.

        Args:
            data: The file's bytes: JPEG, PNG, WEBP, BMP, GIF or TIFF.
            max_pixels: The most that the image may have, before any is decoded.

        Returns:
            RGB, uint8, (S, S, 3).

        Raises:
            TooManyPixelsError: if the image has more than `max_pixels` pixels.
            ImageError: if the bytes are too many, or not an image that can be decoded whole.
        """
        if len(data) > MAX_IMAGE_BYTES:
            raise ImageError(f"file too large: {len(data) >> 20} MiB")
        preprocessing = self.trained.preprocessing
        return fit_image(data, preprocessing.image_size, preprocessing.fit, max_pixels=max_pixels)

    @torch.no_grad()
    def answer(self, images_BHWC: NDArray[np.uint8]) -> Answers:
        """Ask the model.

        Args:
            images_BHWC: RGB, uint8, (B, S, S, 3), such as `picture` gives; at least one.

        Raises:
            ComponentError: if the model raised, or returned something else than logits (B, K).
        """
        model, preprocessing = self.trained.model, self.trained.preprocessing
        # Copied, since torch cannot take an array that must not be written to; the axes stay as they are in memory,
        # which is how a loader hands them over.
        images_BCHW = torch.tensor(images_BHWC).to(self.trained.device).permute(0, 3, 1, 2)
        images_BCHW = preprocessing.normalise(preprocessing.to_unit(images_BCHW))
        logits_BK, features_BD = self._heard(model.eval(), images_BCHW)
        if self.mirrored:
            others_BK = self._logits(model, images_BCHW.flip(3))
            logits_BK = mean_answers(logits_BK, others_BK, self._columns)
        return Answers(
            logits_BK=logits_BK.cpu().numpy(),
            features_BD=features_BD,
            tau=self.tau,
            temperatures=self.temperatures,
        )

    def _heard(
        self, model: torch.nn.Module, images_BCHW: torch.Tensor
    ) -> tuple[torch.Tensor, NDArray[np.float32] | None]:
        """Logits of normalised images, and what the head was given."""
        if self._head_input is None:
            return self._logits(model, images_BCHW), None
        with self._head_input.listening():
            logits_BK = self._logits(model, images_BCHW)
        features_BD = self._head_input.features(logits_BK)
        return logits_BK, None if features_BD is None else features_BD.float().cpu().numpy()

    def _logits(self, model: torch.nn.Module, images_BCHW: torch.Tensor) -> torch.Tensor:
        component = self.trained.recipe.model.component
        return model_logits(model, component, images_BCHW, self.trained.precision, self._num_outputs)


def _head_input(model: torch.nn.Module, num_outputs: int) -> HeadInput | None:
    try:
        return HeadInput(find_head(model, num_outputs))
    except StructureError:  # a model need not have a head that can be told; features are then not to be had
        return None
