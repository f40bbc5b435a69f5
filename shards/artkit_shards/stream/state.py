"""The state of a loader: which plan it delivers, and how many of its positions it has delivered.

It is plain JSON of less than 1 kB.

A position means something in its own plan only, so a state names its plan by fields: which kind of plan, of what data,
with which seed and counts, and how the images are shown. Whatever else may change while a run is stopped is not among
them: batch size, ranks, threads, cache.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from artkit_shards.errors import StateError

_FORMAT: Final = "artkit-loader-1"
_KEYS: Final = ("plan", "fields", "epoch", "consumed")


def plan_id(fields: Mapping[str, Any]) -> str:
    """sha256, in hex, of the fields of a plan as JSON: equal for equal plans only."""
    canonical = json.dumps(dict(fields), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def make_state(fields: Mapping[str, Any], epoch: int, consumed: int) -> dict[str, Any]:
    """The state that stands at a position of an epoch's plan."""
    return {
        "format": _FORMAT,
        "plan": plan_id(fields),
        "fields": dict(fields),
        "epoch": epoch,
        "consumed": consumed,
    }


def read_place(state: Mapping[str, Any]) -> tuple[int, int]:
    """Epoch and consumed positions of a state.

    Raises:
        StateError: if it is no state of a loader, or a damaged one.
    """
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT or not all(key in state for key in _KEYS):
        raise StateError("this is not the state of a Loader", "give load_state_dict() what state_dict() returned")
    epoch, consumed, fields = state["epoch"], state["consumed"], state["fields"]
    is_place = all(type(number) is int and number >= 0 for number in (epoch, consumed))
    if not is_place or not isinstance(fields, Mapping) or state["plan"] != plan_id(fields):
        raise StateError("the state of the Loader was damaged or changed", "begin without it")
    return epoch, consumed


def check_plan(state: Mapping[str, Any], fields: Mapping[str, Any], length: int) -> None:
    """Check that a state belongs to the plan with these fields and this many positions.

    Args:
        state: One that `read_place` has read.
        fields: Of the loader's plan of the same epoch.
        length: Positions of that plan.

    Raises:
        StateError: if it does not, naming the first field that differs, with both values.
    """
    before, epoch = state["fields"], state["epoch"]
    for name in {**before, **fields}:
        was, is_now = before.get(name, "not set"), fields.get(name, "not set")
        if was != is_now:
            raise StateError(
                f"the state belongs to another plan: its {name} was {_shown(was)}, that of this Loader is "
                f"{_shown(is_now)}",
                f"make the Loader as it was, or leave out the rest of epoch {epoch} and begin with "
                f"Loader(..., epoch={epoch + 1})",
            )
    if state["consumed"] > length:
        raise StateError(
            f"the state stands at position {state['consumed']} of a plan with {length}", "begin the epoch without it"
        )


def _shown(value: object) -> str:
    """A value in a message: digests are cut, their beginning tells them apart."""
    text = repr(value)
    return text if len(text) < 40 else f"{text[:17]}...{text[-1]}"
