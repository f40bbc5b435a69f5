"""Which packages a file needs, from the import statements anywhere in it; nothing is imported to find out."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

_WITH_ARTKIT: Final = frozenset(
    ["artkit", "artkit_shards", "artkit_plugins", "annotated_types", "numpy", "PIL", "pluggy", "torch", "torchvision"]
)
"""What every installation of artkit has. torch must not be pinned anyway: which build of it is the user's choice."""


@dataclass(frozen=True, slots=True)
class Imports:
    """What a file imports, beside Python and artkit."""

    dists: tuple[str, ...]
    """Distributions to require, sorted."""
    missing: tuple[str, ...]
    """Modules that belong to no installed distribution, sorted."""


def read_imports(file: Path) -> Imports:
    """Read the imports of a Python file that can be parsed."""
    owners = packages_distributions()
    modules = set(_modules(ast.parse(file.read_bytes()))) - _WITH_ARTKIT - sys.stdlib_module_names
    dists = {canonicalize_name(owners[module][0]) for module in modules if module in owners}
    return Imports(tuple(sorted(dists)), tuple(sorted(modules - owners.keys())))


def _modules(tree: ast.AST) -> Iterator[str]:
    """The outermost packages of all imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
