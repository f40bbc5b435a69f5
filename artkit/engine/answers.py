"""answers.safetensors: all that a model said of a split, kept before any report is made.

Every report can be drawn again from it, by `artkit report`. It holds what `Predictions` holds but for the images, which
come from the data set; of the probabilities their logarithms as float32, which keeps every answer as it was and seven
digits of its probability in half the space.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from artkit.contracts import Predictions
from artkit.engine.atomic import write_atomically
from artkit.errors import RunError
from artkit_shards import Dataset

ANSWERS: Final = "answers.safetensors"
_FORMAT: Final = 1
_HEAD: Final = "artkit"
_LOGS: Final = "log_probabilities"
_ROWS_AT_ONCE: Final = 8192
"""Rows whose logarithms are in memory at a time as float64."""
_TEXTS: Final = ("keys", "files")
"""Fields with a text for every sample: too much for the head of the file."""

GetImage = Callable[[int, int], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswers:
    """What the file holds."""

    values: Mapping[str, Any]
    """The fields of `Predictions` but for the image."""
    data_path: str
    """Where the data set was."""
    fingerprint: str
    """That of the data set."""

    @property
    def split(self) -> str:
        """The split that was judged."""
        return str(self.values["split"])

    @property
    def keys(self) -> Sequence[str]:
        """Name of each sample in the data set."""
        keys: Sequence[str] = self.values["keys"]
        return keys

    def predictions(self, image: GetImage | None) -> Predictions:
        """The predictions as the run made them.

        Args:
            image: Gives a picture, see `Predictions.image`; None if there are none.
        """
        return Predictions(**self.values, image=image or _gray, has_images=image is not None)


def write_answers(folder: Path, predictions: Predictions, dataset: Dataset) -> None:
    """Write what was said in one target, whole or not at all, and see it onto the disk.

    Args:
        folder: The run folder, or that of an evaluation.
        predictions: What was said.
        dataset: Of whose images.

    Raises:
        OSError: if it cannot be written; what was there before still is.
    """
    arrays, plain = _taken_apart(predictions)
    data = {"path": str(dataset.path), "fingerprint": dataset.fingerprint}
    head = json.dumps({"format": _FORMAT, "data": data, "values": plain}, default=str)
    path = folder / predictions.folder / ANSWERS
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(arrays, metadata={_HEAD: head}))


def read_answers(path: Path) -> StoredAnswers:
    """Read what `write_answers` wrote.

    Raises:
        RunError: if the file is damaged, or a later artkit wrote it.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            head = json.loads(file.metadata()[_HEAD])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        if head["format"] > _FORMAT:
            raise RunError(f"{path} was written by a later artkit; use that one")
        return StoredAnswers(
            values=_put_together(arrays, head["values"]),
            data_path=head["data"]["path"],
            fingerprint=head["data"]["fingerprint"],
        )
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} is damaged ({error}); make it again with `artkit evaluate RUN --out FOLDER`, where RUN is the run"
        ) from error


def _taken_apart(predictions: Predictions) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays, and what JSON can hold. Functions are left out: they come with the data set or the model."""
    arrays: dict[str, NDArray[Any]] = {_LOGS: rounded_logs(predictions.probabilities)}
    arrays |= {name: _packed(getattr(predictions, name)) for name in _TEXTS}
    plain = {}
    for field in fields(predictions):
        value = getattr(predictions, field.name)
        if field.name in ("probabilities", "has_images", *_TEXTS) or callable(value):
            continue
        if isinstance(value, np.ndarray):
            arrays[field.name] = np.ascontiguousarray(value)
        else:
            plain[field.name] = value
    return arrays, plain


def _put_together(arrays: Mapping[str, NDArray[Any]], plain: Mapping[str, Any]) -> dict[str, Any]:
    values = {**plain, **arrays, **{name: _unpacked(arrays[name]) for name in _TEXTS}}
    values["folder"] = Path(values["folder"])
    values["probabilities"] = _probabilities(values.pop(_LOGS))
    # What a later artkit of the same format adds means nothing to this one.
    known = {field.name for field in fields(Predictions)} - {"image", "has_images"}
    return {name: value for name, value in values.items() if name in known}


def rounded_logs(probabilities_NK: NDArray[np.float64]) -> NDArray[np.float32]:
    """Logarithms as float32, (N, K), whose largest is where the largest probability is.

    Rounding can make the largest probability and another equal, which would change the answer where the other comes
    first: then the largest is raised by the smallest step there is.
    """
    logs = np.empty(probabilities_NK.shape, dtype=np.float32)
    for start in range(0, len(logs), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        logs[part] = np.log(np.maximum(probabilities_NK[part], np.finfo(np.float64).tiny))
    answers_N = probabilities_NK.argmax(axis=1)
    moved = np.flatnonzero(logs.argmax(axis=1) != answers_N)
    logs[moved, answers_N[moved]] = np.nextafter(logs[moved].max(axis=1), np.float32(np.inf))
    return logs


def _probabilities(logs_NK: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities whose sum is 1, (N, K), read-only."""
    probabilities = logs_NK.astype(np.float64)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities.flags.writeable = False
    return probabilities


def _packed(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(list(texts)).encode(), dtype=np.uint8)


def _unpacked(packed: NDArray[np.uint8]) -> list[str]:
    texts: list[str] = json.loads(packed.tobytes())
    return texts


def _gray(_row: int, size: int) -> NDArray[np.uint8]:
    return np.full((size, size, 3), 200, dtype=np.uint8)
