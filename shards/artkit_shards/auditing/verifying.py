"""Verifying: shards, samples, index and sidecars of a data set agree, and other readers can read it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from artkit_shards.auditing.faults import CONVERT_AGAIN, INDEX_AGAIN, Fault, VerifyReport, fault_of
from artkit_shards.auditing.places import Place, open_place
from artkit_shards.auditing.readers import READERS, Complaint, ShardFacts, data_set_complaints
from artkit_shards.auditing.rows import IndexRow, IndexRows
from artkit_shards.auditing.samples import LabelCheck, label_checks, sample_faults
from artkit_shards.auditing.shards import CheckedShard, check_shard
from artkit_shards.auditing.sidecars import data_set_sidecar_faults, present_sidecars, shard_sidecar_faults
from artkit_shards.conversion.workers import default_workers
from artkit_shards.errors import DatasetError
from artkit_shards.format.dataset import Dataset
from artkit_shards.format.interest import threads_while_wanted
from artkit_shards.format.manifest import FILE_NAME, FOLDER, Manifest, ShardEntry
from artkit_shards.format.manifest_reader import read_manifest
from artkit_shards.format.opening import open_dataset
from artkit_shards.format.reading import local_files
from artkit_shards.format.samples import TarSample
from artkit_shards.format.sidecar_contents import ShardSummary
from artkit_shards.format.tar_reader import Member
from artkit_shards.indexing.scanning import in_order
from artkit_shards.progress import Progress, ignore_progress

_CHUNK: Final = 16
MANIFEST: Final = f"{FOLDER}/{FILE_NAME}"
INDEX: Final = f"{FOLDER}/index"


def verify_dataset(
    location: Path | str, *, threads: int | None = None, progress: Progress = ignore_progress
) -> VerifyReport:
    """Check all of a data set: every byte of every shard, every sample, and the files beside them.

    What keeps other readers from reading the shards is a fault of a converted data set. Of tars that others wrote it
    is told, no more.

    Args:
        location: The folder of the data set, or its address. Then shards are fetched one after the other, and only a
            few are kept at a time, in the folder for temporary files.
        threads: Threads that read and decode; by default one a core.
        progress: Called with phase "verify", samples done and their total.

    Raises:
        DatasetError: if this is no data set at all, or an address that cannot be read.
    """
    with open_place(location) as place:
        if not (place.folder / MANIFEST).exists():
            open_dataset(place.folder)
        try:
            manifest = read_manifest(place.folder)
            checks = label_checks(manifest)
        except DatasetError as error:
            return _as_known(place, _unreadable(place, error))
        return _as_known(place, _Verification(place, manifest, checks, threads or default_workers(), progress).report())


def _as_known(place: Place, report: VerifyReport) -> VerifyReport:
    """A report whose faults name files as users know them."""
    here, shown = str(place.folder), str(place.shown)
    return replace(report, faults=tuple(replace(one, text=one.text.replace(here, shown)) for one in report.faults))


def _unreadable(place: Place, error: DatasetError) -> VerifyReport:
    fault = fault_of(MANIFEST, error, "nothing else can be checked without it")
    return VerifyReport(
        directory=place.shown, faults=(fault,), num_shards=0, num_samples=0, num_bytes=0, readers={}, sidecars=()
    )


class _ShardJob(NamedTuple):
    """A shard to be checked; its rows of the index are number `number` of those of its split, if they can be read."""

    split: str
    entry: ShardEntry
    rows: IndexRows | None
    number: int


class _SampleJob(NamedTuple):
    """Some samples of a shard to be checked."""

    shard: str
    pairs: Sequence[tuple[IndexRow, TarSample]]
    is_last: bool
    """Whether these are the last of the shard; there may be none."""


class _Verification:
    """The state of one verification: what was found so far."""

    def __init__(
        self, place: Place, manifest: Manifest, checks: tuple[LabelCheck, ...], threads: int, progress: Progress
    ) -> None:
        self._place = place
        self._folder = place.folder
        self._manifest = manifest
        self._checks = checks
        self._threads = threads
        self._progress = progress
        self._again = INDEX_AGAIN if manifest.is_indexed else CONVERT_AGAIN
        self._faults: list[Fault] = []
        self._complaints: list[Complaint] = []
        self._facts: list[ShardFacts] = []
        self._summaries: list[ShardSummary] = []  # of shards that could be read whole
        self._total = sum(split.samples for split in manifest.splits)
        self._done = 0

    def report(self) -> VerifyReport:
        """Check everything."""
        self._advance(0)
        self._faults += self._place.fetch_small(self._manifest)
        self._check_opening()
        with threads_while_wanted(self._threads, "artkit-verify") as pool:
            checked = in_order(pool, self._check_shard, self._shard_jobs(), ahead=self._threads)
            jobs = self._sample_jobs(checked)
            for job, faults in in_order(pool, self._check_samples, jobs, ahead=4 * self._threads):
                self._faults += faults
                self._advance(len(job.pairs))
                if job.is_last:
                    self._place.let_go(job.shard)
        self._complaints += data_set_complaints(self._facts)
        entries = [shard for split in self._manifest.splits for shard in split.shards]
        if len(self._summaries) == len(entries):
            self._faults += data_set_sidecar_faults(self._folder, self._manifest, self._summaries)
        if not self._manifest.is_indexed:
            self._faults += [Fault(c.shard, None, f"{c.reader}: {c.text}", self._again) for c in self._complaints]
        return VerifyReport(
            directory=self._place.shown,
            faults=tuple(self._faults),
            num_shards=len(entries),
            num_samples=self._total,
            num_bytes=sum(entry.bytes for entry in entries),
            readers={reader: self._complaints_of(reader) for reader in READERS},
            sidecars=present_sidecars(self._folder, self._manifest),
        )

    def _complaints_of(self, reader: str) -> tuple[str, ...]:
        return tuple(f"{one.shard}: {one.text}" for one in self._complaints if one.reader == reader)

    def _advance(self, samples: int) -> None:
        self._done += samples
        self._progress("verify", self._done, self._total)

    def _check_opening(self) -> None:
        """What opening the data set would refuse, unless it is a shard, which is looked at more closely below."""
        try:
            Dataset(self._folder, self._manifest, self._folder, lambda _entry, check: local_files((), check))
        except DatasetError as error:
            self._faults.append(fault_of(INDEX, error, self._again))

    def _shard_jobs(self) -> Iterator[_ShardJob]:
        for split in self._manifest.splits:
            rows = None
            try:
                rows = IndexRows(self._folder, split, self._manifest.targets)
            except DatasetError as error:
                fault = fault_of(INDEX, error, self._again)
                self._faults += [fault] if fault not in self._faults else []
            for number, entry in enumerate(split.shards):
                yield _ShardJob(split.name, entry, rows, number)

    def _check_shard(self, job: _ShardJob) -> tuple[_ShardJob, CheckedShard]:
        rows = None if job.rows is None else job.rows.of_shard(job.number)
        is_indexed = self._manifest.is_indexed
        fault = self._place.fetch_shard(job.entry)
        found = check_shard(self._folder, job.split, job.entry, rows, is_indexed=is_indexed, again=self._again)
        return job, found if fault is None else replace(found, faults=[fault])

    def _sample_jobs(self, checked: Iterable[tuple[_ShardJob, CheckedShard]]) -> Iterator[_SampleJob]:
        for job, found in checked:
            self._faults += found.faults
            self._complaints += found.complaints
            self._facts.append(found.facts)
            if found.is_whole:
                self._summaries.append(found.summary)
                self._faults += shard_sidecar_faults(self._folder, job.entry.name, found.samples)
            self._advance(job.entry.samples - len(found.pairs))
            for start in range(0, max(1, len(found.pairs)), _CHUNK):
                is_last = start + _CHUNK >= len(found.pairs)
                yield _SampleJob(job.entry.name, found.pairs[start : start + _CHUNK], is_last)

    def _check_samples(self, job: _SampleJob) -> tuple[_SampleJob, list[Fault]]:
        if not job.pairs:
            return job, []
        path = self._folder / job.shard
        try:
            with path.open("rb", buffering=0) as file:

                def read(member: Member) -> bytes:
                    return os.pread(file.fileno(), member.size, member.offset)

                return job, [
                    Fault(job.shard, row.key, text, self._again)
                    for row, sample in job.pairs
                    for text in sample_faults(
                        row, sample, self._checks, read, described_in_json=not self._manifest.is_indexed
                    )
                ]
        except OSError as error:
            return job, [Fault(job.shard, None, f"cannot be read: {error.strerror}", self._again)]
