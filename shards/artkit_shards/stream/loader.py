"""The loader: fills the batches of a plan with decoded images, in threads, and hands them over in order.

Threads are enough: reading (os.pread), decoding and resizing all release the interpreter lock. They receive work in
chunks of images, not one by one, so that Python costs little an image. What a batch holds is decided by its positions
in the plan alone; threads only fill it, so their number changes nothing.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from artkit_shards.errors import SampleError
from artkit_shards.format.dataset import Split
from artkit_shards.images import ImageError
from artkit_shards.stream.decode import Fit, fit_into
from artkit_shards.stream.plan import plan_epoch

_CHUNK = 8  # images a task: small enough to share a batch among threads, large enough to keep Python's part small
_BATCHES_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive positions of a plan, decoded."""

    images: torch.Tensor
    """RGB, uint8, (B, 3, S, S), in channels_last memory format."""
    labels: torch.Tensor
    """Class of each image, int64, (B,)."""
    keys: tuple[str, ...]
    """Key of each sample in its shard."""
    positions: torch.Tensor
    """Position of each image in the plan of the epoch, int64, (B,)."""
    rows: NDArray[np.int64]
    """Row of each sample in the split, (B,)."""


class Loader:
    """Iterates over one epoch of a split in batches.

    Iterating again gives the same batches again. The order is that of `plan_epoch`; its positions do not depend on the
    batch size, on `start` or on `threads`.

    Args:
        split: From `open_dataset(...).split(...)`.
        image_size: Height and width S of the images in pixels.
        batch_size: Images a batch; the last batch has what is left.
        counts: How often each sample appears, int (N,); by default once each.
        fit: "letterbox" shows whole images on white, "squash" stretches them to the square.
        seed: Seed of the plan.
        epoch: Number of the epoch, from 0; each has an order of its own.
        start: Position in the plan to start at, from 0 to its length.
        threads: Threads that read and decode.

    Raises:
        ValueError: for a value out of bounds, saying which rule it breaks.
        SampleError: while iterating, naming shard and key, if a sample cannot be read or decoded.
    """

    def __init__(
        self,
        split: Split,
        *,
        image_size: int,
        batch_size: int,
        counts: NDArray[np.int64] | None = None,
        fit: Fit = "letterbox",
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        threads: int = 2,
    ) -> None:
        for name, value in (("image_size", image_size), ("batch_size", batch_size), ("threads", threads)):
            if value < 1:
                raise ValueError(f"{name}={value} is out of bounds; it must be >= 1")
        if fit not in ("letterbox", "squash"):
            raise ValueError(f"fit={fit!r} is unknown; it is 'letterbox' or 'squash'")
        if counts is None:
            counts = np.ones(len(split), dtype=np.int64)
        self.split = split
        self.plan = plan_epoch(split.labels, counts, seed=seed, epoch=epoch)
        """Row of the split at each position of the epoch, int64."""
        if not 0 <= start <= len(self.plan):
            raise ValueError(f"start={start} is outside [0, {len(self.plan)}], the positions of this epoch's plan")
        self.image_size = image_size
        self.batch_size = batch_size
        self.fit: Fit = fit
        self.start = start
        self.threads = threads

    def __len__(self) -> int:
        """Batches from `start` to the end of the epoch."""
        return -(-(len(self.plan) - self.start) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches in order; each is decoded ahead of its turn."""
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="artkit-loader")
        pending: deque[tuple[Batch, list[Future[None]]]] = deque()
        try:
            for first in range(self.start, len(self.plan), self.batch_size):
                pending.append(self._submit(pool, first))
                if len(pending) > _BATCHES_AHEAD:
                    yield _wait(*pending.popleft())
            while pending:
                yield _wait(*pending.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: ThreadPoolExecutor, first: int) -> tuple[Batch, list[Future[None]]]:
        """Start to fill the batch that begins at position `first`."""
        rows = self.plan[first : first + self.batch_size]
        size = self.image_size
        images_BHWC = torch.empty((len(rows), size, size, 3), dtype=torch.uint8)
        batch = Batch(
            images=images_BHWC.permute(0, 3, 1, 2),
            labels=torch.from_numpy(self.split.labels[rows]),
            keys=tuple(self.split.keys[row] for row in rows.tolist()),
            positions=torch.arange(first, first + len(rows)),
            rows=rows,
        )
        squares = images_BHWC.numpy()
        chunks = range(0, len(rows), _CHUNK)
        return batch, [pool.submit(self._fill, rows[i : i + _CHUNK], squares[i : i + _CHUNK]) for i in chunks]

    def _fill(self, rows: NDArray[np.int64], squares: NDArray[np.uint8]) -> None:
        for row, square in zip(rows.tolist(), squares, strict=True):
            data = self.split.read(row)
            try:
                fit_into(data, square, self.fit)
            except ImageError as error:
                shard, key = self.split.shard_of(row), self.split.keys[row]
                raise SampleError(
                    f"sample {key} of {shard} ({self.split.files[row]}) cannot be decoded: {error}; "
                    "the shard was damaged after it was written: convert the images again",
                    shard=shard,
                    key=key,
                ) from error


def _wait(batch: Batch, parts: list[Future[None]]) -> Batch:
    for part in parts:
        part.result()
    return batch
