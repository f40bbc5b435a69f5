"""`artkit evaluate`: the figures of a trained run, on its own test images or on others."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artkit.cli.notes import print_note, results_alone
from artkit.cli.open_set_tables import print_open_set
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, plugin_settings
from artkit.cli.resolving import tell_changed_plugins
from artkit.cli.scores import SCORES, interval_text, score_text
from artkit.cli.tables import plain_table, print_table
from artkit.cli.trained_options import (
    BestWeights,
    JudgingPrecision,
    NoMirror,
    RunsDevice,
    Tau,
    TrainedRun,
    UsedPrecision,
    check_tau,
    weights_name,
)
from artkit.cli.trained_run import unfinished_notes
from artkit.cli.unknown_score import UnknownScore, UnknownScoreChoice, features_progress

if TYPE_CHECKING:
    from artkit.engine.evaluating import Evaluation, TargetEvaluation
    from artkit.engine.open_set.judgement import RunRule
    from artkit.engine.trained import TrainedModel
    from artkit_shards import Dataset, Split


def evaluate(
    run: TrainedRun,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Data set; its targets and classes are matched by name with those of the run.",
            show_default="that of the run",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Split of the data set.", show_default="test, or val without it"),
    ] = None,
    weights: BestWeights = None,
    tau: Tau = 0.0,
    unknown_score: UnknownScoreChoice = None,
    no_tta: NoMirror = False,
    device: RunsDevice = None,
    precision: UsedPrecision = JudgingPrecision.FLOAT32,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="Write predictions.csv, evaluation.json, answers.safetensors, which `artkit report` draws, and "
            "unknown.csv if there are strangers to it.",
        ),
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")] = False,
) -> None:
    """Give the figures of a trained run, with 95 % intervals: its own, or those on another data set."""
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.engine import evaluating
    from artkit.engine.copies import find_learnt
    from artkit.engine.evaluation_files import claim_folder, write_evaluation
    from artkit.engine.open_set.table import write_strangers
    from artkit.engine.targets import folder_of
    from artkit.engine.trained import find_weights, load_trained

    check_tau(tau)
    path = find_weights(run, weights_name(weights))
    with results_alone(json_):
        plugins = plugin_settings(plugin, block, no_plugins=no_plugins)
        trained = load_trained(path, device=device, plugins=plugins, precision=precision.value)
    dataset = _open_data(trained, data)
    dataset = dataset.by(next(iter(evaluating.matched_targets(trained, dataset).values())))
    judged = evaluating.split_to_judge(dataset, split)
    if out is not None:
        claim_folder(out, [folder_of(head, trained.heads) for head in trained.heads])
    learnt = find_learnt(run, trained.recipe, dataset)
    tell_changed_plugins(run, [trained.recipe.model])
    for note in (*unfinished_notes(run), *_notes(run, dataset, judged, learnt)):
        print_note(note)
    rule = _load_rule(run, trained, unknown_score)
    mirrored = False if no_tta else None
    with results_alone(json_):
        result = _evaluate(trained, dataset, judged, tau=tau, mirrored=mirrored, rule=rule, learnt=learnt)
    figures = {"run": str(run), "weights": path.name, **result.to_plain()}
    if out is not None:
        predictions = [target.predictions for target in result.targets]
        write_evaluation(out, predictions, dataset, figures, note=print_note)
        for target in result.targets:
            write_strangers(out / target.predictions.folder, target.open_set, target.predictions.class_names)
    if json_:
        _print_json(figures)
    else:
        _print_result(path, trained, result)


def _open_data(trained: "TrainedModel", data: str | None) -> "Dataset":
    from artkit.recipe.layers import DEMO
    from artkit_shards import demo_path, open_dataset

    place = trained.recipe.data.path if data is None else data
    is_demo = place == DEMO and not (data and Path(data).is_dir())
    return open_dataset(demo_path() if is_demo else place)


def _notes(run: Path, dataset: "Dataset", split: "Split", learnt: "Dataset | None") -> list[str]:
    """What one must know of the images before the figures are believed."""
    from artkit.engine.folder import RunFolder

    facts = RunFolder(run).read_facts()["data"]
    if dataset.fingerprint == facts["fingerprint"]:
        known = {"train": "the run was trained on these images", "val": "these images chose the weights of the run"}
        return [f"{known[split.name]}: expect less on others"] if split.name in known else []
    if str(dataset.path) == facts["path"]:
        return [f"{dataset.path} has other content than when the run began, so these are not the figures of the run"]
    if learnt is None:
        gone = "is not there as the run learnt from it"
        return [f"{facts['path']} {gone}, so it is not known which images are in training too"]
    return []


def _load_rule(run: Path, trained: "TrainedModel", score: UnknownScore | None) -> "RunRule":
    """By what images are found strange."""
    from artkit.engine.open_set.calibration import CALIBRATION
    from artkit.engine.open_set.rule import read_rule

    with features_progress() as on_progress:
        rule = read_rule(run, trained, score.value if score else None, on_progress=on_progress, tell=print_note)
    if not rule.targets and (run / CALIBRATION).is_file():
        print_note(f"{CALIBRATION} of the run is about other weights than these: they have no temperature here")
    return rule


def _evaluate(
    trained: "TrainedModel",
    dataset: "Dataset",
    split: "Split",
    *,
    tau: float,
    mirrored: bool | None,
    rule: "RunRule",
    learnt: "Dataset | None",
) -> "Evaluation":
    """Judge with progress, see `evaluating.evaluate`."""
    from artkit.cli.conversion_progress import conversion_progress
    from artkit.engine.evaluating import evaluate
    from artkit.engine.open_set.strangers import UNKNOWN

    judged = dict.fromkeys([split.name, *({UNKNOWN} & set(dataset.split_names))])
    with conversion_progress({name: f"judging {name}" for name in judged}) as progress:
        return evaluate(
            trained, dataset, split, tau=tau, mirrored=mirrored, rule=rule, learnt=learnt, on_batch=progress
        )


def _print_json(figures: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(figures, ensure_ascii=False))


def _print_result(path: Path, trained: "TrainedModel", result: "Evaluation") -> None:
    typer.echo(f"weights {path}" + (f", tau {result.tau:g}" if result.tau else ""))
    judged = [target.predictions.target for target in result.targets]
    for head in trained.heads:
        if head.name not in judged:
            print_note(f"no image has a class in '{head.name}' that the model knows, so it is not judged")
    for target in result.targets:
        _print_target(result, target, title=f"{target.predictions.target}: " if len(trained.heads) > 1 else "")


def _print_target(result: "Evaluation", target: "TargetEvaluation", *, title: str) -> None:
    from artkit_shards.wording import counted

    supports = target.supports
    images = counted(len(target.predictions.labels), "image")
    typer.echo(
        f"{title}{result.split} of {result.dataset.path}: {images} of {len(supports)} classes, "
        f"{supports.min()} to {supports.max()} a class"
    )
    for line in _remarks(target):
        print_note(line)
    table = plain_table("", "value", "95 % interval", right=("value",))
    for name, words in SCORES.items():
        value = score_text(name, target.predictions.metrics[name])
        table.add_row(words, value, interval_text(name, target.intervals[name]))
    print_table(table)
    print_open_set(target)


def _remarks(result: "TargetEvaluation") -> list[str]:
    from artkit.suggest import suggest
    from artkit_shards.wording import counted, listed

    lines = []
    if result.left_out:
        known = result.predictions.class_names
        names = [f"{name}. {suggest(name, known)}".rstrip(". ") for name in result.left_out]
        images = counted(sum(result.left_out.values()), "image")
        classes = "a class" if len(names) == 1 else f"{len(names)} classes"
        lines.append(f"{images} of {classes} that the model does not know left out: {listed(names, 5)}")
    if result.without_class:
        lines.append(f"{counted(result.without_class, 'image')} without a class left out")
    if result.predictions.copies:
        images = counted(len(result.predictions.copies), "image")
        lines.append(f"training has {images} of these too, byte for byte: figures may be too good")
    return lines
