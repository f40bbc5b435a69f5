"""Benchmark: each augmenter on batches, beside the transform of torchvision that does the same, image by image.

    python tools/bench_augmenters.py
    python tools/bench_augmenters.py --size 224 --device cuda

Both sides get the same float images on the same device, and as many threads. They take turns, round by round; speeds
are medians over the rounds, and ratios are medians of the ratios within rounds. What mixes images works on batches on
both sides.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torchvision.transforms import v2

from artkit.contracts import AugmenterContext
from artkit.engine.augmentation import AugmentationChain, AugmentationStep
from artkit.registry import Registry, load_registry

NUM_CLASSES = 50

Side = Callable[[torch.Tensor], object]
"""Changes a batch of images."""


def peers(size: int) -> dict[str, Side]:
    """What torchvision has for each augmenter, by its name."""
    bilinear = v2.InterpolationMode.BILINEAR
    affine = v2.RandomAffine(10, (0.1, 0.1), (0.8, 1.25), interpolation=bilinear)
    return {
        "affine": by_image(v2.Compose([affine, v2.RandomHorizontalFlip()])),
        "flips": by_image(v2.RandomHorizontalFlip()),
        "rotate": by_image(v2.RandomRotation(15, interpolation=bilinear)),
        "crop": by_image(v2.RandomResizedCrop(size, (0.35, 1.0))),
        "colour": by_image(v2.ColorJitter(0.2, 0.2, 0.2)),
        "erase": by_image(v2.RandomErasing(p=1.0)),
        "mixup": by_batch(v2.MixUp(alpha=0.2, num_classes=NUM_CLASSES)),
        "cutmix": by_batch(v2.CutMix(alpha=1.0, num_classes=NUM_CLASSES)),
        "trivial-augment": by_image(v2.TrivialAugmentWide(interpolation=bilinear)),
    }


def by_image(transform: Callable[[torch.Tensor], torch.Tensor]) -> Side:
    """A transform of one image after the other."""
    return lambda images_BCHW: torch.stack([transform(image) for image in images_BCHW])


def by_batch(transform: Callable[[torch.Tensor, torch.Tensor], object]) -> Side:
    """A transform of a batch and its labels."""
    return lambda images_BCHW: transform(images_BCHW, torch.arange(len(images_BCHW)) % NUM_CLASSES)


def augmenter(registry: Registry, name: str, size: int) -> Side:
    """An augmenter with its defaults, applied as a run applies it; each call is a step of its own."""
    component = registry.component("augmenter", name)
    step = AugmentationStep(component, component.build(AugmenterContext(image_size=size)), 1.0)
    chain, steps = AugmentationChain([step], seed=0), iter(range(10**9))

    def side(images_BCHW: torch.Tensor) -> object:
        first = next(steps) * len(images_BCHW)
        return chain(images_BCHW, 0, np.arange(first, first + len(images_BCHW)), first)

    return side


def images_per_second(side: Side, images_BCHW: torch.Tensor, seconds: float) -> float:
    """Speed over at least so many seconds."""
    started, batches = time.perf_counter(), 0
    while batches == 0 or time.perf_counter() - started < seconds:
        side(images_BCHW)
        if images_BCHW.device.type == "cuda":
            torch.cuda.synchronize()
        batches += 1
    return batches * len(images_BCHW) / (time.perf_counter() - started)


def main() -> None:
    """Measure and print a table for each size."""
    parser = argparse.ArgumentParser(description="Augmenters beside torchvision's transforms of single images.")
    parser.add_argument("--size", type=int, nargs="+", default=[64, 224], help="pixels a side (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each turn, at least (%(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch (%(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    registry = load_registry()
    for size in options.size:
        print(f"\n{size} x {size}, batches of {options.batch_size}, {options.device}, images a second")
        print(f"{'':16}{'artkit':>10}{'torchvision':>13}{'ratio':>8}")
        images_BCHW = torch.rand(options.batch_size, 3, size, size, device=options.device)
        for name, peer in peers(size).items():
            sides = (augmenter(registry, name, size), peer)
            for side in sides:
                side(images_BCHW)  # what happens only once
            rounds = [
                [images_per_second(side, images_BCHW, options.seconds) for side in sides] for _ in range(options.rounds)
            ]
            ours, theirs = (statistics.median(speeds) for speeds in zip(*rounds, strict=True))
            ratio = statistics.median(mine / other for mine, other in rounds)
            print(f"{name:16}{ours:10.0f}{theirs:13.0f}{ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main()
