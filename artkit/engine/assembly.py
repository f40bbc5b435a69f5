"""Builds from a recipe everything that a run is made of, before a run folder exists: what is wrong shows here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from artkit.contracts import (
    AugmenterContext,
    OptimizerContext,
    Pretrained,
    Schedule,
    ScheduleContext,
)
from artkit.engine.augmentation import AugmentationChain, AugmentationStep
from artkit.engine.columns import Columns
from artkit.engine.epoch_loss import EpochLoss
from artkit.engine.finetuning import Finetuning, plan_finetuning, scale_learning_rates
from artkit.engine.memory_layout import avoid_narrow_strides, channels_last
from artkit.engine.objective import Objective, TargetLoss
from artkit.engine.precision import Precision, fitting_precision
from artkit.engine.preprocessing import Preprocessing
from artkit.engine.randomness import seed_torch
from artkit.engine.ranks.group import ALONE, Ranks, local_device
from artkit.engine.ranks.normalisation import unite_norms
from artkit.engine.ranks.sharding import shard_model
from artkit.engine.ranks.shares import check_recipe, own_batch_size
from artkit.engine.returned import check_optimizer
from artkit.engine.sampling import Sampling
from artkit.engine.starting import Start, build_model
from artkit.engine.step_plan import StepPlan
from artkit.engine.targets import TargetHead, chosen_targets, heads_for, num_outputs
from artkit.engine.training_loader import TrainingLoader
from artkit.errors import RunError
from artkit.recipe import Choice, Recipe, TrainSettings
from artkit.recipe.layers import DEMO
from artkit_shards import Dataset, Loader, Split, demo_path, open_dataset

TRAIN, VALIDATION, TEST = "train", "val", "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The parts of a run."""

    recipe: Recipe
    """As it was given, with a name in place of what was left to the device."""
    dataset: Dataset
    """Its main target is the first that is learnt."""
    heads: tuple[TargetHead, ...]
    """The targets that are learnt."""
    device: torch.device
    precision: Precision
    preprocessing: Preprocessing
    model: torch.nn.Module
    start: Start
    """What the model starts from."""
    finetuning: Finetuning
    """What of the model is trained in which epoch."""
    loss: Objective
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    sampling: Sampling
    loader: TrainingLoader
    """Delivers the training images of the whole run."""
    augment: AugmentationChain
    ranks: Ranks = ALONE

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
        """Parameters of the model that the run trains, sooner or later."""
        return self.finetuning.num_parameters(self.recipe.train.epochs)


def open_data(recipe: Recipe) -> Dataset:
    """Open the recipe's data set and check that one can train on it.

    Returns:
        The data set by the first target that is learnt.

    Raises:
        RecipeError: if it does not have a target that the recipe learns.
        RunError: if it has no training images or fewer than two classes.
        ShardsError: if it cannot be opened.
    """
    dataset = open_dataset(demo_path() if recipe.data.path == DEMO else recipe.data.path)
    if TRAIN not in dataset.split_names:
        raise RunError(
            f"{dataset.path} has no split '{TRAIN}', only {', '.join(dataset.split_names)}; "
            "convert the images with a share for it, such as --split train=0.7,val=0.1,test=0.2"
        )
    names = chosen_targets(recipe.data, dataset)
    for head in heads_for(dataset, TRAIN, names):
        present = np.flatnonzero(head.class_counts)
        if len(present) < 2:
            found = f"of one class only ({head.class_names[present[0]]})" if len(present) else "of no known class"
            of_target = f" in the target '{head.name}'" if len(dataset.targets) > 1 else ""
            raise RunError(
                f"{dataset.path} has training images {found}{of_target}; a classifier needs at least two classes"
            )
    return dataset.by(names[0])


def judged_split(dataset: Dataset, name: str) -> Split | None:
    """A split by name, if the data set has it and says the class of any of its images."""
    if name not in dataset.split_names or not dataset.split(name).class_counts.any():
        return None
    return dataset.split(name)


def assemble(
    recipe: Recipe, dataset: Dataset, *, resumed: Preprocessing | None = None, ranks: Ranks = ALONE
) -> Assembly:
    """Build every part.

    Args:
        recipe: What to build.
        dataset: What to train on.
        resumed: The preparation of images of the run that goes on, if one does. A checkpoint replaces the weights then,
            so those that the run began with may be gone.
        ranks: That train together; all of them build the same parts.

    Raises:
        RecipeError: if the recipe asks for what several ranks cannot do.
        RunError: if the device is not there, or lacks the precision.
        ComponentError: if a component cannot be built or breaks its contract.
    """
    check_recipe(recipe, ranks)
    device = local_device(pick_device(recipe.train.device), ranks)
    heads = heads_for(dataset, TRAIN, chosen_targets(recipe.data, dataset))
    sampling = _build_sampling(recipe, dataset, heads)
    loader = _build_loader(recipe, dataset, device, sampling, ranks)
    seed_torch(recipe.train.seed, 0, 0, device)
    class_names = [head.class_names for head in heads]
    model, start = build_model(recipe.model, class_names, recipe.data.image_size, load_weights=resumed is None)
    with recipe.model.component.guard(f"moving to {device}"):
        _place(model, num_outputs(heads), recipe.train, device, ranks)
    precision = _pick_precision(recipe, device, model)
    # What a run leaves says what it was computed in, and goes on the same on another machine.
    recipe = replace(recipe, train=replace(recipe.train, precision=precision.name))
    finetuning = plan_finetuning(recipe.train, model, num_outputs(heads), recipe.model.component)
    optimizer = _build_optimizer(recipe, finetuning)
    finetuning.enter_epoch(model, 0)
    return Assembly(
        recipe=recipe,
        dataset=dataset,
        heads=heads,
        device=device,
        precision=precision,
        preprocessing=resumed or _preprocessing(recipe, dataset, start.pretrained),
        model=model,
        start=start,
        finetuning=finetuning,
        loss=_build_loss(recipe, dataset, heads, sampling),
        optimizer=optimizer,
        schedule=_build_schedule(recipe, dataset, loader.num_positions, optimizer),
        sampling=sampling,
        loader=loader,
        augment=AugmentationChain(_augmentation_steps(recipe), recipe.train.seed),
        ranks=ranks,
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


def _pick_precision(recipe: Recipe, device: torch.device, model: torch.nn.Module) -> Precision:
    if recipe.retrain is not None:  # nothing learns in it but the head
        return Precision(recipe.train.precision, device)
    smallest = recipe.data.grow_from or recipe.data.image_size
    return fitting_precision(recipe.train.precision, device, model, smallest, recipe.model.component)


def _build_sampling(recipe: Recipe, dataset: Dataset, heads: Sequence[TargetHead]) -> Sampling:
    labels = dataset.split(TRAIN).targets
    first, *others = heads
    return Sampling(
        recipe.sampler,
        labels[first.name],
        first.class_names,
        seed=recipe.train.seed,
        num_epochs=recipe.train.epochs,
        others=[labels[head.name] for head in others],
        column=Columns(dataset, TRAIN).column,
    )


def _build_loader(
    recipe: Recipe, dataset: Dataset, device: torch.device, sampling: Sampling, ranks: Ranks
) -> TrainingLoader:
    data = recipe.data

    def make(image_size: int, epoch: int) -> Loader:
        return Loader(
            dataset.split(TRAIN),
            image_size=image_size,
            batch_size=own_batch_size(recipe.train.batch_size, ranks),
            rank=ranks.rank,
            world_size=ranks.world_size,
            counts=sampling.counts,
            fit=data.fit,
            seed=recipe.train.seed,
            epoch=epoch,
            threads=data.threads,
            cache=data.cache,
            max_bad=data.max_bad,
            pin_memory=device.type == "cuda",
        )

    try:
        return TrainingLoader(
            make,
            small=data.grow_from or data.image_size,
            full=data.image_size,
            share=data.grow_after if data.grow_from else 0.0,
        )
    except ValueError as error:
        raise RunError(f"section [data]: {error}") from None


def _place(
    model: torch.nn.Module, num_outputs: int, settings: TrainSettings, device: torch.device, ranks: Ranks
) -> None:
    """Bring a model to its device, whole or, where ranks share it, the part of this one."""
    if device.type == "cpu":
        avoid_narrow_strides(model)
    if settings.sync_norm and not ranks.is_alone:
        unite_norms(model)
    if settings.parallel == "fsdp" and not ranks.is_alone:
        shard_model(model, num_outputs, device, ranks)
    else:
        channels_last(model.to(device))


def _preprocessing(recipe: Recipe, dataset: Dataset, pretrained: Pretrained | None) -> Preprocessing:
    """Weights that were trained before know images as they were normalised then."""
    mean = (pretrained and pretrained.pixel_mean) or dataset.pixel_mean
    std = (pretrained and pretrained.pixel_std) or dataset.pixel_std
    return Preprocessing.for_pixels(mean, std, image_size=recipe.data.image_size, fit=recipe.data.fit)


def _build_optimizer(recipe: Recipe, finetuning: Finetuning) -> torch.optim.Optimizer:
    groups = finetuning.param_groups()
    optimizer: torch.optim.Optimizer = _build(recipe.optimizer, OptimizerContext(param_groups=groups))
    check_optimizer(optimizer, recipe.optimizer.component)
    scale_learning_rates(optimizer, groups, recipe.optimizer.component)
    return optimizer


def _build_schedule(
    recipe: Recipe, dataset: Dataset, draws_per_epoch: int, optimizer: torch.optim.Optimizer
) -> Schedule:
    steps = StepPlan(draws_per_epoch, recipe.train.batch_size, recipe.train.accumulate)
    context = ScheduleContext(
        num_epochs=recipe.train.epochs,
        steps_per_epoch=steps.num_steps,
        learning_rate=max(float(group["lr"]) for group in optimizer.param_groups),
    )
    schedule: Schedule = _build(recipe.schedule, context)
    if hasattr(schedule, "observe") and judged_split(dataset, VALIDATION) is None:
        raise RunError(
            f"{recipe.schedule.component.owner} reacts to validation, but {dataset.path} has "
            f"{lack_of(dataset, VALIDATION)}; convert the images with a share for it, or choose another --schedule"
        )
    return schedule


def _build_loss(recipe: Recipe, dataset: Dataset, heads: Sequence[TargetHead], sampling: Sampling) -> Objective:
    losses = []
    for head in heads:
        labels = dataset.split(TRAIN).targets[head.name]
        loss = EpochLoss(
            recipe.loss,
            head.class_names,
            labels,
            sampling=sampling,
            num_epochs=recipe.train.epochs,
            other_class_names=[name for other in heads if other is not head for name in other.class_names],
        )
        weight = recipe.data.target_weights.get(head.name, 1.0)
        losses.append(TargetLoss(head=head, loss=loss, weight=weight, labels=labels))
    return Objective(losses, recipe.loss.component, recipe.model.component)


def _augmentation_steps(recipe: Recipe) -> Sequence[AugmentationStep]:
    context = AugmenterContext(image_size=recipe.data.image_size)
    return [
        AugmentationStep(choice.component, _build(choice, context), choice.shared["p"]) for choice in recipe.augmenters
    ]


def _build(choice: Choice, context: object) -> Any:
    return choice.component.build(context, choice.options)


def lack_of(dataset: Dataset, name: str) -> str:
    """What a data set has in place of a split that can be judged."""
    return f"no class of any image in the split '{name}'" if name in dataset.split_names else f"no split '{name}'"
