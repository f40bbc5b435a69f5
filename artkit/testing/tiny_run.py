"""A tiny real run on the CPU, in this process, with one plugin and artkit's own components and no others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from artkit.contracts import RunInfo, RunStatus
from artkit.errors import PluginError
from artkit.hookspecs import hookimpl
from artkit.registering import RegisterReporters
from artkit.registry import Plugin, PluginInfo, Registry, discover, load_all, load_object
from artkit.testing.dataset import tiny_dataset
from artkit.testing.fake_run import Event
from artkit.testing.target import find_targets

_CLASSES: Final = 4
_BATCH: Final = 4
_SEVERAL: Final = ("augmenter", "reporter")
_SETTINGS: Final = ("data", "train", "unknown", "retrain")


@dataclass(frozen=True, slots=True, kw_only=True)
class HarnessRun:
    """What a tiny run left."""

    folder: Path
    """The run folder."""
    status: RunStatus
    """How it ended."""
    metrics: Mapping[str, float]
    """Of the final predictions: "accuracy", "macro_recall", "loss", ..."""
    events: Sequence[Event]
    """All that reporters heard: name and arguments, in order."""
    notes: Sequence[str]
    """What the user was told."""

    @property
    def files(self) -> list[str]:
        """The files in the run folder, sorted, with forward slashes."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    @property
    def losses(self) -> list[float]:
        """The loss of each optimizer step."""
        return [arguments["values"]["loss"] for name, arguments in self.events if name == "artkit_log"]


@dataclass(slots=True)
class Harness:
    """Runs in a folder of their own; the data is made once."""

    folder: Path
    """Where data and runs go."""
    _runs: int = field(default=0, init=False)

    def run(self, *, plugin: str | Path | None = None, steps: int = 2, **sections: Any) -> HarnessRun:
        """Train, validate and test on coloured shapes of four classes, 32 pixels.

        Args:
            plugin: A distribution, an entry point, a module or a file; loaded with artkit's own plugin, all others are
                not. None: only artkit's own.
            steps: Optimizer steps; one epoch.
            sections: Of a recipe: `model="vit-tiny"`, `model={"name": "vit-tiny", "depth": 2}`,
                `augmenter=["flips", "mine"]`, `train={"clip": 1.0}`.

        Raises:
            ArtkitError: if the plugin cannot be loaded, or the run fails.
        """
        from artkit.engine import job
        from artkit.recipe import CommandLine, resolve_recipe

        events: list[Event] = []
        notes: list[str] = []
        registry = Registry((*_load(plugin), _recorder(events)))
        recipe = resolve_recipe(self._layer(steps, sections), CommandLine(), registry)
        self._runs += 1
        rows = [row.to_plain() for row in registry.plugins]
        outcome = job.start(recipe, plugins=rows, out=self.folder / f"run-{self._runs}", warn=notes.append)
        return HarnessRun(
            folder=outcome.folder, status=outcome.status, metrics=outcome.metrics, events=events, notes=notes
        )

    def _layer(self, steps: int, sections: Mapping[str, Any]) -> dict[str, Any]:
        usual: dict[str, Any] = {
            "data": {"path": str(self._data(steps)), "image_size": 32, "threads": 1, "cache": 0},
            "train": {"epochs": 1, "batch_size": _BATCH if steps > 1 else 2 * _BATCH, "device": "cpu"},
            "model": {"name": "artkit/small-resnet", "width": 8},
            "augmenter": [],
            "reporter": [],
        }
        usual["train"] |= {"precision": "float32"}
        for section, value in sections.items():
            if section in _SEVERAL:
                usual[section] = [_table(one) for one in ([value] if isinstance(value, str | Mapping) else value)]
            else:
                usual[section] = {**usual.get(section, {}), **value} if section in _SETTINGS else _table(value)
        usual["reporter"] = [*usual["reporter"], {"name": "harness-recorder"}]
        return usual

    def _data(self, steps: int) -> Path:
        images = max(4, 2 * steps)  # of each class; half of them are for training
        folder = self.folder / f"data-{images}"
        return folder / "shards" if folder.exists() else tiny_dataset(folder, classes=_CLASSES, images=images)


def _table(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"name": choice} if isinstance(choice, str) else dict(choice)


def _load(plugin: str | Path | None) -> tuple[Plugin, ...]:
    found = [one for one in discover() if one.info.is_builtin]
    if plugin is not None:
        found += [one for one in find_targets(plugin) if not one.info.is_builtin]
    loaded = load_all(found).plugins
    for one in loaded:
        if one.failure or one.left_out:
            reason = one.failure.text if one.failure else one.left_out
            text = f"the plugin {one.info.label} could not be loaded: {reason}"
            raise PluginError(text, plugin=one.info.label)
    return loaded


def _recorder(events: list[Event]) -> Plugin:
    """A plugin with a reporter that keeps all it hears."""

    def recorder(_ctx: object) -> object:
        """Keep all events."""
        return _Recorder(events)

    class _RecorderPlugin:
        @hookimpl
        def artkit_reporters(self, register: RegisterReporters) -> None:
            register("harness-recorder", recorder)

    return load_object(PluginInfo(name="artkit.testing", origin="artkit.testing"), _RecorderPlugin())


class _Recorder:
    """Keeps all events, but for progress, which every batch tells."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        self._events.append(("artkit_run_start", {"run": run}))

    @hookimpl
    def artkit_log(self, step: int, epoch: int, split: str, values: Mapping[str, float]) -> None:
        self._events.append(("artkit_log", {"step": step, "epoch": epoch, "split": split, "values": values}))

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        self._events.append(("artkit_epoch_end", {"epoch": epoch, "values": values}))

    @hookimpl
    def artkit_checkpoint(self, step: int, path: Path, best: bool) -> None:
        self._events.append(("artkit_checkpoint", {"step": step, "path": path, "best": best}))

    @hookimpl
    def artkit_predictions(self, predictions: Any) -> None:
        self._events.append(("artkit_predictions", {"predictions": predictions}))

    @hookimpl
    def artkit_artifact(self, path: Path, title: str, kind: str) -> None:
        self._events.append(("artkit_artifact", {"path": path, "title": title, "kind": kind}))

    @hookimpl
    def artkit_run_end(self, status: RunStatus, error: Any) -> None:
        self._events.append(("artkit_run_end", {"status": status, "error": error}))
