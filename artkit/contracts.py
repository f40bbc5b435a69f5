"""What artkit hands to components and what it expects back; the vocabulary of the plugin contract.

Shapes: `B` images in a batch, `N` samples in a split, `K` classes, `C` channels (3), `H` and `W` pixels.

A component is a factory. Its first parameter is the context of its kind, one of the frozen classes below; every
keyword-only parameter is an option for users. What each kind's factory returns is a protocol here. Nothing in this
module imports torch or numpy at run time, so that plugins stay cheap to import.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from artkit.errors import RecipeError
from artkit.kinds import KINDS as KINDS
from artkit.kinds import Kind as Kind

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from artkit_shards import Record

RunStatus = Literal["ok", "interrupted", "failed"]


# --- contexts: the first argument of a factory ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelContext:
    """For a model factory, which returns an `nn.Module`: float images (B, 3, H, W), normalised -> logits (B, K).

    Where a run learns several targets at once, such as artist and style, K is the sum of their classes: one linear
    layer of so many outputs is the same as one for each target, and the core knows which outputs belong to which.

    Files and earlier runs that the user starts from (`weights`, an option of every model) are loaded by the core. So
    that parts of a model can be frozen, the core looks for its head, the last `nn.Linear` with K outputs, and takes the
    children before it as the stages of the backbone. A model of another form says so in an attribute:

        model.artkit_stages = [["conv1", "bn1"], "layer1", "layer2"]

    names its submodules and parameters, stage by stage from the image to the head; what it leaves out is the head. And
    a factory that has loaded pretrained weights says that in `model.artkit_pretrained`, a `Pretrained`.
    """

    num_outputs: int
    """Number of logits, K."""
    image_size: int
    """Height and width in pixels of the images in training."""
    in_channels: int = 3
    """Channels of the images; RGB."""
    weights: str | None = None
    """Name of pretrained weights, if the user gave `weights` that are neither a file nor a run. A factory that knows no
    names leaves it alone: unless the model says in `artkit_pretrained` that it has these, the user is told."""
    load_weights: bool = True
    """False where a checkpoint will replace all weights, as in a run that is resumed or evaluated: a factory that loads
    pretrained ones on its own need not then, and must not ask for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """The weights that a model's factory has loaded; the factory leaves it on the model as `artkit_pretrained`."""

    source: str
    """For people, such as "IMAGENET1K_V2 of torchvision"."""
    name: str | None = None
    """What `ModelContext.weights` called them; None if they were loaded without being asked for."""
    pixel_mean: tuple[float, float, float] | None = None
    """Mean of the pixels that they were trained on, RGB in [0, 1]: images are normalised by it. None: by the data's."""
    pixel_std: tuple[float, float, float] | None = None
    """Standard deviation of those pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmenterContext:
    """For an augmenter factory, which returns an `Augmenter`."""

    image_size: int
    """Height and width in pixels of the images in training."""


def _know_no_column(name: str) -> Sequence[str | None]:
    raise RecipeError(f"nothing is known of the images here but their class, and no column '{name}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerContext:
    """For a sampler factory, which returns a `Sampler`."""

    labels: "NDArray[np.int64]"
    """Class of each training sample, (N,), from 0 to K - 1. Read-only."""
    class_names: Sequence[str]
    """Name of each class, K of them."""
    seed: int
    """Of the run. A sampler's random numbers come from it and the epoch."""
    num_epochs: int
    """Epochs that the sampler decides; those that `sampler.defer` keeps natural are not among them."""
    column: Callable[[str], Sequence[str | None]] = _know_no_column
    """`column(name)` gives what the data set says of each training sample under a name, (N,); None where it says
    nothing.

    That is its class in a target of that name, learnt or not, or a field of the JSON beside its image, as text. Raises
    RecipeError, saying what names there are, if there is nothing of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossContext:
    """For a loss factory, which returns a `Loss`; it is called anew when something here changes between epochs.

    Where several targets are learnt, such as artist and style, each has a loss of its own, with its own classes.
    """

    class_names: Sequence[str]
    """Name of each class, K of them."""
    class_counts: "NDArray[np.int64]"
    """Training samples of each class, (K,), in the order of `class_names`."""
    drawn_counts: "NDArray[np.int64]"
    """How often the sampler draws each class in the epoch, (K,); equals `class_counts` when it draws all once.

    A loss that corrects for the prior must use this one, or balance would be applied twice. While `loss.defer` keeps
    corrections back, all are equal, so that such a loss corrects nothing."""
    other_class_names: Collection[str] = ()
    """Classes of the other targets that are learnt: options may name them, and mean nothing to this target."""
    is_deferred: bool = False
    """Whether `loss.defer` keeps corrections back. Only a loss that weighs classes by something else than
    `drawn_counts` needs to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerContext:
    """For an optimizer factory, which returns a `torch.optim.Optimizer`."""

    param_groups: "list[dict[str, Any]]"
    """Ready for any torch optimizer. Biases and normalisation weights stand in a group of their own whose
    `weight_decay` is 0, so an optimizer's own weight decay reaches only the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleContext:
    """For a schedule factory, which returns a `Schedule`."""

    num_epochs: int
    """Epochs of the whole run."""
    steps_per_epoch: int
    """Optimizer steps of an epoch."""
    learning_rate: float
    """The optimizer's, in the fastest of its parameter groups: what a multiplier of 1 stands for."""


def _tell_nobody(_text: str) -> None:
    """What is noted where nobody looks on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterContext:
    """For a reporter factory, which returns an object whose hookimpl methods are run events.

    A reporter that makes its files from a run's start, epochs, predictions, artifacts and end alone, and can make them
    again at any time, says so by an attribute `redraws`, which is True: `artkit report` tells it of a run once more.
    """

    run_dir: Path
    """The run folder; a reporter writes nowhere else."""
    publish: Callable[..., None]
    """`publish(path, *, title, kind)` tells the other reporters and the report page of a file that was written.

    `kind` is "figure", "mosaic", "table" or "file"."""
    note: Callable[[str], None] = _tell_nobody
    """`note(text)` tells the user in a line what is no mistake of the reporter's, such as where values are kept.

    The line stands alone, as it is given; the same text is told once a run. It never mixes with results: it goes to
    standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """For a source factory, which returns a `Source`."""

    root: Path | str
    """What the user named as SRC: a path, or text if it is an address such as s3://bucket/art."""


# --- what factories return ------------------------------------------------------------------------------------------


class Draws(Protocol):
    """Random numbers for one batch, the same for the same (seed, epoch, position in the plan).

    They do not depend on batch size, threads, ranks or on a restart in between. Two calls give different numbers.
    """

    def uniform(self, low: float = 0.0, high: float = 1.0) -> "torch.Tensor":
        """One number for each image: uniform in [low, high), float32, (B,), on the device of the images."""
        ...

    def seeds(self) -> "torch.Tensor":
        """A seed for each image, int64 (B,), from 0, on the CPU: for generators that make more numbers than one."""
        ...

    def of_step(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number for all images of an optimizer step, in [low, high), whatever batches and ranks they are in."""
        ...

    def partners(self) -> "torch.Tensor":
        """Place in this batch of the image to mix each image with, int64 (B,), on the device of the images.

        Positions 2k and 2k + 1 of the plan are partners of one another, so ranks and batches of even sizes leave them
        as they are. An image whose partner is in another batch has itself.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """What an augmenter that mixes images returns: each image shows two, and has the labels of both."""

    images: "torch.Tensor"
    """(B, 3, H, W), of the same range as before."""
    partners: "torch.Tensor"
    """Place in the batch of the other image in each, int64 (B,): from `Draws.partners`."""
    weight: float
    """Share of an image's own label, in [0, 1]; its partner's label has the rest. One for the whole step, since a loss
    gives one number for a batch."""


class Augmenter(Protocol):
    """Changes a batch of training images on their device.

    Takes float32 RGB in [0, 1], (B, 3, H, W), and returns the same; the input is not changed in place. Randomness comes
    from `draws` only. The core applies the probability `p`, so an augmenter need not know it.

    An augmenter that mixes images with one another has an attribute `mixes`, which is True, and returns `Mixed`. Its
    `p` is the share of steps in which it mixes. Where one has mixed already, the next ones leave a step as it is.

    Example:
        ::

            def fade(ctx: AugmenterContext, *, least: Annotated[float, Interval(ge=0, le=1)] = 0.5):
                '''Take images towards white, each by a share of its own.'''

                def apply(images_BCHW, draws):
                    shares_B111 = draws.uniform(least, 1).view(-1, 1, 1, 1)
                    return 1 - shares_B111 * (1 - images_BCHW)

                return apply
    """

    def __call__(self, images_BCHW: "torch.Tensor", draws: Draws, /) -> "torch.Tensor | Mixed":
        """Images (B, 3, H, W) -> images of the same shape and range."""
        ...


class Sampler(Protocol):
    """Says how often each training sample appears in an epoch; the plan says when."""

    def counts(self, epoch: int, /) -> "NDArray[np.int64]":
        """Appearances of each sample, (N,), integers >= 0, with a sum of at least 2. Epochs count from 0."""
        ...


class Loss(Protocol):
    """Takes logits (B, K), float, and labels (B,), int64; returns a scalar that is finite and differentiable.

    It is the mean over the batch, and keeps nothing from one call to the next. Images without a label are not given
    to it.
    """

    def __call__(self, logits_BK: "torch.Tensor", labels_B: "torch.Tensor", /) -> "torch.Tensor":
        """Logits (B, K) and labels (B,) -> scalar."""
        ...


class Schedule(Protocol):
    """Maps progress through training, from 0 to 1, to a multiplier of the learning rate, >= 0.

    A schedule that reacts to validation also has `observe(values)`, called after each epoch with the epoch's values,
    and `state_dict()` / `load_state_dict(state)` with JSON-able content, for resuming.
    """

    def __call__(self, progress: float, /) -> float:
        """Progress in [0, 1] -> multiplier of the learning rate."""
        ...


class Source(Protocol):
    """The images that `artkit shard` converts: whatever yields `artkit_shards.Record`, such as a generator.

    A source may have two more methods, both called once all records were yielded:

    - `notes()` gives sentences on what the user should know, such as files that were left out and why;
    - `rejects()` gives pairs of a file and a short reason, such as rows of a table whose image is missing. They are
      listed and counted before any split is drawn.

    Example:
        ::

            def signed(ctx: SourceContext):
                for path in sorted(Path(ctx.root).glob("*.jpg")):
                    yield Record(path, path.name, {"artist": path.stem.rpartition("_")[2]})
    """

    def __iter__(self) -> "Iterator[Record]":
        """Yield the records; each has a `file` of its own."""
        ...


# --- what run events carry ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run, as its reporters see it."""

    id: str
    """Name of the run folder, such as 2026-01-31-small-resnet-1."""
    dir: Path
    """The run folder."""
    recipe: Mapping[str, Any]
    """The fully resolved recipe, plain JSON-able values."""
    components: Mapping[str, str]
    """Who provides what, for example `{"model": "artkit/se-densenet@1 (artkit 0.1.0)"}`."""
    targets: Mapping[str, Sequence[str]]
    """What is learnt, such as artist and style, and the names of its classes. The first one selects and stops."""
    class_names: Sequence[str]
    """Of the first target."""
    train_counts: Sequence[int]
    """Training images of each class, in the order of `class_names`."""
    split_sizes: Mapping[str, int]
    """Samples of each split: train, val, test."""
    num_parameters: int
    """Trainable parameters."""
    num_epochs: int
    """Epochs of the whole run."""
    select: str
    """Which validation value of the first target chooses the weights: "accuracy", "macro_recall" or "loss"."""
    first_epoch: int = 0
    """0, or where a resumed run goes on."""
    first_step: int = 0
    """Optimizer steps done before, 0 unless resumed."""
    history: Sequence[Mapping[str, float]] = ()
    """The values of the epochs done before, empty unless resumed."""
    device: str = "cpu"
    """What it trains on, such as cpu or cuda:0."""
    rank: int = 0
    """Which of several processes this is, from 0."""
    world_size: int = 1
    """How many processes train together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """Why a run failed."""

    type: str
    """Class of the error, such as RunError."""
    message: str
    """What it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a model said about every sample of a split whose class is known, in the order of the split.

    A run that learns several targets has one for each of them.
    """

    target: str
    """What the classes are of, such as "artist"."""
    split: str
    """Which one: test, or val."""
    class_names: Sequence[str]
    """Name of each class, K of them."""
    train_counts: Sequence[int]
    """Training images of each class."""
    keys: Sequence[str]
    """Name of each sample in the data set."""
    files: Sequence[str]
    """Where each image came from, relative to the converted folder."""
    labels: "NDArray[np.int64]"
    """True class of each sample, (N,)."""
    probabilities: "NDArray[np.float64]"
    """Softmax of the logits, (N, K). Read-only."""
    metrics: Mapping[str, float]
    """Values over all of them: "accuracy", "macro_recall", "macro_f1", "loss", ...; "unknown_auroc" and "unknown_fpr95"
    of `unknown_scores` where the data set has strangers: the chance that a stranger is found stranger than a sample,
    and the share of strangers that are taken for known at the score that 95 % of the samples do not exceed."""
    image: Callable[[int, int], "NDArray[np.uint8]"] = field(repr=False)
    """`image(row, size)` gives the sample's picture, letterboxed on white: RGB, (size, size, 3)."""
    folder: Path = Path()
    """Where files about it go, relative to the run folder: there itself, or in a folder for each of several targets."""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """95 % interval of each metric, as far as it is known."""
    copies: Sequence[tuple[int, str, str]] = ()
    """Samples whose image training has too, byte for byte: the row, file and class of the one in training."""
    has_images: bool = True
    """False where the data set is out of reach: `image` gives plain gray then, and nobody should show it."""
    temperature: float = 1.0
    """What logits are divided by for probabilities that say how often they are right, fitted to validation; 1 without
    validation. `probabilities` are those before: `artkit.tempered(probabilities, temperature)` gives the others."""
    unknown_score: str = "msp"
    """What `unknown_scores` are, such as "energy"."""
    unknown_scores: "NDArray[np.float64]" = field(default=None)  # type: ignore[arg-type] # see __post_init__
    """How strange each sample is to the model, (N,): the higher, the likelier it belongs to none of the classes. By
    default the score "msp", 1 - the largest probability. Read-only."""
    unknown_threshold: float | None = None
    """Samples whose score is above it are called unknown; fitted to validation, None without."""
    stranger_scores: "NDArray[np.float64] | None" = None
    """The same score of images of classes that training never saw, (M,); None if the data set has none. Read-only."""
    saliency: "Callable[[int, int], NDArray[np.float32]] | None" = field(default=None, repr=False)
    """`saliency(row, size)` gives where in the sample's picture the model found its answer: heat from 0 to 1, float32,
    (size, size); each call computes it. None where the model is not at hand, or in parts on several processes."""

    def __post_init__(self) -> None:
        if self.unknown_scores is None:
            object.__setattr__(self, "unknown_scores", 1.0 - self.probabilities.max(axis=1))

    @property
    def predicted(self) -> "NDArray[np.int64]":
        """Class of the largest probability, (N,)."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted
