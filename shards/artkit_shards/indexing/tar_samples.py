"""The samples of tars as records, to be converted anew: with other splits, sizes or classes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from artkit_shards.conversion.records import FilePart, Record
from artkit_shards.conversion.sources.splits import split_in
from artkit_shards.conversion.split import TRAIN
from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import is_address
from artkit_shards.format.manifest import FILE_NAME, FOLDER, Manifest
from artkit_shards.format.manifest_reader import read_manifest
from artkit_shards.format.samples import TarSample, read_samples
from artkit_shards.format.tar_reader import Member
from artkit_shards.indexing.classes import ClassNames, name_classes
from artkit_shards.indexing.finding import Tar, find_tars
from artkit_shards.indexing.labels import Label, LabelError, LabelRule, read_labels
from artkit_shards.indexing.measuring import image_suffix
from artkit_shards.indexing.rules import choose_class_names, choose_rules
from artkit_shards.wording import counted

NO_IMAGE: Final = "no image"
NO_LABEL: Final = "no label"
_FILE_RULE: Final = LabelRule("file", "json", ("file",))
"""Where a data set of ours says the name of the file that an image came from."""


class _Found(NamedTuple):
    """A sample with an image."""

    name: str
    image: FilePart
    labels: tuple[Label, ...]
    tar: Tar


class TarSamples:
    """The samples of a folder of WebDataset tars, or of one tar.

    Iterating yields one `Record` an image, tar by tar. Images are read right out of the tars. Their names are their
    keys with the suffix; if several tars use a key, the name of the tar stands before it. A tar whose name has the word
    for a split in it (train-000001.tar) tells the split. A data set that artkit wrote keeps its targets, splits and
    file names.

    Args:
        root: The folder, or the tar.
        labels: Where samples say their class in each target: "cls", "txt", or a field of their JSON such as "artist",
            "meta.artist" or, to give the target a name, "style=meta.style". The first is the main one. By default
            `.cls`.
        class_names: A file with the names of the main target's classes, one a line, for classes that are numbers. By
            default `classes.txt` or the like in the folder.
        image: Suffix of the image, where samples have several.
        splits: Whether tars tell the split.

    Raises:
        DatasetError: if there are no tars, one is damaged (it is named with the byte), or no sample tells its class.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        labels: Sequence[str] = (),
        class_names: Path | str | None = None,
        image: str | None = None,
        splits: bool = True,
    ) -> None:
        self.root = _folder_or_tar(root)
        self._rejects: list[tuple[str, str]] = []
        self._notes: list[str] = []
        tars = [Tar(self.root, TRAIN)] if self.root.is_file() else find_tars(self.root, {})
        own = _own_manifest(self.root)
        if own is not None and not labels:
            labels = [f"{target.name}={target.name}" for target in own.targets]
        rules = choose_rules(labels, tars[0])
        found = [one for tar in tars for one in self._read(tar, _Reading(rules, image, is_own=own is not None))]
        if not found:
            raise DatasetError(f"no sample of {counted(len(tars), 'tar')} of {root} can be used; give other tars")
        folder = self.root.parent if self.root.is_file() else self.root
        names = _class_names(found, rules, choose_class_names(folder, class_names, rules[0]))
        self._records = list(self._make_records(found, names, _splits(tars, own) if splits else {}))

    def __iter__(self) -> Iterator[Record]:
        """Yield the records."""
        return iter(self._records)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._records)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the tars, a sentence each."""
        return tuple(self._notes)

    def rejects(self) -> Sequence[tuple[str, str]]:
        """Samples that cannot be used, as tar and key, and the reason."""
        return self._rejects

    def _read(self, tar: Tar, reading: "_Reading") -> Iterator[_Found]:
        """The samples of a tar that have an image; others become rejects."""
        with tar.path.open("rb") as file:
            for sample in read_samples(tar.path):
                try:
                    yield reading.find(sample, tar, file)
                except LabelError as error:
                    self._rejects.append((f"{tar.path.name}/{sample.key}", str(error)))

    def _make_records(
        self, found: Sequence[_Found], names: Mapping[str, Mapping[Label, str]], splits: Mapping[Path, str | None]
    ) -> Iterator[Record]:
        qualified = len({one.name for one in found}) < len(found)
        if qualified:
            self._notes.append("several tars use the same keys; the name of the tar stands before each")
        shared: dict[tuple[Label, ...], Mapping[str, str | None]] = {}
        for one in found:
            file = f"{one.tar.path.name}/{one.name}" if qualified else one.name
            if one.labels not in shared:
                pairs = zip(names.items(), one.labels, strict=True)
                shared[one.labels] = {target: known.get(label) for (target, known), label in pairs}
            if all(label is None for label in shared[one.labels].values()):
                self._rejects.append((file, NO_LABEL))
            else:
                yield Record(one.image, file, shared[one.labels], splits.get(one.tar.path))


@dataclass(frozen=True, slots=True)
class _Reading:
    """How samples are read."""

    rules: tuple[LabelRule, ...]
    image: str | None
    is_own: bool
    """Whether artkit wrote them."""

    def find(self, sample: TarSample, tar: Tar, file: BinaryIO) -> _Found:
        """Image and labels of a sample; raises LabelError if it has none, or they cannot be understood."""

        def read(member: Member) -> bytes:
            return os.pread(file.fileno(), member.size, member.offset)

        suffix = image_suffix(sample, tar.path.name, self.image)
        if suffix is None:
            raise LabelError(NO_IMAGE)
        labels = read_labels(sample, (*self.rules, _FILE_RULE) if self.is_own else self.rules, read)
        name = labels[-1] if self.is_own and labels[-1] is not None else f"{sample.key}.{suffix}"
        part = sample.parts[suffix]
        image = FilePart(tar.path, part.offset, part.size)
        return _Found(str(name), image, labels[: len(self.rules)], tar)


def _folder_or_tar(root: Path | str) -> Path:
    if isinstance(root, str) and is_address(root):
        raise DatasetError(
            "samples of tars are read from folders only; fetch the tars first, or index them where they are with "
            "artkit dataset index"
        )
    return Path(root)


def _own_manifest(root: Path) -> Manifest | None:
    """What artkit says of the tars, if it wrote them."""
    return read_manifest(root) if (root / FOLDER / FILE_NAME).is_file() else None


def _splits(tars: Sequence[Tar], own: Manifest | None) -> dict[Path, str | None]:
    """Split of each tar: as the manifest says, or its name; None if neither does."""
    if own is not None:
        split_of = {shard.name: split.name for split in own.splits for shard in split.shards}
        return {tar.path: split_of.get(tar.path.name) for tar in tars}
    return {tar.path: tar.split if tar.split != TRAIN else split_in(tar.path.name) for tar in tars}


def _class_names(
    found: Sequence[_Found], rules: Sequence[LabelRule], given: ClassNames | None
) -> dict[str, dict[Label, str]]:
    """For each target, the name of the class that a label stands for."""
    names = {}
    for place, rule in enumerate(rules):
        labels = {one.labels[place] for one in found}
        classes, number_of = name_classes(rule, labels, given if place == 0 else None)
        names[rule.target] = {label: classes[number] for label, number in number_of.items()}
    return names
