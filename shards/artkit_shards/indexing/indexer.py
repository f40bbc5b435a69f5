"""Indexing: find the tars, scan them, name the classes, write the index."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from artkit_shards.conversion.split import TRAIN
from artkit_shards.conversion.workers import default_workers
from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import FOLDER
from artkit_shards.indexing.classes import ClassNames
from artkit_shards.indexing.content import IndexContent, make_content
from artkit_shards.indexing.finding import Tar
from artkit_shards.indexing.labels import LabelRule
from artkit_shards.indexing.measuring import Reject, count_reasons
from artkit_shards.indexing.places import open_place
from artkit_shards.indexing.recording import REJECTS_FILE
from artkit_shards.indexing.report import IndexReport
from artkit_shards.indexing.rules import choose_class_names, choose_rules
from artkit_shards.indexing.scanning import ScannedTar, count_samples, scan_tars
from artkit_shards.progress import Progress, ignore_progress
from artkit_shards.wording import counted, listed

NO_CLASS: Final = "no class"


def index_tars(
    location: Path | str,
    *,
    out: Path | None = None,
    labels: Sequence[str] = (),
    classes: Path | str | None = None,
    image: str | None = None,
    splits: Mapping[str, Sequence[str]] | None = None,
    skip_bad: bool = False,
    max_rejects: float = 0.1,
    threads: int | None = None,
    force: bool = False,
    progress: Progress = ignore_progress,
) -> IndexReport:
    """Make a data set of the WebDataset tars right in a folder, by writing `.artkit` beside them.

    Samples whose image cannot be decoded are left out of the index and listed in `.artkit/rejects.jsonl`, as are
    training samples without a class; elsewhere these have the class -1. Keys that several tars use are told apart by
    the name of their tar: `train-000001/0042`.

    Args:
        location: The folder, or its address such as "s3://bucket/folder"; tars are fetched one after the other then.
            They are only read.
        out: Folder to write `.artkit` to, instead of beside the tars.
        labels: Where samples say their class in each target: "cls", "txt", or a field of their JSON such as "artist",
            "meta.artist" or, to give the target a name, "style=meta.style". The first target is the main one. By
            default `.cls`.
        classes: A file with the names of the main target's classes, one a line. By default `classes.txt` or the like
            in the folder, if class numbers need names.
        image: Suffix of the image member, where samples have several images.
        splits: Patterns of the names of tars by split; by default their names say it.
        skip_bad: Leave damaged tars out instead of giving up.
        max_rejects: Share of samples that may be unusable.
        threads: Threads that read and decode; by default one a core.
        force: Whether an index that is there may be replaced.
        progress: Called with phase ("headers" in tars, "images" in samples), done and total.

    Raises:
        DatasetError: if the folder cannot be indexed; nothing is written then.
    """
    workers = threads or default_workers()
    with open_place(location, out) as place:
        tars = place.tars(splits or {})
        if place.has_index() and not force:
            known = ", which knows more than its tars: `artkit shard` wrote it" if place.is_converted() else ""
            raise DatasetError(f"{place.shown()} has an index already{known}; to replace it, add --force")
        place.check_writable()
        rules: tuple[LabelRule, ...] = ()
        given: ClassNames | None = None
        scanned: list[ScannedTar] = []
        rejects: list[Reject] = []
        for batch, tell in place.batches(tars, progress):
            counts, bad = _good_tars(batch, workers, tell, skip_bad=skip_bad)
            if counts:
                if not rules:
                    rules = choose_rules(labels, next(iter(counts)))
                    given = choose_class_names(place.folder, classes, rules[0], place.shown)
                scanned += _scan(counts, rules, image, workers, tell)
            rejects += bad
        rejects += (reject for one in scanned for reject in one.rejects)
        _check_rejects(place.shown(), rejects, sum(len(one.rows) + len(one.rejects) for one in scanned), max_rejects)
        options = {"labels": [f"{rule.target}={rule.text}" for rule in rules], "image": image}
        content = make_content([one for one in scanned if one.rows], rejects, rules, given, options)
        place.write(content, rejects)
        return _report(place.shown() if out is None else str(out), content, _notes(scanned, given, content))


def _good_tars(
    tars: Sequence[Tar], threads: int, progress: Progress, *, skip_bad: bool
) -> tuple[dict[Tar, int], list[Reject]]:
    """Numbers of samples of the tars that can be read, and the others as rejects."""
    counts, faults = count_samples(tars, threads, progress)
    if faults and not skip_bad:
        first = next(iter(faults.values()))
        more = f" (and {counted(len(faults) - 1, 'other tar')})" if len(faults) > 1 else ""
        raise DatasetError(
            f"{first}{more}. Nothing was written: copy or make the file again, or leave bad tars out with --skip-bad"
        )
    return counts, [Reject(tar.path.name, f"tar that cannot be read: {error}") for tar, error in faults.items()]


def _scan(
    counts: Mapping[Tar, int], rules: tuple[LabelRule, ...], image: str | None, threads: int, progress: Progress
) -> list[ScannedTar]:
    """Look at all samples; training samples without a class become rejects."""
    scanned = []
    for one in scan_tars(counts, rules=rules, image=image, threads=threads, progress=progress):
        if one.tar.split == TRAIN:
            lacking = [row for row in one.rows if row.labels[0] is None]
            one.rejects.extend(Reject(f"{one.tar.path.name}/{row.member}", NO_CLASS) for row in lacking)
            one = one._replace(rows=[row for row in one.rows if row.labels[0] is not None])
        scanned.append(one)
    return scanned


def _check_rejects(folder: str, rejects: Sequence[Reject], num_samples: int, max_rejects: float) -> None:
    if len(rejects) <= max_rejects * num_samples and len(rejects) < num_samples:
        return
    if not num_samples:
        raise DatasetError(f"no tar in {folder} can be read ({rejects[0].reason}); copy or make them again")
    reasons = ", ".join(f"{count} {reason}" for reason, count in list(count_reasons(rejects).items())[:3])
    examples = listed([f"{reject.file} ({reject.reason})" for reject in rejects], 3)
    raise DatasetError(
        f"{len(rejects)} of {num_samples} samples in {folder} cannot be used ({reasons}), more than the share of "
        f"{max_rejects:g} that is allowed: {examples}. Nothing was written: mend them, choose other labels with "
        "--label, or allow more with --max-rejects"
    )


def _notes(scanned: Sequence[ScannedTar], given: ClassNames | None, content: IndexContent) -> tuple[str, ...]:
    empty = [one.tar.path.name for one in scanned if not one.rows]
    notes = []
    if given is not None:
        notes.append(f"class names are those of {given.file}")
    elif all(name.isdecimal() for name in content.manifest.targets[0].classes):
        notes.append("classes have numbers for names; give --classes FILE, or a field that names them, --label FIELD")
    if content.keys_are_qualified:
        notes.append("several tars use the same keys; in tables the name of the tar stands before each key")
    if empty:
        notes.append(f"{counted(len(empty), 'tar')} without a usable sample left out: {listed(empty, 5)}")
    return tuple(notes)


def _report(folder: str, content: IndexContent, notes: tuple[str, ...]) -> IndexReport:
    manifest = content.manifest
    totals = [sum(counts) for counts in zip(*(split.class_counts for split in manifest.splits), strict=True)]
    shards = [shard for split in manifest.splits for shard in split.shards]
    return IndexReport(
        location=folder,
        split_counts={split.name: split.samples for split in manifest.splits},
        class_counts=dict(zip(manifest.targets[0].classes, totals, strict=True)),
        targets={target.name: len(target.classes) for target in manifest.targets},
        image_suffix=manifest.image_suffix,
        num_shards=len(shards),
        num_bytes=sum(shard.bytes for shard in shards),
        rejects=manifest.rejects,
        rejects_file=f"{folder}/{FOLDER}/{REJECTS_FILE}",
        notes=notes,
    )
