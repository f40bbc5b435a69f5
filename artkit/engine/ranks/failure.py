"""The first error of any rank, known to all.

A rank that waits for another one learns only that the connection is gone when that one ends. So a rank that fails
leaves a note where all can read it, and whoever loses the connection looks there for the reason.
"""

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from itertools import count
from typing import Any, Final

from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from artkit.errors import RunError

_FIRST: Final = "artkit/first failure"
_SHOWN: Final = "artkit/shown by rank 0"
_runs: Final = count(1)
_PATIENCE: Final = 3.0  # seconds
"""To wait for rank 0, which mostly fails of the same thing at the same moment, and for notes."""

_LOST: Final = re.compile(r"gloo|NCCL|Connection (closed|reset|refused)|Broken pipe|Socket Timeout", re.IGNORECASE)
"""How errors of collectives read when another process is gone; torch has no type of its own for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a rank failed."""

    rank: int
    type: str
    message: str


class RankError(RunError):
    """This rank could not go on because another one failed.

    Attributes:
        failure: What is known of that one.
    """

    def __init__(self, message: str, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


@cache
def common_store() -> Store:
    """The store of values that torchrun keeps for the ranks.

    Raises:
        RunError: if it cannot be reached.
    """
    try:
        store, _, _ = next(iter(rendezvous("env://")))
    except (ValueError, distributed.DistError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(
            f"the other ranks cannot be reached ({reason}); start them together with `torchrun -m artkit run ...`, "
            "or unset WORLD_SIZE to run alone"
        ) from None
    assert isinstance(store, Store)
    return store


def new_store() -> Store:
    """A part of the common store that no other run of this process uses."""
    return PrefixStore(f"run {next(_runs)}", common_store())


def cause_of(error: Exception) -> Exception:
    """What stands behind an error: the error itself, or a RankError if only the connection to another rank was lost.

    Args:
        error: What this rank caught.
    """
    if isinstance(error, RankError) or not _is_lost_connection(error):
        return error
    failure = _read(_FIRST)
    if failure is None:
        return RankError(
            "another rank ended without a word, perhaps killed for lack of memory; the messages of torchrun say which"
        )
    return RankError(f"rank {failure['rank']} failed: {failure['message']}", Failure(**failure))


def leave_note(error: Exception) -> None:
    """Tell all ranks why this one failed, unless another one failed before."""
    store = common_store()
    failure = Failure(rank=_own_rank(), type=type(error).__name__, message=str(error))
    store.compare_set(_FIRST, "", json.dumps(asdict(failure)))


def show_once(error: Exception, text: str, show: Callable[[str], None]) -> None:
    """Tell all ranks why this one ends, and the user, unless another rank says the same.

    Args:
        error: With which this rank ends.
        text: The error for the user.
        show: Shows it.
    """
    try:
        shown = _what_to_show(error, text)
    except (RunError, distributed.DistError):  # no other rank can be reached
        shown = text
    if shown is not None:
        show(shown)


def _what_to_show(error: Exception, text: str) -> str | None:
    """What this rank shows of an error; None where another rank shows it."""
    if not isinstance(error, RankError):
        leave_note(error)
    if _own_rank() == 0:
        common_store().set(_SHOWN, json.dumps({"text": text}))
        return text
    is_known = error.failure is not None if isinstance(error, RankError) else (_read(_SHOWN) or {}).get("text") == text
    return None if is_known else f"rank {_own_rank()}: {text}"


def _own_rank() -> int:
    return int(os.environ["RANK"])


def _read(key: str) -> dict[str, Any] | None:
    """A note, if it is there within a short time."""
    store, until = common_store(), time.monotonic() + _PATIENCE
    while not store.check([key]):  # waiting in the store itself would print warnings of torch's
        if time.monotonic() > until:
            return None
        time.sleep(0.05)
    return dict(json.loads(store.get(key)))


def _is_lost_connection(error: Exception) -> bool:
    """Whether an error, or one that it was raised from, is that of a collective without its partner."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:  # an error may have been raised from itself
        chain.append(link)
        link = link.__cause__
    return any(isinstance(each, RuntimeError) and _LOST.search(str(each)) for each in chain)
