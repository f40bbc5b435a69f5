"""Watches one plugin while it is imported and registers: how long it takes, what it prints, and what it changes.

Importing a plugin defines things and does nothing else. One that prints, draws random numbers, changes the working
folder or silences warnings would change every run, also those that do not use it: what it printed is kept from the
output, what it changed is put back, and both are told with its name.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import Any, Final, Self, TextIO, cast

from artkit.registry.process_state import ProcessState

HEAVY: Final = (
    *("torch", "torchvision", "tensorflow", "jax", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "cv2"),
    *("timm", "transformers", "kornia", "albumentations", "wandb", "mlflow"),
)
"""Packages that take a noticeable time to import; they belong inside the factories."""

_SHOWN: Final = 80
"""Characters of what a plugin printed that are told."""


class ImportWatch:
    """Watches what happens inside a `with` block.

    Attributes:
        milliseconds: How long it took.
        heavy_imports: Large packages that it imported first.
        side_effects: What it did beside: "printed 'hello'", "changed torch's random numbers". Undone, but for packages.
    """

    def __init__(self) -> None:
        self.milliseconds = 0.0
        self.heavy_imports: tuple[str, ...] = ()
        self.side_effects: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._modules = set(sys.modules)
        self._state = ProcessState()
        self._output = _Output(sys.stdout), _Output(sys.stderr)
        self._redirections = ExitStack()
        self._redirections.enter_context(redirect_stdout(cast(TextIO, self._output[0])))
        self._redirections.enter_context(redirect_stderr(cast(TextIO, self._output[1])))
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.milliseconds = 1000 * (time.perf_counter() - self._started)
        self._redirections.close()
        self.heavy_imports = tuple(name for name in HEAVY if name in sys.modules and name not in self._modules)
        self.side_effects = (*self._printed(), *self._state.put_back())

    def _printed(self) -> Iterator[str]:
        text = "".join(output.end() for output in self._output).strip()
        if text:
            line = text.splitlines()[0]
            yield f"printed '{line if len(line) <= _SHOWN else line[: _SHOWN - 3] + '...'}'"


class _Output:
    """Keeps what is printed, until `end`; then passes it on, for whoever holds on to it, such as a logger."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: list[str] | None = []

    def write(self, text: str) -> int:
        if self._parts is None:
            return self._stream.write(text)
        self._parts.append(text)
        return len(text)

    def end(self) -> str:
        """What was printed."""
        parts, self._parts = self._parts or [], None
        return "".join(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
