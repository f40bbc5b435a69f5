"""The errors that artkit raises for mistakes a user or a plugin author can mend.

    ArtkitError
    ├── RecipeError        unknown component, unknown option, value out of bounds, contradicting settings
    ├── PluginError        a plugin that cannot be loaded, or breaks the rules of the contract
    │   └── ComponentError a component that raised while it was built or used
    └── RunError           a run that cannot start or go on: no data, changed data, no space left

Every message says what was given, which rule it breaks and what to do. The command line prints it in one piece,
without a traceback, and leaves with exit code 1. The data layer has a tree of its own, `artkit_shards.ShardsError`.
"""

from functools import partial
from pathlib import Path
from typing import Any


class ArtkitError(Exception):
    """Base of every error that a user can act on."""


class RecipeError(ArtkitError, ValueError):
    """A recipe, option or choice of component that cannot be used as given."""


class PluginError(ArtkitError):
    """A plugin that cannot be used.

    Attributes:
        plugin: Who is at fault, as shown to users, for example `artkit-vit 0.3.1`.
    """

    def __init__(self, message: str, *, plugin: str) -> None:
        super().__init__(message)
        self.plugin = plugin

    def __reduce__(self) -> tuple[Any, ...]:
        """What it takes to send the error from one process to another."""
        return partial(type(self), plugin=self.plugin), self.args


class ComponentError(PluginError):
    """A component that raised while it was built or used; the cause is chained.

    Attributes:
        plugin: Who registered the component, for example `artkit-vit 0.3.1`.
        traceback_file: Where the full traceback was written, if it was.
    """

    traceback_file: Path | None = None


class RunError(ArtkitError):
    """A run that cannot start, go on or be resumed."""
