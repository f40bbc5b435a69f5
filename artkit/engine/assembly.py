"""Builds from a recipe everything that a run is made of, before a run folder exists: what is wrong shows here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.contracts import (
    AugmenterContext,
    Loss,
    LossContext,
    ModelContext,
    OptimizerContext,
    Sampler,
    SamplerContext,
    Schedule,
    ScheduleContext,
)
from artkit.engine.augmentation import AugmentationChain, AugmentationStep
from artkit.engine.preprocessing import Preprocessing
from artkit.engine.randomness import seed_torch
from artkit.engine.returned import check_model, check_optimizer
from artkit.errors import ComponentError, RunError
from artkit.recipe import Choice, Recipe
from artkit.recipe.layers import DEMO
from artkit_shards import Dataset, Loader, Split, demo_path, open_dataset
from artkit_shards.stream.plan import check_counts
from artkit_shards.wording import counted

TRAIN, VALIDATION, TEST = "train", "val", "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The parts of a run."""

    recipe: Recipe
    dataset: Dataset
    device: torch.device
    preprocessing: Preprocessing
    model: torch.nn.Module
    loss: Loss
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    loader: Loader
    """Delivers the training images of the whole run."""
    augment: AugmentationChain

    @property
    def train(self) -> Split:
        """The training split."""
        return self.loader.split

    @property
    def validation(self) -> Split | None:
        """The split that selects and stops, if the data set has one."""
        return judged_split(self.dataset, VALIDATION)

    @property
    def tested(self) -> Split | None:
        """The split of the final predictions: test, or validation where there is none."""
        return judged_split(self.dataset, TEST) or self.validation

    @property
    def split_sizes(self) -> dict[str, int]:
        """Images of each split."""
        return {name: len(self.dataset.split(name)) for name in self.dataset.split_names}

    @property
    def num_parameters(self) -> int:
        """Trainable parameters of the model."""
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)


def open_data(recipe: Recipe) -> Dataset:
    """Open the recipe's data set and check that one can train on it.

    Raises:
        RunError: if it has no training images or fewer than two classes.
        ShardsError: if it cannot be opened.
    """
    dataset = open_dataset(demo_path() if recipe.data.path == DEMO else recipe.data.path)
    if TRAIN not in dataset.split_names:
        raise RunError(
            f"{dataset.path} has no split '{TRAIN}', only {', '.join(dataset.split_names)}; "
            "convert the images with a share for it, such as --split train=0.7,val=0.1,test=0.2"
        )
    present = np.flatnonzero(dataset.split(TRAIN).class_counts)
    if len(present) < 2:
        found = f"of one class only ({dataset.class_names[present[0]]})" if len(present) else "of no known class"
        raise RunError(f"{dataset.path} has training images {found}; a classifier needs at least two classes")
    return dataset


def judged_split(dataset: Dataset, name: str) -> Split | None:
    """A split by name, if the data set has it and says the class of any of its images."""
    if name not in dataset.split_names or not dataset.split(name).class_counts.any():
        return None
    return dataset.split(name)


def assemble(recipe: Recipe, dataset: Dataset) -> Assembly:
    """Build every part.

    Raises:
        RunError: if the device is not there.
        ComponentError: if a component cannot be built or breaks its contract.
    """
    device = pick_device(recipe.train.device)
    loader = _build_loader(recipe, dataset, device)
    first_counts = np.bincount(loader.plan, minlength=len(loader.split))
    seed_torch(recipe.train.seed, 0, 0)
    model = _build_model(recipe, len(dataset.class_names))
    with recipe.model.component.guard(f"moving to {device}"):
        model = _channels_last(model.to(device))
    return Assembly(
        recipe=recipe,
        dataset=dataset,
        device=device,
        preprocessing=Preprocessing.for_pixels(
            dataset.pixel_mean, dataset.pixel_std, image_size=recipe.data.image_size, fit=recipe.data.fit
        ),
        model=model,
        loss=_build_loss(recipe, dataset, first_counts),
        optimizer=_build_optimizer(recipe, model),
        schedule=_build_schedule(recipe, dataset, loader.num_positions),
        loader=loader,
        augment=AugmentationChain(_augmentation_steps(recipe), recipe.train.seed),
    )


def pick_device(name: str) -> torch.device:
    """The device of a name; "auto" is the GPU if there is one.

    Raises:
        RunError: if torch does not know the name, or has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"device '{name}' cannot be used ({reason}); use auto, cpu, cuda or cuda:1") from None
    return device


def sample_counts(choice: Choice, sampler: Sampler, epoch: int, num_samples: int) -> NDArray[np.int64]:
    """The sampler's counts for an epoch, int64 (N,).

    Raises:
        ComponentError: if they are no counts, naming the sampler's owner.
    """
    with choice.component.guard("counts"):
        counts = sampler.counts(epoch)
    try:
        checked = check_counts(counts, num_samples)
        if checked.sum() < 2:
            # Batch normalisation cannot learn from one image, so such an epoch has no step at all.
            raise ValueError("counts add up to 1: an epoch needs at least two images")
    except ValueError as error:
        raise ComponentError(f"{choice.component.owner}: {error}", plugin=choice.component.plugin.label) from None
    return checked


def param_groups(model: torch.nn.Module) -> list[dict[str, object]]:
    """Split the trainable parameters: matrices and kernels decay, biases and normalisation weights do not.

    Weight decay on the latter only shrinks what normalisation scales back (He et al. 2019, "Bag of tricks", sec. 3.1).
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trainable if parameter.ndim > 1]
    others = [parameter for parameter in trainable if parameter.ndim <= 1]
    groups: list[dict[str, object]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def _build_loader(recipe: Recipe, dataset: Dataset, device: torch.device) -> Loader:
    train, data = dataset.split(TRAIN), recipe.data
    # With several targets, an image may have a class in another one only. Samplers need not know of it.
    rows = np.flatnonzero(train.labels >= 0)
    labels = train.labels[rows]
    labels.flags.writeable = False
    sampler: Sampler = _build(
        recipe.sampler, SamplerContext(labels=labels, class_names=dataset.class_names, seed=recipe.train.seed)
    )

    def counts(epoch: int) -> NDArray[np.int64]:
        of_all = np.zeros(len(train), dtype=np.int64)
        of_all[rows] = sample_counts(recipe.sampler, sampler, epoch, len(rows))
        return of_all

    try:
        return Loader(
            train,
            image_size=data.image_size,
            batch_size=recipe.train.batch_size,
            counts=counts,
            fit=data.fit,
            seed=recipe.train.seed,
            threads=data.threads,
            cache=data.cache,
            max_bad=data.max_bad,
            pin_memory=device.type == "cuda",
        )
    except ValueError as error:
        raise RunError(f"section [data]: {error}") from None


def _build_model(recipe: Recipe, num_outputs: int) -> torch.nn.Module:
    context = ModelContext(num_outputs=num_outputs, image_size=recipe.data.image_size)
    model: torch.nn.Module = _build(recipe.model, context)
    check_model(model, recipe.model.component)
    return model


def _channels_last(model: torch.nn.Module) -> torch.nn.Module:
    """Lay out kernels as the loader lays out images; `Module.to` would refuse a model with parameters of rank 5."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return model


def _build_optimizer(recipe: Recipe, model: torch.nn.Module) -> torch.optim.Optimizer:
    optimizer: torch.optim.Optimizer = _build(recipe.optimizer, OptimizerContext(param_groups=param_groups(model)))
    check_optimizer(optimizer, recipe.optimizer.component)
    return optimizer


def _build_schedule(recipe: Recipe, dataset: Dataset, draws_per_epoch: int) -> Schedule:
    context = ScheduleContext(
        num_epochs=recipe.train.epochs, steps_per_epoch=-(-draws_per_epoch // recipe.train.batch_size)
    )
    schedule: Schedule = _build(recipe.schedule, context)
    if hasattr(schedule, "observe") and judged_split(dataset, VALIDATION) is None:
        raise RunError(
            f"{recipe.schedule.component.owner} reacts to validation, but {dataset.path} has "
            f"{_lack(dataset, VALIDATION)}; convert the images with a share for it, or choose another --schedule"
        )
    return schedule


def _build_loss(recipe: Recipe, dataset: Dataset, counts: NDArray[np.int64]) -> Loss:
    train = dataset.split(TRAIN)
    rows = np.flatnonzero(train.labels >= 0)
    drawn = np.bincount(train.labels[rows], weights=counts[rows], minlength=len(dataset.class_names)).astype(np.int64)
    loss: Loss = _build(
        recipe.loss,
        LossContext(class_names=dataset.class_names, class_counts=train.class_counts, drawn_counts=drawn),
    )
    return loss


def _augmentation_steps(recipe: Recipe) -> Sequence[AugmentationStep]:
    context = AugmenterContext(image_size=recipe.data.image_size)
    return [
        AugmentationStep(choice.component, _build(choice, context), choice.shared["p"]) for choice in recipe.augmenters
    ]


def _build(choice: Choice, context: object) -> Any:
    return choice.component.build(context, choice.options)


def notes(assembly: Assembly) -> Iterator[str]:
    """What the user should know before the run, a line each."""
    settings = assembly.recipe.train
    main, *others = assembly.dataset.targets
    if others:
        yield f"the data set tells {main}, {', '.join(others)} of its images; a run learns the first, '{main}'"
    unlearnt = int((assembly.train.labels < 0).sum())
    if unlearnt:
        yield f"{counted(unlearnt, 'image')} of '{TRAIN}' without a class: only the others are learnt"
    if assembly.validation is None:
        lack = _lack(assembly.dataset, VALIDATION)
        yield f"the data set has {lack}: nothing selects the best weights, the last ones are used"
        if settings.patience:
            yield f"train.patience={settings.patience} has no effect without a split 'val'"
    num_positions = assembly.loader.num_positions
    if num_positions % settings.batch_size == 1:
        yield (
            f"{num_positions} images an epoch leave one alone in the last batch, where batch normalisation "
            f"cannot use it: it is left out; --batch-size {settings.batch_size + 1} avoids that"
        )
    if assembly.tested is not None and assembly.tested.name != TEST:
        lack = _lack(assembly.dataset, TEST)
        yield f"the data set has {lack}: the final figures are those of validation, which chose the weights"
    for split in filter(None, dict.fromkeys((assembly.validation, assembly.tested))):
        unknown = int((split.labels < 0).sum())
        if unknown:
            yield f"{counted(unknown, 'image')} of '{split.name}' without a class: figures are those of the others"


def _lack(dataset: Dataset, name: str) -> str:
    """What a data set has in place of a split that can be judged."""
    return f"no class of any image in the split '{name}'" if name in dataset.split_names else f"no split '{name}'"
