"""The other end of process.py: opens the data set, and fills spans of shared memory in threads of its own.

Run as `python -m artkit_shards.stream.child` with the numbers of its pipes. It ends when the process that started it
closes them or is gone.
"""

import json
import mmap
import os
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from artkit_shards.errors import DatasetError
from artkit_shards.format.opening import open_dataset
from artkit_shards.stream.cache import DecodeCache
from artkit_shards.stream.messages import pack_answer, pack_bad, pack_failure, unpack_rows, unpack_settings, unpack_span
from artkit_shards.stream.pixels import Pixels

_WATCH_SECONDS: Final = 2.0
"""How often to see whether the parent is still there: its pipes may be open in other children of it."""


def main() -> None:
    """Serve until the parent is gone."""
    control_number, memory_number, *lane_numbers = (int(number) for number in sys.argv[1:])
    parent = os.getppid()
    control = Connection(control_number)
    torch.set_num_threads(1)
    try:
        cache = _begin(json.loads(control.recv_bytes()), memory_number, lane_numbers)
        control.send_bytes(pack_answer())
        while True:
            while not control.poll(_WATCH_SECONDS):
                if os.getppid() != parent:
                    os._exit(0)
            _plan(control, cache)
    except (EOFError, OSError):
        # No more than that the parent has closed the pipe. Threads that are still filling are not waited for.
        os._exit(0)
    except Exception as error:
        control.send_bytes(pack_failure(error))


def _begin(given: dict[str, Any], memory_number: int, lane_numbers: list[int]) -> DecodeCache | None:
    """Open all that is needed and start a thread for each lane."""
    settings = unpack_settings(given["settings"])
    split = open_dataset(given["directory"]).split(given["split"])
    if split.fingerprint != given["fingerprint"]:
        raise DatasetError(f"the data set in {given['directory']} was replaced while it was used; open it again")
    cache = DecodeCache(given["cache_bytes"], 3 * settings.kept_size**2) if given["cache_bytes"] else None
    pixels = Pixels(split, settings, cache)
    shape = (len(lane_numbers), given["span"], settings.size, settings.size, 3)
    squares = np.frombuffer(mmap.mmap(memory_number, 0), dtype=np.uint8).reshape(shape)
    for number, lane in enumerate(lane_numbers):
        threading.Thread(target=_serve, args=(Connection(lane), pixels, cache, squares[number]), daemon=True).start()
    return cache


def _plan(control: Connection, cache: DecodeCache | None) -> None:
    """Hear which rows are coming."""
    rows, following = unpack_rows(control.recv_bytes()), unpack_rows(control.recv_bytes())
    assert cache is not None
    forecast = cache.plan(rows, following)
    control.send_bytes(pack_answer(draws=forecast.draws, decodes=forecast.decodes))


def _serve(lane: Connection, pixels: Pixels, cache: DecodeCache | None, squares: NDArray[np.uint8]) -> None:
    """Fill the lane's squares whenever a span comes in."""
    while True:
        try:
            span = unpack_span(lane.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            bad = pixels.fill(span, squares[: len(span.rows)])
            hits, misses = (0, 0) if cache is None else (cache.hits, cache.misses)
            answer = pack_answer(bad=pack_bad(bad), hits=hits, misses=misses)
        except Exception as error:
            answer = pack_failure(error)
        lane.send_bytes(answer)


if __name__ == "__main__":
    main()
