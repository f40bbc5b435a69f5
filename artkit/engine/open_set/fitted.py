"""The temperatures that a finished run fitted to its weights, for `--calibrated`."""

from pathlib import Path

from artkit.engine.open_set.calibration import digest_of, read_calibration
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError


def load_temperatures(run: Path, trained: TrainedModel) -> dict[str, float]:
    """What logits are divided by for probabilities that say how often they are right: target -> temperature.

    Args:
        run: The run folder.
        trained: A model of the run.

    Raises:
        RunError: if calibration.json is damaged, or says nothing of these weights or of one of their targets.
    """
    found = read_calibration(run, digest_of(trained.path))
    fitted = {} if found is None else {name: target.temperature for name, target in found.targets.items()}
    missing = [head.name for head in trained.heads if head.name not in fitted]
    if missing:
        raise RunError(
            f"{run} has no temperature of {' and '.join(missing)} for the weights {trained.path.name}: it is fitted to "
            "validation images, for the weights that the run selected; leave out --calibrated"
        )
    return fitted
