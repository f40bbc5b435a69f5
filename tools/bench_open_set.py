r"""Benchmark: how well each score tells works of artists that training never saw. Prints a Markdown table.

    python tools/build_clipart_folder.py /tmp/clipart
    python tools/bench_open_set.py /tmp/clipart --out /tmp/open-set --far /usr/share/photographs

For each of several draws, other artists are held out, the rest is split anew, and one recipe is trained on it by the
command line, as people do. Its test images are the known ones; the held-out artists' images are near strangers, drawn
by the same means on the same topics; with --far, those of another folder, such as photographs, are far ones. What is
there already is not made again, so that the benchmark goes on after an interruption.

AUROC is the probability that a stranger is found stranger than a known image; FPR95 the share of strangers that are
taken for known at the score that 95 % of the known do not exceed; AURC the mean share of wrong answers among the known
images that are the least strange, over all numbers of them. `unexpected` is the share of strangers called unknown at
the threshold that validation gave, `trained` that of known images that are accepted and answered right.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from artkit.engine.evaluating import answer_split, evaluate
from artkit.engine.open_set.figures import auroc, fpr_at_tpr
from artkit.engine.open_set.judgement import OpenSet, RunRule
from artkit.engine.open_set.rule import read_rule
from artkit.engine.open_set.scores import SCORES
from artkit.engine.open_set.strangers import UNKNOWN
from artkit.engine.trained import TrainedModel, find_weights, load_trained
from artkit_shards import Record, Settings, convert, open_dataset

FIGURES = ("auroc", "fpr95", "aurc", "trained_accuracy", "unexpected_accuracy")
TITLES = {"trained_accuracy": "trained", "unexpected_accuracy": "unexpected", "fpr95": "FPR95"}
SPLIT = "train=0.64,val=0.16,test=0.2"
IMAGE_SIZE = 64


def artkit(*words: str | Path) -> None:
    """Run the command line, or end with its error."""
    subprocess.run([sys.executable, "-m", "artkit", *map(str, words)], check=True)


def convert_draw(folder: Path, shards: Path, held_out: int, draw: int) -> None:
    """Hold other artists out in each draw; siblings of a series stay in one split."""
    labels = ("--labels", folder / "pictures.csv", "--image-column", "file", "--label", "artist", "--group", "series")
    chosen = ("--hold-out", str(held_out), "--seed", str(draw), "--split", SPLIT, "--max-side", "128")
    artkit("shard", folder, shards, *labels, *chosen)


def convert_far(folder: Path, shards: Path) -> None:
    """Make the images of a folder strangers, but for two, which stand for the classes that a data set must have."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    if len(files) < 3:
        raise SystemExit(f"{folder} has {len(files)} images; give a folder with some hundred")
    names = ["one", "other", *("far" for _ in files[2:])]
    records = [
        Record(file, file.relative_to(folder).as_posix(), {"class": name})
        for file, name in zip(files, names, strict=True)
    ]
    settings = Settings(fractions={"train": 1.0}, min_count=1, hold_out=("far",), max_side=128, duplicates="keep")
    convert(records, shards, settings)


def train(recipe: Sequence[str], shards: Path, run: Path, minutes: float, draw: int) -> None:
    """Train for some minutes."""
    limits = ("--max-minutes", str(minutes), "--set", "train.epochs=1000", "--set", f"train.seed={draw}")
    drawing = (f"--reporter=no:{name}" for name in ("confusion-matrix", "mosaic", "curves"))
    artkit("run", *recipe, "--data", shards, "--image-size", str(IMAGE_SIZE), *limits, *drawing, "--out", run)


Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Kind of strangers -> score -> figures."""


def judge(run: Path, shards: Path, far: Path | None) -> Figures:
    """Judge a run by every score, on the artists that were held out and on far strangers."""
    trained = load_trained(find_weights(run))
    rule = read_rule(run, trained, "knn")
    dataset = open_dataset(shards)
    judged = evaluate(trained, dataset, dataset.split("test"), rule=rule).targets[0]
    found: dict[str, Mapping[str, Mapping[str, float]]] = {"held-out artists": judged.figures["open_set"]["scores"]}
    if far is not None:
        found["far images"] = dict(_judge_far(trained, rule, far, judged.open_set))
    return found


def _judge_far(
    trained: TrainedModel, rule: RunRule, far: Path, known: OpenSet
) -> Iterator[tuple[str, dict[str, float]]]:
    """Score -> figures of images that are in no split of the run's data set."""
    answers = answer_split(trained, open_dataset(far).split(UNKNOWN), rule)
    for name, strangers in rule.scores(trained.heads[0], answers).items():
        called = float((strangers > known.thresholds[name]).mean())
        told = {"auroc": auroc(known.scores[name], strangers), "fpr95": fpr_at_tpr(known.scores[name], strangers)}
        yield name, {**told, "unexpected_accuracy": called}


def print_table(draws: Sequence[Figures]) -> None:
    """Mean over the draws of each figure, with its range."""
    titles = " | ".join(TITLES.get(name, name.upper()) for name in FIGURES)
    print(f"| strangers | score | draws | {titles} |")
    print("|---" * (len(FIGURES) + 3) + "|")
    for kind in draws[0]:
        for score in SCORES:
            cells = [_cell([draw[kind][score].get(figure) for draw in draws], figure) for figure in FIGURES]
            print(f"| {kind} | {score} | {len(draws)} | {' | '.join(cells)} |")


def _cell(values: Sequence[float | None], figure: str) -> str:
    """Such as "0.71 (0.66-0.75)", or "-" where a figure has no meaning."""
    told = np.array([value for value in values if value is not None])
    if not len(told):
        return "-"
    digits = 3 if figure in ("auroc", "aurc") else 1
    told = told if digits == 3 else 100 * told
    return f"{told.mean():.{digits}f} ({told.min():.{digits}f}-{told.max():.{digits}f})"


def main() -> None:
    """Make what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what build_clipart_folder.py made")
    parser.add_argument("--out", type=Path, required=True, help="folder of data sets and runs")
    parser.add_argument("--hold-out", type=int, default=8, help="artists that training never sees (%(default)s)")
    parser.add_argument("--draws", type=int, default=3, help="of the artists that are held out (%(default)s)")
    parser.add_argument("--minutes", type=float, default=5, help="of training a run (%(default)s)")
    parser.add_argument("--recipe", default="default", help="recipe and options of `artkit run` (%(default)s)")
    parser.add_argument("--far", type=Path, help="folder of images of another kind, such as photographs")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    far = args.out / "far" if args.far else None
    if far is not None and not (far / ".artkit").is_dir():
        convert_far(args.far, far)
    draws = []
    for draw in range(args.draws):
        shards, run, file = (args.out / f"{name}-{draw}" for name in ("shards", "run", "figures"))
        if not (shards / ".artkit" / "manifest.json").is_file():
            convert_draw(args.folder, shards, args.hold_out, draw)
        if not (run / "unknown.csv").is_file():
            shutil.rmtree(run, ignore_errors=True)
            train(args.recipe.split(), shards, run, args.minutes, draw)
        draws.append(judge(run, shards, far))
        file.with_suffix(".json").write_text(json.dumps(draws[-1], indent=2))
    print_table(draws)


if __name__ == "__main__":
    main()
