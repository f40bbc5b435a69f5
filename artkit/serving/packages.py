"""The packages that serving needs, which are in the extra `serve`."""

from importlib.util import find_spec
from typing import Final

from artkit.errors import RunError

_NEEDED: Final = {"starlette": "starlette", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}
"""Modules, with the names that they are installed by."""


def check_packages() -> None:
    """Raise RunError unless they are installed."""
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise RunError(
            f"artkit serve needs {' and '.join(missing)}; install what it takes with: pip install 'artkit[serve]'"
        )
