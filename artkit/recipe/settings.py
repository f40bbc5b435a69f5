"""The sections [data] and [train] of a recipe: what belongs to the run itself and to no component.

Their fields are read like the options of a component, so they have the same checks, errors and tables. Defaults stand
in `artkit/recipes/default.toml` only.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from artkit.annotations import Doc, Ge, Interval
from artkit.errors import RecipeError
from artkit_shards.sizes import parse_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Section [data]."""

    path: Annotated[str, Doc("folder that `artkit shard` wrote; 'demo' is the bundled clip art by artist")]
    image_size: Annotated[int, Ge(8), Doc("height and width of the images in pixels")]
    fit: Annotated[Literal["letterbox", "squash"], Doc("whole images on white, or stretched to the square")]
    threads: Annotated[int, Ge(1), Doc("threads that read and decode")]
    cache: Annotated[int | str, Doc("memory for decoded training images that come again, such as '2GB'; 0 = none")]
    max_bad: Annotated[
        float,
        Interval(ge=0, le=1),
        Doc("share of an epoch's images that may be unreadable, each replaced by one of its class; 0 = none"),
    ]

    def __post_init__(self) -> None:
        try:
            parse_bytes(self.cache)
        except ValueError as error:
            raise RecipeError(f"section [data], option 'cache': {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """Section [train]."""

    epochs: Annotated[int, Ge(1), Doc("passes over the plan of an epoch")]
    batch_size: Annotated[int, Ge(2), Doc("images a step")]
    seed: Annotated[int, Ge(0), Doc("decides all randomness")]
    device: Annotated[str, Doc("'auto' (the GPU if there is one), 'cpu', 'cuda' or 'cuda:1'")]
    select: Annotated[
        Literal["accuracy", "macro_recall", "loss"], Doc("validation value that chooses the weights to be tested")
    ]
    patience: Annotated[int, Ge(0), Doc("stop after so many epochs without gain; 0 = never")]
    checkpoint_minutes: Annotated[
        float, Ge(0), Doc("minutes between checkpoints inside an epoch; 0 = after every step")
    ]
