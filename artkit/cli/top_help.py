"""The help of `artkit` itself, in frames like those of its commands, but drawn without rich and without the commands.

Rich takes longer to import than typer and all of artkit's commands together, and this page is shown most often.
"""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

import typer
from typer.core import TyperGroup

from artkit.cli.commands import COMMANDS, LazyCommands

_WIDEST: Final = 100
"""Columns beyond which lines are hard to read."""

_NOTHING_SAID: Final = 2
"""The exit code of a command line that lacks a command."""


class TopGroup(TyperGroup):
    """The commands of artkit."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 # there are the same in every context
        """Their names, in the order of the help; none of them is made for that."""
        return list(self.commands)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; an empty one is answered by the help."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit(_NOTHING_SAID)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, what artkit does, and a frame each for options and commands."""
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        options = [record for param in self.get_params(ctx) if (record := param.get_help_record(ctx))]
        commands = [(name, command.summary) for name, command in COMMANDS.items()]
        usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
        lines = [f"Usage: {usage}", "", *textwrap.wrap(self.help or "", width - 2)]
        formatter.write("\n".join(["", *(f" {line}".rstrip() for line in lines), "", ""]))
        for title, rows in (("Options", options), ("Commands", commands)):
            formatter.write("".join(f"{line}\n" for line in _frame(title, rows, width)))


def _frame(title: str, rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Rows of a name and a text in a frame; the text is wrapped, names stand out on a terminal."""
    names = max(len(name) for name, _ in rows)
    side = typer.style("│", dim=True)
    yield typer.style(f"╭─ {title} {'─' * (width - len(title) - 5)}╮", dim=True)
    for name, text in rows:
        shown = typer.style(name.ljust(names), fg="cyan", bold=True)
        for number, line in enumerate(textwrap.wrap(text, max(width - names - 6, 20)) or [""]):
            yield f"{side} {' ' * names if number else shown}  {line.ljust(width - names - 6)} {side}"
    yield typer.style(f"╰{'─' * (width - 2)}╯", dim=True)
