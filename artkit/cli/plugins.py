"""`artkit plugins`: what is installed, from whom and in what state; the options of components; and one's own package.

The list comes from metadata and imports no plugin; `list --check`, `show` and `check` do.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artkit.cli.framed_help import FramedCommand, FramedGroup
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, Prefer, plugin_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artkit.contracts import Kind
    from artkit.registry import Plugin, PluginSettings

plugins_app = typer.Typer(
    cls=FramedGroup,
    help="List the plugins, show the options of their components, check them, and begin one of your own.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Check = Annotated[bool, typer.Option("--check", help="Load every plugin, and say why one fails.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the list as JSON.")]


@plugins_app.callback(invoke_without_command=True)
def plugins(context: typer.Context, check: Check = False, plugin: PluginFiles = None, as_json: AsJson = False) -> None:
    """List the plugins, show the options of their components, check them, and begin one of your own."""
    context.obj = plugin or []
    if not context.invoked_subcommand:
        _list(plugin_settings(context.obj), check, as_json)
    elif check or as_json:
        command = context.invoked_subcommand
        advice = " in front of it; write them behind it" if command == "list" else ""
        raise typer.BadParameter(f"--check and --json do not go with '{command}'{advice}")
    elif plugin and context.invoked_subcommand not in ("list", "show"):
        raise typer.BadParameter(
            f"--plugin does not go with '{context.invoked_subcommand}', which takes the file itself"
        )


@plugins_app.command("list", cls=FramedCommand)
def list_plugins(
    context: typer.Context,
    check: Check = False,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
    as_json: AsJson = False,
) -> None:
    """List the plugins: who they are, where they come from, and whether they are used.

    Nothing is imported without --check. With it, kinds, components and import times are known too, names that several
    plugins have are told, and the exit code is 1 if a plugin fails.

    --json gives a list with an object for each plugin: plugin, entry_point, version, commit, editable, kinds,
    components, status, left_out (reason and remedy), import_ms, heavy_imports, side_effects, from, sha256, issues_url,
    failure (type, message and where). What is not known, or not the case, is null.
    """
    _list(plugin_settings([*context.obj, *(plugin or [])], block, no_plugins=no_plugins), check, as_json)


@plugins_app.command("show", cls=FramedCommand)
def show(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(
            help="model, augmenter, sampler, ...; or a section of recipes: train, data, ...; else all kinds."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="A component, or an option of the section; without it, all are listed.")
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    prefer: Prefer = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Show the components of a kind, or the options of one component; names that several plugins have are told.

    The sections train, data, unknown and retrain of recipes have options that belong to no component: those are shown
    alike.
    """
    from artkit.cli.component_page import print_all, print_component, print_kind, print_section
    from artkit.cli.notes import print_note
    from artkit.recipe.sections import SETTINGS
    from artkit.registry import clash_notes, load_registry

    if kind is not None and kind in SETTINGS:
        print_section(kind, name)
        return
    registry = load_registry(plugin_settings([*context.obj, *(plugin or [])], block, prefer, no_plugins))
    known_kind = None
    if kind is not None:
        known_kind = _read_kind(kind, [c.kind for c in registry.components() if kind in c.names])
    if known_kind is None:
        print_all(registry)
    elif name is None:
        print_kind(registry, known_kind)
    else:
        component = registry.component(known_kind, name)
        name = component.name
        print_component(component)
    for note in clash_notes(registry.plugins, registry.prefer, kind=known_kind, name=name):
        print_note(note)


@plugins_app.command("check", cls=FramedCommand)
def check(
    target: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A package, an entry point, or a file.")],
    kind: Annotated[list[str] | None, typer.Option(metavar="KIND", help="Check these alone; can be repeated.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND.OPTION=VALUE",
            help="Check with this option, such as model.depth=2, or model.NAME.depth=2 for one of several; repeatable.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of id, outcome and reason as JSON.")] = False,
) -> None:
    """Check that a plugin keeps the rules of the contract: what its own tests check, for everyone to see.

    Components are checked with their authors' examples, or else their defaults; one that lacks an option without a
    default is left out, and the last line says which --set includes it. Outcomes are "passed", "failed", "expected" and
    "not applicable". The exit code is 1 if a check fails.
    """
    from artkit.cli.plugin_check import check as check_target

    check_target(target, [_read_kind(word) for word in kind or ()], set_ or (), as_json=as_json)


@plugins_app.command("new", cls=FramedCommand)
def new(
    name: Annotated[str, typer.Argument(help="Of the package, as people install it, such as artkit-film-grain.")],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Of the example: model (if not given), augmenter, sampler, loss, and so on."),
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.py", help="Use this plugin file in place of an example.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=given_path, help="Where to write it; else a folder of that name, here."),
    ] = None,
) -> None:
    """Write a package for a plugin: module, pyproject.toml, test of the contract, README, continuous integration.

    It begins with a working example of a kind, or with a file of your own. It needs no network and overwrites nothing.
    """
    from artkit.cli.plugin_new import new_package

    if kind and from_:
        raise typer.BadParameter("--kind chooses an example, and --from does without one; give one of the two")
    new_package(name, _read_kind(kind) if kind else None, from_, out)


def list_installed() -> None:
    """Print what is installed, without importing any of it."""
    _list(plugin_settings(), check=False, as_json=False)


def _list(settings: "PluginSettings", check: bool, as_json: bool) -> None:
    from artkit.cli.plugin_table import print_plugins, print_plugins_as_json

    rows = _rows(settings, check)
    if as_json:
        print_plugins_as_json(rows)
    else:
        print_plugins(rows, check)
    if any(row.failure for row in rows):
        raise typer.Exit(1)


def _rows(settings: "PluginSettings", check: bool) -> "tuple[Plugin, ...]":
    from artkit.registry import Plugin, discover

    found = discover(settings)
    if check:
        from artkit.registry import load_all  # imports what only loading needs

        return load_all(found).plugins
    return tuple(Plugin(info=plugin.info, left_out=plugin.left_out) for plugin in found)


def _read_kind(word: str, kinds_of_name: "Sequence[Kind]" = ()) -> "Kind":
    """The kind that a word means.

    Args:
        word: In singular or plural.
        kinds_of_name: Of components that are called so, if the word may be one of their names by mistake.

    Raises:
        RecipeError: if it means none.
    """
    from artkit.contracts import KINDS
    from artkit.errors import RecipeError
    from artkit.registry import plural, with_article
    from artkit.suggest import suggest

    for kind in KINDS:
        if word.lower() in (kind, plural(kind)):
            return kind
    if kinds_of_name:
        raise RecipeError(
            f"no kind '{word}', but {with_article(kinds_of_name[0])}: artkit plugins show {kinds_of_name[0]} {word}"
        )
    text = f"no kind '{word}'. {suggest(word, KINDS)}".rstrip()
    raise RecipeError(f"{text}\n  there are: {', '.join(KINDS)}")
