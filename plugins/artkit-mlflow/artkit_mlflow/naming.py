"""The names of `artkit.tracking`, and settings as texts, as MLflow takes them.

A character that MLflow refuses in names becomes its number, so that two names never become one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from artkit import Predictions, RunInfo, tracking

MOST_CHARACTERS: Final = 6000
"""Of the text of a setting; MLflow refuses more."""


def of_step(values: Mapping[str, float]) -> dict[str, float]:
    """Name the values of an optimizer step."""
    return _with_legal_names(tracking.of_step(values))


def of_epoch(values: Mapping[str, float]) -> dict[str, float]:
    """Name the values of an epoch; its number is not among them."""
    return _with_legal_names(tracking.of_epoch(values))


def of_test(run: RunInfo, predictions: Predictions) -> dict[str, float]:
    """Name the values of the selected weights in one target."""
    return _with_legal_names(tracking.of_test(run, predictions))


def settings_of(run: RunInfo) -> dict[str, str]:
    """The settings of a run, flat, as texts."""
    return {_legal(name): _text(value)[:MOST_CHARACTERS] for name, value in tracking.settings_of(run).items()}


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _with_legal_names(values: Mapping[str, float]) -> dict[str, float]:
    """The first "/" of a name stays: it is that of the group."""
    legal = {}
    for name, value in values.items():
        group, slash, rest = name.partition("/")
        legal[f"{group}{slash}{_legal(rest)}"] = value
    return legal


def _legal(name: str) -> str:
    return re.sub(r"[^\w. -]", lambda match: f"-{ord(match[0]):x}-", name)
