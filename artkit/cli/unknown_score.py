"""The option `--unknown-score`, the rule that it chooses, and how far the features are that one of the scores needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artkit.cli.conversion_progress import conversion_progress
from artkit.cli.notes import print_note

if TYPE_CHECKING:
    from artkit.engine.predicting import UnknownRule
    from artkit.engine.trained import TrainedModel


class UnknownScore(StrEnum):
    """How strange an image is to the model."""

    MSP = "msp"
    ENERGY = "energy"
    MAX_LOGIT = "max-logit"
    KNN = "knn"


UnknownScoreChoice = Annotated[
    UnknownScore | None,
    typer.Option(
        "--unknown-score",
        help="Tells images of other classes; knn computes features of the training images once and keeps them in RUN.",
        show_default="that of the run",
    ),
]
NoUnknown = Annotated[
    bool, typer.Option("--no-unknown", help="Name a class for every image, however strange it is to the model.")
]


def load_rule(
    run: Path, trained: "TrainedModel", score: UnknownScore | None, *, no_unknown: bool
) -> "UnknownRule | None":
    """By what images are called unknown, and what the user should know of it.

    Args:
        run: The run folder.
        trained: A model of the run.
        score: Which one decides; None: that of the run.
        no_unknown: What `--no-unknown` says.

    Returns:
        None if no image is called so: nobody wants it, or no threshold was fitted for these weights.

    Raises:
        RunError: if the score cannot be computed for this model.
    """
    from artkit.engine.naming import UNKNOWN
    from artkit.engine.open_set.rule import load_unknown_rule

    if no_unknown:
        return None
    with features_progress() as on_progress:
        rule = load_unknown_rule(run, trained, score.value if score else None, on_progress=on_progress, tell=print_note)
    if rule is None:
        print_note("no threshold for unknown classes was fitted to these weights, so each image is named a known class")
    elif UNKNOWN in trained.heads[0].class_names:
        print_note(
            f"the model has a class '{UNKNOWN}', and images that it should not decide about are called so too; "
            "is_unknown tells which they are"
        )
    return rule


@contextmanager
def features_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Shows how far the features of a run are; nothing, if there are none to be computed."""
    doing = {"train": "features of train", "val": "features of val"}
    with ExitStack() as stack:
        bars: list[Callable[[str, int, int], None]] = []

        def on_progress(split: str, done: int, total: int) -> None:
            if not bars:
                bars.append(stack.enter_context(conversion_progress(doing)))
            bars[0](split, done, total)

        yield on_progress
