"""Scores in words: shares as percentages, losses as numbers, with their intervals."""

from collections.abc import Sequence
from typing import Final

SCORES: Final = {"accuracy": "top-1", "macro_recall": "macro recall", "macro_f1": "macro F1", "loss": "loss"}
"""Name of a score -> what people call it."""


def score_text(name: str, value: float) -> str:
    """Such as "61.5 %", or "1.234" for a loss."""
    return f"{value:.3f}" if name == "loss" else f"{100 * value:.1f} %"


def interval_text(name: str, interval: Sequence[float]) -> str:
    """Such as "55.1 to 67.4 %"."""
    low, high = interval
    return f"{low:.3f} to {high:.3f}" if name == "loss" else f"{100 * low:.1f} to {100 * high:.1f} %"


def difference_text(name: str, value: float) -> str:
    """Such as "+2.5" points, or "-0.123" of a loss."""
    return f"{value:+.3f}" if name == "loss" else f"{100 * value:+.1f}"
