"""What timm says when it fails, in a line."""

from typing import Final

_MOST: Final = 200


def first_line(error: Exception) -> str:
    """The type of an error and the beginning of what it says, in one line, without a stop at the end."""
    text = " ".join(str(error).split())
    if len(text) > _MOST:
        text = f"{text[:_MOST]}..."
    return f"{type(error).__name__}: {text.rstrip('. ')}" if text else type(error).__name__
