"""What the tensorboard reporter writes, read back as TensorBoard does."""

import sys
import time

import numpy as np
import pytest
from PIL import Image

from artkit import RecipeError
from artkit_plugins.reporters import tensorboard


def test_a_missing_package_is_told_before_anything_is_trained(reporter_stage, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(RecipeError, match="'tensorboard' needs a package that is not here: pip install tensorboard"):
        tensorboard(reporter_stage.context)
    assert list(reporter_stage.folder.iterdir()) == []


@pytest.fixture
def stage(reporter_stage):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    return reporter_stage


def begin(stage, **changes):
    """A run with the reporter, new or resumed."""
    stage.reporters = [tensorboard(stage.context, every=2)]
    stage.start("ab", **changes)


def steps(stage, first, after_last, epoch, loss=1.0):
    for step in range(first, after_last):
        stage.send("artkit_log", step=step, epoch=epoch, split="train", values={"loss": loss, "learning_rate": 0.1})


def read(stage):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = {"scalars": 0, "images": 0, "tensors": 0}
    return EventAccumulator(str(stage.folder / "tensorboard"), size_guidance=everything).Reload()


def scalars(stage, name):
    return [(event.step, pytest.approx(event.value)) for event in read(stage).Scalars(name)]


def test_values_of_steps_and_epochs_stand_on_one_axis(stage):
    begin(stage)
    steps(stage, 0, 5, 0)
    stage.epoch(0, train_loss=0.5)
    steps(stage, 5, 10, 1)
    stage.epoch(1, train_loss=0.25)
    stage.end()
    assert scalars(stage, "step/loss") == [(step, 1.0) for step in (0, 2, 4, 6, 8)]
    assert scalars(stage, "train/loss") == [(4, 0.5), (9, 0.25)]
    assert "epoch/epoch" not in read(stage).Tags()["scalars"]


def test_the_result_of_the_test_is_there_under_the_name_of_its_target(stage, predictions_from):
    begin(stage, targets={"artist": "ab", "style": "cd"})
    for target in ("artist", "style"):
        stage.send("artkit_predictions", predictions=predictions_from([[1, 0], [1, 0]], target=target))
    stage.end()
    assert scalars(stage, "test/accuracy") == scalars(stage, "test/style_accuracy") == [(0, 0.5)]


def test_pictures_are_written_once_and_no_more_than_asked_for(stage):
    stage.reporters = [tensorboard(stage.context, pictures=2)]
    stage.start("ab")
    kinds = {"curves.png": "figure", "table.csv": "table", "mosaics/a.png": "mosaic", "b.png": "figure"}
    for name, kind in kinds.items():
        path = stage.folder / name
        path.parent.mkdir(exist_ok=True)
        if kind != "table":
            Image.fromarray(np.full((30, 3200, 3), 200, dtype=np.uint8)).save(path)
        for _ in range(2):
            stage.context.publish(path, title=name, kind=kind)
    stage.end()
    events = read(stage)
    assert events.Tags()["images"] == ["curves", "mosaics/a"]
    (image,) = events.Images("curves")
    assert (image.width, image.height) == (1600, 15)


def test_settings_and_recipe_are_there(stage):
    (stage.folder / "recipe.toml").write_text("[train]\nepochs = 3\n")
    begin(stage)
    stage.end()
    events = read(stage)
    assert b"train.epochs" in events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    assert b"test/accuracy" in events.PluginTagToContent("hparams")["_hparams_/experiment"]
    assert "_hparams_/session_end_info" in events.PluginTagToContent("hparams")
    (text,) = events.Tensors("recipe/text_summary")
    assert text.tensor_proto.string_val == [b"    [train]\n    epochs = 3"]


@pytest.mark.parametrize("first_step", [0, 4, 5, 7])
def test_a_resumed_run_has_every_step_and_epoch_once(stage, first_step):
    begin(stage)
    steps(stage, 0, 5, 0, loss=3.0)
    stage.epoch(0, train_loss=3.0)
    steps(stage, 5, 8, 1, loss=3.0)
    stage.end("interrupted")
    time.sleep(1.1)  # the names of event files, by which they are ordered, tell whole seconds
    first_epoch = first_step // 5
    history = [{"epoch": 0.0, "train_loss": 3.0}][:first_epoch]
    begin(stage, first_step=first_step, first_epoch=first_epoch, history=history)
    steps(stage, first_step, 5, 0)
    if first_epoch == 0:
        stage.epoch(0, train_loss=1.0)
    steps(stage, max(first_step, 5), 10, 1)
    stage.epoch(1, train_loss=1.0)
    stage.end()
    assert scalars(stage, "step/loss") == [(step, 3.0 if step < first_step else 1.0) for step in (0, 2, 4, 6, 8)]
    assert scalars(stage, "train/loss") == [(4, 3.0 if first_epoch else 1.0), (9, 1.0)]
