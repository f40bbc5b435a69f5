"""`artkit plugins new`: a package for a plugin, from an example or from an own file, and what to do with it next."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from artkit.cli.notes import print_note

if TYPE_CHECKING:
    from artkit.contracts import Kind
    from artkit.scaffold import Content, PackageName


def new_package(name: str, kind: "Kind | None", file: Path | None, out: Path | None) -> None:
    """Write a package and say what to do with it.

    Raises:
        RecipeError: if the name is not legal, the folder is there, or the file registers nothing.
        PluginError: if the file cannot be loaded.
    """
    from artkit import __version__
    from artkit.scaffold import PackageName, content_of_example, content_of_file, write_package
    from artkit.testing.check import LEVEL

    package = PackageName.checked(name)
    content = content_of_file(file) if file else content_of_example(kind or "model", package)
    folder = out or Path(package.dist)
    files = write_package(package, content, folder, artkit_version=__version__, level=LEVEL)
    _note_imports(files[0], content)
    _note_clashes(package, content)
    typer.echo(f"wrote {folder}: {content.title} in {', '.join(files)}\nnext:")
    for command in _next_commands(folder, content):
        typer.echo(f"  {command}")


def _note_imports(module: str, content: "Content") -> None:
    """Tell what an author's file imports and the package cannot, or should not at this place."""
    for name in content.missing:
        print_note(
            f"{module} imports {name}, which no installed package has; put it beside {module} and into py-modules in "
            "pyproject.toml, or name its package among the dependencies there"
        )
    if content.heavy:
        print_note(
            f"{module} imports {' and '.join(content.heavy)} at its top; imported inside the factories, they would not "
            "slow down every command"
        )


def _note_clashes(package: "PackageName", content: "Content") -> None:
    """Tell of components that other plugins have under the same names."""
    from artkit.registry import load_registry, with_article

    for there in load_registry().components():
        if there.plugin.dist != package.dist and any(
            (mine.kind, mine.name) == (there.kind, there.name) for mine in content.components
        ):
            print_note(
                f"{there.plugin.label} has {with_article(there.kind)} '{there.name}' too: users of both must choose "
                f"one with --prefer {there.name}={package.dist}; another name in `register` would spare them that"
            )


def _next_commands(folder: Path, content: "Content") -> list[str]:
    """Install it, test it, use it; from the folder one is in."""
    from shlex import quote

    from artkit.registry.installed import installed_version

    # Once the import system is asked for pip, setuptools (which watches for that) can no longer be imported, and torch
    # cannot compile anything without it.
    installer = "pip" if installed_version("pip") else "uv pip"
    path = str(folder) if folder.is_absolute() else f"./{folder}"  # a name alone would be looked for in a registry
    return [
        f"{installer} install --editable {quote(f'{path}[test]')}",
        f"pytest {quote(str(folder))}",
        content.components[0].command,
    ]
