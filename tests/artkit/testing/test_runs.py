"""Tiny real runs with one plugin, and runs that never were."""

from textwrap import dedent

import pytest

from artkit import hookimpl
from artkit.errors import PluginError, RecipeError
from artkit.testing import load_plugin
from artkit.testing.harness import FakeRun, harness  # noqa: F401 # the fixture

MINE = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("mine", mine)

    @hookimpl
    def artkit_reporters(register):
        register("tally", lambda ctx: Tally(ctx))
        register("teller", lambda ctx: Teller(ctx))

    def mine(ctx, *, width: int = 4):
        '''Linear.'''
        from torch import nn
        return nn.Sequential(nn.AdaptiveAvgPool2d(width), nn.Flatten(), nn.Linear(3 * width**2, ctx.num_outputs))

    class Tally:
        def __init__(self, ctx): self.ctx = ctx

        @hookimpl
        def artkit_predictions(self, predictions):
            path = self.ctx.run_dir / "tally.txt"
            path.write_text(str(len(predictions.labels)))
            self.ctx.publish(path, title="tally", kind="file")

    class Teller:
        def __init__(self, ctx): self.ctx = ctx

        @hookimpl
        def artkit_log(self): self.ctx.note("kept elsewhere")
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    file = tmp_path_factory.mktemp("mine") / "mine.py"
    file.write_text(dedent(MINE))
    return file


@pytest.mark.parametrize("steps", [1, 2])
def test_a_tiny_run_takes_the_steps_it_is_told_to_and_tells_all_that_happened(harness, mine, steps):  # noqa: F811
    run = harness.run(plugin=mine, model={"name": "mine", "width": 2}, reporter="tally", steps=steps)
    assert run.status == "ok"
    assert len(run.losses) == steps
    assert {"recipe.toml", "run.json", "tally.txt"} <= set(run.files)
    assert 0 <= run.metrics["accuracy"] <= 1
    names = [name for name, _ in run.events]
    assert (names[0], names[-1]) == ("artkit_run_start", "artkit_run_end")
    assert ("artkit_artifact", "tally") in [(name, arguments.get("title")) for name, arguments in run.events]


def test_what_a_reporter_notes_is_told_once_and_as_no_mistake(harness, mine, tmp_path):  # noqa: F811
    run = harness.run(plugin=mine, reporter="teller", steps=2)
    assert [note for note in run.notes if "elsewhere" in note] == ["kept elsewhere"]
    fake = FakeRun(tmp_path)
    fake.replay(load_plugin(mine).component("reporter", "teller").build(fake.context))
    assert fake.notes == ["kept elsewhere"]


def test_the_same_tiny_run_gives_the_same_losses(harness, mine):  # noqa: F811
    first, again = (harness.run(plugin=mine, model="mine", augmenter=["flips"]) for _ in range(2))
    assert first.losses == again.losses
    assert first.folder != again.folder


def test_no_other_plugin_is_loaded_in_a_tiny_run(harness, plugin_site):  # noqa: F811
    plugin_site.add("artkit-other", dedent(MINE))
    with pytest.raises(RecipeError, match="no model 'mine'"):
        harness.run(model="mine")
    assert harness.run(plugin="artkit-other", model="mine", steps=1).status == "ok"


def test_a_plugin_that_does_not_load_is_named(harness, tmp_path):  # noqa: F811
    (tmp_path / "bad.py").write_text("import nowhere_at_all")
    with pytest.raises(PluginError, match=r"^the plugin bad\.py could not be loaded: ModuleNotFoundError"):
        harness.run(plugin=tmp_path / "bad.py")


class Listener:
    def __init__(self):
        self.heard = []

    @hookimpl
    def artkit_epoch_end(self, run, epoch, values):
        self.heard.append((run.id, epoch, sorted(values)))

    @hookimpl
    def artkit_predictions(self, predictions):
        self.heard.append((predictions.target, predictions.probabilities.shape, str(predictions.folder)))

    @hookimpl
    def artkit_run_end(self, status, error):
        self.heard.append((status, error and error.type))


def heard_of(run):
    listener = Listener()
    run.replay(listener)
    return listener.heard


def test_a_fake_run_tells_of_epochs_targets_and_the_end(tmp_path):
    heard = heard_of(FakeRun(tmp_path, targets=("artist", "style"), num_epochs=2))
    assert [entry[1] for entry in heard[:2]] == [0, 1]
    assert "val_style_accuracy" in heard[0][2]
    assert heard[2:] == [("artist", (12, 4), "artist"), ("style", (12, 4), "style"), ("ok", None)]


@pytest.mark.parametrize(("status", "error"), [("failed", "RunError"), ("interrupted", None)])
def test_a_fake_run_that_ends_early_has_no_predictions(tmp_path, status, error):
    heard = heard_of(FakeRun(tmp_path, status=status))
    assert heard == [("2026-01-31-vit-1", 0, heard[0][2]), (status, error)]


def test_a_fake_run_that_was_resumed_has_a_history(tmp_path):
    run = FakeRun(tmp_path, first_epoch=2)
    assert [values["epoch"] for values in run.run.history] == [0, 1]
    assert heard_of(run)[0][1] == 2


def test_a_fake_run_has_the_values_of_a_real_one(harness, tmp_path):  # noqa: F811
    real = dict(harness.run(steps=1).events)["artkit_epoch_end"]["values"]
    fake = dict(FakeRun(tmp_path).events())["artkit_epoch_end"]["values"]
    assert set(fake) - set(real) <= {"best_loss"}
    assert {"train_loss", "val_accuracy", "val_macro_recall", "images_per_s"} <= set(fake)


def test_what_a_reporter_publishes_is_kept_and_told_to_the_others(tmp_path):
    run = FakeRun(tmp_path)
    told = []

    class Hearer:
        @hookimpl
        def artkit_artifact(self, title):
            told.append(title)

    context = run.context

    class Publisher:
        @hookimpl
        def artkit_run_start(self):
            context.publish(tmp_path / "a.png", title="a", kind="figure")

    run.replay(Publisher(), Hearer())
    assert (run.published, told) == ([(tmp_path / "a.png", "a", "figure")], ["a"])


def test_what_a_reporter_raises_is_not_hidden_in_a_fake_run(tmp_path):
    class Broken:
        @hookimpl
        def artkit_run_start(self):
            raise LookupError("no such luck")

    with pytest.raises(LookupError, match="no such luck"):
        FakeRun(tmp_path).replay(Broken())
