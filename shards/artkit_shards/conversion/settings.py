"""What a user can choose for a conversion, and the bounds of each choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from artkit_shards.conversion.split import check_fractions
from artkit_shards.conversion.storage import IMAGE_FORMATS
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import is_plain_name

DEFAULT_FRACTIONS: Final[Mapping[str, float]] = {"train": 0.7, "val": 0.1, "test": 0.2}
DEFAULT_SHARD_BYTES: Final = 256_000_000

_BOUNDS: Final[Mapping[str, tuple[float, float | None]]] = {
    "max_side": (1, 65500),
    "quality": (1, 100),
    "min_count": (1, None),
    "max_rejects": (0, 1),
    "shard_bytes": (1, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices that decide what a data set holds; `convert` says what each means."""

    fractions: Mapping[str, float]
    seed: int
    max_side: int | None
    image_format: str
    quality: int
    min_count: int | None
    max_rejects: float
    shard_bytes: int

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
        """What the manifest says of them."""
        return {
            "fractions": dict(self.fractions),
            "seed": self.seed,
            "max_side": self.max_side,
            "image_format": self.image_format,
            "quality": self.quality,
            "min_count": self.min_count,
            "shard_bytes": self.shard_bytes,
        }
