"""Batches out of tars without an index, in the order of the tars.

Without an index nobody knows what is in a tar before it was read. So there is no class balance, no shuffling, no length
of an epoch, no exact place to resume at and no sharing of batches by ranks: each pass reads everything once, from the
beginning. `artkit dataset index` makes an index, and gives all of that back with `open_dataset` and `Loader`.

webdataset groups members into samples; nothing else of it runs: its openers lead through a shell, and its decoders
unpickle. Tars are read by tar_source.py, images are decoded as `Loader` decodes them, labels are numbers or names.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from webdataset.tariterators import group_by_keys

from artkit_shards.errors import DatasetError, ImageError
from artkit_shards.format.files import MAX_IMAGE_BYTES
from artkit_shards.format.interest import Interest
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience
from artkit_shards.format.samples import is_image
from artkit_shards.stream.arguments import check_fit, check_max_bad, whole_number
from artkit_shards.stream.decode import Fit, fit_into
from artkit_shards.stream.tar_labels import TarLabels
from artkit_shards.stream.tar_source import read_members
from artkit_shards.wording import counted, listed

_BATCHES_AHEAD: Final = 3
_FEW: Final = 10
"""So many bad samples say little of a stream whose length is not known."""
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TarBatch:
    """Consecutive samples of a stream, decoded."""

    images: torch.Tensor
    """RGB, uint8, (B, 3, S, S), in channels_last memory format."""
    labels: torch.Tensor
    """Class of each image, int64, (B,)."""
    keys: tuple[str, ...]
    """Key of each sample in its tar."""


@dataclass(frozen=True, slots=True)
class BadSample:
    """A sample that was left out."""

    tar: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Sample:
    tar: str
    key: str
    label: int
    image: bytes


class TarStream:
    """Iterates over the samples of tars in batches; each iteration is a pass over all of them.

    Args:
        tars: Paths or addresses (https://, s3:// and others) of tar files, read one after the other.
        image_size: Height and width S of the images in pixels.
        batch_size: Samples a batch; fewer where some are bad, and in the last one.
        label: Where a sample's class is: "cls", a number in the member of that suffix; or a field of its JSON member.
        classes: Names of the classes in the order of their numbers; needed where labels are names.
        fit: "letterbox" shows whole images on white, "squash" stretches them to the square.
        threads: Threads that decode; one more reads.
        max_bad: Share of the samples, 0 to 1, that may be bad: they are left out, see `bad`. At 0, one is an error.
        patience: How long to insist on a tar that does not come.

    Raises:
        TypeError: for a value of a wrong kind.
        ValueError: for a value out of bounds, saying which rule it breaks.
        DatasetError: while iterating, if a tar cannot be read, or too many samples are bad.
    """

    def __init__(
        self,
        tars: Path | str | Sequence[Path | str],
        *,
        image_size: int,
        batch_size: int,
        label: str = "cls",
        classes: Sequence[str] | None = None,
        fit: Fit = "letterbox",
        threads: int = 2,
        max_bad: float = 0.001,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        check_fit(fit)
        check_max_bad(max_bad)
        self.tars = [tars] if isinstance(tars, Path | str) else list(tars)
        if not self.tars:
            raise ValueError("tars is empty; give at least one tar file")
        self.image_size = whole_number("image_size", image_size, least=1)
        self.batch_size = whole_number("batch_size", batch_size, least=1)
        self.bad: list[BadSample] = []
        """Samples that the pass begun last has left out so far."""
        self.num_samples = 0
        """Samples that it has met so far, bad ones included."""
        self._labels = TarLabels(label, classes)
        self._fit: Fit = fit
        self._threads = whole_number("threads", threads, least=1)
        self._max_bad = max_bad
        self._patience = patience

    def __iter__(self) -> Iterator[TarBatch]:
        """Yield the batches of a pass in order; each is read and decoded ahead of its turn.

        If it is left early, the tar that is open is closed a moment later.
        """
        self.bad, self.num_samples = [], 0
        samples = self._samples()
        # One thread reads, in order; it hands each image to those that decode.
        interest = Interest()
        reader = ThreadPoolExecutor(1, thread_name_prefix="artkit-tar-reader", initializer=interest.join)
        decoders = ThreadPoolExecutor(self._threads, thread_name_prefix="artkit-tar-decoder")
        coming = deque(reader.submit(self._start_batch, samples, decoders) for _ in range(_BATCHES_AHEAD))
        try:
            while (batch := coming.popleft().result()) is not None:
                coming.append(reader.submit(self._start_batch, samples, decoders))
                yield from self._finish_batch(*batch)
            self._check_any()
        finally:
            # Nothing is waited for: the garbage collector may end this in any thread, one of these included.
            interest.end()
            for batch_to_come in coming:
                batch_to_come.cancel()
            _close_after(reader, samples)
            decoders.shutdown(wait=False, cancel_futures=True)

    def _start_batch(
        self, samples: Iterator[_Sample | BadSample], decoders: ThreadPoolExecutor
    ) -> "tuple[list[_Sample | BadSample], NDArray[np.uint8], list[Future[str | None]]] | None":
        """Read the next samples and begin to decode them; None at the end."""
        found = list(islice(samples, self.batch_size))
        if not found:
            return None
        squares = np.empty((len(found), self.image_size, self.image_size, 3), dtype=np.uint8)
        faults = [decoders.submit(self._decode, *pair) for pair in zip(found, squares, strict=True)]
        return found, squares, faults

    def _decode(self, sample: _Sample | BadSample, square: NDArray[np.uint8]) -> str | None:
        """Fill a square; why it could not be filled, or None."""
        if isinstance(sample, BadSample):
            return sample.reason
        try:
            fit_into(sample.image, square, self._fit)
        except ImageError as error:
            return str(error)
        return None

    def _finish_batch(
        self, found: list[_Sample | BadSample], squares: NDArray[np.uint8], faults: "list[Future[str | None]]"
    ) -> Iterator[TarBatch]:
        """The batch of what could be decoded, if that is anything."""
        good = []
        for place, (sample, future) in enumerate(zip(found, faults, strict=True)):
            self.num_samples += 1
            fault = future.result()
            if fault is None:
                good.append(place)
            else:
                self._note_bad(BadSample(sample.tar, sample.key, fault))
        kept = [sample for sample in (found[place] for place in good) if isinstance(sample, _Sample)]
        if kept:
            images = torch.from_numpy(squares if len(good) == len(squares) else squares[good])
            labels = torch.tensor([sample.label for sample in kept])
            keys = tuple(sample.key for sample in kept)
            yield TarBatch(images=images.permute(0, 3, 1, 2), labels=labels, keys=keys)

    def _note_bad(self, sample: BadSample) -> None:
        self.bad.append(sample)
        most = max(_FEW, self._max_bad * self.num_samples) if self._max_bad else 0
        if len(self.bad) > most:
            raise DatasetError(
                f"{len(self.bad)} of the first {counted(self.num_samples, 'sample')} cannot be used, more than "
                f"max_bad={self._max_bad:g} allows: {self._named_bad()}; mend the tars, or raise max_bad"
            )

    def _check_any(self) -> None:
        if self.num_samples == len(self.bad):
            what = f"all are bad: {self._named_bad()}" if self.bad else "there are none"
            raise DatasetError(f"no sample of {listed([*map(self._shown, self.tars)], _NAMED)} can be used, {what}")

    def _named_bad(self) -> str:
        reasons = Counter(sample.reason for sample in self.bad).most_common(_NAMED)
        first = listed([f"{sample.key} of {sample.tar}" for sample in self.bad], _NAMED)
        return f"{first} ({', '.join(f'{reason}: {number}' for reason, number in reasons)})"

    @staticmethod
    def _shown(tar: Path | str) -> str:
        return Path(str(tar).partition("?")[0]).name

    def _samples(self) -> Generator[_Sample | BadSample, None, None]:
        try:
            for sample in group_by_keys(self._members()):
                yield self._understand(sample)
        except ValueError as error:
            raise DatasetError(f"a sample has two members of one suffix: {error.args[0]}; mend the tar") from error

    def _members(self) -> Iterator[dict[str, Any]]:
        """Members as webdataset wants them; an empty one ends each tar."""
        for tar in self.tars:
            for member in read_members(tar, self._most_bytes, self._patience):
                yield {"fname": member.name, "data": member.data, "__url__": member.tar}
            yield {}

    def _most_bytes(self, suffix: str) -> int:
        return MAX_IMAGE_BYTES if is_image(suffix) else self._labels.most_bytes(suffix)

    def _understand(self, sample: dict[str, Any]) -> _Sample | BadSample:
        tar, key = sample["__url__"], sample["__key__"]
        images = [name for name in sample if is_image(name)]
        if not images:
            return BadSample(tar, key, "no image")
        image = sample[images[0]]
        if image is None:
            return BadSample(tar, key, "image too large")
        try:
            return _Sample(tar, key, self._labels.read(sample), image)
        except ValueError as error:
            return BadSample(tar, key, str(error))


def _close_after(reader: ThreadPoolExecutor, samples: Generator[Any, None, None]) -> None:
    """Close a generator once the thread that runs it has no more to do, and end that thread."""
    try:
        reader.submit(samples.close)
    except RuntimeError:  # the interpreter is about to end, and its threads have
        samples.close()
    reader.shutdown(wait=False)
