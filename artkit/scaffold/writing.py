"""Fills in the templates and writes the folder of a new package: all of it, or nothing."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.version import Version

from artkit.contracts import Kind
from artkit.errors import RecipeError
from artkit.scaffold.content import Content
from artkit.scaffold.naming import PackageName

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).with_name("templates")
_FILES: Final = {
    "pyproject.toml": "pyproject.toml.j2",
    "README.md": "README.md.j2",
    "tests/test_contract.py": "test_contract.py.j2",
    ".github/workflows/tests.yml": "tests.yml.j2",
    ".gitignore": "gitignore.j2",
}
"""Path in the package -> its template; the module comes on top."""


def write_package(
    name: PackageName, content: Content, folder: Path, *, artkit_version: str, level: str
) -> tuple[str, ...]:
    """Write a package.

    Args:
        name: Of the package.
        content: What it provides.
        folder: Where it goes; it must not exist yet, or be empty.
        artkit_version: The artkit it is written for; later ones with the same first number will do too.
        level: Of the checks that its test is held to.

    Returns:
        The files, relative to the folder, the module first.

    Raises:
        RecipeError: if the folder is not empty, or cannot be written.
    """
    values = {"content": content, "requirement": _requirement(artkit_version), "level": level}
    texts = _render(name, content, values)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RecipeError(f"{folder} exists already, and nothing is overwritten; name another folder with --out")
        _write(texts, folder)
    except OSError as error:
        raise RecipeError(f"{folder} cannot be written: {error.strerror}; name another folder with --out") from error
    return tuple(texts)


def example_module(kind: Kind, name: PackageName) -> str:
    """The module of a package that has the example of a kind."""
    return _environment().get_template(f"kinds/{kind}.py.j2").render(name=name)


def _render(name: PackageName, content: Content, values: dict[str, object]) -> dict[str, bytes]:
    """The files of a package: path -> content."""
    templates = _environment()

    def fill_in(template: str) -> bytes:
        return templates.get_template(template).render(values, name=name).encode()

    own = content.module if content.module is not None else example_module(content.kinds[0], name).encode()
    return {f"{name.module}.py": own, **{path: fill_in(template) for path, template in _FILES.items()}}


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )


def _requirement(artkit_version: str) -> str:
    """Which artkit the package works with: this one, and those that promise to be compatible."""
    version = Version(artkit_version)
    return f"artkit>={version.major}.{version.minor},<{version.major + 1}"


def _write(texts: dict[str, bytes], folder: Path) -> None:
    """Write beside the folder first, so that a full disk leaves no half package behind."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.resolve().parent, prefix=".artkit-") as beside:
        for path, text in texts.items():
            file = Path(beside) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        folder.mkdir(exist_ok=True)
        for entry in Path(beside).iterdir():
            entry.rename(folder / entry.name)
