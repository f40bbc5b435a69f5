"""What the user should hear of the loading of images: which ones could not be used, and what a cache saved."""

from collections.abc import Callable
from typing import Final

from artkit.engine.training_loader import TrainingLoader
from artkit_shards import Loader

_NAMED: Final = 10  # unreadable images that are told one by one
_EPOCHS_WITH_CACHE_NOTE: Final = 2  # the first fills it, in the second it is as it will stay


class DataNotes:
    """Tells what a loader met.

    Args:
        loader: The loader.
        tell: Shows one line to the user.
    """

    def __init__(self, loader: TrainingLoader | Loader, tell: Callable[[str], None]) -> None:
        self._loader = loader
        self._tell = tell
        self._num_seen = 0
        self._keys: set[str] = set()
        self._cache: object = None
        self._hits = self._misses = 0
        self._epochs = 0

    def after_batch(self) -> None:
        """Tell of images that could not be used, each once in a run."""
        replaced = self._loader.replaced
        for each in replaced[self._num_seen :]:
            if each.key in self._keys:
                continue
            self._keys.add(each.key)
            if len(self._keys) <= _NAMED:
                self._tell(f"image {each.key} of {each.shard} cannot be used ({each.reason}); another one stands in")
            elif len(self._keys) == _NAMED + 1:
                self._tell("more images cannot be used; `artkit dataset verify` lists them all")
        self._num_seen = len(replaced)

    def after_epoch(self, epoch: int) -> None:
        """Tell what the cache saved, until that is known."""
        loader = self._loader.current if isinstance(self._loader, TrainingLoader) else self._loader
        cache, forecast = loader.cache, loader.forecast
        if cache is None or forecast is None or self._epochs == _EPOCHS_WITH_CACHE_NOTE:
            return
        if cache is not self._cache:  # larger images have a cache of their own
            self._cache, self._hits, self._misses = cache, 0, 0
        hits, misses = cache.hits - self._hits, cache.misses - self._misses
        self._hits, self._misses = cache.hits, cache.misses
        self._epochs += 1
        self._tell(
            f"cache: {misses} of {hits + misses} images were decoded in epoch {epoch + 1}, {forecast.decodes} foretold"
        )
