"""The command line. Each command is a module here, imported when it is used; heavy imports happen inside its functions.

`main` is the only place where errors become text: a mistake of the user is one clear message and exit code 1, without a
traceback (`ARTKIT_DEBUG=1` shows it), or exit code 2 if the command line cannot be read; anything else is our bug and
keeps its traceback.
"""

import os
import sys
from typing import NoReturn

import typer

from artkit.cli.commands import TopGroup
from artkit.cli.launch import num_ranks
from artkit.cli.streams import outlive_readers
from artkit.cli.usage_text import MISREAD, usage_text
from artkit.errors import ArtkitError, RunError

app = typer.Typer(
    name="artkit",
    cls=TopGroup,
    no_args_is_help=True,
    help="Learn who made a work of art; or any image classification with many classes, few images and a long tail.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from artkit import __version__

        typer.echo(f"artkit {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    context: typer.Context,
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    if num_ranks() > 1 and context.invoked_subcommand != "run":
        raise RunError(f"artkit {context.invoked_subcommand} runs in one process; start it without torchrun")


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    outlive_readers()
    try:
        if _only_lists_plugins():
            from artkit.cli.plugins import list_installed

            list_installed()
            sys.exit(0)
        code = app(standalone_mode=False) or 0
    except ArtkitError as error:
        _leave(error, str(error))
    except Exception as error:
        if misread := usage_text(error):
            _leave(error, misread, code=MISREAD)
        # The data layer knows nothing of artkit, so its errors have a root of their own.
        from artkit_shards.errors import ShardsError, is_disk_full

        if is_disk_full(error):
            where = f" while writing {error.filename}" if error.filename else ""
            _leave(error, f"no space left on the device{where}; free some space and run the same command again")
        if isinstance(error, ShardsError):
            _leave(error, str(error))
        if num_ranks() > 1:
            _tell_other_ranks(error)
        raise
    sys.exit(code)


def _only_lists_plugins() -> bool:
    """Whether the command line is a list of plugins without options, which needs no parser.

    To read options, typer imports pydantic, which takes longer than the list.
    """
    return sys.argv[1:] in (["plugins"], ["plugins", "list"]) and num_ranks() == 1


def _leave(error: Exception, message: str, *, code: int = 1) -> NoReturn:
    if os.environ.get("ARTKIT_DEBUG") and code != MISREAD:  # how the parser came to it is of no interest
        raise error
    if num_ranks() == 1:
        _show_error(message)
    else:
        from artkit.engine.ranks.failure import show_once

        show_once(error, message, _show_error)
    sys.exit(code)


def _show_error(message: str) -> None:
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(message, err=True)


def _tell_other_ranks(error: Exception) -> None:
    from artkit.engine.ranks.failure import leave_note

    leave_note(error)
