"""What a rank computes of a batch, and which batches can be shared out among ranks at all."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from artkit.engine.ranks.group import Ranks
from artkit.errors import RecipeError
from artkit.recipe import Recipe
from artkit_shards import Batch


def own_images(batch: Batch) -> tuple[Batch, int]:
    """A batch without its padding, and its number of images.

    Where a rank has nothing but padding, one image of it stays, to be computed along with the others without counting.

    Args:
        batch: Of this rank.
    """
    count = int(batch.mask.sum())
    if count == len(batch.mask):
        return batch, count
    kept = batch.mask if count else torch.arange(len(batch.mask)) == 0
    return (
        replace(
            batch,
            images=batch.images[kept],
            labels=batch.labels[kept],
            targets={name: labels[kept] for name, labels in batch.targets.items()},
            positions=batch.positions[kept],
            rows=batch.rows[kept.numpy()],
            mask=batch.mask[kept],
        ),
        count,
    )


def own_batch_size(batch_size: int, ranks: Ranks) -> int:
    """Images of a batch that one rank computes.

    Raises:
        RecipeError: if the batch cannot be shared out equally, naming sizes that can.
    """
    world_size = ranks.world_size
    if batch_size % world_size:
        below = batch_size // world_size * world_size
        sizes = " or ".join(str(size) for size in (below, below + world_size) if size)
        raise RecipeError(
            f"train.batch_size={batch_size} is the number of images that all {world_size} ranks compute together, and "
            f"they cannot share it out equally; use {sizes}"
        )
    return batch_size // world_size


def check_recipe(recipe: Recipe, ranks: Ranks) -> None:
    """Check that several ranks can do what a recipe asks for.

    Raises:
        RecipeError: naming the first setting that does not go with several ranks.
    """
    if ranks.is_alone:
        return
    if recipe.retrain is not None:
        raise RecipeError("a head is retrained in seconds, by a single process; start it without torchrun")
    own_batch_size(recipe.train.batch_size, ranks)
    if recipe.train.compile:
        raise RecipeError("train.compile needs a single process; leave it out, or start the run without torchrun")
    if recipe.train.parallel == "fsdp" and recipe.train.precision == "fp16":
        raise RecipeError(
            "train.precision=fp16 does not go with train.parallel=fsdp: the scale of the loss would differ between "
            "ranks; use train.precision=bf16"
        )
    if ":" in recipe.train.device:
        raise RecipeError(
            f"train.device={recipe.train.device} is one device, and each of {ranks.world_size} ranks needs its own; "
            "use auto, cuda or cpu"
        )


def mixing_notes(recipe: Recipe, ranks: Ranks, *, mixes: bool) -> Iterator[str]:
    """Say where images are mixed otherwise than in one process.

    Args:
        recipe: Of the run.
        ranks: That share its batches out.
        mixes: Whether an augmenter mixes images.
    """
    own = recipe.train.batch_size // ranks.world_size
    if mixes and own % 2 and not ranks.is_alone:
        yield (
            f"each rank has {own} images of a batch, an odd number, so one of them is not mixed with another; use a "
            f"--batch-size that divides by {2 * ranks.world_size}"
        )
