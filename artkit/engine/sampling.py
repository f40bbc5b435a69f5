"""Sampling: how often each training image, and so each class, is drawn in an epoch.

What the sampler says is checked, deferred if `sampler.defer` asks for it, and laid out over all images of the split.
Where several targets are learnt, it balances the classes of the first; what has no class there but one in another
target is drawn once an epoch.

`N` images of the training split, `K` classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Sampler, SamplerContext
from artkit.engine.deferral import first_balanced_epoch
from artkit.recipe import Choice
from artkit_shards.stream.plan import check_counts


class Sampling:
    """The draws of every epoch; a pure function of the labels, the sampler and the epoch.

    Args:
        choice: The sampler.
        labels: Class of each image, (N,), -1 where it is not known: the sampler does not hear of such images.
        class_names: K names.
        seed: Of the run.
        num_epochs: Epochs of the run.
        others: Labels of the other targets that are learnt, (N,) each. Images without a class in any are never drawn.
        column: Gives what the data set says of each image under a name, (N,), see `SamplerContext.column`; None if
            nobody asks.

    Raises:
        ComponentError: if the sampler cannot be built.
    """

    def __init__(
        self,
        choice: Choice,
        labels: NDArray[np.int64],
        class_names: tuple[str, ...],
        *,
        seed: int,
        num_epochs: int,
        others: Sequence[NDArray[np.int64]] = (),
        column: Callable[[str], Sequence[str | None]] | None = None,
    ) -> None:
        self._choice = choice
        self._rows = np.flatnonzero(labels >= 0)
        self._unbalanced = np.zeros(len(labels), dtype=np.int64)
        """Draws of the images that the sampler does not hear of."""
        for other in others:
            self._unbalanced[(labels < 0) & (other >= 0)] = 1
        known = labels[self._rows]
        known.flags.writeable = False
        self.first_epoch = first_balanced_epoch(choice.shared.get("defer", 0.0), num_epochs)
        """The first epoch that the sampler decides; before it, every image is drawn once."""
        context = SamplerContext(
            labels=known, class_names=class_names, seed=seed, num_epochs=num_epochs - self.first_epoch
        )
        if column is not None:
            context = replace(context, column=partial(self._known_part, column))
        self._sampler: Sampler = choice.component.build(context, choice.options)

    def counts(self, epoch: int) -> NDArray[np.int64]:
        """How often each image is drawn in an epoch, int64 (N,).

        Raises:
            ComponentError: if the sampler's counts are none, naming its owner.
        """
        of_all = self._unbalanced.copy()
        of_all[self._rows] = self._known_counts(epoch)
        return of_all

    def class_draws(self, epoch: int, labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
        """How often each class of a target is drawn in an epoch; raises what `counts` does.

        Args:
            epoch: From 0.
            labels: Class of each image in the target, (N,), -1 where it is not known.
            num_classes: K.

        Returns:
            Draws, int64 (K,).
        """
        known = labels >= 0
        draws = np.bincount(labels[known], weights=self.counts(epoch)[known], minlength=num_classes)
        return draws.astype(np.int64)

    def _known_part(self, column: Callable[[str], Sequence[str | None]], name: str) -> list[str | None]:
        """A column of the images that the sampler hears of."""
        values = column(name)
        return [values[row] for row in self._rows.tolist()]

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
            raise component.breach(f": {error}") from None
        return checked
