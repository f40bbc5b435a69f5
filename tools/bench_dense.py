"""Benchmark: a training step of SE-DenseNet in its forms of memory, beside torchvision's DenseNet of equal shape.

    python tools/bench_dense.py                                     # 128 px, batch 8
    python tools/bench_dense.py --size 512 --batch-size 2 --rounds 3
    python tools/bench_dense.py --size 512 --batch-size 64 --device cuda --autocast
    python tools/bench_dense.py --threads 1 --cpu-time              # on a machine that others use at the same time

A step is forward, backward, and SGD on random images; the sides take turns in one process, in both orders, and figures
are medians over rounds, ratios medians of the ratios within rounds. Memory is counted in a round that is not timed:
*saved* is what automatic differentiation keeps for the backward pass, every storage once and without parameters, and
*largest* the largest of these storages; *peak* is the most that all tensors of a step took at once beside the model,
without the scratch space of operations (on CUDA: with it).

torchvision's has no squeeze-and-excitation; its `memory_efficient` form computes the first convolution of each layer
again too, and moves the running statistics of the first norms twice a step.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import DenseNet

from artkit_plugins.models.densenet import FORMS, SEDenseNet
from bench_dense_memory import LiveTensors, saved_for_backward

NUM_OUTPUTS = 50
GROWTH_RATE = 16
LAYERS = (6, 12, 24, 16)
INIT_CHANNELS = 64


class Side:
    """A model in training, and the seconds of its steps.

    Args:
        model: Images -> logits.
        images: (B, 3, H, W); the device and the memory layout are those of the model too.
        autocast: Whether to compute in bfloat16.
    """

    def __init__(self, model: nn.Module, images: Tensor, *, autocast: bool) -> None:
        layout = torch.channels_last if images.is_contiguous(memory_format=torch.channels_last) else None
        self.model = model.to(images.device, memory_format=layout or torch.contiguous_format)  # type: ignore[call-overload]
        self.images = images
        self.labels = torch.arange(len(images), device=images.device) % NUM_OUTPUTS
        self.autocast = autocast
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.seconds: list[float] = []

    def loss(self) -> Tensor:
        """Run the forward pass."""
        context: AbstractContextManager[object] = nullcontext()
        if self.autocast:
            context = torch.autocast(self.images.device.type, torch.bfloat16)
        with context:
            return F.cross_entropy(self.model(self.images), self.labels)

    def step(self, clock: Callable[[], float] = time.perf_counter) -> float:
        """Train a step; returns seconds."""
        started = clock()
        self.loss().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.images.is_cuda:
            torch.cuda.synchronize()
        return clock() - started

    def memory(self) -> str:
        """Count what a step keeps, for each image."""
        with saved_for_backward(self.model.parameters()) as saved:
            loss = self.loss()
        del loss
        images = len(self.images)
        return (
            f"saved {saved.total / images / 2**30:.4f} GiB an image, "
            f"largest {saved.largest / images / 2**20:5.2f} MiB, "
            f"peak {self._peak() / images / 2**30:.4f} GiB"
        )

    def _peak(self) -> int:
        if self.images.is_cuda:
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            self.step()
            return int(torch.cuda.max_memory_allocated() - before)
        live = LiveTensors()
        with live:
            self.step()
        return live.peak


def build_models() -> dict[str, nn.Module]:
    """SE-DenseNet in each form, and torchvision's two."""
    ours: dict[str, nn.Module] = {
        name: SEDenseNet(NUM_OUTPUTS, growth_rate=GROWTH_RATE, layers=LAYERS, memory=name) for name in FORMS
    }
    shape = {"growth_rate": GROWTH_RATE, "block_config": LAYERS, "num_init_features": INIT_CHANNELS}
    theirs = {
        name: DenseNet(**shape, num_classes=NUM_OUTPUTS, memory_efficient=efficient)
        for name, efficient in (("torchvision", False), ("torchvision, memory_efficient", True))
    }
    return {**ours, **theirs}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--autocast", action="store_true", help="compute in bfloat16")
    parser.add_argument("--contiguous", action="store_true", help="channels first; artkit trains with channels last")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu-time", action="store_true", help="measure the time of the processor, not of the clock")
    parser.add_argument("--no-memory", action="store_true", help="measure times alone")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    images = torch.rand(args.batch_size, 3, args.size, args.size, device=args.device)
    if not args.contiguous:
        images = images.contiguous(memory_format=torch.channels_last)
    sides = {name: Side(model, images, autocast=args.autocast) for name, model in build_models().items()}
    for name, side in sides.items():
        print(f"{name:30} {'' if args.no_memory else side.memory()}", flush=True)
        side.step()
    for number in range(args.rounds):
        for side in list(sides.values())[:: 1 if number % 2 else -1]:
            side.seconds.append(side.step(time.process_time if args.cpu_time else time.perf_counter))
    for name, side in sides.items():
        to_plain, to_peer = (
            statistics.median(ours / other for ours, other in zip(side.seconds, sides[peer].seconds, strict=True))
            for peer in ("plain", "torchvision")
        )
        milliseconds = 1000 * statistics.median(side.seconds)
        print(f"{name:30} {milliseconds:7.0f} ms a step, {to_plain:5.2f} x plain, {to_peer:5.2f} x torchvision")


if __name__ == "__main__":
    main()
