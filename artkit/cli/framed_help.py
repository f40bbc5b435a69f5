"""Help in frames: what artkit, its commands and those below them say of themselves, without rich and pydantic.

Each takes longer to import than typer and all of artkit's commands together, and help is what people ask for most.
Paragraphs are as wide as the terminal, not as the source is.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from textwrap import TextWrapper
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

_WIDEST: Final = 100
"""Columns beyond which lines are hard to read."""
_READABLE: Final = 24
"""Columns of a line below which a text beside a name is hard to read."""
_GAP: Final = 2
_EDGES: Final = 4
"""Columns that a frame takes of a line."""
_NOTHING_SAID: Final = 2
"""The exit code of a command line that lacks a command."""

Rows = Sequence[tuple[str, str]]
"""Names, and what is said of each."""


class FramedCommand(TyperCommand):
    """A command whose help is drawn in frames."""

    def get_params(self, ctx: Any) -> Any:
        """Arguments and options, with that for help."""
        return _with_defaults(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, what it does, and a frame for each group of arguments and options."""
        _write_help(self, ctx, formatter, _parameters(self, ctx))


class FramedGroup(TyperGroup):
    """Commands whose help is drawn in frames."""

    def get_params(self, ctx: Any) -> Any:
        """Options, with that for help."""
        return _with_defaults(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; where it must have words, an empty one is answered by the help."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit(_NOTHING_SAID)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, what the commands are for, and a frame each for options and commands."""
        _write_help(self, ctx, formatter, {**_parameters(self, ctx), "Commands": self.summaries()})

    def summaries(self) -> Rows:
        """Name and purpose of each command: the first paragraph of its help."""
        return [(name, next(_paragraphs(command.help), "")) for name, command in self.commands.items()]


def _with_defaults(params: Any) -> Any:
    """Parameters as they are, but typer's own flags are False if not given: to read None, it would import pydantic."""
    for param in params:
        if not param.expose_value and param.default is None and getattr(param, "is_bool_flag", False):
            param.default = False
    return params


def _parameters(command: TyperCommand | TyperGroup, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """The frames of a command's arguments and options: title -> rows."""
    frames: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for param in command.get_params(ctx):
        if record := param.get_help_record(ctx):
            usual = "Arguments" if param.param_type_name == "argument" else "Options"
            frames.setdefault(getattr(param, "rich_help_panel", None) or usual, []).append(record)
    return frames


def _write_help(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any, frames: Mapping[str, Rows]) -> None:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    usage = " ".join(["Usage:", ctx.command_path, *command.collect_usage_pieces(ctx)])
    for paragraph in (usage, *_paragraphs(command.help)):
        formatter.write("".join(f"\n {line}" for line in _wrap(paragraph, width - 2)) + "\n")
    formatter.write("\n")
    for title, rows in frames.items():
        if rows:
            formatter.write("".join(f"{line}\n" for line in _frame(title, rows, width)))


def _paragraphs(text: str | None) -> Iterator[str]:
    """Each as one line."""
    for paragraph in (text or "").split("\n\n"):
        if line := " ".join(paragraph.split()):
            yield line


def _frame(title: str, rows: Rows, width: int) -> Iterator[str]:
    """Rows in a frame; names stand out on a terminal."""
    side = typer.style("│", dim=True)
    yield typer.style(f"╭─ {title} {'─' * (width - len(title) - 5)}╮", dim=True)
    for name, text in _lines(rows, width - _EDGES):
        yield f"{side} {typer.style(name, fg='cyan', bold=True)}{text.ljust(width - _EDGES - len(name))} {side}"
    yield typer.style(f"╰{'─' * (width - 2)}╯", dim=True)


def _lines(rows: Rows, width: int) -> Iterator[tuple[str, str]]:
    """What is name and what is text of each line; where too little room is beside names, texts stand below them."""
    start = max(len(name) for name, _ in rows) + _GAP
    is_beside = width - start >= _READABLE
    indent = " " * (start if is_beside else _GAP)
    for name, text in rows:
        first, *others = _wrap(text, width - len(indent)) or [""]
        if not is_beside:
            yield name, ""
        yield name.ljust(start) if is_beside else indent, first
        yield from ((indent, line) for line in others)


def _wrap(text: str, width: int) -> list[str]:
    return TextWrapper(width, break_on_hyphens=False).wrap(text)
