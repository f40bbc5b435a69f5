"""Run in a process of its own: imports one plugin and tells, as JSON on the last line, what that did.

    python import_probe.py MODULE-OR-FILE

CPU and wall time in milliseconds; large packages that it pulled in, with the line that did; what it printed, warned of
and changed. artkit's own part is imported before the clock starts.
"""

import contextlib
import importlib
import importlib.util
import io
import json
import os
import random
import sys
import time
import traceback
import warnings
from typing import Any

import artkit
from artkit.registry.import_watch import HEAVY


class Watcher:
    """Stands before Python's finders, and notes which line first asked for a large package."""

    def __init__(self) -> None:
        self.blamed: dict[str, str] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Finds nothing, so that Python goes on as always."""
        del path, target
        if name in HEAVY and name not in self.blamed:
            frames = [frame for frame in traceback.extract_stack()[:-1] if not frame.filename.startswith("<")]
            self.blamed[name] = f"{frames[-1].filename}:{frames[-1].lineno}"


def load(name: str) -> None:
    """Import a module, or run a file as one."""
    if not name.endswith(".py"):
        importlib.import_module(name)
        return
    spec = importlib.util.spec_from_file_location("_probed", name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_probed"] = module
    spec.loader.exec_module(module)


def probe(name: str) -> dict[str, Any]:
    """Import a plugin and tell what that did."""
    for public in artkit.__all__:
        getattr(artkit, public)
    watcher, printed = Watcher(), io.StringIO()
    before = (os.getcwd(), random.getstate(), sorted(os.environ.items()))
    sys.meta_path.insert(0, watcher)
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        with contextlib.redirect_stderr(printed):
            wall, cpu = time.perf_counter(), time.process_time()
            load(name)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = (os.getcwd(), random.getstate(), sorted(os.environ.items()))
    words = ("the working directory", "the random numbers of Python", "environment variables")
    return {
        "cpu_ms": 1000 * cpu,
        "wall_ms": 1000 * wall,
        "heavy": watcher.blamed,
        "printed": printed.getvalue(),
        "warned": [f"{one.category.__name__}: {one.message}" for one in caught],
        "changed": [word for word, was, now in zip(words, before, after, strict=True) if was != now],
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(probe(sys.argv[1])) + "\n")
