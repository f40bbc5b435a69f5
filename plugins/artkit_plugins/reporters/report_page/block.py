"""What the scripts of the page read: one block of JSON inside the page."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from artkit_plugins.reporters.report_page.results import Result
from artkit_plugins.reporters.similarity import similarity_order


def json_block(content: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: it has no `<`, so it can neither end the element nor begin another."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def target_block(result: Result, shown: Mapping[int, int]) -> dict[str, Any]:
    """What is said of one target.

    Args:
        result: Its numbers.
        shown: Row -> number of its picture, for the images in the page.

    Returns:
        "classes", columns by name, each (K,); "order", the classes so that similar ones stand together; "cells", of the
        confusion matrix, as true, predicted, images; "images", as row, picture, true, predicted, probability given to
        the true class, probability of the answer, file.
    """
    predictions, samples = result.predictions, result.samples
    predicted = predictions.predicted
    cells = np.argwhere(result.confusion > 0)
    return {
        "classes": {
            "name": [score.name for score in result.scores],
            "support": [score.support for score in result.scores],
            "right": [score.right for score in result.scores],
            "recall": [[_short(s.recall), _short(s.recall_low), _short(s.recall_high)] for s in result.scores],
            "precision": [_short(score.precision) for score in result.scores],
            "train": [score.train_count for score in result.scores],
        },
        "order": similarity_order(result.confusion).tolist(),
        "cells": [[true, said, int(result.confusion[true, said])] for true, said in cells.tolist()],
        "images": [
            [
                row,
                number,
                int(predictions.labels[row]),
                int(predicted[row]),
                _short(samples.p_true[row]),
                _short(samples.p_predicted[row]),
                predictions.files[row],
            ]
            for row, number in sorted(shown.items(), key=lambda item: -samples.p_predicted[item[0]])
        ],
    }


def _short(share: float) -> float:
    """A share with as many digits as anyone looks at."""
    return round(float(share), 4)
