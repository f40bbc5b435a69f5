"""How commands that train end: with the result as JSON if it was asked for, and with the exit code of shells."""

import json
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from artkit.engine.job import Outcome

INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it


def end_run(outcome: "Outcome", *, as_json: bool) -> None:
    """Print the result if it is wanted as JSON, and leave with a code of its own if the run was interrupted."""
    if as_json:
        typer.echo(json.dumps(_plain(outcome)))
    if outcome.status == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _plain(outcome: "Outcome") -> dict[str, Any]:
    """The run folder, how it ended, the split that was judged, its figures, and those of further targets by name."""
    plain = {"run": str(outcome.folder), "status": outcome.status, "split": outcome.tested.get("split")}
    others = {name: dict(each["metrics"]) for name, each in outcome.tested.get("others", {}).items()}
    return {**plain, "metrics": dict(outcome.metrics), "others": others}
