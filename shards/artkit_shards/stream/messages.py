"""What a loader and its process say to each other: short messages of numbers and JSON; pixels lie in shared memory.

Both ends run the same code on the same machine, and nobody else has the pipes between them.
"""

import json
import traceback
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import DatasetError, ImageError, SampleError, ShardsError
from artkit_shards.stream.crop import RandomResizedCrop
from artkit_shards.stream.pixels import BadPlaces, PixelSettings, Span


def pack_settings(settings: PixelSettings) -> dict[str, Any]:
    """Settings as plain JSON."""
    return asdict(settings)


def unpack_settings(packed: dict[str, Any]) -> PixelSettings:
    """What `pack_settings` packed."""
    crop = packed["crop"]
    return PixelSettings(**{**packed, "crop": None if crop is None else RandomResizedCrop(**crop)})


def pack_rows(rows: NDArray[np.int64]) -> bytes:
    """Row numbers as bytes."""
    return rows.astype("<i8", copy=False).tobytes()


def unpack_rows(packed: bytes) -> NDArray[np.int64]:
    """What `pack_rows` packed."""
    return np.frombuffer(packed, dtype="<i8").astype(np.int64, copy=False)


def pack_span(span: Span) -> bytes:
    """A span as bytes."""
    return pack_rows(np.concatenate([[span.epoch, span.index], span.positions, span.rows]))


def unpack_span(packed: bytes) -> Span:
    """What `pack_span` packed."""
    numbers = unpack_rows(packed)
    positions, rows = np.split(numbers[2:], 2)
    return Span(epoch=int(numbers[0]), index=int(numbers[1]), positions=positions, rows=rows)


def pack_bad(bad: BadPlaces) -> list[list[Any]]:
    """Places that could not be filled, as plain JSON."""
    return [
        [place, str(error), error.shard, error.key, error.fault]
        if isinstance(error, SampleError)
        else [place, str(error)]
        for place, error in bad
    ]


def unpack_bad(packed: list[list[Any]]) -> BadPlaces:
    """What `pack_bad` packed."""
    return [
        (place, SampleError(text, shard=of[0], key=of[1], fault=of[2]) if of else ImageError(text))
        for place, text, *of in packed
    ]


def pack_answer(**content: Any) -> bytes:
    """An answer as bytes."""
    return json.dumps(content).encode()


def pack_failure(error: Exception) -> bytes:
    """An answer that tells of an error: one that users can act on, or one which nobody foresaw."""
    if isinstance(error, ShardsError):
        return pack_answer(refusal=str(error))
    return pack_answer(failure=f"{type(error).__name__}: {error}", details="".join(traceback.format_exception(error)))


def unpack_answer(packed: bytes) -> dict[str, Any]:
    """What `pack_answer` packed.

    Raises:
        DatasetError: if the answer tells of an error that users can act on.
        RuntimeError: if it tells of any other one; type and text are in the message, where it was in a note.
    """
    answer: dict[str, Any] = json.loads(packed)
    if "refusal" in answer:
        raise DatasetError(answer["refusal"])
    if "failure" in answer:
        error = RuntimeError(f"the loader's process failed: {answer['failure']}")
        error.add_note(f"In the loader's process:\n{answer['details']}")
        raise error
    return answer
