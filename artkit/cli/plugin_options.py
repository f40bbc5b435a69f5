"""The options of commands that load plugins: files to load, plugins to block, and whose component a name means."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artkit.registry import PluginSettings

_PANEL: Final = "Plugins"

PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        "-P",
        metavar="FILE.py",
        help="Load a plugin from a file; repeatable.",
        rich_help_panel=_PANEL,
    ),
]
Block = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Do not import this plugin, by package or entry point; repeatable.",
        rich_help_panel=_PANEL,
    ),
]
Prefer = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PACKAGE",
        help="Whose component a name means that several plugins have; repeatable.",
        rich_help_panel=_PANEL,
    ),
]
NoPlugins = Annotated[
    bool,
    typer.Option("--no-plugins", help="Import no installed plugin beside artkit's own.", rich_help_panel=_PANEL),
]


def plugin_settings(
    files: "Sequence[str] | None" = None,
    block: "Sequence[str] | None" = None,
    prefer: "Sequence[str] | None" = None,
    no_plugins: bool = False,
) -> "PluginSettings":
    """What the command line says about plugins.

    Args:
        files: The values of `--plugin`: files, or "no:NAME", the same as `--block NAME`.
        block: Those of `--block`.
        prefer: Those of `--prefer`.
        no_plugins: Whether `--no-plugins` is given.

    Raises:
        RecipeError: if a preference cannot be read.
    """
    from artkit.registry import PluginSettings

    given = files or ()
    return PluginSettings(
        files=tuple(name for name in given if not name.startswith("no:")),
        block=(*(name.removeprefix("no:") for name in given if name.startswith("no:")), *(block or ())),
        prefer=dict(map(_read_preference, prefer or ())),
        installed=not no_plugins,
    )


def _read_preference(text: str) -> tuple[str, str]:
    from artkit.errors import RecipeError

    name, equals, package = (part.strip() for part in text.partition("="))
    if not (name and equals and package):
        raise RecipeError(
            f"--prefer {text} cannot be read; write it as NAME=PACKAGE, such as --prefer vit-tiny=artkit-vit"
        )
    return name, package
