"""Plain WebDataset tar shards: convert, index, plan and stream. Knows nothing of artkit.

    from artkit_shards import Loader, open_dataset

    split = open_dataset(directory).split("train")
    for batch in Loader(split, image_size=256, batch_size=64):
        batch.images, batch.labels

    records.py           an image that is to be converted
    scan.py              class folders -> records
    images.py            bytes of strangers -> upright RGB, or a reason why not
    inspection.py        what must be known of an image before anything is decided
    settings.py          what users can choose, and its bounds
    selection.py         which classes have enough images
    split.py             which image goes to which split
    storage.py           in which format, and whether the bytes can be kept
    layout.py            which sample stands in which shard, under which key
    conversion.py        the plan of a conversion: all of the decisions above, together
    encoding.py          writes an image anew
    tar.py               samples -> members of a tar
    writing.py           one shard, whole or not at all
    index.py             columns that find a sample without a search
    manifest.py          what a data set is made of; manifest_reader.py trusts none of it
    recording.py         index and manifest of what was written
    destination.py       what may be replaced in the folder, and in which order
    workers.py           processes; files.py: whole files; wording.py: pieces of messages
    converter.py         `convert`: inspect, plan, write; report.py: what was done
    reading.py           bytes out of many files, with few of them open
    dataset.py           `open_dataset`, and the samples of a split
    hashing.py           random numbers by counting
    plan.py              which sample is seen when in an epoch
    decode.py            bytes -> pixels of a batch
    loader.py            `Loader`: batches, in threads

Names are loaded when they are first used: converting and opening need no torch, and errors need nothing at all.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artkit_shards.errors import ConvertError, DatasetError, ImageError, SampleError, ShardsError
from artkit_shards.records import Record

if TYPE_CHECKING:
    from artkit_shards.converter import convert
    from artkit_shards.dataset import Dataset, Split, open_dataset
    from artkit_shards.decode import fit_image
    from artkit_shards.loader import Batch, Loader
    from artkit_shards.plan import plan_epoch
    from artkit_shards.report import ConvertReport
    from artkit_shards.scan import ClassFolders

__all__ = [
    "Batch",
    "ClassFolders",
    "ConvertError",
    "ConvertReport",
    "Dataset",
    "DatasetError",
    "ImageError",
    "Loader",
    "Record",
    "SampleError",
    "ShardsError",
    "Split",
    "convert",
    "demo_path",
    "fit_image",
    "open_dataset",
    "plan_epoch",
]

_MODULE_OF: Final = {
    "Batch": "loader",
    "ClassFolders": "scan",
    "ConvertReport": "report",
    "Dataset": "dataset",
    "Loader": "loader",
    "Split": "dataset",
    "convert": "converter",
    "fit_image": "decode",
    "open_dataset": "dataset",
    "plan_epoch": "plan",
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
