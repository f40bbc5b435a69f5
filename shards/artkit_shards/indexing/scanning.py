"""Scanning tars: first all headers, so that a bad tar costs no work; then every image, in threads.

Results do not depend on the number of threads. Decoding, hashing and reading release the interpreter lock.
"""

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from artkit_shards.errors import DatasetError, TarError
from artkit_shards.format.samples import TarSample, read_samples
from artkit_shards.indexing.finding import Tar
from artkit_shards.indexing.labels import LabelRule
from artkit_shards.indexing.measuring import Reject, Row, measure
from artkit_shards.progress import Progress

_CHUNK: Final = 16
_HASH_BYTES: Final = 1 << 22

Item = TypeVar("Item")
Result = TypeVar("Result")


class ScannedTar(NamedTuple):
    """A tar whose samples were all looked at."""

    tar: Tar
    num_bytes: int
    sha256: str
    rows: list[Row]
    rejects: list[Reject]


def count_samples(
    tars: Sequence[Tar], threads: int, progress: Progress
) -> tuple[dict[Tar, int], dict[Tar, DatasetError]]:
    """Read all headers: the number of samples of each good tar, and what is wrong with each bad one."""
    counts: dict[Tar, int] = {}
    faults: dict[Tar, DatasetError] = {}
    progress("headers", 0, len(tars))
    with ThreadPoolExecutor(threads, thread_name_prefix="artkit-headers") as pool:
        for done, (tar, found) in enumerate(zip(tars, pool.map(_count, tars), strict=True), 1):
            if isinstance(found, DatasetError):
                faults[tar] = found
            else:
                counts[tar] = found
            progress("headers", done, len(tars))
    return counts, faults


def scan_tars(
    counts: Mapping[Tar, int], *, rules: tuple[LabelRule, ...], image: str | None, threads: int, progress: Progress
) -> Iterator[ScannedTar]:
    """Look at every sample, tar by tar in order.

    Raises:
        DatasetError: if a tar cannot be read, or a sample has several images.
    """
    total, done = sum(counts.values()), 0
    progress("images", done, total)
    with ThreadPoolExecutor(threads, thread_name_prefix="artkit-index") as pool:
        work = _Work(rules, image)
        results = in_order(pool, work.do, _pieces(counts), ahead=4 * threads)
        for tar, parts in itertools.groupby(results, key=lambda part: part.tar):
            scanned = ScannedTar(tar, 0, "", [], [])
            for part in parts:
                scanned = _joined(scanned, part)
                done += len(part.rows) + len(part.rejects)
                progress("images", done, total)
            yield scanned


def in_order(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """Results of a function in the order of the items, of which at most `ahead` are under way."""
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def sha256_of(path: Path) -> str:
    """Checksum of a file, in hex.

    Raises:
        DatasetError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while part := file.read(_HASH_BYTES):
                digest.update(part)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


class _Piece(NamedTuple):
    """Some samples of a tar; those of the first piece of each, none at all, stand for its checksum."""

    tar: Tar
    samples: tuple[TarSample, ...]


def _pieces(tars: Iterable[Tar]) -> Iterator[_Piece]:
    for tar in tars:
        yield _Piece(tar, ())
        samples = read_samples(tar.path)
        while chunk := tuple(itertools.islice(samples, _CHUNK)):
            yield _Piece(tar, chunk)


class _Work:
    """What a thread does with a piece."""

    def __init__(self, rules: tuple[LabelRule, ...], image: str | None) -> None:
        self._rules = rules
        self._image = image

    def do(self, piece: _Piece) -> ScannedTar:
        path = piece.tar.path
        if not piece.samples:
            return ScannedTar(piece.tar, path.stat().st_size, sha256_of(path), [], [])
        found = self._measure(path, piece.samples)
        rows = [one for one in found if isinstance(one, Row)]
        return ScannedTar(piece.tar, 0, "", rows, [one for one in found if isinstance(one, Reject)])

    def _measure(self, path: Path, samples: Sequence[TarSample]) -> list[Row | Reject]:
        try:
            with path.open("rb", buffering=0) as file:

                def read_at(offset: int, size: int) -> bytes:
                    return os.pread(file.fileno(), size, offset)

                return [
                    measure(sample, shard=path.name, image=self._image, rules=self._rules, read_at=read_at)
                    for sample in samples
                ]
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def _joined(whole: ScannedTar, part: ScannedTar) -> ScannedTar:
    whole.rows.extend(part.rows)
    whole.rejects.extend(part.rejects)
    return whole if not part.sha256 else whole._replace(num_bytes=part.num_bytes, sha256=part.sha256)


def _count(tar: Tar) -> int | DatasetError:
    try:
        count = sum(1 for _ in read_samples(tar.path))
    except DatasetError as error:
        return error
    return count or TarError(tar.path.name, 0, "it holds no samples (members named as <key>.<suffix>)")
