"""The sections [data], [train], [unknown] and [retrain] of a recipe: what belongs to the run itself, to no component.

Their fields are read like the options of a component, so they have the same checks, errors and tables. The defaults of
all but the last stand in `artkit/recipes/default.toml` only; a recipe has [retrain] only if it retrains.
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
    targets: Annotated[
        tuple[str, ...], Doc("what to learn, such as artist,style; the first selects and stops; none: the data's first")
    ]
    target_weights: Annotated[dict[str, float], Ge(0), Doc("weight of a target's loss, such as style=0.5; 1 if unsaid")]
    image_size: Annotated[int, Ge(8), Doc("height and width of the images in pixels")]
    grow_from: Annotated[int, Ge(0), Doc("height and width of training images at first; 0 = image_size from the start")]
    grow_after: Annotated[
        float, Interval(ge=0, le=1), Doc("share of training after which they have image_size; with grow_from")
    ]
    fit: Annotated[Literal["letterbox", "squash"], Doc("whole images on white, or stretched to the square")]
    threads: Annotated[int, Ge(1), Doc("threads that read and decode")]
    cache: Annotated[int | str, Doc("memory for decoded training images that come again, such as '2GB'; 0 = none")]
    max_bad: Annotated[
        float,
        Interval(ge=0, le=1),
        Doc("share of an epoch's images that may be unreadable, each replaced by one of its class; 0 = none"),
    ]

    def __post_init__(self) -> None:
        if len(set(self.targets)) < len(self.targets):
            raise RecipeError(f"section [data]: targets has a name twice ({', '.join(self.targets)}); give each once")
        try:
            parse_bytes(self.cache)
        except ValueError as error:
            raise RecipeError(f"section [data], option 'cache': {error}") from None
        if self.grow_from and not 8 <= self.grow_from <= self.image_size:
            raise RecipeError(
                f"section [data]: grow_from={self.grow_from} is out of bounds; images grow from a size between 8 and "
                f"image_size={self.image_size}, or not at all (0)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """Section [train]."""

    epochs: Annotated[int, Ge(1), Doc("passes over the plan of an epoch")]
    batch_size: Annotated[int, Ge(2), Doc("images that are computed at once, by all ranks together")]
    accumulate: Annotated[int, Ge(1), Doc("batches a step: its gradient is the mean over all their images")]
    clip: Annotated[float, Ge(0), Doc("longest gradient, as the norm over all parameters; 0 = any")]
    ema: Annotated[
        float, Interval(ge=0, lt=1), Doc("decay of the moving average of the weights, which is judged; 0 = none")
    ]
    precision: Annotated[
        Literal["auto", "float32", "bf16", "fp16"],
        Doc("numbers that the model computes with; auto: bf16 where that is faster, else float32; fp16 on GPUs only"),
    ]
    compile: Annotated[bool, Doc("compile the model for training, if there is a compiler")]
    tta: Annotated[bool, Doc("judge each image together with its mirror image: the mean of the probabilities")]
    max_minutes: Annotated[
        float, Ge(0), Doc("end training and validation within so many minutes, the schedule with them; 0 = no limit")
    ]
    seed: Annotated[int, Ge(0), Doc("decides all randomness")]
    device: Annotated[str, Doc("'auto' (the GPU if there is one), 'cpu', 'cuda' or 'cuda:1'")]
    select: Annotated[
        Literal["accuracy", "macro_recall", "loss"], Doc("validation value that chooses the weights to be tested")
    ]
    patience: Annotated[int, Ge(0), Doc("stop after so many epochs without gain; 0 = never")]
    checkpoint_minutes: Annotated[
        float, Ge(0), Doc("most minutes between checkpoints, for what a crash may cost; 0 = after every step")
    ]
    parallel: Annotated[
        Literal["ddp", "fsdp"], Doc("with several ranks: each has the whole model, or a part of it (saves memory)")
    ]
    sync_norm: Annotated[bool, Doc("with several ranks: batch normalisation looks at the images of all of them")]
    freeze: Annotated[
        int | Literal["all", "none"], Ge(0), Doc("stages that stand still, from the image on; all: all but the head")
    ]
    unfreeze_every: Annotated[int, Ge(0), Doc("epochs after which one more stage thaws, the last one first; 0 = never")]
    backbone_lr: Annotated[
        float, Interval(gt=0, le=1), Doc("learning rate of all but the head, as a share of the head's")
    ]
    layer_decay: Annotated[
        float, Interval(gt=0, le=1), Doc("learning rate of a stage, as a share of that of the next one to the head")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSettings:
    """Section [unknown]: how images are told that belong to none of the classes, such as works of other artists."""

    score: Annotated[
        Literal["msp", "energy", "max-logit", "knn"],
        Doc("how strange an image is; knn needs features of the training images, which `artkit evaluate` computes"),
    ]
    accept: Annotated[float, Interval(gt=0, le=1), Doc("share of the validation images that is taken for known ones")]
    neighbours: Annotated[
        int, Ge(0), Doc("k of knn; 0 = 10, or as many as the middle class has training images, if these are fewer")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSettings:
    """Section [retrain]: only the head learns, from features of the images that are computed once.

    Kang et al. 2020, "Decoupling representation and classifier for long-tailed recognition".
    """

    method: Annotated[
        Literal["crt", "tau-norm", "lws"],
        Doc("crt trains a new head, lws a factor for each class; tau-norm tries how far to even out the weights"),
    ] = "crt"
    views: Annotated[
        int, Ge(0), Doc("augmented views of each training image; 0 = the image as evaluation sees it, once")
    ] = 0
