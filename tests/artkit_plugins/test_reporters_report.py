"""The report page: what it shows for every kind of run, and that it stands alone."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from artkit import ErrorInfo
from artkit.registry import find_event_hooks
from artkit_plugins import reporters
from artkit_plugins.reporters import report

NAMES = ["Delacroix", "<script>alert(1)</script>", "unseen"]
CONFUSION = [[2, 2, 0], [1, 6, 0], [0, 0, 0]]
FACTORIES = ("console", "metrics", "predictions", "confusion_matrix", "mosaic", "curves", "report")


class Page(HTMLParser):
    """The text of a page, and what it refers to."""

    def __init__(self, html):
        super().__init__()
        self.words, self.sources, self.links, self.open = [], [], [], []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
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
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end()
    text = page(stage).text
    assert "vit on 3 classes finished" in text
    assert "Accuracy on test 50.0 % 95 % interval 43.4 % to 90.3 %; always saying the largest class: 63.6 %" in text
    assert "Macro recall 40.0 % every class counts the same; guessing: 33.3 %, so 1.2 times that" in text
    assert "Macro F1 30.0 % over 11 images" in text
    assert "Best epoch 2 of 3 chosen by validation accuracy, 30.0 %; the test images had no say" in text


def test_classes_and_pairs_come_with_their_support(stage, predictions_from):
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end()
    text = page(stage).text
    assert "Delacroix 50.0 % 2 of 4 66.7 % 57.1 % 10" in text
    assert "Delacroix <script>alert(1)</script> 2 of 4 50.0 % 10 and 20" in text
    assert "unseen no image in this split - - 0.0 % 0.0 % 30" in text


def test_names_and_messages_are_text_and_never_markup(stage, predictions_from):
    stage.start(NAMES, recipe={"note": "</pre><img src=x>"})
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end("failed", ErrorInfo(type="RunError", message="the loss is <nan>"))
    shown = page(stage)
    assert shown.open == []
    assert not shown.sources
    assert "RunError: the loss is <nan>" in shown.text
    assert "</pre><img src=x>" in shown.text
    assert "<script" not in (stage.folder / "report.html").read_text()


def test_the_page_stands_alone(stage, predictions_from):
    publish_picture(stage, "curves.png", "figure")
    publish_picture(stage, "mosaics/top losses.png", "mosaic", size=(2000, 500))
    publish_picture(stage, "mosaics/by_true/Élan.png", "mosaic", size=(800, 3000))
    stage.start(NAMES)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES))
    stage.end()
    shown = page(stage)
    assert [source[:23] for source in shown.sources] == ["data:image/png;base64,i", *["data:image/jpeg;base64,"] * 2]
    assert shown.links == ["curves.png", "mosaics/top%20losses.png", "mosaics/by_true/%C3%89lan.png"]
    assert not re.search(r"(?:src|href)=.?https?:", (stage.folder / "report.html").read_text())


def test_a_picture_too_large_for_the_page_is_linked(stage):
    publish_picture(stage, "large.png", "figure", size=(1700, 1700), noise=True)
    publish_picture(stage, "small.png", "figure")
    stage.start(NAMES)
    stage.end()
    assert [source[:10] for source in page(stage).sources] == ["large.png", "data:image"]
    assert (stage.folder / "report.html").stat().st_size < 100_000


def test_pictures_of_very_many_classes_are_listed_beyond_the_first(stage):
    for k in range(30):
        publish_picture(stage, f"mosaics/by_true/{k:02d}.png", "mosaic", size=(40, 30))
    publish_picture(stage, "mosaics/top_losses.png", "mosaic", size=(40, 30))
    stage.start(NAMES)
    stage.end()
    assert len(page(stage).sources) == 25
    assert "6 more pictures" in page(stage).text
    assert page(stage).links[-1] == "mosaics/by_true/29.png"


def test_a_file_is_shown_once_though_it_was_published_often(stage):
    for _ in range(3):
        publish_picture(stage, "curves.png", "figure")
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
            *("confused_pairs.csv", "confusion.csv", "confusion.png", "curves.png", "metrics.csv", "mosaics"),
            *("per_class.csv", "predictions.csv", "report.html", "steps.csv", "test_metrics.json"),
            *(["confusion_worst.png"] if many else []),
        ]
    )
    assert len(page(reporter_stage).sources) == 2 + many + 2 + min(2 * num_classes, 24)
    assert "Result on test" in capsys.readouterr().out
