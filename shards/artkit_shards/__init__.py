"""Plain WebDataset tar shards: convert, index, plan and stream. Knows nothing of artkit.

    from artkit_shards import Loader, open_dataset

    split = open_dataset(directory).split("train")
    for batch in Loader(split, image_size=256, batch_size=64):
        batch.images, batch.labels

    conversion/   images -> shards: `convert`, `ClassFolders`
    format/       tar, index, manifest, and opening them: `open_dataset`
    stream/       the plan of an epoch, and its batches: `Loader`
    images.py     bytes of strangers -> upright RGB, or a reason why not
    hashing.py    random numbers by counting
    wording.py    pieces of messages
    demo/         the bundled data set: clip art by artist

Names are loaded when they are first used: converting and opening need no torch, and errors need nothing at all.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artkit_shards.conversion.records import FilePart, Record
from artkit_shards.errors import ConvertError, DatasetError, ImageError, SampleError, ShardsError

if TYPE_CHECKING:
    from artkit_shards.conversion.converter import convert
    from artkit_shards.conversion.report import ConvertReport
    from artkit_shards.conversion.scan import ClassFolders
    from artkit_shards.conversion.settings import Settings
    from artkit_shards.format.dataset import Dataset, Split, open_dataset
    from artkit_shards.stream.decode import fit_image
    from artkit_shards.stream.loader import Batch, Loader
    from artkit_shards.stream.plan import plan_epoch

__all__ = [
    "Batch",
    "ClassFolders",
    "ConvertError",
    "ConvertReport",
    "Dataset",
    "DatasetError",
    "FilePart",
    "ImageError",
    "Loader",
    "Record",
    "SampleError",
    "Settings",
    "ShardsError",
    "Split",
    "convert",
    "demo_path",
    "fit_image",
    "open_dataset",
    "plan_epoch",
]

_MODULE_OF: Final = {
    "Batch": "stream.loader",
    "ClassFolders": "conversion.scan",
    "ConvertReport": "conversion.report",
    "Dataset": "format.dataset",
    "Loader": "stream.loader",
    "Settings": "conversion.settings",
    "Split": "format.dataset",
    "convert": "conversion.converter",
    "fit_image": "stream.decode",
    "open_dataset": "format.dataset",
    "plan_epoch": "stream.plan",
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
