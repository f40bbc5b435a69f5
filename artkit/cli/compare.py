"""`artkit compare`: runs beside one another, and whether what differs between them is more than chance."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artkit.cli.paths import given_path
from artkit.cli.scores import SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artkit.engine.comparison.comparing import Comparison


class Metric(StrEnum):
    """A final figure of a run."""

    ACCURACY = "accuracy"
    MACRO_RECALL = "macro_recall"
    MACRO_F1 = "macro_f1"
    LOSS = "loss"


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            parser=given_path,
            help="Folders that `artkit run` left; the others are compared with the first.",
        ),
    ],
    metric: Annotated[
        list[Metric] | None, typer.Option(help="Figure to compare; repeatable.", show_default="all")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Target to compare, such as style.", show_default="the first of each run"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="Write to it: compare.html, a page with curves and tables; compare.png, the curves; compare.csv, a "
            "row a run; compare.json.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON, and nothing else.")] = False,
) -> None:
    """Compare runs: figures with intervals, seeds together, differences on the same images, curves, recipes.

    Runs that were tested on the same images are compared image by image: by the paired bootstrap, and by McNemar's
    exact test. Runs that differ by their seed alone are taken together.
    """
    from artkit.engine.comparison.comparing import compare as compare_runs
    from artkit.engine.comparison.results import read_results

    comparison = compare_runs(read_results(runs, target), [one.value for one in metric] if metric else list(SCORES))
    show_comparison(comparison, out, as_json=json_)


def show_comparison(
    comparison: "Comparison", out: Path | None, *, as_json: bool, failed: "Mapping[str, str] | None" = None
) -> None:
    """Print a comparison, and write it to a folder if one is given.

    Args:
        comparison: What to show.
        out: The folder.
        as_json: Whether to print it as JSON.
        failed: Runs that should be in it and are not, each with its error; they stand in the JSON only.

    Raises:
        RunError: if the folder cannot be written.
    """
    import json

    from artkit.cli.comparison_tables import print_comparison

    plain = {**comparison.to_plain(), **({} if failed is None else {"failed": dict(failed)})}
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    written = _write(comparison, text, out) if out is not None else []
    if as_json:
        typer.echo(text)
        return
    print_comparison(comparison)
    if out is None:
        typer.echo("\nA page with the curves of all runs: --out FOLDER")
    else:
        typer.echo(f"\nwritten: {', '.join(map(str, written))}")


def _write(comparison: "Comparison", text: str, out: Path) -> "Sequence[Path]":
    from artkit.cli.comparison_page import comparison_page
    from artkit.drawing.figures import png
    from artkit.drawing.files import write_whole
    from artkit.engine.comparison.figure import draw_curves
    from artkit.engine.comparison.summary import summary_csv
    from artkit.errors import RunError

    contents: dict[str, str | bytes] = {"compare.html": comparison_page(comparison), "compare.json": text + "\n"}
    contents["compare.csv"] = summary_csv(comparison)
    if any(run.epochs for run in comparison.runs):
        contents["compare.png"] = png(draw_curves(comparison.groups))
    try:
        for name, content in contents.items():
            write_whole(out / name, content)
    except OSError as error:
        raise RunError(f"cannot write to {out} ({error.strerror}); choose another folder with --out") from error
    return [out / name for name in contents]
