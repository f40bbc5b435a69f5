"""What `artkit evaluate` prints of strangers, and of how far probabilities can be believed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from artkit.cli.scores import score_text
from artkit.cli.tables import plain_table, print_table

if TYPE_CHECKING:
    from artkit.engine.evaluating import TargetEvaluation

_COVERAGES: Final = (90, 80, 50)
_RIGHT: Final = ("AUROC", "accepted at 95 % of known", "trained", "unexpected")


def print_open_set(target: "TargetEvaluation") -> None:
    """Print what a temperature does, how much better the surest answers are, and how well strangers are told."""
    found = target.figures["open_set"]
    if "calibration" in target.figures:
        typer.echo(_calibration_line(target.figures["calibration"]))
    typer.echo(_coverage_line(found))
    if target.open_set.strangers is not None:
        _print_strangers(found, target.open_set.strangers.class_names)


def _calibration_line(figures: Mapping[str, Any]) -> str:
    ece, nll = figures["ece"], figures["nll"]
    return (
        f"temperature {figures['temperature']:.2f}: calibration error {_share(ece['before'])} without, "
        f"{_share(ece['after'])} with it; loss {nll['before']:.3f} and {nll['after']:.3f}"
    )


def _coverage_line(found: Mapping[str, Any]) -> str:
    figures = found["scores"][found["score"]]
    shares = " / ".join(_share(figures[f"accuracy_at_{coverage}"]) for coverage in _COVERAGES)
    coverages = " / ".join(map(str, _COVERAGES))
    return f"top-1 on the {coverages} % that are least strange ({found['score']}): {shares}"


def _print_strangers(found: Mapping[str, Any], class_names: Sequence[str]) -> None:
    from artkit_shards.wording import counted

    classes = "a class" if len(set(class_names)) == 1 else f"{len(set(class_names))} classes"
    typer.echo(f"strangers: {counted(found['strangers'], 'image')} of {classes} that training never saw")
    table = plain_table("score", *_RIGHT, right=_RIGHT)
    for name, figures in found["scores"].items():
        cells = (figures.get(key) for key in ("fpr95", "trained_accuracy", "unexpected_accuracy"))
        shares = ["-" if value is None else _share(value) for value in cells]
        table.add_row(f"{name} *" if name == found["score"] else name, f"{figures['auroc']:.3f}", *shares)
    print_table(table)
    typer.echo(
        "* decides. At the threshold of the run, trained: known images that are accepted and right; unexpected: "
        "strangers that are called unknown"
    )


def _share(value: float) -> str:
    return score_text("accuracy", value)
