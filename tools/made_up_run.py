"""A run that was made up, of any size: painters in schools, a long tail, and pictures that look as different as art.

Reports of it are looked at and measured (shoot_report.py, bench_report.py), and used by tests in a browser. Pictures
are real JPEG files in memory, so that reporters decode as much as they would in a run.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit.contracts import Predictions
from artkit.engine.evaluation import compute_metrics
from artkit.engine.intervals import score_intervals
from artkit.testing import FakeRun
from artkit.testing.fake_run import Event
from artkit_shards import fit_image

FIRST: Final = (
    "Ada",
    "Berthe",
    "Camille",
    "Diego",
    "Édouard",
    "Frida",
    "Gustav",
    "Hilma",
    "Ilya",
    "Jan",
    "Käthe",
    "Lee",
)
LAST: Final = (
    *("Abelard", "Brandt", "Castellanos y Montemayor", "Dürr", "Eklund", "Ferrante", "Grünewald-Oberhofer", "Hiroki"),
    *("Ivanova", "Jansz", "Kovář", "Lemaire", "Moreau", "Nakamura", "Okafor", "Petrović", "Quist", "Rossetti"),
)
SCHOOL: Final = 5
"""Classes that resemble one another."""
NUM_EPOCHS: Final = 30
_CHUNK: Final = 10_000


def made_up_run(folder: Path, *, num_classes: int, num_images: int, seed: int = 0) -> tuple[FakeRun, list[Event]]:
    """A run and its events.

    Args:
        folder: The run folder; it must be there.
        num_classes: What it learns.
        num_images: Of the test.
        seed: The same one gives the same run.
    """
    predictions = made_up_predictions(num_classes, num_images, seed)
    fake = FakeRun(folder, num_classes=2, num_epochs=NUM_EPOCHS, steps_per_epoch=1)
    fake.run = replace(
        fake.run,
        targets={"artist": predictions.class_names},
        class_names=predictions.class_names,
        train_counts=predictions.train_counts,
        split_sizes={"train": sum(predictions.train_counts), "val": num_images // 2, "test": num_images},
    )
    return fake, list(_events(fake, predictions, np.random.default_rng(seed)))


def _events(fake: FakeRun, predictions: Predictions, generator: np.random.Generator) -> Iterator[Event]:
    """The events of a run, with curves that look like those of learning."""
    for name, arguments in fake.events():
        if name == "artkit_epoch_end":
            progress = 1 - np.exp(-(arguments["epoch"] + 1) / 8)
            noise = generator.normal(size=4) * 0.012
            learnt = {
                "train_loss": 3.2 - 2.9 * progress + noise[0],
                "val_loss": 3.3 - 2.0 * progress + 0.4 * progress**6 + noise[1],
                "train_accuracy": 0.95 * progress + noise[2],
                "val_accuracy": 0.66 * progress + noise[3],
                "val_macro_recall": 0.55 * progress + noise[3],
                "learning_rate": 0.05 * (1 + np.cos(np.pi * arguments["epoch"] / NUM_EPOCHS)),
            }
            values = {**arguments["values"], **{key: float(value) for key, value in learnt.items()}}
            yield name, {**arguments, "values": values}
        elif name == "artkit_predictions":
            yield name, {"predictions": predictions}
        else:
            yield name, arguments


def made_up_predictions(num_classes: int, num_images: int, seed: int = 0) -> Predictions:
    """What a model might say of a long tail: rare classes and those of one school are mistaken most."""
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_classes + 1) ** 0.8
    generator.shuffle(weights)
    labels = np.sort(generator.choice(num_classes, num_images, p=weights / weights.sum()))
    probabilities = _probabilities(labels, weights, generator)
    predicted = probabilities.argmax(axis=1)
    p_true = probabilities[np.arange(num_images), labels]
    names = made_up_names(num_classes)
    return Predictions(
        target="artist",
        split="test",
        class_names=names,
        train_counts=np.maximum((weights * 400).astype(int), 2).tolist(),
        keys=[f"{row:09d}" for row in range(num_images)],
        files=[f"{names[label]}/{row:06d}.jpg" for row, label in enumerate(labels.tolist())],
        labels=labels,
        probabilities=probabilities,
        metrics=compute_metrics(labels, probabilities),
        image=lambda row, size: fit_image(_jpeg(int(labels[row]), row % 8), size),
        intervals=score_intervals(labels, predicted, -np.log(p_true)) if num_images <= _CHUNK else {},
        copies=[
            (int(row), f"train/{row:06d}.jpg", names[labels[row]]) for row in range(0, num_images, num_images // 3)
        ],
    )


def made_up_names(num_classes: int) -> list[str]:
    """Names of painters, some of them long."""
    names = [f"{first} {last}" for last in LAST for first in FIRST]
    return [
        names[k] if k < len(names) else f"{names[k % len(names)]} {k // len(names) + 1}" for k in range(num_classes)
    ]


def _probabilities(
    labels: NDArray[np.int64], weights: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    probabilities = np.empty((len(labels), len(weights)))
    schools = np.arange(len(weights)) // SCHOOL
    strength = 3.5 + np.log(weights / weights.max())
    for start in range(0, len(labels), _CHUNK):
        part = labels[start : start + _CHUNK]
        logits = 1.1 * generator.normal(size=(len(part), len(weights)))
        logits += 1.8 * (schools == schools[part][:, None])
        logits[np.arange(len(part)), part] += strength[part]
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        probabilities[start : start + _CHUNK] = logits / logits.sum(axis=1, keepdims=True)
    probabilities.flags.writeable = False
    return probabilities


@lru_cache(maxsize=4096)
def _jpeg(label: int, number: int) -> bytes:
    """A picture of a class: broad strokes in colours of its school."""
    generator = np.random.default_rng([label, number])
    school = np.random.default_rng(label // SCHOOL)
    palette = school.integers(30, 226, (4, 3))
    strokes = palette[generator.integers(0, 4, (7, 9))] + generator.integers(-25, 26, (7, 9, 3))
    small = Image.fromarray(np.clip(strokes, 0, 255).astype(np.uint8))
    width, height = (420, 300) if (label + number) % 2 else (300, 400)
    large = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    noisy = large + generator.integers(-9, 10, large.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def replay(folder: Path, reporters: Sequence[str], *, num_classes: int, num_images: int, seed: int = 0) -> None:
    """Tell built-in reporters of a made-up run; they draw into the folder.

    Args:
        folder: Made if it is not there.
        reporters: Their names.
        num_classes: See `made_up_run`.
        num_images: See `made_up_run`.
        seed: See `made_up_run`.
    """
    from artkit.registry import load_registry

    folder.mkdir(parents=True, exist_ok=True)
    registry = load_registry()
    fake, events = made_up_run(folder, num_classes=num_classes, num_images=num_images, seed=seed)
    built = [registry.component("reporter", name).build(fake.context) for name in reporters]
    fake.replay(*built, events=events)
