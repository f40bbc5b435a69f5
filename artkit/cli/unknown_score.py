"""The option `--unknown-score`, and how far the features are that one of the scores needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from artkit.cli.conversion_progress import conversion_progress


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
