"""How commands that train end: with the result as JSON if it was asked for, and with the exit code of shells."""

import json
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from artkit.engine.job import Outcome

INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it


def end_run(outcome: "Outcome", *, as_json: bool) -> None:
    """Print the result if it is wanted as JSON, and leave with a code of its own if the run was interrupted."""
    if as_json:
        plain = {"run": str(outcome.folder), "status": outcome.status, "metrics": dict(outcome.metrics)}
        typer.echo(json.dumps(plain))
    if outcome.status == "interrupted":
        raise typer.Exit(INTERRUPTED)
