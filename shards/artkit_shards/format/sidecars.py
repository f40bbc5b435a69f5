"""Sidecars: files beside the shards that let other readers find samples without a search.

| kind   | files                                                | reader                                            |
|--------|------------------------------------------------------|---------------------------------------------------|
| dali   | `<shard>.idx`                                        | NVIDIA DALI, `readers.webdataset(index_paths=)`   |
| energon| `<shard>.tar.idx`, `.nv-meta/`                       | Megatron Energon, without `energon prepare`       |
| wids   | `shardindex-<split>.json`                            | `wids.ShardListDataset` of webdataset 0.2         |

All are made from the headers of the tars. Hugging Face datasets would take some of them for data, so
`.huggingface.yaml` comes with them and tells it which files are.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import is_address, parse_address
from artkit_shards.format.files import sync_folder, whole_file
from artkit_shards.format.manifest import FOLDER, Manifest
from artkit_shards.format.manifest_reader import read_manifest
from artkit_shards.format.samples import TarSample, read_samples
from artkit_shards.format.sidecar_contents import (
    ENERGON_FILES,
    ENERGON_FOLDER,
    HUGGING_FACE_FILE,
    MARK,
    ShardSummary,
    dali_index,
    dali_name,
    energon_files,
    energon_index,
    energon_name,
    hugging_face_file,
    summarise_shard,
    wids_index,
    wids_name,
)

Sidecar = Literal["dali", "energon", "wids"]
SIDECARS: Final[tuple[Sidecar, ...]] = get_args(Sidecar)


class WrittenSidecars(NamedTuple):
    """What `write_sidecars` did, as names below the data set's folder."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    """Files of others that stand where sidecars would, and were left as they are."""


def write_sidecars(directory: Path | str, kinds: Sequence[Sidecar]) -> WrittenSidecars:
    """Write the sidecars of a complete data set, each file whole or not at all.

    Args:
        directory: The folder of the data set.
        kinds: Any of `SIDECARS`.

    Raises:
        DatasetError: if this is no data set, a kind is unknown, a shard cannot be read, or a reader could not read it.
        OSError: if a file cannot be written.
    """
    check_kinds(kinds)
    if is_address(directory):
        raise DatasetError(
            f"sidecars are written into folders only, and {parse_address(str(directory))} is none; write them into a "
            "copy of the data set, and upload them"
        )
    folder = Path(directory)
    manifest = read_manifest(folder)
    writer = _Writer(folder)
    summaries = []
    for split in manifest.splits:
        for shard in split.shards:
            samples = tuple(read_samples(folder / shard.name))
            writer.write(shard_sidecars(shard.name, samples, kinds))
            summaries.append(summarise_shard(split.name, shard.name, shard.bytes, samples))
    writer.write(dataset_sidecars(manifest, summaries, kinds))
    return writer.finish()


def check_kinds(kinds: Iterable[str]) -> list[Sidecar]:
    """Names as kinds of sidecars.

    Raises:
        DatasetError: if one is unknown.
    """
    known: list[Sidecar] = []
    for name in kinds:
        kind = next((kind for kind in SIDECARS if kind == name), None)
        if kind is None:
            raise DatasetError(f"the sidecar {name!r} is unknown; there are {', '.join(SIDECARS)}")
        known.append(kind)
    return known


def shard_sidecars(shard: str, samples: Sequence[TarSample], kinds: Sequence[Sidecar]) -> dict[str, bytes]:
    """Contents of the sidecars of one shard, by name."""
    files: dict[str, bytes] = {}
    if "dali" in kinds:
        files[dali_name(shard)] = dali_index(shard, samples)
    if "energon" in kinds:
        files[energon_name(shard)] = energon_index(samples)
    return files


def dataset_sidecars(manifest: Manifest, shards: Sequence[ShardSummary], kinds: Sequence[Sidecar]) -> dict[str, bytes]:
    """Contents of the sidecars of a whole data set, by name below its folder."""
    files: dict[str, bytes] = {}
    if "energon" in kinds:
        files |= {f"{ENERGON_FOLDER}/{name}": text.encode() for name, text in energon_files(shards).items()}
    if "wids" in kinds:
        files |= {wids_name(split.name): wids_index(split.name, shards) for split in manifest.splits}
    if kinds:
        files[HUGGING_FACE_FILE] = hugging_face_file(manifest).encode()
    return files


def sidecar_names(manifest: Manifest) -> set[str]:
    """Names of all sidecars that a data set can have, below its folder."""
    shards = [shard.name for split in manifest.splits for shard in split.shards]
    return {
        *map(dali_name, shards),
        *map(energon_name, shards),
        *(wids_name(split.name) for split in manifest.splits),
        *(f"{ENERGON_FOLDER}/{name}" for name in ENERGON_FILES),
        HUGGING_FACE_FILE,
    }


class _Writer:
    """Writes files below a folder, and leaves those alone that others wrote by hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: list[str] = []
        self._kept: list[str] = []

    def write(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self._folder / name
            if _is_anothers(path):
                self._kept.append(name)
                continue
            path.parent.mkdir(exist_ok=True)
            with whole_file(path, self._folder / FOLDER) as file:
                file.write(content)
            self._written.append(name)

    def finish(self) -> WrittenSidecars:
        for parent in {(self._folder / name).parent for name in self._written}:
            sync_folder(parent)
        return WrittenSidecars(tuple(self._written), tuple(self._kept))


def _is_anothers(path: Path) -> bool:
    """Whether a file that people write by hand is there, and is not ours."""
    if path.suffix != ".yaml" or not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(MARK)) != MARK.encode()
