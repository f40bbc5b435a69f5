"""What `artkit plugins show` prints: the components of a kind, or one component with its options."""

from typing import TYPE_CHECKING

import typer

from artkit.cli.light_rows import print_light_rows
from artkit.cli.paths import short_path
from artkit.cli.tables import plain_console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artkit.contracts import Kind
    from artkit.options import OptionTable
    from artkit.registry import Component, Registry


def print_all(registry: "Registry") -> None:
    """Print the components of every kind, each under the name of its kind."""
    from artkit.contracts import KINDS
    from artkit.registry import plural

    for number, kind in enumerate(KINDS):
        if number:
            typer.echo()
        typer.secho(plural(kind), bold=True)
        print_kind(registry, kind)


def print_kind(registry: "Registry", kind: "Kind") -> None:
    """Print the components of a kind, with who provides them."""
    from artkit.registry import plural

    components = registry.components(kind)
    if not components:
        typer.echo(f"no plugin provides {plural(kind)}; `artkit plugins --check` shows what each one does")
        return
    names = [component.name for component in components]
    # A name that several plugins have is only found by its id.
    rows = [
        (
            component.name if names.count(component.name) == 1 else component.full_name,
            component.plugin.label,
            f"{component.summary} {_stability(component)}".strip(),
        )
        for component in components
    ]
    print_light_rows(("name", "plugin", "what it is"), rows)


def print_component(component: "Component") -> None:
    """Print what a component is, who provides it, and its options."""
    from artkit.options.values import value_text
    from artkit.registry import shared_options

    console = plain_console()
    console.print(f"{component.kind} {component.name}", style="bold", end="")
    console.print(f"  {component.summary}" if component.summary else "", soft_wrap=True)
    console.print(f"{component.full_name} from {component.plugin.label}, {short_path(component.place)}", soft_wrap=True)
    if component.presets:
        presets = ", ".join(f"{name} = {value_text(value)}" for name, value in component.presets.items())
        console.print(f"presets {presets}", soft_wrap=True)
    if component.aliases:
        console.print(f"also called {', '.join(component.aliases)}")
    if component.warning:
        console.print(component.warning, style="yellow", soft_wrap=True)
    console.print()
    if len(component.options):
        _print_options(component.options)
    else:
        console.print("It has no options.")
    if len(shared := shared_options(component.kind, component.options)):
        console.print(f"\nEvery {component.kind} also has:")
        _print_options(shared)
    if component.examples:
        console.print("\nFor example:")
    for example in component.examples:
        console.print(f"  {_typed(component, example)}", soft_wrap=True)


def print_section(section: str, option: str | None) -> None:
    """Print the options of a section of recipes that belongs to no component, or one of them.

    Raises:
        RecipeError: if there is no such option.
    """
    from artkit.errors import RecipeError
    from artkit.options import OptionTable
    from artkit.recipe.section_options import section_options
    from artkit.suggest import suggest

    table = section_options(section)
    if option is not None and option not in table.options:
        near = suggest(option, table.options)
        raise RecipeError(f"section [{section}] has no option '{option}'. {near}".rstrip())
    typer.echo(f"section [{section}] of a recipe, or --set {section}.OPTION=VALUE\n")
    _print_options(table if option is None else OptionTable({option: table.options[option]}))


def _typed(component: "Component", options: "Mapping[str, object]") -> str:
    """Options as they are given on the command line of a run."""
    from shlex import quote

    from artkit.options.values import value_text

    where = component.setting
    texts = {name: value if isinstance(value, str) else value_text(value) for name, value in options.items()}
    return " ".join(f"--set {quote(f'{where}.{name}={text}')}" for name, text in texts.items()) or "with its defaults"


def _print_options(options: "OptionTable") -> None:
    leaves = options.leaves.values()
    shown = ["option", "type", "default", *(["bounds"] if any(o.bounds_text for o in leaves) else []), "help"]
    rows = [
        (option.name, option.type_text, option.default_text, *([option.bounds_text] * ("bounds" in shown)), option.help)
        for option in leaves
    ]
    print_light_rows(shown, rows)


def _stability(component: "Component") -> str:
    return "" if component.stability == "stable" else f"({component.stability})"
