"""Which tracked run belongs to a run folder: kept in a file there, so that a resumed run goes on in the same one."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE: Final = "wandb.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The tracked run of a run folder."""

    id: str
    is_whole: bool = False
    """Whether all that was logged so far was written. wandb writes late, so a process that is killed loses some."""

    @classmethod
    def of(cls, folder: Path) -> "Identity":
        """That of a folder; a new one if the run has not been tracked so far."""
        path = folder / FILE
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else cls(id=secrets.token_hex(4))

    def keep(self, folder: Path) -> None:
        """Write it down, whole or not at all."""
        path = folder / FILE
        coming = path.with_name(f".{FILE}.part")
        coming.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        os.replace(coming, path)
