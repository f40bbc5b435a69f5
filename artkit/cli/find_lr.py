"""`artkit run --find-lr`: a learning-rate range test, its picture, and a rate to use."""

import json
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from artkit.cli.ending import INTERRUPTED
from artkit.cli.notes import print_note, results_alone

if TYPE_CHECKING:
    from artkit.recipe import Recipe

_PICTURE = "learning-rates.png"


def find_lr(recipe: "Recipe", *, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Test learning rates, and leave nothing behind but a picture.

    Args:
        recipe: What would be run.
        out: Folder for the picture; by default `runs/<date>-<model>-lr-<n>.png` is written.
        as_json: Whether to print the result as JSON, and nothing else.
        quiet: Whether to keep the number of the step to oneself.

    Raises:
        RunError: if no rate can be told, or the picture cannot be written.
    """
    from artkit.drawing.figures import save_figure
    from artkit.engine.assembly import assemble, open_data
    from artkit.engine.rate_figure import draw_range_test
    from artkit.engine.rate_finder import find_rate
    from artkit.engine.run_notes import learning_notes
    from artkit.engine.signals import StopSignal
    from artkit.engine.trainer import StopRequested
    from artkit.errors import RunError

    def show(step: int, steps: int) -> None:
        if not (quiet or as_json) and step % 10 == 0:
            typer.echo(f"step {step} of at most {steps}", err=True)

    if out is not None and out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file; --out takes the folder for the picture")
    with results_alone(as_json):
        assembly = assemble(recipe, open_data(recipe))
    for note in learning_notes(assembly):
        print_note(note)
    try:
        with results_alone(as_json), StopSignal(print_note) as stop:
            found = find_rate(assembly, on_step=show, should_stop=stop.requested)
    except (StopRequested, KeyboardInterrupt):
        raise typer.Exit(INTERRUPTED) from None
    path = _next_free(recipe.model.component.name) if out is None else out / _PICTURE
    try:
        save_figure(draw_range_test(found), path)
    except OSError as error:
        raise RunError(
            f"a good largest learning rate is about --set optimizer.lr={found.suggestion:g}, but its picture {path} "
            f"cannot be written ({error.strerror}); name another folder with --out"
        ) from None
    if as_json:
        typer.echo(json.dumps({"learning_rate": found.suggestion, "picture": str(path)}))
    else:
        typer.echo(f"a good largest learning rate is about --set optimizer.lr={found.suggestion:g}; see {path}")


def _next_free(model: str) -> Path:
    day = datetime.now().astimezone().strftime("%Y-%m-%d")
    paths = (Path("runs") / f"{day}-{model}-lr-{number}.png" for number in count(1))
    return next(path for path in paths if not path.exists())
