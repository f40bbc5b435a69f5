"""How much memory is free."""

from pathlib import Path
from typing import Final

_MEMINFO: Final = Path("/proc/meminfo")
_GROUP: Final = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes of main memory that can still be taken, of the machine and of the container; None where nobody tells."""
    told = [number for number in (_free_of_machine(), _free_of_group()) if number is not None]
    return min(told, default=None)


def _free_of_machine() -> int | None:
    if not _MEMINFO.is_file():
        return None
    lines = (line.split() for line in _MEMINFO.read_text(encoding="ascii").splitlines())
    return next((1024 * int(words[1]) for words in lines if words[0] == "MemAvailable:"), None)


def _free_of_group() -> int | None:
    limit, used = _GROUP / "memory.max", _GROUP / "memory.current"
    if not (limit.is_file() and used.is_file()):
        return None
    most = limit.read_text(encoding="ascii").strip()
    return max(int(most) - int(used.read_text(encoding="ascii")), 0) if most.isdigit() else None
