"""The options of commands that use a trained model: which of its weights, where, and with which prior."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from artkit.cli.paths import given_path


class Weights(StrEnum):
    """The validation value whose best weights are used."""

    ACCURACY = "accuracy"
    LOSS = "loss"
    MACRO_RECALL = "macro_recall"


TrainedRun = Annotated[Path, typer.Argument(metavar="RUN", parser=given_path, help="Folder that `artkit run` left.")]
BestWeights = Annotated[
    Weights | None,
    typer.Option(help="Weights that are best by this in validation.", show_default="what the run selected by"),
]
Tau = Annotated[
    float,
    typer.Option(
        metavar="T",
        help="Take T times the log-prior of training off the logits: 1 turns to rare classes after cross-entropy, -1 "
        "to frequent ones after balanced softmax.",
    ),
]
RunsDevice = Annotated[
    str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1.", show_default="that of the run")
]


def weights_name(weights: Weights | None) -> str | None:
    """What `find_weights` takes."""
    return weights.value if weights else None


def check_tau(tau: float) -> None:
    """Raise RecipeError unless it is a finite number."""
    from artkit.errors import RecipeError

    if not math.isfinite(tau):
        raise RecipeError(f"--tau {tau} is no finite number; 0 leaves the answers as they are")
