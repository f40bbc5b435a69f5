"""What the user should know of a run before it begins: of all its parts, a line each."""

from collections.abc import Iterator

from artkit.engine.assembly import TEST, VALIDATION, Assembly, lack_of
from artkit.engine.balance_notes import balance_notes
from artkit.engine.early_ends import early_ends
from artkit.engine.ranks.shares import mixing_notes
from artkit.engine.target_notes import unjudged_notes, unlearnt_notes
from artkit.recipe import Recipe


def notes(assembly: Assembly) -> Iterator[str]:
    """What the user should know before the run, a line each."""
    settings = assembly.recipe.train
    yield from learning_notes(assembly)
    yield from _thaw_notes(assembly)
    yield from _growth_notes(assembly.recipe)
    if settings.max_minutes:
        yield (
            f"train.max_minutes={settings.max_minutes:g}: the schedule follows the clock, so this run cannot be "
            "repeated to the last bit"
        )
    if assembly.validation is None:
        lack = lack_of(assembly.dataset, VALIDATION)
        yield (
            f"the data set has {lack}: nothing selects the best weights, the last ones are used, and neither a "
            "temperature nor a threshold for unknown classes is fitted"
        )
        if settings.patience:
            yield f"train.patience={settings.patience} has no effect without a split 'val'"
    if assembly.recipe.unknown.score == "knn":
        yield (
            "unknown.score=knn compares images with features of the training images, which `artkit evaluate` computes; "
            "the tables of the run itself have the score msp"
        )
    yield from mixing_notes(assembly.recipe, assembly.ranks, mixes=assembly.augment.mixes)
    if assembly.tested is not None and assembly.tested.name != TEST:
        lack = lack_of(assembly.dataset, TEST)
        yield f"the data set has {lack}: the final figures are those of validation, which chose the weights"
    yield from unjudged_notes(assembly.heads, filter(None, dict.fromkeys((assembly.validation, assembly.tested))))


def learning_notes(assembly: Assembly) -> Iterator[str]:
    """What the user should know of how the model learns, be it in a run or in a test of learning rates; a line each."""
    settings = assembly.recipe.train
    if assembly.start.note:
        yield assembly.start.note
    yield from assembly.finetuning.notes(num_epochs=settings.epochs, pretrained=assembly.start.pretrained is not None)
    chosen = bool(assembly.recipe.data.targets)
    yield from unlearnt_notes(assembly.dataset, assembly.heads, assembly.train, chosen=chosen)
    yield from balance_notes(assembly.recipe, assembly.sampling, assembly.loss.losses, assembly.device)
    num_positions, size = assembly.loader.num_positions, settings.batch_size
    if num_positions % size == 1:
        better = next(larger for larger in range(size + 1, num_positions + 1) if num_positions % larger != 1)
        yield (
            f"{num_positions} images an epoch leave one alone in the last batch, where batch normalisation "
            f"cannot use it: it is left out; --batch-size {better} avoids that"
        )


def _thaw_notes(assembly: Assembly) -> Iterator[str]:
    """Say what may end the run before its last stage thaws."""
    settings = assembly.recipe.train
    last = assembly.finetuning.last_thaw(settings.epochs)
    for given in early_ends(settings, last) if last else ():
        yield f"{given} can end the run before epoch {last + 1}, where the last of its stages to thaw does so"


def _growth_notes(recipe: Recipe) -> Iterator[str]:
    """Say where training images do not grow, though the recipe speaks of it."""
    data, epochs = recipe.data, recipe.train.epochs
    if not data.grow_from:
        return
    if data.grow_from == data.image_size or not data.grow_after:
        yield f"data.grow_from={data.grow_from} has no effect: images have image_size={data.image_size} from the start"
    elif (epochs - 1) / epochs < data.grow_after and not recipe.train.max_minutes:
        yield (
            f"data.grow_after={data.grow_after:g} leaves no whole epoch of {epochs} for larger images: all are learnt "
            f"at grow_from={data.grow_from} and judged at image_size={data.image_size}"
        )
