"""One conversion, step by step: inspect, plan, write, commit."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from artkit_shards.conversion.augmenting import ImageAugmenter
from artkit_shards.conversion.destination import Destination
from artkit_shards.conversion.duplicates.page import leakage_page
from artkit_shards.conversion.finishing import Finished, finish_shards, shard_jobs
from artkit_shards.conversion.inspecting import inspect_all
from artkit_shards.conversion.inspection import Pixels
from artkit_shards.conversion.measuring import Finding, decode_rewritten, measure_pixels
from artkit_shards.conversion.plan import Plan, Rejects, plan_conversion, sort_out
from artkit_shards.conversion.reading import source_state
from artkit_shards.conversion.recording import make_manifest, record_index
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.report import ConvertReport, TakenOver, make_report
from artkit_shards.conversion.resuming.kept_inspections import KeptInspections, State
from artkit_shards.conversion.resuming.kept_shards import KeptShards
from artkit_shards.conversion.selection import is_asked_for
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.settling import settle_beside
from artkit_shards.conversion.stores.store import Hold
from artkit_shards.conversion.workers import Workers
from artkit_shards.conversion.writing import SourceChangedError
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import to_json
from artkit_shards.format.sidecars import write_sidecars
from artkit_shards.progress import Progress

_LEAKAGE: Final = "leakage.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a conversion has to do, where, and with whom; see `convert`."""

    listing: Sequence[Record]
    known_rejects: Sequence[tuple[str, str]]
    settings: Settings
    augmenter: ImageAugmenter | None
    destination: Destination
    hold: Hold
    pool: Workers
    far_workers: bool
    """Whether workers are on other machines."""
    progress: Progress

    def run(self) -> ConvertReport:
        """Do it."""
        # Taken before the files are read: one that changes in between is another one next time.
        wanted = [record for record in self.listing if is_asked_for(record.label, self.settings)]
        states = {record.file: source_state(record.image) for record in wanted}
        findings, num_known = self._inspect(states, self.settings.verify, wanted, self._told("inspect"))
        if self.settings.verify == "header":
            decode = partial(self._findings, states, self._told("inspect"))
            findings = decode_rewritten(wanted, findings, self.settings, decode)
        usable, unusable, suffix = sort_out(wanted, findings, self.settings)
        _check_rejects(unusable, len(wanted), self.settings.max_rejects, self.destination)
        plan = plan_conversion(self.listing, usable, suffix, self.settings)
        self.hold.check()
        self.destination.replace(plan.shard_names)
        decode = partial(self._findings, states, _told_to_nobody)
        # Both need some images once more, and there is time for that while the shards are written.
        with ThreadPoolExecutor(1, "beside") as beside:
            measuring = beside.submit(measure_pixels, plan.to_measure, decode)
            showing = beside.submit(self._write_leakage, plan)
            try:
                finished = self._write(plan, states)
            except BaseException:
                showing.cancel()  # nobody would look at it, and whoever stopped us waits
                raise
            rejects = Rejects(files=(*self.known_rejects, *unusable.files))
            pixels = [*measuring.result(), *plan.measured]
            return self._complete(plan, finished, pixels, rejects, showing.result(), num_known)

    def _write(self, plan: Plan, states: Mapping[str, State | None]) -> Finished:
        """Write shards and index, and see both onto the disk."""
        store, kept = self.destination.store, KeptShards(self.destination.journal)
        # What another machine has written, this one cannot see onto the disk.
        jobs = shard_jobs(plan, self.settings, store, self.augmenter, settle=self.far_workers)
        with settle_beside(store) as settling:
            try:
                finished = finish_shards(jobs, states, kept, self.pool, settling, self._told("write"))
            except SourceChangedError:
                self._kept_inspections(self.settings.verify).forget()
                raise
            with self.destination.new_index() as folder:
                for name in record_index(plan, finished.shards, folder):
                    settling.add(self.destination.index_file(name))
            settling.finish()
        return finished

    def _complete(
        self,
        plan: Plan,
        finished: Finished,
        pixels: Sequence[Pixels],
        rejects: Rejects,
        leakage_file: Path | str | None,
        num_known: int,
    ) -> ConvertReport:
        """Write what is left, the manifest last."""
        destination = self.destination
        rejects_file = destination.write_rejects(rejects.files)
        manifest = make_manifest(plan, finished.shards, pixels, rejects, self.settings, self.augmenter)
        self.hold.check()
        destination.commit(to_json(manifest), plan.shards)
        if self.settings.sidecars and isinstance(destination.location, Path):
            write_sidecars(destination.location, self.settings.sidecars)
        taken_over = TakenOver(num_known, finished.num_taken_over)
        return make_report(plan, finished.shards, rejects, rejects_file, leakage_file, destination.location, taken_over)

    def _inspect(
        self,
        states: Mapping[str, State | None],
        verify: str,
        records: Sequence[Record],
        told: Callable[[int, int], None],
    ) -> tuple[list[Finding], int]:
        kept = self._kept_inspections(verify)
        return inspect_all(records, states, kept, self.pool, verify, partial(told, len(records)))

    def _findings(
        self, states: Mapping[str, State | None], told: Callable[[int, int], None], records: Sequence[Record]
    ) -> Sequence[Finding]:
        """What is found in images when they are decoded."""
        return self._inspect(states, "full", records, told)[0]

    def _kept_inspections(self, verify: str) -> KeptInspections:
        return KeptInspections(self.destination.journal, verify)

    def _write_leakage(self, plan: Plan) -> Path | str | None:
        page = leakage_page(plan, self.settings.duplicates)
        if page is None:
            self.destination.remove_note(_LEAKAGE)
            return None
        return self.destination.write_note(_LEAKAGE, page)

    def _told(self, phase: str) -> Callable[[int, int], None]:
        return lambda total, done: self.progress(phase, done, total)


def _told_to_nobody(_total: int, _done: int) -> None:
    pass


def _check_rejects(rejects: Rejects, num_files: int, max_rejects: float, destination: Destination) -> None:
    if len(rejects.files) <= max_rejects * num_files:
        return
    list_file = destination.write_rejects(rejects.files)
    reasons = ", ".join(f"{count} {reason}" for reason, count in list(rejects.reasons.items())[:3])
    raise ConvertError(
        f"{len(rejects.files)} of {num_files} files cannot be used ({reasons}), more than the share of {max_rejects:g} "
        f"that is allowed. {list_file} lists them: mend or remove them, or allow more with --max-rejects"
    )
