"""Writing the pictures of a data set, and the page that shows them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from artkit.dataset_pages.class_histogram import draw_class_histogram
from artkit.dataset_pages.page import write_page
from artkit.dataset_pages.sample_sheet import draw_samples
from artkit.dataset_pages.size_figure import draw_sizes
from artkit.drawing.figures import save_figure
from artkit.drawing.tiles import save_sheet

if TYPE_CHECKING:
    from artkit_shards import Dataset, DatasetStatistics, Split

_TRAIN: Final = "train"


def write_pictures(folder: Path, dataset: "Dataset", statistics: "DatasetStatistics") -> Path:
    """Write `classes.png`, `sizes.png`, `samples.png` and the page `index.html`.

    Args:
        folder: Where to; made if it does not exist.
        dataset: The data set.
        statistics: What it holds.

    Returns:
        The page.
    """
    train = next((split for split in statistics.splits if split.name == _TRAIN), None)
    train_counts = np.zeros_like(statistics.class_counts) if train is None else train.class_counts
    figure = draw_class_histogram(
        statistics.class_names, statistics.class_counts, train_counts, num_copies=statistics.num_copies
    )
    save_figure(figure, folder / "classes.png")
    save_figure(draw_sizes(statistics.widths, statistics.heights), folder / "sizes.png")
    split = dataset.split(_TRAIN if train is not None else dataset.split_names[0])
    pictures = {"Images of each class": "classes.png", "Sizes": "sizes.png"}
    if (split.labels >= 0).any():
        sheet = draw_samples(dataset.class_names, split.labels, _Images(split), split=split.name)
        save_sheet([sheet], folder / "samples.png")
        pictures["Samples"] = "samples.png"
    return write_page(folder, statistics, pictures)


class _Images:
    """The images of a split; those that cannot be shown are gray, since `verify` is there to tell them."""

    def __init__(self, split: "Split") -> None:
        self._split = split

    def __call__(self, row: int, size: int) -> NDArray[np.uint8]:
        from artkit_shards import ImageError, SampleError, fit_image

        try:
            return fit_image(self._split.read(row), size)
        except (ImageError, SampleError):
            return np.full((size, size, 3), 200, dtype=np.uint8)
