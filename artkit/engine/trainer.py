"""Training: epochs of steps, validation, the best weights, early stopping, and checkpoints to go on from.

Everything that a step depends on is either in the checkpoint or a function of (seed, epoch, position), so a run that
was killed and resumed takes the same steps, bit for bit on the CPU, as one that was not.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit.engine.assembly import Assembly
from artkit.engine.averaging import WeightAverage
from artkit.engine.budget import TimeBudget
from artkit.engine.compiling import compile_model
from artkit.engine.data_notes import DataNotes
from artkit.engine.evaluation import predict_split
from artkit.engine.events import Reporters
from artkit.engine.folder import RunFolder
from artkit.engine.judging import judge
from artkit.engine.keeping import Keeper
from artkit.engine.precision import Precision
from artkit.engine.progress import Progress, StepValues, kept_values
from artkit.engine.ranks.sharding import whole
from artkit.engine.rates import set_learning_rates
from artkit.engine.state import TrainingState
from artkit.engine.step import Stepper
from artkit.engine.step_plan import StepPlan
from artkit.errors import RunError
from artkit_shards import Batch, Split


class StopRequested(Exception):  # noqa: N818 - it is a request, not an error
    """The user asked to stop; the state is that of the last finished step."""


class Trainer:
    """Trains the model of an assembly, from the start or from a checkpoint.

    Args:
        assembly: The parts of the run.
        folder: Where checkpoints go.
        reporters: Hear of everything.
        should_stop: Asked after every batch; True ends the training with `StopRequested`, after a checkpoint. What one
            rank is told, all do.
    """

    def __init__(
        self, assembly: Assembly, folder: RunFolder, reporters: Reporters, should_stop: Callable[[], bool]
    ) -> None:
        self.assembly = assembly
        self.progress = Progress()
        self._ranks = assembly.ranks
        self._folder = folder
        self._reporters = reporters
        self._should_stop = should_stop
        self._settings = assembly.recipe.train
        self._base_rates = [group["lr"] for group in assembly.optimizer.param_groups]
        self._keeper = Keeper(folder, self._settings.checkpoint_minutes)
        self._notes = DataNotes(assembly.loader, reporters.note, assembly.ranks)
        compiled = compile_model(assembly.model, assembly.device, reporters.note) if self._settings.compile else None
        self._stepper = Stepper(assembly, compiled)
        self._average = WeightAverage(assembly.model, self._settings.ema) if self._settings.ema else None
        self._state = TrainingState(assembly, folder, self._average)
        judged = len(assembly.validation) if assembly.validation else 0
        self._budget = TimeBudget(self._settings.max_minutes, judged * (1 + self._settings.tta), assembly.ranks)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        patience = self._settings.patience
        is_stuck = patience > 0 and self.progress.epochs_without_gain(self._settings.select) >= patience
        is_over = self.progress.out_of_time and not self.progress.is_in_epoch
        return self.progress.epoch >= self._settings.epochs or is_stuck or is_over

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
        self.progress = self._state.load()
        self._keeper.settle(self.progress, self._settings.select)

    def save(self) -> None:
        """Write the checkpoint to resume from, and the weights that are the best since the last one."""
        progress = self.progress
        self._budget.note_time(progress)
        for path in self._keeper.save(lambda: self._state.save(progress)):
            self._reporters.checkpoint(progress.step, path, best=True)
        self._reporters.checkpoint(progress.step, self._folder.state, best=False)

    def weights(self) -> dict[str, Any]:
        """A copy of the weights to be judged, and all that is needed to use them without the run folder.

        All ranks take part; those that write nothing have no copy, "model" is empty there.
        """
        with self._judged_weights():
            state = whole(self.assembly.model.state_dict())
            kept = state.items() if self._folder.writes else ()
            model = {name: value.to("cpu", copy=True) for name, value in kept}
        return {
            "model": model,
            "epoch": self.progress.epoch - 1,
            "targets": [head.to_plain() for head in self.assembly.heads],
            "preprocessing": self.assembly.preprocessing.to_plain(),
            "recipe": self.assembly.recipe.to_plain(),
        }

    def _train_epoch(self) -> None:
        """Take the steps that are left of the current epoch."""
        loader, sums = self.assembly.loader, self.progress.sums
        self.assembly.loss.begin_epoch(self.progress.epoch)
        loader.begin_epoch(self._share_at(0.0))
        plan = StepPlan(loader.num_positions, self._settings.batch_size, self._settings.accumulate)
        self.assembly.finetuning.enter_epoch(self.assembly.model, self.progress.epoch)
        started = time.perf_counter()
        step_started = sums.seconds
        for batch in loader:
            self._notes.after_batch()
            self._learn(batch, plan)
            is_between_steps = plan.ends_at(loader.consumed)
            if is_between_steps and self._stepper.has_images:
                self._finish_step(plan)
            now = time.perf_counter()
            sums.seconds += now - started
            started = now
            self._reporters.progress("train", loader.consumed, loader.num_positions)
            if not is_between_steps:
                continue
            self._budget.note_step(sums.seconds - step_started, plan.num_images(loader.consumed - 1))
            step_started = sums.seconds
            self._after_step()
            # What is left of an epoch is never trained on: the loader would stand elsewhere than the run.
            self.progress.out_of_time = self._budget.is_spent(self.progress)
            if self.progress.out_of_time:
                break
        self._notes.after_epoch(self.progress.epoch)
        self.progress.trained = True

    def _learn(self, batch: Batch, plan: StepPlan) -> None:
        """Add what a batch has to say to the step it belongs to."""
        if plan.learns_from(plan.batch_images(int(batch.positions[0]))):
            self._stepper.add(batch, self.progress.epoch, plan)

    def _finish_step(self, plan: StepPlan) -> None:
        """Take the step that the last batch belongs to, at the learning rate of the position where it begins."""
        first = plan.first_position(self.assembly.loader.consumed - 1)
        rate = self._set_learning_rate(self._share_at(first / plan.num_positions))
        values = self._stepper.take()
        if self._average and values.is_taken:
            self._average.update()
        self._count_step(values, rate)

    def _share_at(self, place: float) -> float:
        """Share of training that is done at a place in the current epoch, 0 to 1: of the epochs, or of the time."""
        share = (self.progress.epoch + place) / self._settings.epochs
        return max(share, self._budget.share(self.progress))

    def _count_step(self, values: StepValues, rate: float) -> None:
        progress = self.progress
        if not math.isfinite(values.loss):
            raise RunError(
                f"the loss is {values.loss} at step {progress.step + 1} (epoch {progress.epoch + 1}); lower the "
                f"learning rate, such as --set optimizer.lr={self._base_rates[0] / 10:.2g}, and start again"
            )
        progress.sums.add(values, self._settings.clip)
        logged = {"loss": values.loss, "learning_rate": rate}
        if values.gradient_norm is not None:
            logged["gradient_norm"] = values.gradient_norm
        self._reporters.log(progress.step, progress.epoch, logged)
        progress.step += 1

    def _set_learning_rate(self, progress: float) -> float:
        schedule, component = self.assembly.schedule, self.assembly.recipe.schedule.component
        return set_learning_rates(self.assembly.optimizer, self._base_rates, schedule, component, progress)

    def _after_step(self) -> None:
        """Leave if the user wants to; else write a checkpoint if one is due."""
        is_due = self._keeper.is_due(after_epoch=False)
        stops, is_due = self._ranks.any(self._should_stop(), is_due and self._ranks.is_first)
        if stops:
            raise StopRequested
        if is_due:
            self.save()

    def _validate(self) -> dict[str, float]:
        split = self.assembly.validation
        if split is None:
            return {}
        with self._judged_weights(), self._budget.validation(self.progress):
            logits = self.predict(split)
        return {f"val_{name}": value for name, value in judge(self.assembly.heads, split, logits).items()}

    def predict(self, split: Split, precision: Precision | None = None) -> NDArray[np.float64]:
        """Logits of all targets for a split, float64 (N, K), with progress.

        Writes no checkpoint: when the test is read, the model has the best weights, not those to go on from.

        Args:
            split: What to predict.
            precision: What to compute in; None: as in training.

        Raises:
            StopRequested: if the user asked to stop.
        """

        def on_batch(done: int) -> None:
            self._reporters.progress(split.name, done, len(split))
            if any(self._ranks.any(self._should_stop())):
                raise StopRequested

        return predict_split(
            self.assembly.model,
            self.assembly.recipe.model.component,
            split,
            self.assembly.preprocessing,
            batch_size=self._settings.batch_size,
            threads=self.assembly.recipe.data.threads,
            device=self.assembly.device,
            precision=precision or self.assembly.precision,
            mirrored=self._settings.tta,
            columns=[head.columns for head in self.assembly.heads],
            ranks=self._ranks,
            on_batch=on_batch,
        )

    def _judged_weights(self) -> AbstractContextManager[None]:
        """A context in which the model has the weights to be judged: the averaged ones, if there are any."""
        return self._average.applied() if self._average else nullcontext()

    def _finish_epoch(self, validation: dict[str, float]) -> None:
        """Close the epoch, keep the weights if they are the best so far, and write a checkpoint if one is due."""
        progress = self.progress
        rate = float(self.assembly.optimizer.param_groups[0]["lr"])
        targets = [head.name for head in self.assembly.heads]
        trained = progress.sums.values(targets, with_clipped=self._settings.clip > 0)
        row = progress.finish_epoch(self._ranks.broadcast({**trained, "learning_rate": rate, **validation}))
        self._observe(row)
        epoch = progress.epoch - 1
        kept = kept_values(self._settings.select)
        improved = [value for value in kept if progress.best_epoch(f"val_{value}") == epoch]
        if improved:
            weights = self.weights()
            for value in improved:
                self._keeper.note_best(value, weights)
        # First the reporters, then the checkpoint: what a kill in between leaves behind is told again, never left out.
        self._reporters.epoch_end(epoch, row)
        progress.out_of_time = progress.out_of_time or self._budget.is_spent(progress)
        is_due = self._ranks.broadcast(self._keeper.is_due(after_epoch=True))
        if self.finished or is_due:
            self.save()

    def _observe(self, row: dict[str, float]) -> None:
        """Let a schedule that reacts to validation react."""
        schedule = self.assembly.schedule
        if hasattr(schedule, "observe"):
            with self.assembly.recipe.schedule.component.guard("observing an epoch"):
                schedule.observe(row)
                self.progress.schedule = schedule.state_dict()  # type: ignore[attr-defined]
