"""The loader: delivers the plans of epochs batch by batch, and knows at which position it stands.

Beside it stand planner.py and epochs.py (the order), shares.py (the part of a rank), filling.py (pixels, in threads)
and state.py (where to go on). What is delivered is decided by the plan alone; all else decides only how fast.
"""

import weakref
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from artkit_shards.format.dataset import Split
from artkit_shards.format.interest import Interest
from artkit_shards.sizes import parse_bytes
from artkit_shards.stream.arguments import check_fit, check_max_bad, whole_number
from artkit_shards.stream.batch import Batch
from artkit_shards.stream.buffers import Buffers
from artkit_shards.stream.cache import CacheForecast, DecodeCache
from artkit_shards.stream.crop import RandomResizedCrop
from artkit_shards.stream.decode import Fit
from artkit_shards.stream.epochs import Counts, Epochs
from artkit_shards.stream.filling import SPAN, Filled, Filler
from artkit_shards.stream.pixels import Pixels, PixelSettings, PixelSource
from artkit_shards.stream.planner import LocalPlanner, Planner, RowPlanner
from artkit_shards.stream.process import PixelProcess
from artkit_shards.stream.replacement import Replacement, StandIns, Tolerance
from artkit_shards.stream.shares import Shares
from artkit_shards.stream.state import check_plan, make_state, read_place
from artkit_shards.stream.windows import WindowPlanner

__all__ = ["Batch", "Loader"]


class _UnderWay(NamedTuple):
    """What an iterator has under way."""

    filling: Generator[Filled]
    pool: ThreadPoolExecutor


class Loader:
    """Delivers the epochs of a split in batches, one epoch after another.

    Iterating delivers the rest of the epoch at which the loader stands; then it stands at the beginning of the next.
    Leave the loop at any time: the next one goes on behind the last batch that was delivered. While an epoch is
    delivered, the next one is planned in the background.

    The order is that of `plan_epoch` or, for shards that have an address, of `WindowPlanner`: positions do not depend
    on batch size, ranks, threads, cache or restarts.

    Args:
        split: From `open_dataset(...).split(...)`.
        image_size: Height and width S of the images in pixels.
        batch_size: Images a batch of this rank; the last batch of an epoch has what is left.
        counts: How often each sample appears, int (N,), or a function that says it for an epoch; by default once each.
        fit: "letterbox" shows whole images on white, "squash" stretches them to the square.
        seed: Seed of the plan.
        epoch: Number of the epoch to begin with, from 0; each has an order of its own.
        start: Position in its plan to begin at, from 0 to its length.
        threads: Threads that read and decode.
        rank: Number of this process among those that share the batches, from 0.
        world_size: Number of those processes; all of them make the same number of steps.
        order: "plan" for training; "rows" for evaluation: every epoch is the split in its order; or a planner, such as
            a `LocalPlanner`, or a `WindowPlanner` with a window of your choice.
        cache: Memory for decoded images that are shown again, such as "2GB" or a number of bytes; pixels stay the same,
            except that crops are then taken from somewhat reduced images.
        crop: Shows a random part of each image instead of the whole; `fit` has no effect then.
        subprocess: Read and decode in one process of its own, with as many threads, instead of in threads of this one;
            worth it where the training loop's own Python keeps the interpreter busy. Data sets of this machine only.
        max_bad: Share of an epoch's samples, 0 to 1, that may be bad, be it a single one: another of the same class
            stands in for each, see `replaced`. At 0, and always with order="rows", a bad sample is an error at once.
        pin_memory: Images go to memory that a CUDA device copies from without waiting; no effect without one.

    Raises:
        TypeError: for a value of a wrong kind, such as a data set instead of one of its splits.
        ValueError: for a value out of bounds, saying which rule it breaks.
        SampleError: while iterating, naming shard and key, if a sample is bad and may not be replaced.
    """

    def __init__(
        self,
        split: Split,
        *,
        image_size: int,
        batch_size: int,
        counts: Counts | None = None,
        fit: Fit = "letterbox",
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        threads: int = 2,
        rank: int = 0,
        world_size: int = 1,
        order: Literal["plan", "rows"] | Planner = "plan",
        cache: str | int | None = None,
        crop: RandomResizedCrop | None = None,
        subprocess: bool = False,
        max_bad: float = 0.001,
        pin_memory: bool = False,
    ) -> None:
        _check_kinds(split, crop)
        check_fit(fit)
        check_max_bad(max_bad)
        self.split = split
        self.image_size = whole_number("image_size", image_size, least=1)
        self.batch_size = whole_number("batch_size", batch_size, least=1)
        self.fit: Fit = fit
        self.seed = whole_number("seed", seed)
        self.threads = whole_number("threads", threads, least=1)
        rank, world_size = whole_number("rank", rank), whole_number("world_size", world_size)
        self.shares = Shares(batch_size=self.batch_size, rank=rank, world_size=world_size)
        budget = 0 if cache is None else parse_bytes(cache)
        self._settings = PixelSettings(size=self.image_size, fit=fit, crop=crop, seed=self.seed, cached=budget > 0)
        self.cache: DecodeCache | PixelProcess | None = None
        """What holds decoded images; its `hits` and `misses` count what was saved."""
        self.forecast: CacheForecast | None = None
        """What the cache will save in the epoch that was begun last."""
        self.replaced: list[Replacement] = []
        """Bad samples that another one stood in for, in the order of delivery, over all epochs."""
        self._tolerance = Tolerance(0.0 if order == "rows" else max_bad, world_size)
        self._pin_memory = pin_memory and torch.cuda.is_available()
        self._buffers = Buffers()
        self._planner = _pick_planner(order, split, self.seed)
        self._epochs = Epochs(self._planner, counts, len(split))
        self._under_way: list[_UnderWay] = []
        self._epoch = whole_number("epoch", epoch, least=0)
        self._consumed = whole_number("start", start)
        length = self._epochs.plan(epoch).length
        if not 0 <= start <= length:
            raise ValueError(f"start={start} is outside [0, {length}], the positions of this epoch's plan")
        self._pixels = self._open_pixels(budget, subprocess)
        # An iterator that is left open must end while the interpreter still has all it needs for that.
        weakref.finalize(self, _abandon, self._under_way)

    def _open_pixels(self, cache_bytes: int, subprocess: bool) -> PixelSource:
        """Make what fills squares, and `self.cache` if there is one."""
        settings = self._settings
        if subprocess:
            process = PixelProcess(self.split, settings, cache_bytes=cache_bytes, threads=self.threads, span=SPAN)
            self.cache = process if cache_bytes else None
            return process
        self.cache = DecodeCache(cache_bytes, 3 * settings.kept_size**2) if cache_bytes else None
        return Pixels(self.split, settings, self.cache)

    @property
    def epoch(self) -> int:
        """Number of the epoch at which the loader stands."""
        return self._epoch

    @property
    def consumed(self) -> int:
        """Positions of its plan that are delivered, to all ranks together."""
        return self._consumed

    @property
    def num_positions(self) -> int:
        """Positions of its plan."""
        return self._epochs.plan(self._epoch).length

    @property
    def plan(self) -> NDArray[np.int64]:
        """Its plan: the row of the split at each position, int64."""
        return self._epochs.plan(self._epoch).order

    def __len__(self) -> int:
        """Batches from where the loader stands to the end of the epoch; the same for every rank."""
        return self.shares.num_steps(self._consumed, self.num_positions)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the rest of the epoch in order; each is decoded ahead of its turn."""
        _end(self._under_way)
        interest = Interest()
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="artkit-loader", initializer=interest.join)
        filling = self._begin_epoch().fill(pool, interest)
        under_way = _UnderWay(filling, pool)
        self._under_way.append(under_way)
        replaced: list[Replacement] = []
        for filled in filling:
            self._note_replaced(filled, replaced)
            self._consumed = min(self._consumed + self.shares.global_batch, self.num_positions)
            yield self._to_batch(filled)
        if under_way not in self._under_way:
            raise RuntimeError("the loader was begun anew or moved meanwhile; go on with its newest iterator")
        self._epoch, self._consumed = self._epoch + 1, 0

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or sent to another process, where its threads are not."""
        raise TypeError(
            "a Loader cannot be pickled or copied; make one where it is needed, and hand over its state_dict()"
        )

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: behind the last batch that was delivered, whatever was decoded ahead.

        Returns:
            Plain JSON under 1 kB: "plan", the sha256 of "fields", which say what the plan is made of; "epoch"; and
            "consumed" positions of it. It is the same on every rank, and any number of ranks can go on from it.
        """
        return make_state(self._fields(self._epoch), self._epoch, self._consumed)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader of the same plan stood.

        Batch size, ranks, threads and cache may be others than they were.

        Raises:
            StateError: if the state is that of another plan, naming the field that differs, or is no state.
        """
        epoch, consumed = read_place(state)
        check_plan(state, self._fields(epoch), self._epochs.plan(epoch).length)
        _end(self._under_way)
        self._epoch, self._consumed = epoch, consumed

    def _fields(self, epoch: int) -> dict[str, Any]:
        """What identifies the plan of an epoch, and the pixels it is shown with."""
        return {
            **self._planner.fields(),
            "data": self.split.fingerprint,
            "split": self.split.name,
            "target": next(iter(self.split.targets)),
            "counts": self._epochs.plan(epoch).counts_digest,
            **self._settings.fields(),
        }

    def _begin_epoch(self) -> Filler:
        """Prepare to fill the rest of the epoch."""
        order = self._epochs.plan(self._epoch).order
        self._epochs.prepare(self._epoch + 1)
        if self.split.is_remote:
            pinned = self._planner.pinned(np.bincount(order, minlength=len(self.split)))
            self.split.want(order[self.shares.sequence(self._consumed, len(order))], pinned)
        if self.cache is not None:
            rows = order[self.shares.sequence(self._consumed, len(order))]
            self.forecast = self.cache.plan(rows, self._following_rows())
        stand_ins = None
        if self._tolerance.most(len(order)):
            uncached = Pixels(self.split, self._settings)
            stand_ins = StandIns(self.split, uncached, order, seed=self.seed, epoch=self._epoch)
        return Filler(
            split=self.split,
            pixels=self._pixels,
            stand_ins=stand_ins,
            order=order,
            epoch=self._epoch,
            first=self._consumed,
            shares=self.shares,
            image_size=self.image_size,
            buffers=None if self._pin_memory else self._buffers,
        )

    def _following_rows(self) -> NDArray[np.int64] | None:
        """The rank's rows of the next epoch; None if that cannot be planned, which matters only when it comes."""
        following = self._epochs.order_if_any(self._epoch + 1)
        return None if following is None else following[self.shares.sequence(0, len(following))]

    def _note_replaced(self, filled: Filled, replaced: list[Replacement]) -> None:
        """Record stand-ins; too many are an error."""
        padding = set(filled.positions[~filled.mask].tolist())
        new = [each for each in filled.replaced if each.position not in padding]
        replaced += new
        self.replaced += new
        self._tolerance.check(replaced, self.num_positions)

    def _to_batch(self, filled: Filled) -> Batch:
        targets = {name: torch.from_numpy(labels[filled.rows]) for name, labels in self.split.targets.items()}
        main = next(iter(targets))
        return Batch(
            images=filled.images.permute(0, 3, 1, 2),
            labels=targets[main],
            targets=targets,
            positions=torch.from_numpy(filled.positions),
            rows=filled.rows,
            mask=torch.from_numpy(filled.mask),
            split_keys=self.split.keys,
        )


def _check_kinds(split: object, crop: object) -> None:
    """Raise TypeError for what is often given by mistake."""
    if not isinstance(split, Split):
        what = repr(split) if isinstance(split, str | Path) else f"a {type(split).__name__}"
        raise TypeError(f"a Loader takes a split, not {what}; give it open_dataset(PATH).split('train')")
    if not isinstance(crop, RandomResizedCrop | None):
        raise TypeError(f"crop={crop!r} is no crop; give RandomResizedCrop(), or None for whole images")


def _end(under_way: list[_UnderWay]) -> None:
    """End what earlier iterators have under way, and wait until nothing of it goes on."""
    pools = [each.pool for each in under_way]
    _abandon(under_way)
    for pool in pools:
        pool.shutdown(wait=True)


def _abandon(under_way: list[_UnderWay]) -> None:
    """End what iterators have under way, without waiting.

    The garbage collector calls this, in any thread: perhaps in one that would wait for itself, or for others that wait
    for a lock it has.
    """
    while under_way:
        under_way.pop().filling.close()


def _pick_planner(order: str | Planner, split: Split, seed: int) -> Planner:
    if order == "plan":
        return WindowPlanner(split, seed=seed) if split.is_remote else LocalPlanner(split.labels, seed)
    if order == "rows":
        return RowPlanner()
    if isinstance(order, str) or not hasattr(order, "order"):
        raise ValueError(f"order={order!r} is unknown; it is 'plan', 'rows' or a planner, such as WindowPlanner(split)")
    return order
