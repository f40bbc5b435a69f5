"""`artkit compare`: figures beside one another, seeds together, differences on the same images, curves, recipes."""

import csv
import json
import math
import re

import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import RunError

RECIPE = {"train.epochs": 2, "train.seed": 0, "optimizer.name": "artkit/sgd@1", "optimizer.lr": 0.1}
TRUTH = ["cat", "cat", "cat", "dog", "dog", "emu", "emu", "emu", "emu", "emu"]


class Bench:
    """Puts folders as finished runs leave them side by side."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, name, answers=None, *, split="test", fingerprint="f" * 64, status="ok", files=True, **options):
        """A run that gave these answers to the images of TRUTH; `options` replace those of RECIPE."""
        run = self.folder / name
        run.mkdir(parents=True)
        (run / "recipe.toml").write_text("")
        recipe = {**RECIPE, **{key.replace("__", "."): value for key, value in options.items()}}
        tested = None
        if answers is not None:
            right = [answer == true for answer, true in zip(answers, TRUTH, strict=True)]
            metrics = {"accuracy": sum(right) / 10, "macro_recall": 0.5, "macro_f1": 0.5, "loss": 1.0}
            tested = {"split": split, "weights": "best_accuracy.safetensors", "images": 10, "metrics": metrics}
        facts = {"status": status, "resumed": [], "preprocessing": {}, "recipe": recipe, "tested": tested}
        facts["data"] = {"fingerprint": fingerprint, "path": "data", "targets": [{"name": "animal"}]}
        (run / "run.json").write_text(json.dumps(facts))
        if files and answers is not None:
            self.write_tables(run, answers)
        return run

    @staticmethod
    def write_tables(run, answers):
        with (run / "predictions.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["key", "file", "split", "true", "predicted", "p_true", "loss"])
            for row, (true, answer) in enumerate(zip(TRUTH, answers, strict=True)):
                loss = 0.1 if true == answer else 2.1
                writer.writerow([f"{row:03d}", f"{row}.png", "test", true, answer, math.exp(-loss), loss])
        rows = "0,1.5,1.6,0.25,\n1,1.25,1.5,0.5,0.5\n"
        (run / "metrics.csv").write_text("epoch,train_loss,val_loss,val_accuracy,val_macro_recall\n" + rows)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "runs")


def with_mistakes(*rows):
    """Answers that are right but for these rows."""
    return [
        "dog" if row in rows and true != "dog" else "emu" if row in rows else true for row, true in enumerate(TRUTH)
    ]


def artkit(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def compared(*arguments):
    result = artkit(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments):
    result = artkit(*arguments)
    assert isinstance(result.exception, RunError), result.output
    return str(result.exception)


def test_runs_on_the_same_images_are_compared_image_by_image(bench):
    first = bench.add("first", with_mistakes(0, 1, 2, 3))
    second = bench.add("second", with_mistakes(3, 9), optimizer__lr=0.2)
    (pair,) = compared(first, second)["differences"]
    assert (pair["run"], pair["other"], pair["images"]) == ("second", "first", 10)
    # Only `second` knew rows 0, 1, 2; only `first` knew row 9.
    assert (pair["only_run_right"], pair["only_other_right"]) == (3, 1)
    assert pair["mcnemar_p"] == pytest.approx(2 * (1 + 4) / 2**4)
    assert pair["differences"]["accuracy"] == pytest.approx(0.2)
    # Recalls of cat, dog, emu: 0, 1/2, 1 before; 1, 1/2, 4/5 after.
    assert pair["differences"]["macro_recall"] == pytest.approx((1 + 0.5 + 0.8) / 3 - (0 + 0.5 + 1) / 3)
    low, high = pair["intervals"]["accuracy"]
    assert -0.2 <= low < 0.2 < high <= 0.7


def test_the_order_of_the_images_does_not_matter(bench):
    first, second = bench.add("first", with_mistakes(0)), bench.add("second", with_mistakes(0), optimizer__lr=0.2)
    header, *rows = (second / "predictions.csv").read_text().splitlines()
    (second / "predictions.csv").write_text("\n".join([header, *reversed(rows)]))
    (pair,) = compared(first, second)["differences"]
    assert (pair["only_run_right"], pair["only_other_right"], pair["mcnemar_p"]) == (0, 0, 1.0)
    assert pair["intervals"]["macro_f1"] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"fingerprint": "0" * 64}, "second and first were tested on different data sets"),
        ({"split": "val"}, "second was tested on 'val', first on 'test'"),
        ({"files": False}, "second has no predictions.csv"),
        ({"answers": None, "status": "interrupted"}, "second has no final figures (it is interrupted)"),
    ],
)
def test_runs_that_cannot_be_paired_are_told_with_the_reason(bench, changes, note):
    first = bench.add("first", with_mistakes(0))
    second = bench.add("second", **{"answers": with_mistakes(1), "optimizer__lr": 0.2, **changes})
    said = compared(first, second)
    assert said["differences"] == []
    assert f"{note}: no paired comparison" in said["notes"]
    assert f"{note}: no paired comparison" in artkit(first, second).output


def test_other_images_in_the_tables_are_not_paired(bench):
    first, second = bench.add("first", with_mistakes(0)), bench.add("second", with_mistakes(1), optimizer__lr=0.2)
    text = (second / "predictions.csv").read_text()
    (second / "predictions.csv").write_text(text.replace("\n003,", "\n333,"))
    assert "second and first were tested on different images: no paired comparison" in compared(first, second)["notes"]


def test_seeds_are_taken_together_and_compared_with_the_same_seed(bench):
    runs = [
        bench.add(f"{lr}-{seed}", with_mistakes(*range(wrong)), optimizer__lr=lr, train__seed=seed)
        for lr, seed, wrong in [(0.1, 0, 1), (0.1, 1, 3), (0.2, 0, 2), (0.2, 1, 2)]
    ]
    said = compared(*runs)
    first, second = said["groups"]
    assert (first["group"], first["runs"]) == ("optimizer.lr=0.1", ["0.1-0", "0.1-1"])
    assert first["mean"]["accuracy"] == pytest.approx(0.8)
    assert first["deviation"]["accuracy"] == pytest.approx(0.2 / math.sqrt(2))
    assert second["deviation"]["accuracy"] == 0
    assert [(pair["run"], pair["other"]) for pair in said["differences"]] == [("0.2-0", "0.1-0"), ("0.2-1", "0.1-1")]
    output = artkit(*runs).output
    assert "80.0 ± 14.1 %" in output
    assert "p is not corrected for the 2 comparisons" in output


def test_a_run_that_repeats_another_is_not_taken_for_another_seed(bench):
    runs = [bench.add(name, with_mistakes(0), train__seed=seed) for name, seed in [("a", 0), ("b", 1), ("c", 0)]]
    assert compared(*runs)["notes"] == ["c has the recipe and seed of a: it tells nothing of other seeds"]


def test_only_what_differs_in_the_recipes_is_shown(bench):
    first = bench.add("first", with_mistakes(0))
    second = bench.add("second", with_mistakes(1), optimizer__name="artkit/adam@1", optimizer__eps=1e-8)
    said = compared(first, second)
    assert said["recipe"] == {
        "optimizer.name": {"first": "artkit/sgd@1", "second": "artkit/adam@1"},
        "optimizer.eps": {"first": None, "second": 1e-8},
    }
    assert [group["group"] for group in said["groups"]] == ["first", "second"], "each is alone, and called by its name"
    again = bench.add("again", with_mistakes(0), train__seed=1)
    groups = compared(first, second, again)["groups"]
    assert [group["group"] for group in groups] == ["optimizer=sgd", "optimizer=adam"]
    assert "train.epochs" not in artkit(first, second).output


def test_training_losses_of_other_targets_are_not_drawn_over_one_another(bench):
    from artkit.engine.comparison.figure import draw_curves, draw_small_panels
    from artkit.engine.comparison.recipes import grouped
    from artkit.engine.comparison.results import read_results

    alone = bench.add("alone", with_mistakes(0))
    both = bench.add("both", with_mistakes(1), data__targets=["animal", "place"])
    facts = json.loads((both / "run.json").read_text())
    facts["data"]["targets"].append({"name": "place"})
    (both / "run.json").write_text(json.dumps(facts))
    groups = grouped(read_results([alone, both]))
    titles = ["Validation loss", "Validation accuracy", "Validation macro recall"]
    assert [axes.get_title(loc="left") for axes in draw_curves(groups).figure.axes] == titles
    assert [title for title, _ in draw_small_panels(groups)] == titles
    assert len(list(draw_small_panels(groups[:1]))) == 4
    output = artkit(alone, both).output
    assert "training losses are those of all targets together, and the runs learn different ones" in output
    assert "animal in test, 10 images" in output
    assert "  test, 10 images" in output


def test_training_losses_of_one_target_are_drawn_whatever_is_learnt_beside_it(bench):
    from artkit.engine.comparison.results import have_one_objective, read_results

    alone = bench.add("alone", with_mistakes(0))
    both = bench.add("both", with_mistakes(1), data__targets=["animal", "place"])
    facts = json.loads((both / "run.json").read_text())
    facts["data"]["targets"].append({"name": "place"})
    (both / "run.json").write_text(json.dumps(facts))
    header, *rows = (both / "metrics.csv").read_text().splitlines()
    table = [f"{header},train_animal_loss", *(f"{row},0.25" for row in rows)]
    (both / "metrics.csv").write_text("\n".join(table) + "\n")
    results = read_results([alone, both])
    assert have_one_objective(results)
    assert [epoch["train_loss"] for epoch in results[1].epochs] == [0.25] * len(rows)
    assert "all targets together" not in artkit(alone, both).output


def test_the_table_has_figures_with_intervals(bench):
    lines = artkit(bench.add("first", with_mistakes(0, 1))).output.splitlines()
    assert lines[0].split()[:3] == ["run", "tested", "on"]
    # Wilson's interval of 8 of 10.
    assert "80.0 % (49.0 to 94.3 %)" in lines[1]


def test_lines_in_a_file_end_with_their_last_letter(bench):
    bench.add("first", with_mistakes(0, 1))
    bench.add("second", None, status="interrupted", optimizer__lr=0.2)
    output = artkit(bench.folder / "first", bench.folder / "second").stdout
    assert "What differs in the recipes" in output
    assert [line for line in output.splitlines() if line != line.rstrip()] == []


def test_figures_can_be_chosen(bench):
    first, second = bench.add("first", with_mistakes(0)), bench.add("second", with_mistakes(1), optimizer__lr=0.2)
    said = compared(first, second, "--metric", "macro_recall")
    assert [list(run["metrics"]) for run in said["runs"]] == [["macro_recall"]] * 2
    assert list(said["differences"][0]["differences"]) == ["macro_recall"]


def test_pictures_and_figures_go_to_a_folder_if_one_is_named(bench, tmp_path):
    first, second = bench.add("first", with_mistakes(0)), bench.add("second", with_mistakes(1), optimizer__lr=0.2)
    out = tmp_path / "out"
    assert artkit(first, second, "--out", out).exit_code == 0
    with Image.open(out / "compare.png") as picture:
        assert min(picture.size) > 500
    assert json.loads((out / "compare.json").read_text()) == compared(first, second)


def page_of(folder, *runs):
    assert artkit(*runs, "--out", folder).exit_code == 0
    return (folder / "compare.html").read_text()


def test_the_page_stands_alone_and_shows_what_the_terminal_does(bench, tmp_path):
    runs = [
        bench.add(f"{lr}-{seed}", with_mistakes(*range(wrong)), optimizer__lr=lr, train__seed=seed)
        for lr, seed, wrong in [(0.1, 0, 5), (0.1, 1, 6), (0.2, 0, 0), (0.2, 1, 1)]
    ]
    page = page_of(tmp_path / "out", *runs)
    assert re.findall(r'(?:src|href)="(?!data:)', page) == [], "nothing is fetched"
    assert page.count('src="data:image/png;base64,') == 4
    text = " ".join(re.sub(r"<[^>]+>", " ", page.replace("\N{ZERO WIDTH SPACE}", "")).split())
    for shown in (
        "optimizer.lr=0.2, mean of 2 seeds",
        "0.2-0 test, 10 images 100.0 % 72.2 to 100.0 %",
        "optimizer.lr=0.1 0, 1 45.0 ± 7.1 %",
        "0.2-0 against 0.1-0 +50.0",
        "5 : 0 of 10 0.0625",
        "p is not corrected for the 2 comparisons",
        "optimizer.lr 0.1 0.2",
    ):
        assert shown in text


def test_the_page_marks_differences_whose_interval_leaves_out_zero(bench, tmp_path):
    first = bench.add("first", with_mistakes(0, 1, 2, 3, 4))
    better = bench.add("better", with_mistakes(), optimizer__lr=0.2)
    same = bench.add("same", with_mistakes(0, 1, 2, 3, 5), optimizer__lr=0.3)
    assert '<b class="clear">+50.0</b>' in page_of(tmp_path / "better", first, better)
    assert '<b class="clear">' not in page_of(tmp_path / "same", first, same)


def test_names_of_runs_cannot_add_to_the_page(bench, tmp_path):
    run = bench.add("<script>alert(1)<", with_mistakes(0))
    assert "<script>" not in page_of(tmp_path / "out", run)


def test_a_page_of_runs_without_epochs_has_no_curves(bench, tmp_path):
    run = bench.add("bare", with_mistakes(0), files=False)
    page = page_of(tmp_path / "out", run)
    assert "<img" not in page
    assert "bare has no metrics.csv, so no curves" in page
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["compare.csv", "compare.html", "compare.json"]


def test_many_groups_differ_in_colour_mark_or_style():
    from artkit.engine.comparison.looks import look_of

    looks = [look_of(number) for number in range(28)]
    assert len(set(looks)) == 28
    assert len({look.colour for look in looks[:7]}) == len({look.marker for look in looks[:7]}) == 7


def test_the_curves_have_a_line_and_a_legend_entry_for_each_group(bench):
    from artkit.engine.comparison.figure import draw_curves
    from artkit.engine.comparison.recipes import grouped
    from artkit.engine.comparison.results import read_results

    runs = [bench.add(f"run-{seed}", with_mistakes(0), train__seed=seed) for seed in (0, 1)]
    runs.append(bench.add("alone", with_mistakes(0), optimizer__lr=0.2))
    figure = draw_curves(grouped(read_results(runs)))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["optimizer.lr=0.1, mean of 2 seeds", "optimizer.lr=0.2"]
    loss = figure.axes[0]
    assert len(loss.lines) == 2 + 1 + 1, "each seed, their mean, and the run that has no seeds beside it"
    assert list(loss.lines[-1].get_ydata()) == [1.5, 1.25]
    recall = figure.axes[3].lines[-1].get_ydata()
    assert math.isnan(recall[0]), "a value that an epoch lacks is a gap"
    assert recall[1] == 0.5


def test_runs_of_one_name_are_told_apart_by_their_folders(bench):
    first, second = bench.add("a/run", with_mistakes(0)), bench.add("b/run", with_mistakes(1), optimizer__lr=0.2)
    assert [run["run"] for run in compared(first, second)["runs"]] == ["a/run", "b/run"]


def test_mistakes_are_told_with_the_rule(bench, tmp_path):
    first = bench.add("first", with_mistakes(0))
    assert "is given twice; give each run once" in refused(first, first)
    assert "is not a run folder (it has no recipe.toml)" in refused(first, tmp_path)
    (tmp_path / "file").write_text("")
    assert "choose another folder with --out" in refused(first, "--out", tmp_path / "file")
    (first / "predictions.csv").write_text("key,true\n1,cat\n")
    assert "predictions.csv is damaged" in refused(first)


def test_the_table_has_a_row_a_run_the_first_one_on_top(bench, tmp_path):
    second = bench.add("second", with_mistakes(0), model__name="artkit/vit@1", train__seed=3)
    first, broken = bench.add("first", with_mistakes(0, 1)), bench.add("broken", status="failed")
    for run, started in ((first, "2026-01-31T10:00:00+00:00"), (second, "2026-02-01T10:00:00+00:00")):
        facts = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**facts, "started": started}))
    assert artkit(second, first, broken, "--out", tmp_path / "out").exit_code == 0
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["broken", "first", "second"]
    assert {name: rows[2][name] for name in ("started", "status", "model", "seed", "split", "images", "accuracy")} == {
        "started": "2026-02-01T10:00:00+00:00",
        "status": "ok",
        "model": "artkit/vit@1",
        "seed": "3",
        "split": "test",
        "images": "10",
        "accuracy": "0.9",
    }
    assert float(rows[2]["accuracy_low"]) < 0.9 < float(rows[2]["accuracy_high"])
    assert (rows[0]["status"], rows[0]["accuracy"], rows[0]["accuracy_low"]) == ("failed", "", "")
    assert len(rows[0]["data"]) == 64
