"""What goes with an exported graph: all that one must know to use it, as text that the file carries."""

import json
from collections.abc import Sequence
from typing import Final

from artkit import __version__
from artkit.engine.predicting import Predictor
from artkit.engine.targets import TargetHead

INPUT: Final = "images"
"""Name of the input."""

_BACKGROUND: Final = {"letterbox": "white", "squash": None}


def output_names(heads: Sequence[TargetHead]) -> list[str]:
    """Names of the outputs: logits, or for several targets logits_artist, logits_style, ..."""
    return ["logits"] if len(heads) == 1 else [f"logits_{head.name}" for head in heads]


def export_facts(predictor: Predictor, run: str) -> dict[str, str]:
    """The facts by name; what is not text is JSON.

    Args:
        predictor: Whose answers the graph gives.
        run: The run's name.
    """
    trained, preprocessing = predictor.trained, predictor.trained.preprocessing
    shown = {
        "image_size": preprocessing.image_size,
        "fit": preprocessing.fit,
        "background": _BACKGROUND[preprocessing.fit],
        "resize": "bilinear, antialiased",
        "colours": "RGB",
        "range": [0, 1],
        "axes": "image, channel, row, column",
    }
    return {
        "artkit_version": __version__,
        "run": run,
        "weights": trained.path.name,
        "model": trained.recipe.model.component.owner,
        "classes": json.dumps({head.name: head.class_names for head in trained.heads}, ensure_ascii=False),
        "outputs": json.dumps(dict(zip(_names(trained.heads), output_names(trained.heads), strict=True))),
        "preprocessing": json.dumps(shown),
        "normalisation": "in the graph",
        "tau": f"{predictor.tau:g}",
        "temperature": json.dumps(predictor.temperatures or None),
        "mirrored": json.dumps(predictor.mirrored),
        "licence": "What the model may be used for depends on the rights in the images that it learnt from.",
    }


def _names(heads: Sequence[TargetHead]) -> list[str]:
    return [head.name for head in heads]
