"""What a user can choose for a conversion, and the bounds of each choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from artkit_shards.conversion.split import UNKNOWN, check_fractions
from artkit_shards.conversion.split_names import check_spelling
from artkit_shards.conversion.storage import IMAGE_FORMATS
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import is_plain_name
from artkit_shards.format.sidecars import SIDECARS, Sidecar

DEFAULT_FRACTIONS: Final[Mapping[str, float]] = {"train": 0.7, "val": 0.1, "test": 0.2}

DUPLICATES: Final = ("group", "keep", "drop")
VERIFY: Final = ("full", "header")

_BOUNDS: Final[Mapping[str, tuple[float, float | None]]] = {
    "max_side": (1, 65500),
    "quality": (1, 100),
    "min_count": (1, None),
    "max_count": (1, None),
    "top": (2, None),
    "augment_copies": (0, 1000),
    "augment_rare": (1, None),
    "max_rejects": (0, 1),
    "shard_bytes": (1, None),
}

_NO_CONTENT: Final = ("max_rejects", "sidecars")
"""Choices that do not change what the shards hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices that decide what a data set holds."""

    fractions: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_FRACTIONS))
    """Share of each split, for images that do not bring their own."""
    seed: int = 0
    """Of the split, the shuffle and every choice that is drawn."""
    classes: tuple[str, ...] | None = None
    """Names of the classes that are wanted; all others are left out. `selection` says in which order this and the next
    four choices are made."""
    min_count: int | None = None
    """Classes with fewer usable images are left out; in targets but the main one they become missing labels. By default
    a class with a single image is an error."""
    top: int | None = None
    """Only so many classes, the largest; of equal ones the first by name."""
    hold_out: int | tuple[str, ...] | None = None
    """Whole classes that go to the split "unknown", on which one can test whether a model knows what it does not know:
    their names, or how many are drawn by the seed. They are no classes of the data set; their images have no label."""
    max_count: int | None = None
    """At most so many images of each class, drawn by the seed, groups whole as far as possible."""
    duplicates: str = "group"
    """What becomes of images that show the same picture: "group" keeps them in one split, "keep" takes them for images
    like all others, "drop" keeps the largest of each and groups what is merely much alike."""
    verify: str = "full"
    """ "full" decodes every image before anything is decided. "header" looks at the first bytes only of images that are
    kept as they are: damage then shows in training, only duplicates with equal bytes are found, and the pixel
    statistics are those of a sample of the training images."""
    max_side: int | None = None
    """Upper bound of the longer side in pixels; larger images are made smaller, none is enlarged."""
    image_format: str = "auto"
    """ "jpg", "png", "webp", or "auto": the commonest of the three among the images. Files that have this format, stand
    upright, are 8-bit RGB or gray and small enough are kept byte by byte."""
    quality: int = 92
    """Of JPEG and WEBP images that are written anew, 1 to 100."""
    augment_copies: int = 0
    """Changed copies that are written of each training image."""
    augment_rare: int | None = None
    """Classes with fewer training images get changed copies of them until they have so many."""
    max_rejects: float = 0.1
    """Share of files that may be unusable before it is an error."""
    shard_bytes: int = 256_000_000
    """Wanted size of a shard."""
    sidecars: tuple[Sidecar, ...] = ()
    """Files for other readers that are written beside the shards: any of "dali", "energon", "wids"."""

    def check(self) -> None:
        """Raise ConvertError if a choice is out of bounds."""
        check_fractions(self.fractions)
        for name in self.fractions:
            if not is_plain_name(name):
                raise ConvertError(f"a split cannot be named {name!r}; use small letters, as in 'val'")
            check_spelling(name)
        for what, value, known in (
            ("image format", self.image_format, IMAGE_FORMATS),
            ("treatment of duplicates", self.duplicates, DUPLICATES),
            ("verification", self.verify, VERIFY),
            *(("sidecar", kind, SIDECARS) for kind in self.sidecars),
        ):
            if value not in known:
                raise ConvertError(f"the {what} {value!r} is unknown; use {', '.join(known)}")
        self._check_hold_out()
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and (value < low or (high is not None and value > high)):
                limits = f"at least {low}" if high is None else f"from {low} to {high}"
                raise ConvertError(f"{name}={value} is out of bounds; it must be {limits}")

    def _check_hold_out(self) -> None:
        if self.hold_out is None:
            return
        if not self.hold_out or (isinstance(self.hold_out, int) and self.hold_out < 1):
            raise ConvertError(
                f"hold_out={self.hold_out!r} names no class; give names of classes, or how many to draw, at least 1"
            )
        if UNKNOWN in self.fractions:
            raise ConvertError(
                f"the split {UNKNOWN!r} is for the classes that are held out; give the other split another name"
            )

    @property
    def augments(self) -> bool:
        """Whether changed copies of training images are to be written."""
        return self.augment_copies > 0 or self.augment_rare is not None

    def recorded(self) -> dict[str, Any]:
        """What the manifest says of them: plain values of all that decides the content."""
        plain = {choice.name: getattr(self, choice.name) for choice in fields(self)}
        return {name: _plain(value) for name, value in plain.items() if name not in _NO_CONTENT}


DEFAULTS: Final = Settings()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
