"""The report page: what it shows for every kind of run, and that it stands alone."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from artkit import ErrorInfo
from artkit.registry import find_event_hooks
from artkit_plugins import reporters
from artkit_plugins.reporters import report
from artkit_plugins.reporters.report_page.album import SIDE
from artkit_plugins.reporters.report_page.block import json_block
from artkit_plugins.reporters.report_page.choosing import choose_rows
from artkit_plugins.reporters.report_page.results import read_result

NAMES = ["Delacroix", "<script>alert(1)</script>", "unseen"]
CONFUSION = [[2, 2, 0], [1, 6, 0], [0, 0, 0]]
FACTORIES = (
    "console",
    "metrics",
    "predictions",
    "confusion_matrix",
    "confused_pairs",
    "top_losses",
    "mosaic",
    "calibration",
    "curves",
    "report",
)
UNCLOSED = ("meta", "link", "img", "br", "input")


class Page(HTMLParser):
    """The text of a page, what it refers to, and what its scripts read."""

    def __init__(self, html):
        super().__init__()
        self.words, self.sources, self.links, self.open, self.ids = [], [], [], [], []
        self.block = ""
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    @property
    def data(self):
        return json.loads(self.block)

    def handle_starttag(self, tag, attrs):
        if tag not in UNCLOSED:
            self.open.append(tag)
        attributes = dict(attrs)
        self.is_data = attributes.get("id") == "data"
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.sources += [value for name, value in attrs if name == "src"]
        self.links += [value for name, value in attrs if name == "href" and not value.startswith("#")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open and self.is_data:
            self.block += data
        elif "style" not in self.open and "script" not in self.open:
            self.words.append(data)


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(report(reporter_stage.context))
    return reporter_stage


def page(stage):
    return Page((stage.folder / "report.html").read_text(encoding="utf-8"))


def publish_picture(stage, name, kind, *, size=(300, 200), noise=False):
    path = stage.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256 if noise else 1, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    stage.context.publish(path, title=f"Title of {name}", kind=kind)


def test_the_key_numbers_stand_beside_what_guessing_gives(stage, predictions_from):
    stage.start(NAMES)
    stage.epoch(0)
    stage.epoch(1)
    intervals = {"macro_recall": (0.25, 0.55)}
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, intervals=intervals))
    stage.end()
    text = page(stage).text
    assert "vit on 3 classes finished" in text
    assert "Accuracy on test 50.0 % 95 % interval 43.4 % to 90.3 %; always saying the largest class: 63.6 %" in text
    recall = "Macro recall 40.0 % 95 % interval 25.0 % to 55.0 %; every class counts the same; guessing: 33.3 %, so 1.2"
    assert recall in text
    assert "Macro F1 30.0 % over 11 images" in text
    assert "Best epoch 2 of 3 chosen by validation accuracy, 30.0 %; the test images had no say" in text


def test_what_becomes_of_unknown_classes_is_a_key_number(stage, predictions_from):
    metrics = {"accuracy": 0.5, "macro_recall": 0.4, "macro_f1": 0.3, "unknown_auroc": 0.7134, "unknown_fpr95": 0.88}
    strangers = {"metrics": metrics, "stranger_scores": np.array([0.5, 0.6]), "unknown_score": "energy"}
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, **strangers))
    stage.end()
    said = "2 images of artists that it did not learn; where 95 % of the known are accepted, so are 88.0 % of these"
    assert f"AUROC of unknown artists 0.71 {said} (energy); by chance: 0.50" in page(stage).text


def test_the_page_says_how_the_run_is_used_and_repeated(stage, predictions_from):
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end()
    text = page(stage).text
    assert "AUROC" not in text
    for command in (f"predict {stage.folder} IMAGES", f"run {stage.folder}/recipe.toml", f"report {stage.folder}"):
        assert f": artkit {command}" in text


def test_classes_and_pairs_come_with_their_support(stage, predictions_from):
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end()
    text = page(stage).text
    assert "Delacroix 50.0 % 15.0 % to 85.0 % 2 of 4 66.7 % 57.1 % 4 10" in text
    assert "unseen - no image in this split - 0.0 % 0.0 % 0 30" in text
    assert (
        "Delacroix taken for <script>alert(1)</script> 2 of 4 (50.0 %); the other way round 1 of 7. "
        "Test images: 4 and 7; in training: 10 and 20." in text
    )


def test_names_and_messages_are_text_and_never_markup(stage, predictions_from):
    stage.start(NAMES, recipe={"note": "</pre><img src=x>"})
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end("failed", ErrorInfo(type="RunError", message="the loss is <nan>"))
    shown = page(stage)
    assert shown.open == []
    assert not shown.sources
    assert "RunError: the loss is <nan>" in shown.text
    assert "</pre><img src=x>" in shown.text
    assert shown.data["targets"][0]["classes"]["name"] == NAMES
    assert "alert(1)</script" not in (stage.folder / "report.html").read_text()


def test_the_block_of_json_cannot_end_its_element():
    text = json_block({"</script>": "<!-- \u2028", "é": 0.5})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"</script>": "<!-- \u2028", "é": 0.5}


def test_the_page_stands_alone(stage, predictions_from):
    stage.start(NAMES)
    stage.epoch(0)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    publish_picture(stage, "curves.png", "figure")
    publish_picture(stage, "calibration.png", "figure")
    publish_picture(stage, "mosaics/top_losses.png", "mosaic", size=(2000, 500))
    publish_picture(stage, "mosaics/by_true/Élan.png", "mosaic", size=(800, 3000))
    stage.end()
    shown = page(stage)
    assert [source[:16] for source in shown.sources] == ["data:image/png;b", "data:image/jpeg;", "data:image/png;b"]
    assert shown.links[:3] == ["curves.png", "mosaics/top_losses.png", "calibration.png"]
    assert shown.links[-1] == "mosaics/by_true/%C3%89lan.png"
    html = (stage.folder / "report.html").read_text()
    assert not re.search(r"(?:src|href)=.?https?:|url\(|@import|fetch\(|XMLHttpRequest", html)


def test_curves_have_all_values_and_mark_the_best_ones(stage):
    stage.start(NAMES)
    stage.epoch(0, val_loss=float("nan"))
    stage.epoch(1)
    stage.epoch(2, val_accuracy=0.1)
    stage.end()
    panels = {panel["title"]: panel["series"] for panel in page(stage).data["curves"]}
    assert list(panels) == ["Loss", "Accuracy", "Learning rate", "Images per second in training"]
    loss = {series["name"]: series for series in panels["Loss"]}
    assert loss["training"]["points"] == [[1, 1.0], [2, 0.5], [3, 0.333333]]
    assert loss["validation"]["points"] == [[2, 0.75], [3, 0.5]]
    assert loss["validation"]["best"] == 1
    accuracy = {series["name"]: series for series in panels["Accuracy"]}
    assert accuracy["validation"]["points"][accuracy["validation"]["best"]] == [2, 0.3]


def test_the_confusions_are_in_the_page_cell_by_cell(stage, predictions_from):
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end()
    (target,) = page(stage).data["targets"]
    assert target["cells"] == [[0, 0, 2], [0, 1, 2], [1, 0, 1], [1, 1, 6]]
    assert sorted(target["order"]) == [0, 1, 2]
    assert target["classes"]["support"] == [4, 7, 0]
    assert target["classes"]["train"] == [10, 20, 30]


def test_each_image_is_stored_once_and_told_with_its_answer(stage, predictions_from):
    predictions = predictions_from(CONFUSION, NAMES)
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions)
    stage.end()
    data = page(stage).data
    images = data["targets"][0]["images"]
    assert len(data["pictures"]) == len({image[1] for image in images}) == 11
    for row, _, true, predicted, p_true, p_predicted, file in images:
        assert (true, predicted) == (predictions.labels[row], predictions.predicted[row])
        assert file == predictions.files[row]
        assert p_true == pytest.approx(predictions.probabilities[row, true], abs=1e-4)
        assert p_predicted == pytest.approx(predictions.probabilities[row, predicted], abs=1e-4)


def test_images_that_two_targets_show_are_stored_once(stage, predictions_from):
    from pathlib import Path

    stage.start(NAMES, targets={"artist": NAMES, "style": NAMES})
    for target in ("artist", "style"):
        predictions = predictions_from(CONFUSION, NAMES, target=target, folder=Path(target))
        stage.send("artkit_predictions", predictions=predictions)
    stage.end()
    shown = page(stage)
    assert len(shown.data["pictures"]) == 11
    assert [len(target["images"]) for target in shown.data["targets"]] == [11, 11]
    assert len(shown.ids) == len(set(shown.ids))
    parts = re.findall(r'<a href="(#classes-\d)">(\w+)</a>', (stage.folder / "report.html").read_text())
    assert parts == [("#classes-0", "artist"), ("#classes-1", "style")]


def many_confused(predictions_from, num_classes):
    generator = np.random.default_rng(0)
    confusion = generator.poisson(4.0, (num_classes, num_classes)) + 6 * np.eye(num_classes, dtype=np.int64)
    return predictions_from(confusion)


def test_the_images_that_tell_most_are_chosen_first(predictions_from):
    result = read_result(many_confused(predictions_from, 12))
    rows = choose_rows(result, most=10_000)
    assert len(rows) == len(set(rows)) == len(result.predictions.labels)
    assert rows[: len(result.losses)] == [loss.row for loss in result.losses]
    few = choose_rows(result, most=330)
    assert few == rows[:330]
    labels, predicted = result.predictions.labels, result.predictions.predicted
    for pair in result.pairs[:12]:
        assert any(labels[row] == pair.true and predicted[row] == pair.predicted for row in few)
    assert {int(labels[row]) for row in few} == set(range(12))


def test_no_image_is_in_the_page_if_none_is_wanted_or_there_is_none(reporter_stage, predictions_from):
    reporter_stage.add(report(reporter_stage.context, images=0))
    reporter_stage.start(NAMES)
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    reporter_stage.end()
    assert page(reporter_stage).data["pictures"] == []
    reporter_stage.reporters = [report(reporter_stage.context)]
    reporter_stage.start(NAMES)
    reporter_stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, has_images=False))
    reporter_stage.end()
    assert page(reporter_stage).data["pictures"] == []


def test_pictures_stop_where_the_page_has_no_more_room(stage, predictions_from, monkeypatch):
    from artkit_plugins.reporters.report_page import album

    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    monkeypatch.setattr(album, "ROOM_BYTES", 30_000)
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, image=lambda *_: noise))
    stage.end()
    data = page(stage).data
    assert 1 < len(data["pictures"]) < 11
    assert sum(map(len, data["pictures"])) < 40_000
    assert len(data["targets"][0]["images"]) == len(data["pictures"])


def test_copies_of_training_images_are_told(stage, predictions_from):
    copies = [(1, "train/a.jpg", "Delacroix"), (3, "train/b.jpg", "unseen")]
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, copies=copies))
    stage.end()
    text = page(stage).text
    assert "2 images of the test split are in training too, byte for byte." in text
    assert "Delacroix/001.jpg (Delacroix) = train/a.jpg in training (Delacroix) Delacroix/003.jpg" in text
    assert "Delacroix/003.jpg (Delacroix) = train/b.jpg in training (unseen) with another class" in text


def test_the_page_of_copies_that_conversion_found_is_linked(stage, tmp_path):
    (tmp_path / "shards" / ".artkit").mkdir(parents=True)
    (tmp_path / "shards" / ".artkit" / "leakage.html").write_text("")
    stage.start(NAMES, recipe={"data": {"path": str(tmp_path / "shards")}})
    stage.end()
    assert page(stage).links == ["../shards/.artkit/leakage.html"]


def test_a_picture_too_large_for_the_page_is_linked(stage):
    publish_picture(stage, "large.png", "figure", size=(1700, 1700), noise=True)
    publish_picture(stage, "small.png", "figure")
    stage.start(NAMES)
    stage.end()
    assert [source[:10] for source in page(stage).sources] == ["large.png", "data:image"]
    assert (stage.folder / "report.html").stat().st_size < 100_000


def test_mosaics_of_single_classes_are_listed(stage):
    for k in range(30):
        publish_picture(stage, f"mosaics/by_true/{k:02d}.png", "mosaic", size=(40, 30))
    publish_picture(stage, "mosaics/strange.png", "mosaic", size=(40, 30))
    stage.start(NAMES)
    stage.end()
    assert len(page(stage).sources) == 1
    assert "30 mosaics of single classes" in page(stage).text
    assert page(stage).links[-1] == "mosaics/by_true/29.png"


def test_a_file_is_shown_once_though_it_was_published_often(stage):
    for _ in range(3):
        publish_picture(stage, "calibration.png", "figure")
    stage.context.publish(stage.folder / "gone.png", title="Gone", kind="figure")
    (stage.folder / "metrics.csv").write_text("epoch\n")
    stage.context.publish(stage.folder / "metrics.csv", title="Values of every epoch", kind="table")
    stage.start(NAMES)
    stage.end()
    assert len(page(stage).sources) == 1
    assert "metrics.csv Values of every epoch" in page(stage).text
    assert "Gone" not in page(stage).text


def test_an_interrupted_run_says_so_and_how_to_go_on(stage):
    stage.start(NAMES, dir=stage.folder / "my run")
    stage.epoch(0)
    stage.end("interrupted")
    text = page(stage).text
    assert "The run was interrupted after 1 of 3 epochs." in text
    assert f"artkit run --resume '{stage.folder}/my run'" in text
    assert "There is no test result" in text


def test_an_interrupted_retraining_is_done_again(stage):
    stage.start(NAMES, recipe={"retrain": {"method": "crt"}})
    stage.epoch(0)
    stage.end("interrupted")
    text = page(stage).text
    assert f"It kept nothing to go on with; do it again: artkit run {stage.folder}/recipe.toml" in text
    assert "--resume" not in text


def test_a_run_that_failed_at_once_has_a_page_with_the_reason(stage):
    stage.start(NAMES)
    stage.end("failed", ErrorInfo(type="RunError", message="the loss is nan"))
    assert "The run failed after 0 of 3 epochs. RunError: the loss is nan" in page(stage).text
    assert page(stage).data == {"curves": [], "targets": [], "pictures": []}


def test_a_resumed_run_counts_the_epochs_before_it(stage):
    stage.start(NAMES, first_epoch=1, history=[{"epoch": 0.0, "seconds": 100.0, "val_accuracy": 0.9}])
    stage.epoch(1)
    stage.end()
    assert "training 2 of 3 epochs in 1 min 52 s" in page(stage).text


def test_the_recipe_is_that_of_the_run_folder(stage):
    (stage.folder / "recipe.toml").write_text('[model]\nname = "artkit/vit@1"\n')
    stage.start(NAMES)
    stage.end()
    text = page(stage).text
    assert '[model] name = "artkit/vit@1"' in text
    assert f"artkit run {stage.folder}/recipe.toml" in text
    assert f"artkit report {stage.folder}" in text
    assert "loss focal (artkit-focal 0.3.1)" in text


def test_a_result_on_validation_is_not_called_honest(stage, predictions_from):
    stage.start(NAMES)
    stage.epoch(0)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, split="val"))
    stage.end()
    assert "the same images as here, so expect less on others" in page(stage).text


@pytest.mark.parametrize("name", FACTORIES)
def test_every_reporter_listens_to_events_that_exist(name, reporter_stage):
    reporter = getattr(reporters, name)(reporter_stage.context)
    assert "artkit_predictions" in find_event_hooks(reporter, label="artkit")


@pytest.mark.parametrize("num_classes", [2, 30])
def test_all_reporters_together_leave_one_page_that_shows_all(reporter_stage, predictions_from, num_classes, capsys):
    names = [f"Painter {k}, a/b" for k in range(num_classes)]
    generator = np.random.default_rng(0)
    confusion = generator.poisson(0.2, (num_classes, num_classes)) + 3 * np.eye(num_classes, dtype=np.int64)
    reporter_stage.add(*(getattr(reporters, name)(reporter_stage.context) for name in FACTORIES))
    reporter_stage.start(names)
    reporter_stage.send("artkit_log", step=0, epoch=0, split="train", values={"loss": 1.0, "learning_rate": 0.1})
    reporter_stage.epoch(0)
    reporter_stage.send("artkit_predictions", predictions=predictions_from(confusion, names))
    reporter_stage.end()
    many = num_classes >= 30
    assert sorted(path.name for path in reporter_stage.folder.iterdir()) == sorted(
        [
            *("calibration.png", "confused_pairs.csv", "confusion.csv", "confusion.png", "curves.png"),
            *("metrics.csv", "mosaics"),
            *("per_class.csv", "predictions.csv", "report.html", "steps.csv", "test_metrics.json", "top_losses.csv"),
            *(["confusion_worst.png"] if many else []),
        ]
    )
    shown = page(reporter_stage)
    assert len(shown.sources) == 3 + many + 2
    assert f"{2 * num_classes} mosaics of single classes" in shown.text
    assert "Result on test" in capsys.readouterr().out
