"""Retraining: the head of a trained model is made anew, from features of the images that are computed once.

Kang et al. 2020, "Decoupling representation and classifier for long-tailed recognition": what a network learns from
the natural mix of classes are good features and an unfair classifier. So the features stay, and the classifier is
trained again from all classes equally often, which takes seconds. All else of the model stays bit for bit as it was.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from artkit.engine.assembly import Assembly
from artkit.engine.checkpoint import save_checkpoint
from artkit.engine.evaluation import check_finite, mean_answers
from artkit.engine.events import Reporters
from artkit.engine.features import FeatureReader, check_memory
from artkit.engine.folder import RunFolder
from artkit.engine.head_learner import HeadLearner
from artkit.engine.heads import TauSearch
from artkit.engine.judging import judge
from artkit.engine.precision import Precision
from artkit.engine.progress import Progress, kept_values
from artkit.engine.structure import StructureError, find_head
from artkit.engine.targets import TargetHead, num_outputs
from artkit.engine.trainer import StopRequested, Trainer
from artkit.engine.weights import read_weights, weights_file
from artkit.errors import RecipeError
from artkit.recipe import RetrainSettings
from artkit_shards import Split
from artkit_shards.sizes import size_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """A retraining that can be carried out."""

    settings: RetrainSettings
    head: nn.Linear
    """The last layer of the model, as it was trained."""
    num_bytes: int
    """Memory that the features will take."""


def plan_retraining(assembly: Assembly, settings: RetrainSettings) -> Retraining:
    """Check that the head of an assembly's model can be made anew, before anything is written.

    Raises:
        RecipeError: if the model's head is not one layer, or the method lacks what it needs.
        RunError: if memory does not suffice.
    """
    recipe = assembly.recipe
    try:
        head = find_head(assembly.model, num_outputs(assembly.heads))
    except StructureError as error:
        raise RecipeError(f"the head cannot be trained alone: {recipe.model.component.owner} {error}") from None
    if settings.method == "tau-norm" and assembly.validation is None:
        raise RecipeError(
            f"retrain.method=tau-norm chooses its strength on validation, and {assembly.dataset.path} has no images "
            "for that; use --method crt"
        )
    if settings.method != "crt" and not _knows_classes(recipe.model.shared["weights"], assembly.heads):
        raise RecipeError(
            f"retrain.method={settings.method} needs the head of the run, and its classes are not those of "
            f"{assembly.dataset.path}; use --method crt"
        )
    return Retraining(settings=settings, head=head, num_bytes=check_memory(assembly, head, settings.views))


def _knows_classes(weights: str, heads: Sequence[TargetHead]) -> bool:
    file = weights_file(weights)
    known = read_weights(file).class_names if file else None
    return known is None or list(map(tuple, known)) == [head.class_names for head in heads]


class HeadTrainer:
    """Makes the head of a run anew; in all else it is the run's `Trainer`.

    Args:
        plan: What to do.
        assembly: The parts of the run.
        folder: Where the weights go.
        reporters: Hear of everything.
        should_stop: Asked after every batch and epoch; True ends the work with `StopRequested`.
    """

    def __init__(
        self,
        plan: Retraining,
        assembly: Assembly,
        folder: RunFolder,
        reporters: Reporters,
        should_stop: Callable[[], bool],
    ) -> None:
        self.assembly = assembly
        self._plan = plan
        self._folder = folder
        self._reporters = reporters
        self._should_stop = should_stop
        self._run = Trainer(assembly, folder, reporters, should_stop)
        self._columns = [head.columns for head in assembly.heads]
        self._judged_VND: torch.Tensor | None = None
        self._best: dict[str, dict[str, torch.Tensor]] = {}

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return self._run.progress

    def weights(self) -> dict[str, Any]:
        """The weights to be judged, see `Trainer.weights`."""
        return self._run.weights()

    def predict(self, split: Split, precision: Precision | None = None) -> NDArray[np.float64]:
        """Logits of a split by the whole model, see `Trainer.predict`."""
        return self._run.predict(split, precision)

    def train(self) -> None:
        """Make the head anew; weights are written when all is done, so a kill leaves none.

        Raises:
            StopRequested: if the user asked to stop.
            RunError: if the loss is not finite, or the model does something behind its head.
            ComponentError: if a component raised, or broke its contract.
        """
        started = time.perf_counter()
        maker = self._prepare()
        ready = time.perf_counter()
        while not self._run.finished:
            self._finish_epoch(maker.make(self.progress), self._validate(), maker)
            self._check_stop()
        self._write_best()
        self._tell(ready - started, time.perf_counter() - ready)

    def _tell(self, features_s: float, head_s: float) -> None:
        """Say what was found, and how long it took."""
        select = self.assembly.recipe.train.select
        best = self.progress.best_epoch(f"val_{select}")
        row = {} if best is None else self.progress.history[best]
        if "tau" in row:
            self._reporters.note(f"tau {row['tau']:.3g} is the best of {self.progress.epoch} by {select} in validation")
        size = size_text(self._plan.num_bytes)
        self._reporters.note(f"features took {features_s:.1f} s ({size}), and the head {head_s:.1f} s")

    def _prepare(self) -> HeadLearner | TauSearch:
        """Compute the features, and begin with the head."""
        plan, validation = self._plan, self.assembly.validation

        def on_batch(split: str, done: int, total: int) -> None:
            self._reporters.progress(f"features of {split}", done, total)
            self._check_stop()

        views = plan.settings.views
        reader = FeatureReader(self.assembly, plan.head, views, on_batch=on_batch, tell=self._reporters.note)
        if validation is not None:
            self._judged_VND = reader.of_split(validation, mirrored=self.assembly.recipe.train.tta)
        if plan.settings.method == "tau-norm":
            return TauSearch(plan.head, self.assembly.recipe.train.epochs, self._columns)
        features = reader.of_training()
        return HeadLearner(self.assembly, plan.head, features, self._reporters, scales=plan.settings.method == "lws")

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """What the model would answer to validation: the head sees the very batches that it would see there."""
        split, recipe = self.assembly.validation, self.assembly.recipe
        if split is None or self._judged_VND is None:
            return {}
        logits_NK, *mirrored = (self._logits(features_ND) for features_ND in self._judged_VND)
        logits = (mean_answers(logits_NK, mirrored[0], self._columns) if mirrored else logits_NK).numpy()
        check_finite(logits, split.name, recipe.model.component)
        return {f"val_{name}": value for name, value in judge(self.assembly.heads, split, logits).items()}

    def _logits(self, features_ND: torch.Tensor) -> torch.Tensor:
        """Features (N, D) -> logits, float64, (N, K)."""
        batches = torch.split(features_ND, self.assembly.recipe.train.batch_size)
        with self.assembly.precision.autocast():
            logits = [self._plan.head(batch_BD.to(self.assembly.device)).float().double().cpu() for batch_BD in batches]
        return torch.cat(logits)

    def _finish_epoch(
        self, values: Mapping[str, float], validation: Mapping[str, float], maker: HeadLearner | TauSearch
    ) -> None:
        """Close the epoch, and keep the head if it is the best so far."""
        progress = self.progress
        row = progress.finish_epoch({**values, **validation})
        maker.observe(row)
        epoch = progress.epoch - 1
        for value in kept_values(self.assembly.recipe.train.select):
            if progress.best_epoch(f"val_{value}") == epoch:
                self._best[value] = {name: tensor.clone() for name, tensor in self._plan.head.state_dict().items()}
        self._reporters.epoch_end(epoch, row)

    def _write_best(self) -> None:
        for value, state in self._best.items():
            self._plan.head.load_state_dict(state)
            path = self._folder.best(value)
            save_checkpoint(path, {**self.weights(), "epoch": self.progress.best_epoch(f"val_{value}")})
            self._reporters.checkpoint(self.progress.step, path, best=True)

    def _check_stop(self) -> None:
        if self._should_stop():
            raise StopRequested
