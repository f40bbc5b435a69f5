"""Sampling: how often each training image, and so each class, is drawn in an epoch.

What the sampler says is checked, deferred if `sampler.defer` asks for it, and laid out over all images of the split.

`N` images of the training split, `K` classes.
"""

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Sampler, SamplerContext
from artkit.engine.deferral import first_balanced_epoch
from artkit.errors import ComponentError
from artkit.recipe import Choice
from artkit_shards.stream.plan import check_counts


class Sampling:
    """The draws of every epoch; a pure function of the labels, the sampler and the epoch.

    Args:
        choice: The sampler.
        labels: Class of each image, (N,), -1 where it is not known: such images are never drawn, and the sampler does
            not hear of them.
        class_names: K names.
        seed: Of the run.
        num_epochs: Epochs of the run.

    Raises:
        ComponentError: if the sampler cannot be built.
    """

    def __init__(
        self, choice: Choice, labels: NDArray[np.int64], class_names: tuple[str, ...], *, seed: int, num_epochs: int
    ) -> None:
        self._choice = choice
        self._num_images = len(labels)
        self._num_classes = len(class_names)
        self._rows = np.flatnonzero(labels >= 0)
        self._labels = labels[self._rows]
        self._labels.flags.writeable = False
        self.first_epoch = first_balanced_epoch(choice.shared.get("defer", 0.0), num_epochs)
        """The first epoch that the sampler decides; before it, every image is drawn once."""
        context = SamplerContext(
            labels=self._labels, class_names=class_names, seed=seed, num_epochs=num_epochs - self.first_epoch
        )
        self._sampler: Sampler = choice.component.build(context, choice.options)

    def counts(self, epoch: int) -> NDArray[np.int64]:
        """How often each image is drawn in an epoch, int64 (N,).

        Raises:
            ComponentError: if the sampler's counts are none, naming its owner.
        """
        of_all = np.zeros(self._num_images, dtype=np.int64)
        of_all[self._rows] = self._known_counts(epoch)
        return of_all

    def class_draws(self, epoch: int) -> NDArray[np.int64]:
        """How often each class is drawn in an epoch, int64 (K,); raises what `counts` does."""
        draws = np.bincount(self._labels, weights=self._known_counts(epoch), minlength=self._num_classes)
        return draws.astype(np.int64)

    def _known_counts(self, epoch: int) -> NDArray[np.int64]:
        """The counts of the images whose class is known."""
        if epoch < self.first_epoch:
            return np.ones(len(self._rows), dtype=np.int64)
        component = self._choice.component
        with component.guard("counts"):
            counts = self._sampler.counts(epoch - self.first_epoch)
        try:
            checked = check_counts(counts, len(self._rows))
            if checked.sum() < 2:
                # Batch normalisation cannot learn from one image, so such an epoch has no step at all.
                raise ValueError("counts add up to 1: an epoch needs at least two images")
        except ValueError as error:
            raise ComponentError(f"{component.owner}: {error}", plugin=component.plugin.label) from None
        return checked
