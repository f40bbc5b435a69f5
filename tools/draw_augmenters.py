"""Draws what augmenters do: a sheet with a row an augmenter and a column a draw, of a picture that artkit brings along.

    python tools/draw_augmenters.py augmenters.png
    python tools/draw_augmenters.py mine.png --plugin mine.py --augmenter mine colour

The first column is the picture itself. What mixes pictures mixes it with the next one of the data set.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from artkit.contracts import AugmenterContext
from artkit.drawing.tiles import FAINT, Caption, Tile, below, grid, grid_width, save_sheet, text_line
from artkit.engine.augmentation import AugmentationChain, AugmentationStep
from artkit.registry import Component, load_registry
from artkit_shards import Loader, demo_path, open_dataset


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description="Draw what augmenters do.")
    parser.add_argument("out", type=Path, help="PNG to write")
    parser.add_argument("--augmenter", nargs="+", help="their names (all)")
    parser.add_argument("--plugin", type=Path, nargs="*", default=[], help="files with further augmenters")
    parser.add_argument(
        "--row", type=int, default=602, help="row of the picture in the demo's training split (%(default)s)"
    )
    parser.add_argument("--columns", type=int, default=8, help="draws (%(default)s)")
    parser.add_argument("--size", type=int, default=112, help="pixels a side (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    options = parser.parse_args()
    registry = load_registry(options.plugin)
    components = registry.components("augmenter")
    if options.augmenter:
        components = tuple(registry.component("augmenter", name) for name in options.augmenter)
    pair_BCHW = pictures(options.row, options.size)
    save_sheet([row_of(component, pair_BCHW, options) for component in components], options.out)


def pictures(row: int, size: int) -> torch.Tensor:
    """A picture of the demo and its next one, float RGB in [0, 1], (2, 3, S, S)."""
    split = open_dataset(demo_path()).split("train")
    loader = Loader(split, image_size=size, batch_size=2, order="rows", start=row)
    return next(iter(loader)).images.float() / 255


def row_of(component: Component, pair_BCHW: torch.Tensor, options: argparse.Namespace) -> Image.Image:
    """A line with the augmenter's name and summary, and below it the draws."""
    augmenter = component.build(AugmenterContext(image_size=options.size))
    chain = AugmentationChain([AugmentationStep(component, augmenter, 1.0)], options.seed)
    tiles = [tile(pair_BCHW[0], "as it is")]
    for column in range(options.columns):
        augmented = chain(pair_BCHW, 0, np.array([2 * column, 2 * column + 1]), column)
        weight = "" if augmented.mixed is None else f"{augmented.mixed.weight:.0%} its own"
        tiles.append(tile(augmented.images[0], weight))
    width = grid_width(len(tiles), options.size)
    title = text_line(f"{component.name}: {component.summary}", width=width, bold=True)
    return below([title, grid(tiles, columns=len(tiles), size=options.size)], gap=0)


def tile(image_CHW: torch.Tensor, text: str) -> Tile:
    """A picture with a caption."""
    levels_HWC = image_CHW.mul(255).round().to(torch.uint8).permute(1, 2, 0)
    return Tile(levels_HWC.contiguous().numpy(), FAINT, (Caption(text, colour=FAINT),))


if __name__ == "__main__":
    main()
