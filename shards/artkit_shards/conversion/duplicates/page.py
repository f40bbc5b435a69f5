"""The page that shows which images are copies of one another: `leakage.html`, which stands alone.

Pictures are inside the page, small, so that it can be sent to someone; the worst clusters come first, and of many the
rest is only counted.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from artkit_shards.conversion.curation import FoundCluster
from artkit_shards.conversion.duplicates.leakage import Splits, crossing_text, splits_of, worst_first
from artkit_shards.conversion.plan import Plan
from artkit_shards.conversion.reading import read_ahead, read_image, threads_to_read
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.split import TRAIN
from artkit_shards.errors import ImageError
from artkit_shards.images import open_image, to_rgb
from artkit_shards.pages import render_page
from artkit_shards.wording import counted, joined

MOST_CLUSTERS: Final = 60
"""Shown; so many pages of pictures are looked at by nobody."""
_MOST_IMAGES: Final = 8
"""Shown of a cluster."""
_SIDE: Final = 150
"""Of a picture of the page, in pixels."""
_TEMPLATE: Final = Path(__file__).with_name("leakage.html.j2")


@dataclass(frozen=True, slots=True)
class ShownImage:
    """An image on the page."""

    file: str
    classes: tuple[str, ...]
    """In each target; missing ones are left out."""
    split: str | None
    """None if the image was dropped."""
    source: str | None
    """The picture, as a data URI; None if it can no longer be read."""


@dataclass(frozen=True, slots=True)
class ShownCluster:
    """A cluster on the page."""

    images: tuple[ShownImage, ...]
    num_images: int
    is_exact: bool
    has_conflict: bool
    splits: Splits

    @property
    def is_crossing(self) -> bool:
        """Whether several splits share the picture."""
        return len(self.splits) > 1

    @property
    def is_learnt(self) -> bool:
        """Whether training is one of them."""
        return self.is_crossing and TRAIN in self.splits

    @property
    def others(self) -> Splits:
        """The splits without training."""
        return tuple(split for split in self.splits if split != TRAIN)


def leakage_page(plan: Plan, treatment: str) -> bytes | None:
    """The page of a conversion's clusters.

    Args:
        plan: What is written.
        treatment: What becomes of copies; see `Settings.duplicates`.

    Returns:
        HTML, or None if there are no clusters.
    """
    if not plan.clusters:
        return None
    shown = worst_first(plan.clusters, plan.splits)[:MOST_CLUSTERS]
    content = {
        "counts": plan.duplicates,
        "crossing": crossing_text(plan.duplicates),
        "counted": counted,
        "joined": joined,
        "treatment": treatment,
        "clusters": _shown_clusters(shown, plan),
        "num_hidden": len(plan.clusters) - len(shown),
    }
    return render_page(_TEMPLATE, content).encode()


def _shown_clusters(clusters: Sequence[FoundCluster], plan: Plan) -> list[ShownCluster]:
    records = [record for cluster in clusters for record in _shown_records(cluster)]
    threads = threads_to_read(record.image for record in records)
    pictures = [picture() for picture in read_ahead(_picture, records, threads)]
    picture_of = {record.file: picture for record, picture in zip(records, pictures, strict=True)}
    return [
        ShownCluster(
            images=tuple(
                ShownImage(
                    file=record.file,
                    classes=tuple(label for label in record.labels.values() if label is not None),
                    split=None if record.file in cluster.dropped else plan.splits.get(record.file),
                    source=picture_of[record.file],
                )
                for record in _shown_records(cluster)
            ),
            num_images=len(cluster.records),
            is_exact=cluster.is_exact,
            has_conflict=cluster.has_conflict,
            splits=splits_of(cluster, plan.splits),
        )
        for cluster in clusters
    ]


def _shown_records(cluster: FoundCluster) -> Sequence[Record]:
    return cluster.records[:_MOST_IMAGES]


def _picture(record: Record) -> str | None:
    """A small picture as a data URI."""
    try:
        source = open_image(read_image(record.image))
        source.draft("", (_SIDE, _SIDE))
        image = to_rgb(source)
    except ImageError:
        return None
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    image.info = {}
    file = BytesIO()
    image.save(file, "JPEG", quality=75)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
