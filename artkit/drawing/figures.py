"""The look of figures, drawn by matplotlib's object interface alone: no window and no global state."""

import io
import warnings
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from artkit.drawing.files import write_whole

DPI: Final = 140
INK: Final = "#24292f"
FAINT: Final = "#8c959f"
BLUE: Final = "#2563a8"
ORANGE: Final = "#d9660d"
GREEN: Final = "#1a8754"


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    write_whole(path, png(figure))


def png(figure: Figure, *, background: str | None = "white") -> bytes:
    """The bytes of a figure as PNG; without a background, what lies behind it is seen through it."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Names may use scripts that the bundled font lacks; a box in their place is no reason to alarm people.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        figure.savefig(
            buffer,
            format="png",
            dpi=DPI,
            facecolor=background or "none",
            transparent=background is None,
            bbox_inches="tight",
            pad_inches=0.2 if background else 0.05,
        )
    return buffer.getvalue()


def tidy(axes: Axes, title: str) -> None:
    """Give axes a left-aligned title, a faint grid, and no frame on the right and on top."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.grid(color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
