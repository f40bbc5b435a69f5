"""Features: what the head of a model is given for each image, computed once and kept in memory.

`V` views, `N` images of a split, `B` of a batch, `D` features, `K` classes. All are float32 on the CPU.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from artkit.engine.assembly import Assembly
from artkit.engine.data_notes import DataNotes
from artkit.engine.head_input import HeadInput
from artkit.engine.memory import free_memory
from artkit.errors import RunError
from artkit_shards import Batch, Loader, Split
from artkit_shards.sizes import size_text

OnBatch = Callable[[str, int, int], None]
"""Called with the name of a split, the images done, and those to do; may raise to leave early."""

Tell = Callable[[str], None]
"""Shows one line to the user."""


@dataclass(frozen=True, slots=True)
class TrainingFeatures:
    """What the head learns from."""

    views: torch.Tensor
    """(V, N, D); zeros where an image has no class, or cannot be used: neither is ever learnt."""
    shown: NDArray[np.int64]
    """Row of the image that each one shows, (V, N): its own, or that of the one in its place if it cannot be used."""

    def rows_of(self, views_B: torch.Tensor, rows_B: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows to learn where these are planned: features and labels are both those of the image that is shown."""
        rows: NDArray[np.int64] = self.shown[views_B.numpy(), rows_B]
        return rows


class FeatureReader:
    """Computes features of images with the model of an assembly, which stays as it is.

    Args:
        assembly: Of a run that retrains.
        head: The last layer of its model.
        views: Augmented views of each training image; 0 = the image as evaluation sees it.
        on_batch: Hears how far it is.
        tell: Hears of images that cannot be used.
    """

    def __init__(self, assembly: Assembly, head: nn.Linear, views: int, *, on_batch: OnBatch, tell: Tell) -> None:
        self._assembly = assembly
        self._head = head
        self._head_input = HeadInput(head)
        self._views = views
        self._augment = assembly.augment.unmixed()
        self._on_batch = on_batch
        self._tell = tell

    @torch.no_grad()
    def of_training(self) -> "TrainingFeatures":
        """Features of the training images that have a class in any target.

        View v is what the augmenters make of the images in epoch v.

        Raises:
            RunError: if something of the model comes behind its head.
            ComponentError: if the model or an augmenter raised, or broke its contract.
        """
        split, settings = self._assembly.train, self._assembly.recipe
        features_VND = torch.zeros(max(self._views, 1), len(split), self._head.in_features)
        shown_VN = np.tile(np.arange(len(split)), (len(features_VND), 1))
        known = np.any([split.targets[head.name] >= 0 for head in self._assembly.heads], axis=0).astype(np.int64)
        num_known = int(known.sum())
        loader = self._loader(split, counts=known, seed=settings.train.seed, max_bad=settings.data.max_bad)
        notes = DataNotes(loader, self._tell)
        for view, features_ND in enumerate(features_VND):
            planned_N = loader.plan
            for batch in self._told(loader, view * num_known, len(features_VND) * num_known):
                notes.after_batch()
                images = self._unit_images(batch)
                if self._views:
                    positions = batch.positions.numpy()
                    images = self._augment(images, view, positions, int(positions[0])).images
                features_ND[torch.from_numpy(batch.rows)] = self._features(images)
                shown_VN[view, planned_N[batch.positions.numpy()]] = batch.rows
        return TrainingFeatures(features_VND, shown_VN)

    @torch.no_grad()
    def of_split(self, split: Split, *, mirrored: bool) -> torch.Tensor:
        """Features of a split as evaluation sees it, (1, N, D); (2, N, D) with those of the mirror images.

        Raises:
            RunError: if something of the model comes behind its head.
            ComponentError: if the model raised, or broke its contract.
        """
        features_VND = torch.zeros(1 + mirrored, len(split), self._head.in_features)
        for batch in self._told(self._loader(split, order="rows"), 0, len(split)):
            images, rows = self._unit_images(batch), torch.from_numpy(batch.rows)
            features_VND[0, rows] = self._features(images)
            if mirrored:
                features_VND[1, rows] = self._features(images.flip(3))
        return features_VND

    def _loader(self, split: Split, **settings: object) -> Loader:
        assembly = self._assembly
        return Loader(
            split,
            image_size=assembly.preprocessing.image_size,
            batch_size=assembly.recipe.train.batch_size,
            fit=assembly.preprocessing.fit,
            threads=assembly.recipe.data.threads,
            pin_memory=assembly.device.type == "cuda",
            **settings,  # type: ignore[arg-type] # what a training split and a judged one differ in
        )

    def _told(self, loader: Loader, before: int, total: int) -> Iterator[Batch]:
        done = before
        for batch in loader:
            yield batch
            done += len(batch.rows)
            self._on_batch(loader.split.name, done, total)

    def _unit_images(self, batch: Batch) -> torch.Tensor:
        return self._assembly.preprocessing.to_unit(batch.images.to(self._assembly.device, non_blocking=True))

    def _features(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Features of images in [0, 1], (B, D)."""
        assembly, component = self._assembly, self._assembly.recipe.model.component
        assembly.model.eval()
        with self._head_input.listening(), component.guard("forward"), assembly.precision.autocast():
            logits_BK = assembly.model(assembly.preprocessing.normalise(images_BCHW))
        features_BD = self._head_input.features(logits_BK)
        if features_BD is None:
            raise RunError(
                f"{component.owner} does something behind its last layer, or calls it more than once an image, so that "
                "it cannot be trained alone; retraining needs a model whose logits are what an nn.Linear gives"
            )
        return features_BD.float().cpu()


def check_memory(assembly: Assembly, head: nn.Linear, views: int) -> int:
    """Bytes that the features of a run will take.

    Raises:
        RunError: if they are more than is free.
    """
    judged = len(assembly.validation) * (1 + assembly.recipe.train.tta) if assembly.validation else 0
    needed = 4 * head.in_features * (max(views, 1) * len(assembly.train) + judged)
    free = free_memory()
    if free is not None and needed > free:
        advice = "use fewer --views" if views > 1 else "train the head on images instead: artkit run --freeze all"
        raise RunError(
            f"the features of all training and validation images take {size_text(needed)}, and {size_text(free)} of "
            f"memory are free; {advice}"
        )
    return needed
