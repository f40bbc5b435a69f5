"""The `console` reporter: what people see while a run is going, and the result with the next commands at its end.

On a terminal a progress bar moves below a table that grows by a line an epoch. Where output is piped or logged there
are only plain lines: no bar, no control characters, no line broken at a width nobody has.
"""

import sys
import textwrap
from collections.abc import Mapping
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from artkit import Predictions, RunInfo, hookimpl
from artkit_plugins.reporters.epoch_lines import EpochTable, further_targets
from artkit_plugins.reporters.epochs import Epoch, best_epoch, past_epochs
from artkit_plugins.reporters.statistics import class_scores, confused_pairs, confusion_counts, worst_first
from artkit_plugins.reporters.text import (
    command,
    component_names,
    interval_text,
    learnt_classes,
    nouns,
    percent,
    plural,
    resuming_command,
    shorten,
    titled,
    trains_a_head,
)

WORST_SHOWN = 5
NAME_WIDTH = 32
TITLE_WIDTH = 9


class ConsoleReporter:
    """Prints to one rich console.

    Args:
        console: Where to print.
        quiet: Whether to print the result only.
    """

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._table: EpochTable | None = None
        self._epochs: list[Epoch] = []
        self._current = 0
        self._progress: Progress | None = None
        self._bar = TaskID(0)
        self._phase = ""

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Say what is trained on what, and where the results go."""
        self._epochs = past_epochs(run)
        self._current = run.first_epoch
        if self._quiet:
            return
        for title, text in _header(run):
            self._print(_field(title, text if title == "folder" else _wrapped(text, self._room)))
        self._print(Text())
        self._table = EpochTable(run, self._room)
        self._print(self._table.heading)
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._progress = _new_progress(self._console)
            self._bar = self._progress.add_task("", visible=False)
            self._progress.start()

    @hookimpl
    def artkit_progress(self, run: RunInfo, phase: str, done: int, total: int) -> None:
        """Move the bar."""
        if self._progress is None:
            return
        training = phase in ("train", "val") and self._current < run.num_epochs
        label = f"epoch {self._current + 1}/{run.num_epochs}  {phase}" if training else phase
        if label != self._phase:
            self._phase = label
            # Forgets the speed of the phase before: training and evaluation differ.
            self._progress.reset(self._bar, total=total, description=label, visible=True)
        self._progress.update(self._bar, completed=done)

    @hookimpl
    def artkit_epoch_end(self, run: RunInfo, epoch: int, values: Mapping[str, float]) -> None:
        """Add the epoch's line to the table."""
        self._epochs.append({**values, "epoch": epoch})
        self._current = epoch + 1
        if not self._quiet:
            self._print((self._table or EpochTable(run)).line(values, epoch))

    @hookimpl
    def artkit_predictions(self, run: RunInfo, predictions: Predictions) -> None:
        """Print the result."""
        self._stop_progress()
        if predictions.target != next(iter(run.targets)):
            self._print(_further_result(predictions))
            return
        self._print(Text())
        for line in _result(run, self._epochs, predictions):
            self._print(line)

    @hookimpl
    def artkit_run_end(self, run: RunInfo, status: Literal["ok", "interrupted", "failed"]) -> None:
        """Say where the results are and what to do next."""
        self._stop_progress()
        if status == "failed":
            # Why it failed is said by the command itself, once.
            self._print(Text(f"The run failed; what it left is in {run.dir}", style="red"))
            if self._epochs and not trains_a_head(run):
                self._print(_field("go on", resuming_command(run)))
            return
        self._print(Text())
        if status == "interrupted":
            self._print(Text(f"Interrupted after {plural(len(self._epochs), 'whole epoch')}.", style="yellow"))
        for title, text in _next_steps(run, status):
            self._print(_field(title, text))

    @property
    def _room(self) -> int:
        """Characters of a line that people can see."""
        return self._console.width if self._console.is_terminal else sys.maxsize

    def _stop_progress(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _print(self, text: Text) -> None:
        # Names are printed as they are: never read as markup, never wrapped.
        self._console.print(text, soft_wrap=True)


class _SpeedColumn(ProgressColumn):
    """Images per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} img/s" if task.speed else "- img/s", style="cyan")


def _new_progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,}/{task.total:,} images"),
        _SpeedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
        expand=True,
    )


def _field(title: str, text: str) -> Text:
    return Text.assemble((f"{title:<{TITLE_WIDTH}}", "bold"), text)


def _wrapped(text: str, width: int) -> str:
    """A text behind a title, in lines that a terminal of a width does not break within words."""
    room = max(width - TITLE_WIDTH, 20)
    return f"\n{' ' * TITLE_WIDTH}".join(textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False))


def _header(run: RunInfo) -> list[tuple[str, str]]:
    images = ", ".join(f"{name} {size:,}" for name, size in run.split_sizes.items())
    seen = [count for count in run.train_counts if count]
    balance = f"{max(seen):,} to {min(seen):,} training images a class" if seen else "no training images"
    names = {kind: component_names(who) for kind, who in run.components.items() if who}
    model, reporters = names.pop("model", "model"), names.pop("reporter", "")
    lines = [
        ("model", f"{model}, {run.num_parameters:,} trainable parameters"),
        ("data", f"{learnt_classes(run)}; {images}; {balance}"),
        ("plugins", ", ".join(f"{kind} {name}" for kind, name in names.items())),
        ("reports", reporters),
        ("device", run.device if run.world_size == 1 else f"{run.device}, {run.world_size} processes"),
        ("folder", str(run.dir)),
    ]
    if run.first_step:
        where = f"from epoch {run.first_epoch + 1}" if run.first_epoch < run.num_epochs else "after the last epoch"
        lines.append(("resumed", f"{where}, {plural(run.first_step, 'step')} done"))
    if further_targets(run):
        first = next(iter(run.targets))
        lines.append(
            ("table", f"val loss, val acc and recall are those of {first}, train loss is that of all together")
        )
    return [(title, text) for title, text in lines if text]


def _result(run: RunInfo, epochs: list[Epoch], predictions: Predictions) -> list[Text]:
    best = best_epoch(epochs, run.select)
    facts = plural(len(predictions.labels), "image")
    if best is not None:
        facts += f"; weights of epoch {best + 1}, best in validation {run.select.replace('_', ' ')}"
    if predictions.split != "test":
        facts += ", which these images chose: expect less on others"
    guess = percent(1 / len(predictions.class_names))
    lines = [
        Text.assemble((titled(f"Result on {predictions.split}", predictions), "bold"), f": {facts}"),
        _score("accuracy", predictions),
        _score("macro recall", predictions, f"guessing: {guess}"),
        _score("macro F1", predictions),
    ]
    return lines + _strangers(predictions) + _worst_classes(predictions) + _worst_pairs(predictions)


def _further_result(predictions: Predictions) -> Text:
    """The result of a target behind the first one, in a line."""
    values = [
        f"{title} {percent(predictions.metrics[name])}"
        for name, title in (("accuracy", "accuracy"), ("macro_recall", "macro recall"), ("macro_f1", "macro F1"))
        if name in predictions.metrics
    ]
    images = plural(len(predictions.labels), "image")
    heading = f"Result on {predictions.split}: {predictions.target}"
    return Text.assemble("\n", (heading, "bold"), f": {', '.join(values)}; {images}")


def _strangers(predictions: Predictions) -> list[Text]:
    """How well images are told whose classes training never saw, if there are any."""
    metrics, score = predictions.metrics, predictions.unknown_score
    if "unknown_auroc" not in metrics:
        return []
    auroc, taken = f"{metrics['unknown_auroc']:.2f}", percent(metrics["unknown_fpr95"])
    rest = f", {taken} of them accepted at 95 % of known ({score})"
    return [Text.assemble(f"  unknown {nouns(predictions.target)}  AUROC ", (auroc, "bold cyan"), rest)]


def _score(title: str, predictions: Predictions, note: str = "") -> Text:
    name = title.lower().replace(" ", "_")
    value = percent(predictions.metrics[name]) if name in predictions.metrics else "-"
    interval = predictions.intervals.get(name)
    said = [f"95 % interval {interval_text(*interval)}" if interval else "", note]
    beside = "; ".join(filter(None, said))
    return Text.assemble(f"  {title:<13}", (f"{value:>8}", "bold cyan"), f"   ({beside})" if beside else "")


def _worst_classes(predictions: Predictions) -> list[Text]:
    scores = class_scores(predictions.labels, predictions.predicted, predictions.class_names, predictions.train_counts)
    worst = [scores[k] for k in worst_first(scores)[:WORST_SHOWN]]
    names = [shorten(score.name, NAME_WIDTH) for score in worst]
    width = max(len(name) for name in names)
    lines = [Text(), Text("Worst classes", style="bold")]
    for name, score in zip(names, worst, strict=True):
        found = f"{score.right} of {score.support} recognised; {score.train_count:,} in training"
        lines.append(Text(f"  {name:<{width}} {percent(score.recall):>8}   {found}"))
    return lines


def _worst_pairs(predictions: Predictions) -> list[Text]:
    names = [shorten(name, NAME_WIDTH) for name in predictions.class_names]
    confusion = confusion_counts(predictions.labels, predictions.predicted, len(names))
    pairs = confused_pairs(confusion)[:WORST_SHOWN]
    if not pairs:
        return [Text(), Text("No image was taken for another class.", style="bold")]
    lines = [Text(), Text("Most confused", style="bold")]
    lines += [Text(f"  {names[p.true]} taken for {names[p.predicted]} {p.n} of {p.of}") for p in pairs]
    return lines


def _next_steps(run: RunInfo, status: Literal["ok", "interrupted"]) -> list[tuple[str, str]]:
    steps = []
    if any("/report@" in provenance for provenance in run.components.values()):
        steps.append(("report", str(run.dir / "report.html")))
    else:
        steps.append(("folder", str(run.dir)))
    if status == "interrupted":
        return [*steps, ("again" if trains_a_head(run) else "go on", resuming_command(run))]
    steps.append(("use", command("artkit", "predict", run.dir, "IMAGES")))
    if not trains_a_head(run):
        longer = command("artkit", "run", run.dir / "recipe.toml", "--epochs", str(2 * run.num_epochs))
        steps.append(("longer", longer))
    if run.recipe.get("data", {}).get("path") == "demo":
        steps.append(("yours", "artkit shard FOLDER SHARDS && artkit run --data SHARDS"))
    return steps
