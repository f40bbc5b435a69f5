"""Fixtures that several test modules share. Names are distinctive; what each gives is in its docstring."""

import importlib
import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest


@dataclass(frozen=True)
class PluginSite:
    """A folder on `sys.path` into which plugin packages are put as pip would leave them."""

    folder: Path

    def add(
        self,
        dist: str,
        source: str,
        *,
        version: str = "1.0",
        entry_point: str = "main",
        requires: Sequence[str] = (),
        urls: Sequence[str] = (),
        direct_url: dict | None = None,
    ) -> Path:
        """Install a distribution of one module; returns the module's file."""
        module = dist.replace("-", "_")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = ["Metadata-Version: 2.1", f"Name: {dist}", f"Version: {version}"]
        metadata += [f"Requires-Dist: {line}" for line in requires] + [f"Project-URL: {line}" for line in urls]
        (info / "METADATA").write_text("\n".join(metadata) + "\n")
        (info / "entry_points.txt").write_text(f"[artkit]\n{entry_point} = {module}\n")
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url))
        file = self.folder / f"{module}.py"
        file.write_text(dedent(source))
        importlib.invalidate_caches()
        return file


@pytest.fixture
def plugin_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginSite]:
    """An empty place to install plugin packages into; what was imported from it is forgotten afterwards.

    `ARTKIT_PLUGINS` is unset, and PYTHONPATH names the place, so that child processes see the packages too.
    """
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delenv("ARTKIT_PLUGINS", raising=False)
    before = set(sys.modules)
    yield PluginSite(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def shape_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three classes of coloured shapes: 12 training, 6 validation and 6 test images. Do not change it."""
    from artkit.testing import tiny_dataset

    return tiny_dataset(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def uneven_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEG photographs of noise in classes of 23, 9 and 4 training images, of odd sizes. Do not change it."""
    import numpy as np
    from PIL import Image

    from artkit_shards import ClassFolders, Settings, convert

    folder = tmp_path_factory.mktemp("uneven")
    generator = np.random.default_rng(0)
    for name, count in (("many", 27), ("some", 11), ("few", 6)):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(count):
            height, width = generator.integers(20, 90, 2)
            coarse = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC)
            picture.save(folder / "images" / name / f"{number:03d}.jpg", quality=90)
    fractions = {"train": 0.84, "val": 0.08, "test": 0.08}
    convert(ClassFolders(folder / "images"), folder / "shards", Settings(fractions=fractions), workers=1)
    return folder / "shards"


class ReporterStage:
    """Sends run events to reporters as a run does, in their order, without training anything.

    Attributes:
        folder: The run folder.
        published: What reporters published so far: path within the folder, title, kind.
    """

    def __init__(self, folder: Path) -> None:
        from artkit import ReporterContext

        self.folder = folder
        self.published: list[tuple[str, str, str]] = []
        self.context = ReporterContext(run_dir=folder, publish=self._publish)
        self.reporters: list[Any] = []
        self.run: Any = None

    def add(self, *reporters: Any) -> None:
        self.reporters += reporters

    def start(self, class_names: Sequence[str], **changes: Any) -> None:
        """Begin a run; `changes` replace fields of its RunInfo."""
        from artkit import RunInfo

        facts = {
            "id": "2026-01-31-vit-1",
            "dir": self.folder,
            "recipe": {"train": {"epochs": 3}, "model": {"name": "vit"}},
            "components": {"model": "artkit/vit@1 (artkit 0.1.0)", "loss": "artkit-focal/focal@2 (artkit-focal 0.3.1)"},
            "class_names": class_names,
            "train_counts": [10 * (k + 1) for k in range(len(class_names))],
            "split_sizes": {"train": 120, "val": 30, "test": 40},
            "num_parameters": 1234567,
            "num_epochs": 3,
            "select": "accuracy",
        }
        self.run = RunInfo(**{**facts, **changes})
        self.send("artkit_run_start")

    def epoch(self, epoch: int, **values: float) -> dict[str, float]:
        """End an epoch; returns its values, of which `values` replaces some."""
        usual = {
            "epoch": float(epoch),
            "train_loss": 1 / (epoch + 1),
            "train_accuracy": 0.3 + 0.1 * epoch,
            "learning_rate": 0.1,
            "images_per_s": 1000.0,
            "seconds": 12.0,
            "val_loss": 1.5 / (epoch + 1),
            "val_accuracy": 0.2 + 0.1 * epoch,
            "val_macro_recall": 0.1 + 0.1 * epoch,
        }
        self.send("artkit_epoch_end", epoch=epoch, values={**usual, **values})
        return {**usual, **values}

    def send(self, event: str, **arguments: Any) -> None:
        given = {"run": self.run, **arguments}
        for reporter in self.reporters:
            method = getattr(reporter, event, None)
            if method is not None:
                method(**{name: given[name] for name in inspect.signature(method).parameters})

    def end(self, status: str = "ok", error: Any = None) -> None:
        self.send("artkit_run_end", status=status, error=error)

    def _publish(self, path: Path, *, title: str, kind: str) -> None:
        self.published.append((path.relative_to(self.folder).as_posix(), title, kind))
        self.send("artkit_artifact", path=path, title=title, kind=kind)


@pytest.fixture
def reporter_stage(tmp_path: Path) -> ReporterStage:
    """A run folder, and a way to send run events to reporters that write into it."""
    folder = tmp_path / "run"
    folder.mkdir()
    return ReporterStage(folder)


@pytest.fixture
def predictions_from() -> Any:
    """A function that makes Predictions of a confusion matrix.

    The probability of each answer falls from row to row, from 0.9 on. The picture of row r is plain (r, 77, 200).
    """
    import numpy as np

    from artkit import Predictions

    def make(confusion: Any, names: Sequence[str] | None = None, **changes: Any) -> Predictions:
        confusion = np.asarray(confusion)
        num_classes = len(confusion)
        names = names or [f"class {k}" for k in range(num_classes)]
        cells = [cell for cell in np.argwhere(confusion > 0) for _ in range(confusion[tuple(cell)])]
        labels, predicted = (np.array(column, dtype=np.int64) for column in zip(*cells, strict=True))
        answer = np.linspace(0.9, 0.6, len(labels))
        probabilities = np.repeat((1 - answer)[:, None] / max(num_classes - 1, 1), num_classes, axis=1)
        probabilities[np.arange(len(labels)), predicted] = answer
        facts = {
            "split": "test",
            "class_names": names,
            "train_counts": [10 * (k + 1) for k in range(num_classes)],
            "keys": [f"{row:09d}" for row in range(len(labels))],
            "files": [f"{names[label]}/{row:03d}.jpg" for row, label in enumerate(labels)],
            "labels": labels,
            "probabilities": probabilities,
            "metrics": {"accuracy": 0.5, "macro_recall": 0.4, "macro_f1": 0.3, "loss": 1.25},
            "image": lambda row, size: np.full((size, size, 3), (row, 77, 200), dtype=np.uint8),
        }
        return Predictions(**{**facts, **changes})

    return make
