"""Plain WebDataset tar shards: convert, index, plan and stream. Knows nothing of artkit.

    from artkit_shards import Loader, open_dataset

    split = open_dataset(directory).split("train")
    for batch in Loader(split, image_size=256, batch_size=64):
        batch.images, batch.labels

    conversion/      images -> shards: `convert`; sources of images: `ClassFolders`, `LabelTable`, ...
    indexing/        tars of others -> a data set: `index_tars`
    auditing/        what a data set holds: `verify_dataset`, `describe_dataset`
    format/          tar, index, manifest, and opening them: `open_dataset`
    stream/          the plan of an epoch, and its batches: `Loader`
    images.py        bytes of strangers -> upright RGB, or a reason why not
    image_faults.py  what is wrong with such bytes, in plain words
    tiff_tiles.py    how large the tiles of a TIFF are
    colour.py        colour profiles -> sRGB
    hashing.py       random numbers by counting
    pages.py         templates -> HTML
    progress.py      how far long work has come
    wording.py       pieces of messages
    demo/            the bundled data set: clip art by artist

Names are loaded when they are first used: converting and opening need no torch, and errors need nothing at all.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artkit_shards.conversion.records import FilePart, Record
from artkit_shards.errors import (
    ConvertError,
    DatasetError,
    ImageError,
    SampleError,
    ShardsError,
    StateError,
    TarError,
    TooManyPixelsError,
)

if TYPE_CHECKING:
    from artkit_shards.auditing.describing import DatasetStatistics, describe_dataset
    from artkit_shards.auditing.faults import Fault, VerifyReport
    from artkit_shards.auditing.verifying import verify_dataset
    from artkit_shards.conversion.augmenting import ImageAugmenter
    from artkit_shards.conversion.converter import convert
    from artkit_shards.conversion.duplicates.leakage import DuplicateCounts
    from artkit_shards.conversion.report import ConvertReport
    from artkit_shards.conversion.settings import Settings
    from artkit_shards.conversion.sources.class_folders import ClassFolders
    from artkit_shards.conversion.sources.label_table import LabelTable
    from artkit_shards.conversion.sources.metadata_folder import MetadataFolder
    from artkit_shards.conversion.sources.recognising import recognise
    from artkit_shards.format.addresses import is_address, parse_address
    from artkit_shards.format.dataset import Dataset, Split
    from artkit_shards.format.opening import open_dataset
    from artkit_shards.format.patience import Patience
    from artkit_shards.format.sidecars import SIDECARS, Sidecar, write_sidecars
    from artkit_shards.indexing.indexer import index_tars
    from artkit_shards.indexing.report import IndexReport
    from artkit_shards.indexing.tar_samples import TarSamples
    from artkit_shards.pages import render_page
    from artkit_shards.stream.crop import RandomResizedCrop
    from artkit_shards.stream.decode import fit_image
    from artkit_shards.stream.loader import Batch, Loader
    from artkit_shards.stream.plan import plan_epoch
    from artkit_shards.stream.planner import LocalPlanner
    from artkit_shards.stream.unindexed import TarStream
    from artkit_shards.stream.windows import WindowPlanner

__all__ = [
    "SIDECARS",
    "Batch",
    "ClassFolders",
    "ConvertError",
    "ConvertReport",
    "Dataset",
    "DatasetError",
    "DatasetStatistics",
    "DuplicateCounts",
    "Fault",
    "FilePart",
    "ImageAugmenter",
    "ImageError",
    "IndexReport",
    "LabelTable",
    "Loader",
    "LocalPlanner",
    "MetadataFolder",
    "Patience",
    "RandomResizedCrop",
    "Record",
    "SampleError",
    "Settings",
    "ShardsError",
    "Sidecar",
    "Split",
    "StateError",
    "TarError",
    "TarSamples",
    "TarStream",
    "TooManyPixelsError",
    "VerifyReport",
    "WindowPlanner",
    "convert",
    "demo_path",
    "describe_dataset",
    "fit_image",
    "index_tars",
    "is_address",
    "open_dataset",
    "parse_address",
    "plan_epoch",
    "recognise",
    "render_page",
    "verify_dataset",
    "write_sidecars",
]

_MODULE_OF: Final = {
    "SIDECARS": "format.sidecars",
    "Batch": "stream.loader",
    "ClassFolders": "conversion.sources.class_folders",
    "ConvertReport": "conversion.report",
    "Dataset": "format.dataset",
    "DatasetStatistics": "auditing.describing",
    "DuplicateCounts": "conversion.duplicates.leakage",
    "Fault": "auditing.faults",
    "ImageAugmenter": "conversion.augmenting",
    "IndexReport": "indexing.report",
    "LabelTable": "conversion.sources.label_table",
    "Loader": "stream.loader",
    "RandomResizedCrop": "stream.crop",
    "LocalPlanner": "stream.planner",
    "Patience": "format.patience",
    "MetadataFolder": "conversion.sources.metadata_folder",
    "Settings": "conversion.settings",
    "Sidecar": "format.sidecars",
    "Split": "format.dataset",
    "TarStream": "stream.unindexed",
    "VerifyReport": "auditing.faults",
    "WindowPlanner": "stream.windows",
    "TarSamples": "indexing.tar_samples",
    "convert": "conversion.converter",
    "describe_dataset": "auditing.describing",
    "fit_image": "stream.decode",
    "index_tars": "indexing.indexer",
    "is_address": "format.addresses",
    "open_dataset": "format.opening",
    "parse_address": "format.addresses",
    "plan_epoch": "stream.plan",
    "recognise": "conversion.sources.recognising",
    "render_page": "pages",
    "verify_dataset": "auditing.verifying",
    "write_sidecars": "format.sidecars",
}


def demo_path() -> Path:
    """Folder of the bundled data set: public-domain clip art by artist."""
    return Path(__file__).parent / "demo"


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
