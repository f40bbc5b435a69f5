"""What a checkpoint holds to go on from: all that a step depends on and that is no function of (seed, epoch, position).

It is written between two optimizer steps only, so no gradient is in it.
"""

from typing import Any

import torch

from artkit.engine.assembly import Assembly
from artkit.engine.averaging import WeightAverage
from artkit.engine.checkpoint import load_checkpoint, misfit, save_checkpoint
from artkit.engine.folder import RECIPE, RunFolder
from artkit.engine.progress import Progress
from artkit.engine.ranks.sharding import load_weights, part_of, whole
from artkit.errors import RunError
from artkit_shards import StateError


class TrainingState:
    """Writes and reads the checkpoint of a run.

    Args:
        assembly: The parts of the run.
        folder: Where the checkpoint is.
        average: Of the weights, if there is one.
    """

    def __init__(self, assembly: Assembly, folder: RunFolder, average: WeightAverage | None) -> None:
        self._assembly = assembly
        self._folder = folder
        self._average = average
        self._repeat = f"`artkit run {folder.path / RECIPE}`"

    def save(self, progress: Progress) -> None:
        """Write the checkpoint; all ranks take part."""
        state = {
            "model": self._assembly.model.state_dict(),
            "optimizer": self._assembly.optimizer.state_dict(),
            "loss_scale": self._assembly.precision.scaler.state_dict(),
            "average": self._average.state_dict() if self._average else {},
            "progress": progress.to_plain(),
            "loader": self._loader_state(),
        }
        state = whole(state)
        if self._folder.writes:
            save_checkpoint(self._folder.state, state)

    def load(self) -> Progress:
        """Take over the checkpoint.

        Raises:
            RunError: if it is missing, damaged, or does not fit the model.
        """
        state = load_checkpoint(self._folder.state)
        if not {"loader", "average"} <= state.keys():
            raise RunError(f"{self._folder.state} is of an earlier artkit; start a new run with {self._repeat}")
        try:
            load_weights(self._assembly.model, state["model"])
            self._load_optimizer(state["optimizer"])
            self._assembly.precision.scaler.load_state_dict(state["loss_scale"])
            if self._average:
                self._average.load_state_dict(state["average"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise RunError(
                f"{self._folder.state} does not fit the model and optimizer of {self._folder.path / RECIPE} "
                f"({misfit(error)}); give the run its recipe back, or start a new run"
            ) from None
        progress = Progress.from_plain(state["progress"])
        self._load_loader(state["loader"])
        if progress.schedule:
            self._assembly.schedule.load_state_dict(progress.schedule)  # type: ignore[attr-defined]
        return progress

    def _loader_state(self) -> dict[str, Any]:
        """Where the loader stands; {} behind the last epoch, where there is no plan to stand in."""
        loader = self._assembly.loader
        return {} if loader.epoch >= self._assembly.recipe.train.epochs else loader.state_dict()

    def _load_loader(self, state: dict[str, Any]) -> None:
        try:
            if state:
                self._assembly.loader.load_state_dict(state)
        except StateError as error:
            raise RunError(
                f"{self._folder.path} cannot be continued exactly: {error.fault}. Data and recipe are what they were, "
                f"so it was begun with another version of artkit or of its sampler; start a new run with {self._repeat}"
            ) from None

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        optimizer = self._assembly.optimizer
        optimizer.load_state_dict(state)
        for parameter, entries in optimizer.state.items():
            for name, value in entries.items():
                # A counter of steps stays on the CPU, also that of a parameter which is a single number.
                is_elementwise = isinstance(value, torch.Tensor) and value.shape == parameter.shape
                if is_elementwise and value.device == parameter.device:
                    # The memory format decides which kernel runs, and so the last bit of the result.
                    part = part_of(value, parameter)
                    entries[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(part)
