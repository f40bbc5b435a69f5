"""What the user should hear of the targets: those that are not learnt, and images that have no class in one."""

from collections.abc import Iterable, Iterator, Sequence

from artkit.engine.targets import TargetHead
from artkit_shards import Dataset, Split
from artkit_shards.wording import counted


def unlearnt_notes(dataset: Dataset, heads: Sequence[TargetHead], train: Split, *, chosen: bool) -> Iterator[str]:
    """What is not learnt, a line each.

    Args:
        dataset: Tells all targets.
        heads: Those that are learnt.
        train: The training split.
        chosen: Whether the user chose them.
    """
    if len(dataset.targets) > 1 and not chosen:
        first, second, *_ = dataset.targets
        yield (
            f"the data set tells {', '.join(dataset.targets)} of its images; a run learns the first, '{first}', unless "
            f"others are chosen, such as --target {first} --target {second}"
        )
    for head, missing in _missing(heads, train):
        if len(heads) == 1:
            yield f"{missing} of '{train.name}' without a class: only the others are learnt"
        else:
            yield f"{missing} of '{train.name}' without a class in '{head.name}', which is learnt from the others"


def unjudged_notes(heads: Sequence[TargetHead], splits: Iterable[Split]) -> Iterator[str]:
    """What is not judged, a line each."""
    for split in splits:
        for head, missing in _missing(heads, split):
            where = "" if len(heads) == 1 else f" in '{head.name}'"
            if (split.targets[head.name] >= 0).any():
                yield f"{missing} of '{split.name}' without a class{where}: figures are those of the others"
            else:
                yield f"no image of '{split.name}' has a class{where}, so that is not judged there"


def _missing(heads: Sequence[TargetHead], split: Split) -> Iterator[tuple[TargetHead, str]]:
    """Targets that some images have no class in, and how many images."""
    for head in heads:
        missing = int((split.targets[head.name] < 0).sum())
        if missing:
            yield head, counted(missing, "image")
