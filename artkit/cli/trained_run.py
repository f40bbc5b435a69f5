"""A trained run, loaded to be used, and what the user should know of its weights before that."""

from pathlib import Path
from typing import TYPE_CHECKING

from artkit.cli.notes import print_note
from artkit.cli.resolving import tell_changed_plugins
from artkit.cli.trained_options import JudgingPrecision, Weights, weights_name
from artkit.cli.unknown_score import UnknownScore, load_rule

if TYPE_CHECKING:
    from artkit.engine.predicting import Predictor
    from artkit.engine.trained import TrainedModel
    from artkit.registry import PluginSettings


def load_run(
    run: Path,
    weights: Weights | None,
    *,
    device: str | None,
    plugins: "PluginSettings",
    precision: JudgingPrecision = JudgingPrecision.FLOAT32,
) -> "TrainedModel":
    """Load the model of a run, and tell what there is to know of it.

    Args:
        run: The run folder.
        weights: The validation value whose best weights are wanted.
        device: Where to put the model; None: where the recipe says.
        plugins: What the command line says about plugins.
        precision: What the model computes in.

    Raises:
        RunError: if it is no run, or has no such weights.
    """
    from artkit.engine.trained import find_weights, load_trained

    path = find_weights(run, weights_name(weights))
    trained = load_trained(path, device=device, plugins=plugins, precision=precision.value)
    tell_changed_plugins(run, [trained.recipe.model])
    for note in unfinished_notes(run):
        print_note(note)
    return trained


def unfinished_notes(run: Path) -> list[str]:
    """That better weights may follow."""
    from artkit.engine.folder import RunFolder
    from artkit.engine.occupation import occupant

    folder = RunFolder(run)
    if folder.read_facts()["status"] == "ok":
        return []
    who = occupant(folder)
    if who:
        return [f"the run is still being carried out by {who}: these are its best weights so far"]
    return [f"the run was cut off before its end: these are its best weights so far; {folder.next_command}"]


def temperatures_of(run: Path, trained: "TrainedModel", *, calibrated: bool) -> dict[str, float]:
    """What the logits of each target are divided by; empty unless answers are to be calibrated.

    Args:
        run: The run folder.
        trained: A model of the run.
        calibrated: What `--calibrated` says.

    Raises:
        RunError: if they are, and no temperature was fitted to these weights.
    """
    from artkit.engine.open_set.fitted import load_temperatures

    return load_temperatures(run, trained) if calibrated else {}


def make_predictor(
    run: Path,
    trained: "TrainedModel",
    *,
    tau: float,
    calibrated: bool,
    no_tta: bool,
    unknown_score: UnknownScore | None,
    no_unknown: bool,
) -> "Predictor":
    """What answers images by a model, as the command line wants it.

    Args:
        run: The run folder.
        trained: A model of the run.
        tau: What `--tau` says.
        calibrated: What `--calibrated` says.
        no_tta: What `--no-tta` says.
        unknown_score: What `--unknown-score` says; None: that of the run.
        no_unknown: What `--no-unknown` says.

    Raises:
        RunError: if answers are to be calibrated, and no temperature was fitted to these weights; or if the score
            cannot be computed for this model.
    """
    from artkit.engine.predicting import Predictor

    temperatures = temperatures_of(run, trained, calibrated=calibrated)
    rule = load_rule(run, trained, unknown_score, no_unknown=no_unknown)
    mirrored = False if no_tta else None
    return Predictor(trained, tau=tau, temperatures=temperatures, mirrored=mirrored, unknown=rule)
