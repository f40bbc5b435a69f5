"""What the console reporter prints: on a terminal, into a pipe, and at the end of every kind of run."""

import io
import re

import pytest
from rich.console import Console

from artkit_plugins.reporters import console
from artkit_plugins.reporters.terminal import ConsoleReporter

NAMES = ["Delacroix", "Rubens", "[bold]Klee[/bold]", "nobody"]
CONFUSION = [[2, 2, 0, 0], [0, 6, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]


class Screen:
    """What was printed, and the reporter that prints it."""

    def __init__(self, *, terminal, quiet=False, width=80):
        self._file = io.StringIO()
        size = {"width": width, "height": 25} if terminal else {}
        self.console = Console(file=self._file, force_terminal=terminal, highlight=False, **size)
        self.reporter = ConsoleReporter(self.console, quiet=quiet)

    @property
    def text(self):
        return self._file.getvalue()

    @property
    def lines(self):
        return self.text.splitlines()


@pytest.fixture
def pipe(reporter_stage):
    screen = Screen(terminal=False)
    reporter_stage.add(screen.reporter)
    return screen


@pytest.fixture
def terminal(reporter_stage, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen(terminal=True)
    reporter_stage.add(screen.reporter)
    return screen


def run_whole(stage, predictions):
    stage.start(NAMES)
    stage.epoch(0, best_accuracy=1.0, best_loss=1.0)
    stage.epoch(1, best_accuracy=0.0, best_loss=1.0)
    stage.send("artkit_predictions", predictions=predictions)
    stage.end()


def test_the_header_says_what_is_trained_on_what(reporter_stage, pipe):
    reporter_stage.start(NAMES, train_counts=[400, 0, 20, 8], device="cuda:0 (NVIDIA H100)")
    assert pipe.lines[:5] == [
        "model    vit, 1,234,567 trainable parameters",
        "data     4 classes; train 120, val 30, test 40; 400 to 8 training images a class",
        "plugins  loss focal (artkit-focal 0.3.1)",
        "device   cuda:0 (NVIDIA H100)",
        f"folder   {reporter_stage.folder}",
    ]


def test_an_epoch_is_a_line_with_a_mark_where_it_was_the_best(reporter_stage, pipe, predictions_from):
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES))
    rows = [" ".join(line.split()) for line in pipe.lines if re.match(r" *\d+/3 ", line)]
    assert rows[0] == "1/3 1.0000 1.5000 20.0 % 10.0 % 1,000 12 s acc, loss"
    assert rows[1] == "2/3 0.5000 0.7500 30.0 % 20.0 % 1,000 12 s loss"


def test_an_epoch_without_validation_is_a_line_too(reporter_stage, pipe):
    reporter_stage.start(NAMES)
    reporter_stage.send("artkit_epoch_end", epoch=0, values={"epoch": 0.0, "train_loss": 2.0})
    assert pipe.lines[-1].split() == ["1/3", "2.0000", "-", "-", "-", "-", "-"]


def test_piped_output_has_no_control_characters_and_no_bar(reporter_stage, pipe, predictions_from):
    reporter_stage.start(NAMES)
    reporter_stage.send("artkit_progress", phase="train", done=10, total=120)
    reporter_stage.epoch(0)
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    reporter_stage.end()
    assert not set(pipe.text) & {"\x1b", "\r"}
    assert "10/120" not in pipe.text


def test_piped_lines_are_never_broken(reporter_stage, pipe):
    long = "a/" * 150 + "run"
    reporter_stage.start(NAMES, dir=long)
    assert f"folder   {long}" in pipe.lines


def test_the_result_has_guessing_beside_it_and_the_support_of_every_claim(reporter_stage, pipe, predictions_from):
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES))
    start = pipe.lines.index("Result on test: 13 images; weights of epoch 2, best in validation accuracy")
    result = [" ".join(line.split()) for line in pipe.lines[start + 1 :]]
    assert result[:14] == [
        "accuracy 50.0 %",
        "macro recall 40.0 % (guessing: 25.0 %)",
        "macro F1 30.0 %",
        "",
        "Worst classes",
        "Delacroix 50.0 % 2 of 4 recognised; 10 in training",
        "[bold]Klee[/bold] 66.7 % 2 of 3 recognised; 30 in training",
        "Rubens 100.0 % 6 of 6 recognised; 20 in training",
        "",
        "Most confused",
        "Delacroix taken for Rubens 2 of 4",
        "[bold]Klee[/bold] taken for Delacroix 1 of 3",
        "",
        f"folder {reporter_stage.folder}",
    ]


def test_figures_have_their_intervals_as_far_as_these_are_known(reporter_stage, pipe, predictions_from):
    intervals = {"accuracy": (0.434, 0.903), "macro_recall": (0.25, 0.55)}
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES, intervals=intervals))
    start = next(number for number, line in enumerate(pipe.lines) if line.startswith("Result on test"))
    assert pipe.lines[start + 1 : start + 4] == [
        "  accuracy       50.0 %   (95 % interval 43.4 to 90.3 %)",
        "  macro recall   40.0 %   (95 % interval 25.0 to 55.0 %; guessing: 25.0 %)",
        "  macro F1       30.0 %",
    ]


def test_five_worst_classes_and_pairs_are_enough(reporter_stage, pipe, predictions_from):
    reporter_stage.start([f"class {k}" for k in range(9)])
    confusion = [[3 if column == row else 1 for column in range(9)] for row in range(9)]
    reporter_stage.send("artkit_predictions", predictions=predictions_from(confusion))
    assert len([line for line in pipe.lines if "recognised" in line]) == 5
    assert len([line for line in pipe.lines if "taken for" in line]) == 5


def test_a_flawless_result_has_no_pairs(reporter_stage, pipe, predictions_from):
    run_whole(reporter_stage, predictions_from([[2, 0], [0, 2]]))
    assert "No image was taken for another class." in pipe.lines


def test_a_result_on_validation_warns_that_it_flatters(reporter_stage, pipe, predictions_from):
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES, split="val"))
    line = next(line for line in pipe.lines if line.startswith("Result on val"))
    assert line.endswith("which these images chose: expect less on others")


@pytest.mark.parametrize(
    ("data", "more"), [("demo", ["yours    artkit shard FOLDER SHARDS && artkit run --data SHARDS"]), ("art", [])]
)
def test_a_finished_run_names_its_report_and_the_next_commands(reporter_stage, pipe, data, more):
    components = {"reporter": "artkit/console@1 (artkit 0.1), artkit/report@1 (artkit 0.1)"}
    reporter_stage.start(NAMES, components=components, recipe={"data": {"path": data}})
    before = len(pipe.lines)
    reporter_stage.end()
    assert pipe.lines[before + 1 :] == [
        f"report   {reporter_stage.folder}/report.html",
        f"use      artkit predict {reporter_stage.folder} IMAGES",
        f"longer   artkit run {reporter_stage.folder}/recipe.toml --epochs 6",
        *more,
    ]


def test_an_interrupted_run_says_how_to_go_on(reporter_stage, pipe):
    reporter_stage.start(NAMES)
    reporter_stage.epoch(0)
    reporter_stage.end("interrupted")
    assert "Interrupted after 1 whole epoch." in pipe.lines
    assert pipe.lines[-1] == f"go on    artkit run --resume {reporter_stage.folder}"


def test_a_retraining_names_no_command_that_would_be_refused(reporter_stage, pipe):
    reporter_stage.start(NAMES, recipe={"data": {"path": "art"}, "retrain": {"method": "crt"}})
    reporter_stage.epoch(0)
    reporter_stage.end("interrupted")
    assert pipe.lines[-1] == f"again    artkit run {reporter_stage.folder}/recipe.toml"
    reporter_stage.end("failed")
    assert pipe.lines[-1] == f"The run failed; what it left is in {reporter_stage.folder}"
    reporter_stage.end()
    assert not any(line.startswith(("longer", "go on")) for line in pipe.lines)


def test_the_table_of_several_targets_says_what_its_columns_are_of(reporter_stage, pipe):
    reporter_stage.start(NAMES, targets={"artist": NAMES, "style": ["flat", "line"]})
    assert "table    val loss, val acc and recall are those of artist, train loss is that of all together" in pipe.lines


def test_a_failed_run_says_where_it_is_and_once_there_is_a_checkpoint_how_to_go_on(reporter_stage, pipe):
    reporter_stage.start(NAMES)
    before = len(pipe.lines)
    reporter_stage.end("failed")
    assert pipe.lines[before:] == [f"The run failed; what it left is in {reporter_stage.folder}"]
    reporter_stage.epoch(0)
    reporter_stage.end("failed")
    assert pipe.lines[-1] == f"go on    artkit run --resume {reporter_stage.folder}"


def test_a_resumed_run_says_where_it_goes_on_and_knows_earlier_epochs(reporter_stage, pipe, predictions_from):
    history = [{"epoch": 0.0, "val_accuracy": 0.9}, {"epoch": 1.0, "val_accuracy": 0.5}]
    reporter_stage.start(NAMES, first_epoch=2, first_step=1200, history=history)
    assert "resumed  from epoch 3, 1,200 steps done" in pipe.lines
    reporter_stage.epoch(2)
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    assert "weights of epoch 1, best" in pipe.text


def test_a_quiet_run_prints_its_result_only(reporter_stage, predictions_from):
    screen = Screen(terminal=False, quiet=True)
    reporter_stage.add(screen.reporter)
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES))
    assert screen.text.lstrip().startswith("Result on test")


def test_a_terminal_shows_images_per_second_and_gets_its_cursor_back(reporter_stage, terminal):
    reporter_stage.start(NAMES)
    for done in (40, 80, 120):
        reporter_stage.send("artkit_progress", phase="train", done=done, total=120)
        terminal.reporter._progress.refresh()
    assert "epoch 1/3  train" in terminal.text
    assert "120/120 images" in terminal.text
    assert re.search(r"\d img/s", terminal.text)
    reporter_stage.end("interrupted")
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


def test_the_bar_starts_anew_in_each_phase(reporter_stage, terminal):
    reporter_stage.start(NAMES)
    reporter_stage.send("artkit_progress", phase="train", done=120, total=120)
    reporter_stage.send("artkit_progress", phase="val", done=5, total=30)
    (task,) = terminal.reporter._progress.tasks
    assert (task.description, task.completed, task.total) == ("epoch 1/3  val", 5, 30)
    reporter_stage.epoch(2)
    reporter_stage.send("artkit_progress", phase="test", done=1, total=40)
    assert (task.description, task.completed, task.total) == ("test", 1, 40)
    reporter_stage.end()


def test_lines_of_the_table_fit_a_terminal_of_80_columns(reporter_stage, pipe):
    reporter_stage.start(NAMES, num_epochs=100)
    reporter_stage.epoch(99, best_accuracy=1.0, best_loss=1.0, images_per_s=12345.0, seconds=7500.0)
    assert len(pipe.lines[-2]) <= 80
    assert len(pipe.lines[-1]) <= 80


@pytest.mark.parametrize(
    ("width", "targets", "titles"),
    [
        (79, {"artist": NAMES}, "epoch train loss val loss val acc recall img/s time best so far"),
        (78, {"artist": NAMES}, "epoch train loss val loss val acc recall time best so far"),
        (60, {"artist": NAMES}, "epoch train loss val loss val acc recall best so far"),
        (40, {"artist": NAMES}, "epoch val loss val acc best so far"),
        (80, {"artist": NAMES, "style": ["flat"]}, "epoch train loss val loss val acc recall style acc best so far"),
    ],
)
def test_a_narrow_terminal_has_the_columns_that_matter_most(
    reporter_stage, monkeypatch, predictions_from, width, targets, titles
):
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(terminal=True, width=width)
    reporter_stage.add(screen.reporter)
    reporter_stage.start(NAMES, targets=targets)
    reporter_stage.epoch(0, best_accuracy=1.0, best_loss=1.0)
    heading, line = (re.sub(r"\x1b\[[0-9;]*m", "", text) for text in screen.lines[-2:])
    assert heading.split() == titles.split()
    assert max(len(heading), len(line)) <= width
    assert line.split()[0] == "1/3"
    assert line.endswith("acc, loss")
    assert all(len(shown) <= width for shown in screen.lines if not shown.startswith("folder"))


def test_the_factory_prints_to_standard_output(reporter_stage, capsys):
    reporter_stage.add(console(reporter_stage.context))
    reporter_stage.start(NAMES)
    assert "model    vit" in capsys.readouterr().out


def test_strangers_have_a_line_in_the_result(reporter_stage, pipe, predictions_from):
    metrics = {"accuracy": 0.5, "macro_recall": 0.4, "macro_f1": 0.3, "unknown_auroc": 0.7134, "unknown_fpr95": 0.88}
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES, metrics=metrics, unknown_score="energy"))
    assert "  unknown artists  AUROC 0.71, 88.0 % of them accepted at 95 % of known (energy)" in pipe.lines


def test_without_strangers_there_is_no_line_of_them(reporter_stage, pipe, predictions_from):
    run_whole(reporter_stage, predictions_from(CONFUSION, NAMES))
    assert "AUROC" not in pipe.text
