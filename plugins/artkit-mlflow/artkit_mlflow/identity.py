"""Which tracked run belongs to a run folder: kept in a file there, so that a resumed run goes on in the same one."""

import json
import os
from pathlib import Path
from typing import Final

FILE: Final = "mlflow.json"


def kept_id(folder: Path, tracking_uri: str) -> str | None:
    """The id of the tracked run there; None if the run has not been tracked there so far."""
    path = folder / FILE
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return str(kept["run_id"]) if kept["tracking_uri"] == tracking_uri else None


def keep_id(folder: Path, tracking_uri: str, run_id: str) -> None:
    """Write the id down, whole or not at all."""
    path = folder / FILE
    coming = path.with_name(f".{FILE}.part")
    text = json.dumps({"run_id": run_id, "tracking_uri": tracking_uri}, indent=2)
    coming.write_text(text + "\n", encoding="utf-8")
    os.replace(coming, path)
