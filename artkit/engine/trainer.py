"""Training: epochs of steps, validation, the best weights, early stopping, and checkpoints to go on from.

Everything that a step depends on is either in the checkpoint or a function of (seed, epoch, position), so a run that
was killed and resumed takes the same steps, bit for bit on the CPU, as one that was not.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.assembly import Assembly
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.data_notes import DataNotes
from artkit.engine.evaluation import compute_metrics, predict_split, softmax
from artkit.engine.events import Reporters
from artkit.engine.folder import RECIPE, RunFolder
from artkit.engine.progress import Progress, kept_values
from artkit.engine.randomness import seed_torch
from artkit.engine.returned import check_logits, check_loss, check_multiplier
from artkit.errors import RunError
from artkit_shards import Batch, Split, StateError


class StopRequested(Exception):  # noqa: N818 - it is a request, not an error
    """The user asked to stop; the state is that of the last finished step."""


class Trainer:
    """Trains the model of an assembly, from the start or from a checkpoint.

    Args:
        assembly: The parts of the run.
        folder: Where checkpoints go.
        reporters: Hear of everything.
        should_stop: Asked after every batch; True ends the training with `StopRequested`, after a checkpoint.
    """

    def __init__(
        self, assembly: Assembly, folder: RunFolder, reporters: Reporters, should_stop: Callable[[], bool]
    ) -> None:
        self.assembly = assembly
        self.progress = Progress()
        self._folder = folder
        self._reporters = reporters
        self._should_stop = should_stop
        self._settings = assembly.recipe.train
        self._base_rates = [group["lr"] for group in assembly.optimizer.param_groups]
        self._saved_at = time.monotonic()
        self._notes = DataNotes(assembly.loader, reporters.note)
        self._repeat = f"`artkit run {folder.path / RECIPE}`"

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        patience = self._settings.patience
        is_stuck = patience > 0 and self.progress.epochs_without_gain(self._settings.select) >= patience
        return self.progress.epoch >= self._settings.epochs or is_stuck

    def train(self) -> None:
        """Train to the end.

        Raises:
            StopRequested: if the user asked to stop; a checkpoint is written.
            RunError: if the loss is not finite.
            ComponentError: if a component raised, or broke its contract.
        """
        try:
            while not self.finished:
                if not self.progress.trained:
                    self._train_epoch()
                values = self._validate()
                self._finish_epoch(values)
        except StopRequested:
            self.save()
            raise

    def load(self) -> None:
        """Take over the state of the folder's checkpoint.

        Raises:
            RunError: if it is missing, damaged, or does not fit the model.
        """
        state = load_checkpoint(self._folder.state)
        if "loader" not in state:
            raise RunError(f"{self._folder.state} is of an earlier artkit; start a new run with {self._repeat}")
        try:
            self.assembly.model.load_state_dict(state["model"])
            self._load_optimizer(state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            # torch lists every tensor that does not fit, a line each; one says enough.
            reason = " ".join(map(str.strip, str(error).splitlines()[:2]))
            raise RunError(
                f"{self._folder.state} does not fit the model and optimizer of {self._folder.path / RECIPE} "
                f"({reason}); give the run its recipe back, or start a new run"
            ) from None
        self.progress = Progress.from_plain(state["progress"])
        self._load_loader(state["loader"])
        if self.progress.schedule:
            self.assembly.schedule.load_state_dict(self.progress.schedule)  # type: ignore[attr-defined]

    def save(self) -> None:
        """Write the checkpoint to resume from."""
        state = {
            "model": self.assembly.model.state_dict(),
            "optimizer": self.assembly.optimizer.state_dict(),
            "progress": self.progress.to_plain(),
            "loader": self._loader_state(),
        }
        save_checkpoint(self._folder.state, state)
        self._saved_at = time.monotonic()
        self._reporters.checkpoint(self.progress.step, self._folder.state, best=False)

    def weights(self) -> dict[str, Any]:
        """The model and all that is needed to use it without the run folder."""
        return {
            "model": self.assembly.model.state_dict(),
            "class_names": list(self.assembly.dataset.class_names),
            "preprocessing": self.assembly.preprocessing.to_plain(),
            "recipe": self.assembly.recipe.to_plain(),
        }

    def _train_epoch(self) -> None:
        """Take the steps that are left of the current epoch."""
        loader, epoch = self.assembly.loader, self.progress.epoch
        num_positions = loader.num_positions
        self.assembly.model.train()
        started = time.perf_counter()
        for batch in loader:
            self._notes.after_batch()
            self._step(batch, num_positions)
            now = time.perf_counter()
            self.progress.sums.seconds += now - started
            started = now
            self._reporters.progress("train", loader.consumed, num_positions)
            self._after_step()
        self._notes.after_epoch(epoch)
        self.progress.trained = True

    def _step(self, batch: Batch, num_positions: int) -> None:
        """One optimizer step."""
        assembly, progress = self.assembly, self.progress
        first = int(batch.positions[0])
        if len(batch.rows) == 1:
            # Batch normalisation cannot learn from one image; the plan of the next epoch puts another one last.
            return
        rate = self._set_learning_rate((progress.epoch + first / num_positions) / self._settings.epochs)
        seed_torch(self._settings.seed, progress.epoch, first)
        images = assembly.preprocessing.to_unit(batch.images.to(assembly.device, non_blocking=True))
        images = assembly.augment(images, progress.epoch, batch.positions.numpy())
        labels = batch.labels.to(assembly.device)
        with assembly.recipe.model.component.guard("forward"):
            logits = assembly.model(assembly.preprocessing.normalise(images))
        check_logits(logits, len(labels), len(assembly.dataset.class_names), assembly.recipe.model.component)
        with assembly.recipe.loss.component.guard("computing the loss"):
            loss = assembly.loss(logits, labels)
        check_loss(loss, logits, assembly.recipe.loss.component, assembly.recipe.model.component)
        assembly.optimizer.zero_grad(set_to_none=True)
        with assembly.recipe.model.component.guard("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        with assembly.recipe.optimizer.component.guard("step"):
            assembly.optimizer.step()
        self._count_step(loss.item(), int((logits.argmax(1) == labels).sum()), len(labels), rate)

    def _count_step(self, loss: float, correct: int, images: int, rate: float) -> None:
        sums = self.progress.sums
        if not math.isfinite(loss):
            raise RunError(
                f"the loss is {loss} at step {self.progress.step} (epoch {self.progress.epoch}); lower the learning "
                f"rate, such as --set optimizer.lr={self._base_rates[0] / 10:.2g}, and start again"
            )
        sums.images += images
        sums.loss += loss * images
        sums.correct += correct
        self._reporters.log(self.progress.step, self.progress.epoch, {"loss": loss, "learning_rate": rate})
        self.progress.step += 1

    def _set_learning_rate(self, progress: float) -> float:
        with self.assembly.recipe.schedule.component.guard("computing the learning rate"):
            multiplier = float(self.assembly.schedule(progress))
        check_multiplier(multiplier, self.assembly.recipe.schedule.component)
        groups = self.assembly.optimizer.param_groups
        for group, base in zip(groups, self._base_rates, strict=True):
            group["lr"] = base * multiplier
        return float(groups[0]["lr"])

    def _after_step(self) -> None:
        """Leave if the user wants to; else write a checkpoint if one is due."""
        if self._should_stop():
            raise StopRequested
        due = time.monotonic() - self._saved_at >= 60 * self._settings.checkpoint_minutes
        if due:
            self.save()

    def _validate(self) -> dict[str, float]:
        split = self.assembly.validation
        if split is None:
            return {}
        known = split.labels >= 0
        metrics = compute_metrics(split.labels[known], softmax(self.predict(split))[known])
        return {f"val_{name}": value for name, value in metrics.items()}

    def predict(self, split: Split) -> NDArray[np.float64]:
        """Logits of a split, float64 (N, K), with progress.

        Writes no checkpoint: when the test is read, the model has the best weights, not those to go on from.

        Raises:
            StopRequested: if the user asked to stop.
        """

        def on_batch(done: int) -> None:
            self._reporters.progress(split.name, done, len(split))
            if self._should_stop():
                raise StopRequested

        return predict_split(
            self.assembly.model,
            self.assembly.recipe.model.component,
            split,
            self.assembly.preprocessing,
            batch_size=self._settings.batch_size,
            threads=self.assembly.recipe.data.threads,
            device=self.assembly.device,
            on_batch=on_batch,
        )

    def _finish_epoch(self, validation: dict[str, float]) -> None:
        """Close the epoch, keep the weights if they are the best so far, and write a checkpoint."""
        progress = self.progress
        rate = float(self.assembly.optimizer.param_groups[0]["lr"])
        row = progress.finish_epoch({**progress.sums.values(), "learning_rate": rate, **validation})
        self._observe(row)
        epoch = progress.epoch - 1
        for value in kept_values(self._settings.select):
            if progress.best_epoch(f"val_{value}") == epoch:
                path = self._folder.best(value)
                save_checkpoint(path, self.weights())
                self._reporters.checkpoint(progress.step, path, best=True)
        # First the reporters, then the checkpoint: what a kill in between leaves behind is told again, never left out.
        self._reporters.epoch_end(epoch, row)
        self.save()

    def _observe(self, row: dict[str, float]) -> None:
        """Let a schedule that reacts to validation react."""
        schedule = self.assembly.schedule
        if hasattr(schedule, "observe"):
            with self.assembly.recipe.schedule.component.guard("observing an epoch"):
                schedule.observe(row)
                self.progress.schedule = schedule.state_dict()  # type: ignore[attr-defined]

    def _loader_state(self) -> dict[str, Any]:
        """Where the loader stands; {} behind the last epoch, where there is no plan to stand in."""
        loader = self.assembly.loader
        return {} if loader.epoch >= self._settings.epochs else loader.state_dict()

    def _load_loader(self, state: dict[str, Any]) -> None:
        try:
            if state:
                self.assembly.loader.load_state_dict(state)
        except StateError as error:
            raise RunError(
                f"{self._folder.path} cannot be continued exactly: {error.fault}. Data and recipe are what they were, "
                f"so it was begun with another version of artkit or of its sampler; start a new run with {self._repeat}"
            ) from None

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        optimizer = self.assembly.optimizer
        optimizer.load_state_dict(state)
        for parameter, entries in optimizer.state.items():
            for name, value in entries.items():
                # A counter of steps stays on the CPU, also that of a parameter which is a single number.
                is_elementwise = isinstance(value, torch.Tensor) and value.shape == parameter.shape
                if is_elementwise and value.device == parameter.device:
                    # The memory format decides which kernel runs, and so the last bit of the result.
                    entries[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
