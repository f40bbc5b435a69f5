"""Reporters are isolated: their mistakes are shown, and never stop a run."""

import pytest

from artkit import PluginError, RunInfo, hookimpl
from artkit.engine.events import Reporters
from artkit.testing import load_plugin

PLUGIN = """
from artkit import hookimpl

@hookimpl
def artkit_reporters(register):
    register("listener", lambda ctx: None)
"""


@pytest.fixture
def component(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    return load_plugin(file).component("reporter", "listener")


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def reporters(warnings):
    return Reporters(warnings.append)


@pytest.fixture
def run(tmp_path):
    return RunInfo(
        id="run",
        dir=tmp_path,
        recipe={},
        components={},
        targets={"artist": ("a", "b")},
        class_names=("a", "b"),
        train_counts=(3, 1),
        split_sizes={"train": 4},
        num_parameters=10,
        num_epochs=2,
        select="accuracy",
    )


class Listener:
    def __init__(self):
        self.heard = []

    @hookimpl
    def artkit_log(self, step, values):
        self.heard.append((step, values))

    @hookimpl
    def artkit_run_end(self, status):
        self.heard.append(status)


class Clumsy(Listener):
    @hookimpl
    def artkit_log(self, step, values):
        super().artkit_log(step, values)
        raise ZeroDivisionError("no images")


def test_a_reporter_gets_only_the_arguments_it_asks_for(reporters, component, run):
    listener = Listener()
    reporters.add(component, listener)
    reporters.run_start(run)
    reporters.log(3, 0, {"loss": 1.0})
    reporters.epoch_end(0, {})
    reporters.run_end("ok", None)
    assert listener.heard == [(3, {"loss": 1.0}), "ok"]


def test_a_mistake_is_shown_once_with_its_owner_and_the_others_still_hear(reporters, component, warnings, run):
    clumsy, listener = Clumsy(), Listener()
    reporters.add(component, clumsy)
    reporters.add(component, listener)
    reporters.run_start(run)
    for step in range(5):
        reporters.log(step, 0, {})
    reporters.run_end("ok", None)
    assert [step for step, _ in listener.heard[:-1]] == [0, 1, 2, 3, 4]
    assert warnings[0] == (
        "reporter 'listener' (mine.py) raised ZeroDivisionError in artkit_log: no images; the run goes on"
    )
    assert warnings[1:] == ["reporter 'listener' (mine.py) is switched off after 3 mistakes"]
    assert clumsy.heard == [(0, {}), (1, {}), (2, {}), "ok"], "off after three, but told of the end"


def test_what_is_noted_is_shown_as_it_is_and_the_same_text_once(reporters, warnings):
    for text in ("kept in a folder", "sent", "kept in a folder"):
        reporters.note(text)
    assert warnings == ["kept in a folder", "sent"]


def test_a_file_that_one_reporter_publishes_is_told_to_all(reporters, component, tmp_path):
    class Reader:
        def __init__(self):
            self.seen = []

        @hookimpl
        def artkit_artifact(self, path, title, kind):
            self.seen.append((path.name, title, kind))

    reader = Reader()
    reporters.add(component, reader)
    reporters.publish(tmp_path / "a.png", title="A", kind="figure")
    assert reader.seen == [("a.png", "A", "figure")]


def test_an_interrupt_is_not_swallowed(reporters, component):
    class Interrupted:
        @hookimpl
        def artkit_log(self):
            raise KeyboardInterrupt("now")

    reporters.add(component, Interrupted())
    with pytest.raises(KeyboardInterrupt, match="now"):
        reporters.log(0, 0, {})


def test_a_reporter_without_events_is_refused(reporters, component):
    with pytest.raises(PluginError, match=r"reporter 'listener' \(mine.py\) listens to no run event"):
        reporters.add(component, object())


def test_a_misspelt_event_is_refused_with_a_suggestion(reporters, component):
    class Misspelt:
        @hookimpl
        def artkit_epoch_ends(self):
            pass

    message = r"reporter 'listener' \(mine.py\): there is no hook artkit_epoch_ends. Did you mean 'artkit_epoch_end'"
    with pytest.raises(PluginError, match=message):
        reporters.add(component, Misspelt())


def test_nobody_hears_of_the_end_of_a_run_that_did_not_start(reporters, component):
    listener = Listener()
    reporters.add(component, listener)
    reporters.run_end("failed", None)
    assert listener.heard == []


class Leaver:
    @hookimpl
    def artkit_log(self):
        raise SystemExit(7)


def test_a_reporter_that_exits_does_not_end_the_run(reporters, component, run, warnings):
    reporters.add(component, Leaver())
    reporters.run_start(run)
    reporters.log(0, 0, {"loss": 1.0})
    assert "raised SystemExit in artkit_log: 7; the run goes on" in warnings[0]


class Eraser:
    @hookimpl
    def artkit_log(self, values):
        values.clear()


def test_a_reporter_that_changes_values_changes_only_its_own(reporters, component, run):
    listener, values = Listener(), {"loss": 1.0}
    reporters.add(component, Eraser())
    reporters.add(component, listener)
    reporters.run_start(run)
    reporters.log(0, 0, values)
    assert values == {"loss": 1.0}
    assert listener.heard == [(0, {"loss": 1.0})]


def test_a_published_path_may_be_a_string(reporters, component, run, tmp_path):
    heard = []

    class Collector:
        @hookimpl
        def artkit_artifact(self, path):
            heard.append(path)

    reporters.add(component, Collector())
    reporters.run_start(run)
    reporters.publish(str(tmp_path), title="a folder", kind="text")
    assert heard == [tmp_path]
