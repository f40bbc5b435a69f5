"""`artkit plugins`: what is installed, from whom and in what state; and what the options of a component are.

The list comes from metadata and imports no plugin; `--check` and `show` do.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artkit.cli.tables import plain_console, plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from artkit.contracts import Kind
    from artkit.options import OptionTable
    from artkit.registry import Component, Plugin, Registry

_NEVER_WRAPPED = ("plugin", "name", "option", "components", "import")

plugins_app = typer.Typer(
    help="List the plugins, check that they load, and show the options of their components.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

PluginFiles = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE.py", help="Add the plugin in this file; can be repeated.")
]


@plugins_app.callback(invoke_without_command=True)
def list_plugins(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Load every plugin, and say why one fails.")] = False,
    plugin: PluginFiles = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the plugins, check that they load, and show the options of their components."""
    context.obj = plugin or []
    if context.invoked_subcommand:
        if check or as_json:
            raise typer.BadParameter(f"--check and --json do not go with '{context.invoked_subcommand}'")
        return
    rows = _rows(context.obj, check)
    if as_json:
        _print_json(rows)
    else:
        _print_list(rows, check)
    if any(row.failure for row in rows):
        raise typer.Exit(1)


@plugins_app.command("show")
def show(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="model, augmenter, sampler, loss, optimizer, schedule, ...")],
    name: Annotated[str | None, typer.Argument(help="A component; without it, all of that kind are listed.")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Show the components of a kind, or the options of one component."""
    from artkit.registry import load_registry

    known_kind = _read_kind(kind)
    registry = load_registry([*context.obj, *(plugin or [])])
    if name is None:
        _print_kind(registry, known_kind)
    else:
        _print_component(registry.component(known_kind, name))


def _rows(files: "Sequence[Path]", check: bool) -> "tuple[Plugin, ...]":
    from artkit.registry import Plugin, discover, load_all

    found = discover(files)
    if check:
        return load_all(found).plugins
    return tuple(Plugin(info=plugin.info, left_out=plugin.left_out) for plugin in found)


def _read_kind(word: str) -> "Kind":
    from artkit.contracts import KINDS
    from artkit.errors import RecipeError
    from artkit.registry import plural
    from artkit.suggest import suggest

    for kind in KINDS:
        if word.lower() in (kind, plural(kind)):
            return kind
    text = f"no kind '{word}'. {suggest(word, KINDS)}".rstrip()
    raise RecipeError(f"{text}\n  there are: {', '.join(KINDS)}")


# --- printing -------------------------------------------------------------------------------------------------------


def _print_list(rows: "Sequence[Plugin]", checked: bool) -> None:
    console = plain_console()
    columns = ("plugin", "version", "kinds", "components", "status", *(("import",) if checked else ()), "from")
    table = plain_table(*columns, unwrapped=_NEVER_WRAPPED)
    for row in rows:
        table.add_row(*_cells(row, checked))
    console.print(table)
    for row in rows:
        if row.failure:
            console.print(f"\n{row.info.label} failed: {row.failure.text}", soft_wrap=True)
        if row.heavy_imports:
            names = " and ".join(row.heavy_imports)
            advice = "imported inside the factories, they would not slow down every command"
            console.print(f"\n{row.info.label} imports {names} at its top; {advice}", soft_wrap=True)
    if not checked:
        typer.echo("No plugin was imported. `artkit plugins --check` loads them and shows what they provide.", err=True)


def _cells(row: "Plugin", checked: bool) -> list[str]:
    from artkit.contracts import KINDS

    kinds = "all" if row.kinds == KINDS else ", ".join(row.kinds)
    version = " ".join([row.info.version or "-", *([f"+g{row.info.commit[:7]}"] if row.info.commit else [])])
    import_time = [f"{row.import_ms:.0f} ms" if row.import_ms is not None else "-"] if checked else []
    count = str(len(row.components)) if row.components else "-"
    # The cause of a failure stands in full below the table.
    status = "failed" if row.failure else row.status
    return [row.info.namespace, version, kinds or "-", count, status, *import_time, _short_path(row.info.origin)]


def _print_json(rows: "Sequence[Plugin]") -> None:
    import json

    typer.echo(json.dumps([row.to_plain() for row in rows], indent=2))


def _print_kind(registry: "Registry", kind: "Kind") -> None:
    from artkit.registry import plural

    components = registry.components(kind)
    if not components:
        typer.echo(f"no plugin provides {plural(kind)}; `artkit plugins --check` shows what each one does")
        return
    names = [component.name for component in components]
    table = plain_table("name", "plugin", "what it is", unwrapped=_NEVER_WRAPPED)
    for component in components:
        # A name that several plugins have is only found by its id.
        name = component.name if names.count(component.name) == 1 else component.full_name
        table.add_row(name, component.plugin.label, f"{component.summary} {_stability(component)}".strip())
    plain_console().print(table)


def _print_component(component: "Component") -> None:
    from artkit.registry import shared_options

    console = plain_console()
    console.print(f"{component.kind} {component.name}", style="bold", end="")
    console.print(f"  {component.summary}" if component.summary else "", soft_wrap=True)
    console.print(
        f"{component.full_name} from {component.plugin.label}, {_short_path(component.place)}", soft_wrap=True
    )
    if component.aliases:
        console.print(f"also called {', '.join(component.aliases)}")
    if component.warning:
        console.print(component.warning, style="yellow", soft_wrap=True)
    console.print()
    console.print(_option_table(component.options) if len(component.options) else "It has no options.")
    if len(shared := shared_options(component.kind, component.options)):
        console.print(f"\nEvery {component.kind} also has:")
        console.print(_option_table(shared))


def _option_table(options: "OptionTable") -> "Table":
    leaves = options.leaves.values()
    shown = ["option", "type", "default", *(["bounds"] if any(o.bounds_text for o in leaves) else []), "help"]
    table = plain_table(*shown, unwrapped=_NEVER_WRAPPED)
    for option in leaves:
        bounds = [option.bounds_text] if "bounds" in shown else []
        table.add_row(option.name, option.type_text, option.default_text, *bounds, option.help)
    return table


def _stability(component: "Component") -> str:
    return "" if component.stability == "stable" else f"({component.stability})"


def _short_path(text: str) -> str:
    home = str(Path.home())
    return f"~{text.removeprefix(home)}" if text.startswith(f"{home}/") else text
