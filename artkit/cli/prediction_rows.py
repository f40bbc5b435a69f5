"""Predictions as rows of CSV or as lines of JSON, written as they come.

Names stand in them exactly as they are. The columns of the first target have plain names, those of another one have its
name before theirs: `predicted`, `p`, `second`, `p_second`, ... and `style_predicted`, `style_p`, ...
"""

import csv
import json
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol, TextIO

if TYPE_CHECKING:
    from artkit.engine.answering import Answered
    from artkit.engine.naming import Guess, ImageAnswer
    from artkit.engine.predicting import Predictor

_RANKS: Final = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


class PredictionWriter(Protocol):
    """Writes what a model says about images, one after another."""

    def write(self, answered: "Answered") -> None:
        """Write one image."""
        ...


class CsvRows:
    """CSV with a header; probabilities have six significant digits.

    Where images may be unknown, `best` is the likeliest class also of those, `unknown_score` tells how strange an image
    is, and `is_unknown`, True or False, whether it is unknown: a class may be called that too.

    Args:
        stream: Where to write.
        predictor: Whose answers they are.
        top: Most classes to name in a target.
    """

    def __init__(self, stream: TextIO, predictor: "Predictor", top: int) -> None:
        self._rows = csv.writer(stream, lineterminator="\n")
        self._has_unknown = predictor.unknown is not None
        columns = [
            self._columns(head.prefix, min(top, len(head.class_names)), is_first=number == 0)
            for number, head in enumerate(predictor.heads)
        ]
        unknown = ["unknown_score", "is_unknown"] if self._has_unknown else []
        self._rows.writerow(["file", *chain.from_iterable(columns), *unknown])

    def write(self, answered: "Answered") -> None:
        """See `PredictionWriter.write`."""
        answer = answered.answer
        score = answer.unknown_score
        unknown = [] if score is None else [f"{score:.6g}", answer.targets[0].is_unknown]
        self._rows.writerow([answered.name, *chain.from_iterable(self._cells(answer)), *unknown])

    def _columns(self, prefix: str, top: int, *, is_first: bool) -> Iterator[str]:
        yield f"{prefix}predicted"
        if is_first and self._has_unknown:
            yield "best"
        yield f"{prefix}p"
        for number in range(1, top):
            rank = _RANKS[number - 1] if number <= len(_RANKS) else f"rank_{number + 1}"
            yield from (f"{prefix}{rank}", f"{prefix}p_{rank}")

    def _cells(self, answer: "ImageAnswer") -> Iterator[list[str]]:
        for number, target in enumerate(answer.targets):
            best, *others = target.top
            name = [best.name] if number == 0 and self._has_unknown else []
            yield [target.predicted, *name, _digits(best), *chain.from_iterable((g.name, _digits(g)) for g in others)]


class JsonLines:
    """One JSON object a line: that of the first target, with those of other targets under "others".

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, answered: "Answered") -> None:
        """See `PredictionWriter.write`."""
        from artkit.engine.plain_answers import plain_answer  # imports torch, which takes seconds

        plain = {"file": answered.name, **plain_answer(answered.answer)}
        self._stream.write(json.dumps(plain, ensure_ascii=False) + "\n")


def _digits(guess: "Guess") -> str:
    return f"{guess.p:.6g}"
