"""The options of commands that train: the components of a run, and the size of what is computed."""

from typing import Annotated, Final

import typer

PARTS: Final = "Parts"
TRAINING: Final = "Training"

ModelName = Annotated[str | None, typer.Option(metavar="NAME", help="Model.", rich_help_panel=PARTS)]
SamplerName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="How often each image appears in an epoch.", rich_help_panel=PARTS),
]
AugmenterNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Change training images; repeatable, in order; 'none': no change.",
        rich_help_panel=PARTS,
    ),
]
LossName = Annotated[str | None, typer.Option(metavar="NAME", help="Loss.", rich_help_panel=PARTS)]
OptimizerName = Annotated[str | None, typer.Option(metavar="NAME", help="Optimizer.", rich_help_panel=PARTS)]
ScheduleName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Learning rate over time.", rich_help_panel=PARTS)
]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Images that are computed at once, by all ranks together.", rich_help_panel=TRAINING),
]
ImageSize = Annotated[int | None, typer.Option(help="Height and width of images in pixels.", rich_help_panel=TRAINING)]
DeviceName = Annotated[
    str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1.", rich_help_panel=TRAINING)
]
