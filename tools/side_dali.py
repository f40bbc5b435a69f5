"""DALI's side of bench_loader.py: its CPU pipeline over the same shards. Run by a Python that has DALI; see there."""

import json
import sys
import time
from pathlib import Path

from nvidia.dali import fn, pipeline_def, types  # type: ignore[import-not-found, import-untyped, unused-ignore]


@pipeline_def  # type: ignore[untyped-decorator, unused-ignore]
def photographs(shards: list[str], indexes: list[str], size: int) -> tuple[object, object]:
    """Read in random order, decode, resize to S x S, flip half of the images."""
    jpegs, labels = fn.readers.webdataset(
        paths=shards,
        index_paths=indexes or None,
        ext=["jpg", "cls"],
        random_shuffle=True,
        initial_fill=1000,
        missing_component_behavior="error",
        name="reader",
    )
    images = fn.decoders.image(jpegs, device="cpu", output_type=types.RGB)
    images = fn.resize(images, size=[size, size], interp_type=types.INTERP_LINEAR, antialias=True)
    return fn.flip(images, horizontal=fn.random.coin_flip()), labels


def main() -> None:
    """Deliver an epoch for each line that comes in, and say how many images that were in how many seconds."""
    settings = json.loads(sys.argv[1])
    shards = sorted(str(path) for path in Path(settings["shards"]).glob("train-*.tar"))
    indexes = [index for shard in shards if Path(index := shard.removesuffix(".tar") + ".idx").exists()]
    pipeline = photographs(
        shards,
        indexes if len(indexes) == len(shards) else [],
        settings["size"],
        batch_size=settings["batch_size"],
        num_threads=settings["workers"],
        device_id=None,
    )
    pipeline.build()
    total = pipeline.epoch_size("reader")
    for _ in sys.stdin:
        started, count = time.perf_counter(), 0
        while count < total:
            images, _labels = pipeline.run()
            count += len(images)
        print(json.dumps({"images": count, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
