"""What a request may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what strangers can make the server do."""

    max_bytes: int = 20_000_000
    """Of the body of a request."""
    max_pixels: int = 50_000_000
    """Of an image, by its header: to decode one takes up to 20 bytes for each."""
    seconds: float = 30.0
    """For the head of a request to arrive, then for its body, and then for its answer to be taken."""
    at_once: int = 4
    """Requests whose images are taken and answered at the same time; others are told to come again."""
    connections: int = 64
    """That are open at the same time; others are cut off."""
