"""The options of commands that use a trained model: which of its weights, where, in what, and with which prior."""

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


class JudgingPrecision(StrEnum):
    """What a trained model computes in."""

    FLOAT32 = "float32"
    BF16 = "bf16"


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
NoMirror = Annotated[
    bool, typer.Option("--no-tta", help="Judge no image together with its mirror image, though the run did.")
]
Calibrated = Annotated[
    bool,
    typer.Option(
        "--calibrated",
        help="Divide logits by the temperature of the run, so that of answers with 80 % about 80 % are right.",
    ),
]
UsedPrecision = Annotated[
    JudgingPrecision,
    typer.Option(
        "--precision",
        help="bf16 is quicker on many GPUs, and moves probabilities by a hundredth or so.",
    ),
]
RunsDevice = Annotated[
    str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1.", show_default="that of the run")
]


def weights_name(weights: Weights | None) -> str | None:
    """What `find_weights` takes."""
    return weights.value if weights else None


def check_tau(tau: float, *, calibrated: bool = False) -> None:
    """Raise RecipeError unless it is a finite number, and 0 where answers are to be calibrated."""
    from artkit.errors import RecipeError

    if not math.isfinite(tau):
        raise RecipeError(f"--tau {tau} is no finite number; 0 leaves the answers as they are")
    if tau and calibrated:
        raise RecipeError(
            f"--calibrated does not go with --tau {tau:g}: the temperature was fitted to answers with the prior of "
            "training in them; leave one of the two out"
        )
