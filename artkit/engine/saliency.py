"""Where in an image a model finds its answer: heat maps by Grad-CAM.

Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks": the channels of a feature map are added up,
each weighed by the mean gradient of the answer's logit; what is positive speaks for the answer. The map is that of the
last stage with more than one place. A model without such maps, such as a transformer of tokens, is explained by the
image's pixels times their gradients (Shrikumar et al. 2016, "Not just a black box"), summed over squares of it.

`S` pixels of the model's image, `C` channels and `H`, `W` places of a map.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from artkit.contracts import Predictions
from artkit.engine.assembly import Assembly
from artkit.engine.returned import check_logits
from artkit.engine.structure import StructureError, find_structure
from artkit.engine.targets import num_outputs
from artkit.errors import RunError
from artkit_shards import Split, fit_image

_SQUARES: Final = 16
"""Squares along each side of an image in which pixels are summed up."""


def explained(predictions: Predictions, assembly: Assembly, split: Split) -> Predictions:
    """Predictions that can say where the model found its answers, if this process has the whole model.

    Args:
        predictions: What the model of the assembly said of a split in one target.
        assembly: Of the run; its model keeps the weights that were asked.
        split: What was judged.
    """
    if not assembly.ranks.is_alone and assembly.recipe.train.parallel == "fsdp":
        return predictions
    explain = Explainer(assembly, split)
    (head,) = (head for head in assembly.heads if head.name == predictions.target)
    rows, predicted = np.flatnonzero(split.targets[head.name] >= 0), predictions.predicted

    def saliency(row: int, size: int) -> NDArray[np.float32]:
        return explain(int(rows[row]), int(head.columns.start + predicted[row]), size)

    return replace(predictions, saliency=saliency)


class Explainer:
    """Says where in images of a split the model of an assembly finds an answer; the model stays as it is.

    Args:
        assembly: Of the run; its model has the weights to explain.
        split: What is explained.
    """

    def __init__(self, assembly: Assembly, split: Split) -> None:
        self._assembly = assembly
        self._split = split
        self._num_outputs = num_outputs(assembly.heads)

    def __call__(self, row: int, output: int, size: int) -> NDArray[np.float32]:
        """Heat of one answer to one image, as evaluation sees it, without its mirror image.

        Args:
            row: Of the image in the split.
            output: Of the model, whose logit is the answer.
            size: Height and width of the result, which lies over the letterboxed image of that size.

        Returns:
            (size, size), from 0, where nothing speaks for the answer, to 1, where most does.

        Raises:
            SampleError, ImageError: if the image cannot be read.
            ComponentError: if the model raised, or broke its contract.
            RunError: if the model computes without gradients.
        """
        heat_11HW = self._heat(self._image(row), output)
        height, width = self._extent(row, size)
        resized = F.interpolate(heat_11HW, size=(height, width), mode="bilinear", align_corners=False)[0, 0]
        top, left = (size - height) // 2, (size - width) // 2
        heat = np.zeros((size, size), dtype=np.float32)
        heat[top : top + height, left : left + width] = resized.clamp(0, 1).cpu().numpy()
        return heat

    def _image(self, row: int) -> Tensor:
        """The image as the model sees it, (1, 3, S, S)."""
        preprocessing = self._assembly.preprocessing
        pixels = fit_image(self._split.read(row), preprocessing.image_size, preprocessing.fit)
        image_13SS = torch.from_numpy(pixels).to(self._assembly.device).permute(2, 0, 1)[None]
        return preprocessing.normalise(preprocessing.to_unit(image_13SS))

    def _extent(self, row: int, size: int) -> tuple[int, int]:
        """Height and width that what the model sees takes in the letterboxed image."""
        if self._assembly.preprocessing.fit == "letterbox":
            return size, size  # the margins are part of what it sees
        height, width = int(self._split.heights[row]), int(self._split.widths[row])
        longest = max(height, width)
        return max(1, round(height * size / longest)), max(1, round(width * size / longest))

    def _heat(self, image_13SS: Tensor, output: int) -> Tensor:
        """Heat in [0, 1], (1, 1, H, W)."""
        assembly, component = self._assembly, self._assembly.recipe.model.component
        image_13SS = image_13SS.detach().requires_grad_()
        maps: list[Tensor] = []
        with torch.enable_grad(), _judging(assembly.model), _kept_maps(self._stage_modules(), maps):
            with component.guard("forward"), assembly.precision.autocast():
                # A copy, since models may change what they are given in place, which a leaf does not bear.
                logits_1K = assembly.model(image_13SS.clone(memory_format=torch.channels_last))
            check_logits(logits_1K, 1, self._num_outputs, component)
            if not logits_1K.requires_grad:
                raise RunError(f"{component.owner} computes without gradients, so it cannot be said where it looks")
            map_1CHW = maps[-1] if maps else image_13SS
            of_map, of_image = torch.autograd.grad(
                logits_1K[0, output].float(), (map_1CHW, image_13SS), allow_unused=True
            )
        if maps and of_map is not None:
            return _scaled(_grad_cam(*(_channels_first(each.detach().float()) for each in (map_1CHW, of_map))))
        return _scaled(_pixels(image_13SS.detach(), torch.zeros_like(image_13SS) if of_image is None else of_image))

    def _stage_modules(self) -> Sequence[nn.Module]:
        """What the stages of the model consist of, from the image to the head; nothing if they are not known."""
        try:
            structure = find_structure(self._assembly.model, self._num_outputs)
        except StructureError:
            return ()
        return [module for stage in range(len(structure.stages)) for module in structure.modules(stage)]


def _channels_first(values: Tensor) -> Tensor:
    """A map as (1, C, H, W), also one of a model that has channels last."""
    return values if values.shape[2] == values.shape[3] else values.permute(0, 3, 1, 2)


def _grad_cam(map_1CHW: Tensor, gradient_1CHW: Tensor) -> Tensor:
    weights_1C11 = gradient_1CHW.mean((2, 3), keepdim=True)
    return F.relu((weights_1C11 * map_1CHW).sum(1, keepdim=True))


def _pixels(image_13SS: Tensor, gradient_13SS: Tensor) -> Tensor:
    by_pixel = (image_13SS * gradient_13SS).sum(1, keepdim=True).abs()
    return F.adaptive_avg_pool2d(by_pixel, min(_SQUARES, image_13SS.shape[-1]))


def _scaled(heat: Tensor) -> Tensor:
    """Heat whose largest value is 1, unless all is 0."""
    return heat / heat.max().clamp(min=torch.finfo(heat.dtype).tiny)


@contextmanager
def _judging(model: nn.Module) -> Iterator[None]:
    """A context in which a model is in evaluation mode; afterwards each part is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _kept_maps(modules: Sequence[nn.Module], maps: list[Tensor]) -> Iterator[None]:
    """A context in which feature maps that modules give are kept, in the order in which they come."""
    hooks = [module.register_forward_hook(partial(_keep, maps)) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _keep(maps: list[Tensor], _module: nn.Module, _given: Any, output: Any) -> None:
    """Keep an output that is a map of channels over places, in either order, and that gradients reach."""
    if not isinstance(output, Tensor) or not output.requires_grad:
        return
    if output.ndim == 3:
        maps.clear()  # from here on the model computes with tokens, and the map that they came from tells little
    # Images are square, and so are their maps.
    if output.ndim == 4 and (output.shape[2] == output.shape[3] > 1 or output.shape[1] == output.shape[2] > 1):
        maps.append(output)
