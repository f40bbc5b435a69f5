"""The settings of a run as wandb shows them well; names of values are those of `artkit.tracking`."""

import json
from typing import Any

from artkit import RunInfo, tracking


def settings_of(run: RunInfo) -> dict[str, Any]:
    """The settings of a run, flat; lists are texts, since wandb would show each of their items by itself."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
        for name, value in tracking.settings_of(run).items()
    }
