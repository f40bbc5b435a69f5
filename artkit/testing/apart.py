"""Work in a folder of one's own, so that components which write where one is leave nothing where the user is."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Make a folder the working directory for the code inside; modules are found as before."""
    before = Path.cwd()
    sys.path[:] = [entry or str(before) for entry in sys.path]  # "" stands for wherever one is
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
