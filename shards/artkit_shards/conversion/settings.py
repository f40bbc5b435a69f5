"""What a user can choose for a conversion, and the bounds of each choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from artkit_shards.conversion.split import check_fractions
from artkit_shards.conversion.storage import IMAGE_FORMATS
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import is_plain_name

DEFAULT_FRACTIONS: Final[Mapping[str, float]] = {"train": 0.7, "val": 0.1, "test": 0.2}

_BOUNDS: Final[Mapping[str, tuple[float, float | None]]] = {
    "max_side": (1, 65500),
    "quality": (1, 100),
    "min_count": (1, None),
    "max_rejects": (0, 1),
    "shard_bytes": (1, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices that decide what a data set holds."""

    fractions: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_FRACTIONS))
    """Share of each split, for images that do not bring their own."""
    seed: int = 0
    """Of the split, the shuffle and every choice that is drawn."""
    min_count: int | None = None
    """Classes with fewer usable images are left out. By default one with a single image is an error."""
    max_side: int | None = None
    """Upper bound of the longer side in pixels; larger images are made smaller, none is enlarged."""
    image_format: str = "auto"
    """ "jpg", "png", "webp", or "auto": the commonest of the three among the images. Files that have this format, stand
    upright, are 8-bit RGB or gray and small enough are kept byte by byte."""
    quality: int = 92
    """Of JPEG and WEBP images that are written anew, 1 to 100."""
    max_rejects: float = 0.1
    """Share of files that may be unusable before it is an error."""
    shard_bytes: int = 256_000_000
    """Wanted size of a shard."""

    def check(self) -> None:
        """Raise ConvertError if a choice is out of bounds."""
        check_fractions(self.fractions)
        for name in self.fractions:
            if not is_plain_name(name):
                raise ConvertError(f"a split cannot be named {name!r}; use small letters, as in 'val'")
        if self.image_format not in IMAGE_FORMATS:
            raise ConvertError(f"the image format {self.image_format!r} is unknown; use {', '.join(IMAGE_FORMATS)}")
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and (value < low or (high is not None and value > high)):
                limits = f"at least {low}" if high is None else f"from {low} to {high}"
                raise ConvertError(f"{name}={value} is out of bounds; it must be {limits}")

    def recorded(self) -> dict[str, Any]:
        """What the manifest says of them: plain values of all that decides the content."""
        plain = {choice.name: getattr(self, choice.name) for choice in fields(self)}
        return {name: _plain(value) for name, value in plain.items() if name != "max_rejects"}


DEFAULTS: Final = Settings()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
