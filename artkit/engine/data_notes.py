"""What the user should hear of the loading of images: which ones could not be used, and what a cache saved."""

from collections.abc import Callable, Sequence
from typing import Final

from artkit.engine.ranks.group import ALONE, Ranks
from artkit.engine.training_loader import TrainingLoader
from artkit_shards import Loader
from artkit_shards.stream.replacement import Replacement

_NAMED: Final = 10  # unreadable images that are told one by one
_FULL_SINCE: Final = 3  # one epoch, which may begin in the middle, and another one fill a cache
_MUCH: Final = 0.1  # of the images of an epoch


class DataNotes:
    """Tells what a loader met.

    Args:
        loader: The loader.
        tell: Shows one line to the user.
        ranks: That share the images out; what each of them met, the first one hears after the epoch.
    """

    def __init__(self, loader: TrainingLoader | Loader, tell: Callable[[str], None], ranks: Ranks = ALONE) -> None:
        self._loader = loader
        self._tell = tell
        self._ranks = ranks
        self._num_seen = self._num_shared = 0
        self._keys: set[str] = set()
        self._cache: object = None
        self._hits = self._misses = 0
        self._epochs = 0

    def after_batch(self) -> None:
        """Tell of images that could not be used, each once in a run."""
        replaced = self._loader.replaced
        self._tell_of(replaced[self._num_seen :])
        self._num_seen = len(replaced)

    def after_epoch(self, epoch: int) -> None:
        """Tell of images that other ranks could not use, and, once it is known, of what a cache does not hold."""
        own = self._loader.replaced[self._num_shared :]
        self._num_shared += len(own)
        for theirs in self._ranks.gather(own):
            self._tell_of(theirs)
        self._tell_of_cache(epoch)

    def _tell_of(self, replaced: Sequence[Replacement]) -> None:
        for each in replaced:
            if each.key in self._keys:
                continue
            self._keys.add(each.key)
            if len(self._keys) <= _NAMED:
                self._tell(f"image {each.key} of {each.shard} cannot be used ({each.reason}); another one stands in")
            elif len(self._keys) == _NAMED + 1:
                self._tell("more images cannot be used; `artkit dataset verify` lists them all")

    def _tell_of_cache(self, epoch: int) -> None:
        loader = self._loader.current if isinstance(self._loader, TrainingLoader) else self._loader
        cache = loader.cache
        if cache is None:
            return
        if cache is not self._cache:  # larger images have a cache of their own
            self._cache, self._hits, self._misses, self._epochs = cache, 0, 0, 0
        hits, misses = cache.hits - self._hits, cache.misses - self._misses
        self._hits, self._misses = cache.hits, cache.misses
        self._epochs += 1
        if self._epochs == _FULL_SINCE and misses > _MUCH * (hits + misses):
            self._tell(
                f"{misses} of the {hits + misses} images of epoch {epoch + 1} were decoded anew; data.cache can be as "
                "large as memory allows"
            )
