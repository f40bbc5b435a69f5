"""What schedules keep: a multiplier from 0 up, everywhere from 0 to 1, that a resumed run finds again."""

import json
import math

from artkit.contracts import Schedule
from artkit.testing.check import NotApplicable, check, require
from artkit.testing.subject import Subject

_PROGRESS = [step / 35 for step in range(36)]
_VALUES = {
    "epoch": 0.0,
    **{f"{split}_{name}": 0.5 for split in ("train", "val") for name in ("loss", "accuracy", "macro_recall")},
}


@check("schedule", is_basic=True)
def multipliers(subject: Subject) -> None:
    """A schedule gives a finite number from 0 up for all progress from 0 to 1, both included."""
    schedule: Schedule = subject.build()
    for progress in (*_PROGRESS, 1e-9, 1 - 1e-9):
        found = schedule(progress)
        require(isinstance(found, int | float), f"it gives {type(found).__name__} at {progress:g}")
        require(math.isfinite(found) and found >= 0, f"it gives {found} at {progress:g}")
    require(any(schedule(progress) > 0 for progress in _PROGRESS), "it is 0 all along, so that nothing is learnt")


@check("schedule", is_basic=True)
def pure(subject: Subject) -> None:
    """What a schedule gives depends on progress alone, not on what was asked before; built anew, it is the same."""
    schedule: Schedule = subject.build()
    forwards = [schedule(progress) for progress in _PROGRESS]
    backwards = [schedule(progress) for progress in reversed(_PROGRESS)][::-1]
    require(forwards == backwards, "asked a second time, in another order, it gives other multipliers")
    again = subject.build()
    require([again(progress) for progress in _PROGRESS] == forwards, "built again, it gives other multipliers")


@check("schedule")
def short_runs(subject: Subject) -> None:
    """A run of a single step has a learning rate too."""
    found = subject.build(num_epochs=1, steps_per_epoch=1)(0.0)
    require(math.isfinite(found) and found >= 0, f"it gives {found} in a run of one step")


@check("schedule")
def state_round_trip(subject: Subject) -> None:
    """A schedule that observes validation has its state in state_dict, as JSON, and goes on from it."""
    schedule = subject.build()
    if not hasattr(schedule, "observe"):
        raise NotApplicable("it does not observe validation")
    require(hasattr(schedule, "state_dict") and hasattr(schedule, "load_state_dict"), "it lacks state_dict")
    other = subject.build()
    for _ in range(4):
        schedule.observe(dict(_VALUES))
    other.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    for _ in range(10):
        require(schedule(0.5) == other(0.5), "after state_dict and load_state_dict it gives other multipliers")
        schedule.observe(dict(_VALUES))
        other.observe(dict(_VALUES))
