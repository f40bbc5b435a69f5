"""Augmenters at work in a conversion: what changes the copies of training images that `artkit shard` writes.

A conversion runs in several processes, and components cannot be sent to another process: each finds and builds them
anew, from their names and options.
"""

import json
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artkit.errors import RecipeError
from artkit.registry import PluginSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from artkit.engine.augmentation import AugmentationChain, AugmentationStep
    from artkit.recipe import Choice


@dataclass(frozen=True)
class ShardAugmenter:
    """An `artkit_shards.ImageAugmenter` of artkit's augmenters, one after the other.

    Images come at the size at which they are stored, so height and width differ, which augmenters in training never
    see. The random numbers of an image are those of its seed alone.

    Attributes:
        entries: Name under "name", and options, of each augmenter, as a recipe has them.
        plugins: Files of the user's in which there are plugins, or all that is said about plugins.
        image_size: What augmenters are told of the size of images, in pixels a side.
    """

    entries: tuple[Mapping[str, Any], ...]
    plugins: PluginSettings | tuple[Path, ...] = ()
    image_size: int = 224

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Without what was built."""
        return ShardAugmenter, (self.entries, self.plugins, self.image_size)

    @cached_property
    def description(self) -> str:
        """Names, versions and all options of the augmenters.

        Raises:
            RecipeError: if there is no such augmenter, an option cannot be used, or it mixes images with one another.
            ComponentError: if one cannot be built.
        """
        for step in self._steps:
            if step.mixes:
                raise RecipeError(
                    f"{step.component.owner} mixes images with one another, and a copy has the label of one image "
                    "only; use it in training, with `artkit run --augmenter`"
                )
        return json.dumps([choice.to_plain() for choice in self._choices], ensure_ascii=False)

    def __call__(self, pixels: "NDArray[np.uint8]", seed: int, /) -> "NDArray[np.uint8]":
        """Change an image: uint8 RGB (H, W, 3) -> the same.

        Raises:
            ComponentError: if an augmenter cannot be built, raises, or returns something else.
        """
        import numpy as np
        import torch

        images_BCHW = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float().div_(255)
        with torch.inference_mode():
            changed_BCHW = self._chain(images_BCHW, 0, np.array([seed], dtype=np.int64), seed).images
        levels_HWC = changed_BCHW[0].clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0)
        return np.ascontiguousarray(levels_HWC.numpy())

    @cached_property
    def _choices(self) -> "Sequence[Choice]":
        from artkit.recipe.resolve import choose
        from artkit.registry import load_registry

        registry = load_registry(self.plugins)
        return [choose("augmenter", entry, registry) for entry in self.entries]

    @cached_property
    def _steps(self) -> "Sequence[AugmentationStep]":
        from artkit.contracts import AugmenterContext
        from artkit.engine.augmentation import AugmentationStep

        context = AugmenterContext(image_size=self.image_size)
        return [
            AugmentationStep(choice.component, choice.component.build(context, choice.options), choice.shared["p"])
            for choice in self._choices
        ]

    @cached_property
    def _chain(self) -> "AugmentationChain":
        import torch

        from artkit.engine.augmentation import AugmentationChain

        if multiprocessing.parent_process() is not None:
            # Every core has a worker of its own already.
            torch.set_num_threads(1)
        return AugmentationChain(self._steps, seed=0)
