"""What samplers keep: whole numbers that a plan can be made of, as a pure function of the epoch."""

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Sampler
from artkit.errors import ComponentError, RecipeError
from artkit.registry.failure import raised_text
from artkit.testing.check import check, fail, require
from artkit.testing.contexts import CLASS_COUNTS, NUM_EPOCHS, labels_of
from artkit.testing.observing import observed
from artkit.testing.subject import Subject
from artkit_shards.stream.plan import check_counts


@check("sampler", is_basic=True)
def counts(subject: Subject) -> None:
    """A sampler gives for an epoch how often each image appears: integers (N,) from 0 up, at least 2 in all."""
    sampler = subject.share(_sampler)
    for epoch in range(NUM_EPOCHS):
        _checked(sampler.counts(epoch), sum(CLASS_COUNTS), f"in epoch {epoch}, ")


@check("sampler", is_basic=True)
def pure(subject: Subject) -> None:
    """The counts of an epoch depend on nothing but the context and the epoch: not on what was asked before."""
    first = subject.share(_all_counts)
    backwards = [subject.share(_sampler).counts(epoch) for epoch in reversed(range(NUM_EPOCHS))][::-1]
    again = subject.build()
    for epoch in range(NUM_EPOCHS):
        require(_equal(backwards[epoch], first[epoch]), f"asked again, the counts of epoch {epoch} are others")
    require(_equal(again.counts(3), first[3]), "built again, and asked for epoch 3 at once, it gives other counts")


@check("sampler")
def fair(subject: Subject) -> None:
    """Images of one class appear equally often, to within one, in an epoch and over all epochs."""
    labels, of_epochs = labels_of(CLASS_COUNTS), subject.share(_all_counts)
    for text, total in (("in the first epoch", of_epochs[0]), (f"over {NUM_EPOCHS} epochs", sum(of_epochs))):
        for label in range(len(CLASS_COUNTS)):
            of_class = np.asarray(total)[labels == label]
            least, most = of_class.min(), of_class.max()
            require(most - least <= 1, f"{text}, images of class-{label} appear from {least} to {most} times")


@check("sampler")
def class_gaps(subject: Subject) -> None:
    """Classes without images, a single class and classes of one image are fine, or refused with a RecipeError."""
    for class_counts in ((6, 0, 3, 0, 1), (8,), (1, 1, 1), (0, 2)):
        try:
            sampler = subject.build(class_counts=class_counts)
        except RecipeError:
            continue
        except ComponentError as error:
            fail(f"with classes of {class_counts} images: {error}")
        _checked(sampler.counts(0), sum(class_counts), f"with classes of {class_counts} images, ")


@check("sampler")
def no_images(subject: Subject) -> None:
    """Without any image, a sampler gives no counts, or refuses with a RecipeError."""
    try:
        found = subject.build(labels=np.array([], dtype=np.int64)).counts(0)
    except RecipeError:
        return
    except Exception as error:
        fail(raised_text(error))
    require(np.shape(found) == (0,), f"it gives counts of the shape {np.shape(found)}")


@check("sampler")
def no_other_randomness(subject: Subject) -> None:
    """Random numbers come from a generator of one's own, seeded by ctx.seed and the epoch."""
    with observed() as seen:
        subject.build().counts(1)
    changed = [what for what in seen.changed if "random" in what]
    require(not changed, f"it takes from {' and '.join(changed)}")


def _sampler(subject: Subject) -> Sampler:
    sampler: Sampler = subject.build()
    return sampler


def _all_counts(subject: Subject) -> list[NDArray[np.int64]]:
    sampler = subject.build()
    return [np.array(sampler.counts(epoch)) for epoch in range(NUM_EPOCHS)]


def _checked(found: NDArray[np.int64], num_images: int, where: str) -> None:
    try:
        total = check_counts(found, num_images).sum()
    except ValueError as error:
        fail(f"{where}{error}")
    require(total >= 2 or num_images < 2, f"{where}counts add up to {total}")


def _equal(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other))
