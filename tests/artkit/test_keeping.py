"""State and best weights agree, wherever a kill falls; checkpoints come when they cost little."""

import time

import pytest
import torch

from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.folder import RunFolder
from artkit.engine.keeping import Keeper
from artkit.engine.progress import Progress


class KilledError(Exception):
    pass


@pytest.fixture
def run_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.state.parent.mkdir(parents=True)
    return folder


def weights_of(epoch):
    return {"model": {"weight": torch.full((2,), float(epoch))}, "epoch": epoch}


def progress_with(*accuracies):
    progress = Progress()
    for accuracy in accuracies:
        progress.finish_epoch({"val_accuracy": accuracy})
    return progress


def kill():
    raise KilledError("here")


def test_best_weights_are_written_with_the_checkpoint_that_knows_of_them(run_folder):
    keeper = Keeper(run_folder, minutes=5)
    keeper.note_best("accuracy", weights_of(0))
    keeper.note_best("accuracy", weights_of(1))
    assert not run_folder.best("accuracy").exists()
    assert keeper.save(lambda: None) == [run_folder.best("accuracy")]
    assert load_checkpoint(run_folder.best("accuracy"))["epoch"] == 1
    assert keeper.save(lambda: None) == []


def test_a_kill_before_the_checkpoint_is_written_takes_the_weights_back(run_folder):
    keeper = Keeper(run_folder, minutes=5)
    keeper.note_best("accuracy", weights_of(0))
    keeper.save(lambda: None)
    keeper.note_best("accuracy", weights_of(1))
    with pytest.raises(KilledError, match="here"):
        keeper.save(kill)
    assert load_checkpoint(run_folder.best("accuracy"))["epoch"] == 0
    assert run_folder.coming_best("accuracy").exists()
    # The checkpoint is that of the first epoch; the second one may end otherwise when it comes again.
    Keeper(run_folder, minutes=5).settle(progress_with(0.5), "accuracy")
    assert not run_folder.coming_best("accuracy").exists()
    assert load_checkpoint(run_folder.best("accuracy"))["epoch"] == 0


def test_a_kill_after_the_checkpoint_is_written_leaves_weights_that_are_put_in_place(run_folder):
    save_checkpoint(run_folder.best("accuracy"), weights_of(0))
    save_checkpoint(run_folder.coming_best("accuracy"), weights_of(1))
    Keeper(run_folder, minutes=5).settle(progress_with(0.5, 0.6, 0.55), "accuracy")
    assert not run_folder.coming_best("accuracy").exists()
    assert load_checkpoint(run_folder.best("accuracy"))["epoch"] == 1


def test_a_write_that_fails_is_made_up_for_by_the_next_one(run_folder):
    keeper = Keeper(run_folder, minutes=5)
    keeper.note_best("loss", weights_of(3))
    with pytest.raises(KilledError, match="here"):
        keeper.save(kill)
    assert keeper.save(lambda: None) == [run_folder.best("loss")]
    assert load_checkpoint(run_folder.best("loss"))["epoch"] == 3


def test_a_checkpoint_after_an_epoch_waits_until_it_costs_little(run_folder):
    keeper = Keeper(run_folder, minutes=60)
    keeper.save(lambda: time.sleep(0.05))
    assert not keeper.is_due(after_epoch=True)
    keeper.save(lambda: None)
    time.sleep(0.2)
    assert keeper.is_due(after_epoch=True)
    assert not keeper.is_due(after_epoch=False)


def test_zero_minutes_mean_a_checkpoint_after_every_step(run_folder):
    keeper = Keeper(run_folder, minutes=0)
    keeper.save(lambda: time.sleep(0.05))
    assert keeper.is_due(after_epoch=False)
    assert keeper.is_due(after_epoch=True)
