"""FFCV's side of bench_loader.py: the same images in its own file. Run by a Python that has FFCV; see there.

The images of the shards are written as FFCV writes JPEG; its decoder for images of many sizes cuts the middle square
out of each and resizes that, which is a little less work than resizing the whole.
"""

import io
import json
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
from ffcv.fields import IntField, RGBImageField  # type: ignore[import-not-found, import-untyped, unused-ignore]
from ffcv.fields.decoders import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    CenterCropRGBImageDecoder,
    IntDecoder,
)
from ffcv.loader import Loader, OrderOption  # type: ignore[import-not-found, import-untyped, unused-ignore]
from ffcv.transforms import RandomHorizontalFlip, ToTensor  # type: ignore[import-not-found, import-untyped, unused-ignore]
from ffcv.writer import DatasetWriter  # type: ignore[import-not-found, import-untyped, unused-ignore]
from PIL import Image

QUALITY = 92  # as `artkit shard` writes


class ShardImages:
    """The training images of shards, as FFCV's writer wants them: by number."""

    def __init__(self, folder: Path) -> None:
        self._members = []
        for shard in sorted(folder.glob("train-*.tar")):
            with tarfile.open(shard) as archive:
                members = [member for member in archive if member.name.endswith(".jpg")]
            self._members += [(shard, member.offset_data, member.size) for member in members]

    def __len__(self) -> int:
        """Number of images."""
        return len(self._members)

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        """Pixels, and a label that means nothing."""
        shard, offset, size = self._members[number]
        with shard.open("rb") as file:
            file.seek(offset)
            return np.asarray(Image.open(io.BytesIO(file.read(size))).convert("RGB")), 0


def main() -> None:
    """Write the file, then deliver an epoch for each line that comes in."""
    settings = json.loads(sys.argv[1])
    path = settings["file"]
    if not Path(path).exists():
        image = RGBImageField(write_mode="jpg", jpeg_quality=QUALITY)
        writer = DatasetWriter(path, {"image": image, "label": IntField()}, num_workers=1)
        writer.from_indexed_dataset(ShardImages(Path(settings["shards"])))
    size = settings["size"]
    crop = CenterCropRGBImageDecoder((size, size), ratio=1.0)
    loader = Loader(
        path,
        batch_size=settings["batch_size"],
        num_workers=settings["workers"],
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=False,
        pipelines={"image": [crop, RandomHorizontalFlip(), ToTensor()], "label": [IntDecoder(), ToTensor()]},
    )
    for _ in sys.stdin:
        started = time.perf_counter()
        count = sum(len(images) for images, _ in loader)
        print(json.dumps({"images": count, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
