"""Which tracked run belongs to a run folder: kept in a file there, so that a resumed run goes on in the same one."""

import json
import os
from pathlib import Path
from typing import Final

FILE: Final = "wandb.json"


def kept_id(folder: Path) -> str | None:
    """The id of the tracked run; None if the run has not been tracked so far."""
    path = folder / FILE
    return str(json.loads(path.read_text(encoding="utf-8"))["id"]) if path.is_file() else None


def keep_id(folder: Path, run_id: str) -> None:
    """Write the id down, whole or not at all."""
    path = folder / FILE
    coming = path.with_name(f".{FILE}.part")
    coming.write_text(json.dumps({"id": run_id}) + "\n", encoding="utf-8")
    os.replace(coming, path)
