"""How far apart the ways to use a trained run are, on its test images. Prints a Markdown table.

    python tools/measure_agreement.py runs/2026-11-21-small-resnet-1

`artkit evaluate`, `artkit predict` as CSV and as JSON, the exported model in onnxruntime, and the endpoint of
`artkit serve` are asked for the probabilities of the same images: with mirror images and without, with the prior taken
off, and calibrated. Each cell is the largest difference of any probability from that of `evaluate`, whose answers are
those of the run itself. The exported model gets the pixels that its facts describe. The exit code is 1 if a difference
is more than 1e-4.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner

from artkit import tempered
from artkit.cli import app
from artkit.engine.answers import ANSWERS, read_answers
from artkit.engine.assembly import open_data
from artkit.engine.evaluating import split_to_judge
from artkit.engine.open_set.calibration import CALIBRATION
from artkit.engine.open_set.fitted import load_temperatures
from artkit.engine.predicting import Predictor
from artkit.engine.trained import find_weights, load_trained
from artkit_shards import fit_image
from artkit_shards.images import MAX_PIXELS

MOST: Final = 1e-4
_BATCH: Final = 32

Probabilities = dict[tuple[str, str, str], float]
"""File, target and class -> probability."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the model is asked."""

    name: str
    tau: float = 0.0
    is_mirrored: bool = True
    is_calibrated: bool = False

    @property
    def options(self) -> list[str]:
        """As the command line says it."""
        options = ["--tau", str(self.tau)] if self.tau else []
        return options + ["--no-tta"] * (not self.is_mirrored) + ["--calibrated"] * self.is_calibrated


CASES: Final = (
    Asked("as in the run"),
    Asked("without mirror images", is_mirrored=False),
    Asked("tau 0.7", tau=0.7),
    Asked("tau 0.7 without mirror images", tau=0.7, is_mirrored=False),
    Asked("calibrated", is_calibrated=True),
)


def artkit(*words: str | Path) -> None:
    """Run the command line in this process, or end with its error."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exit_code:
        raise SystemExit(f"artkit {' '.join(map(str, words))}: {result.exception}\n{result.output}")


class Ways:
    """The ways to ask a run about the images of its test, which are written into a folder as files.

    Args:
        run: The run folder.
        folder: Empty; gets images and answers.
    """

    def __init__(self, run: Path, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._trained = load_trained(find_weights(run))
        self._num_classes = max(len(head.class_names) for head in self._trained.heads)
        self._images = folder / "images"
        split = split_to_judge(open_data(self._trained.recipe), None)
        self._data = {file: split.read(row) for row, file in enumerate(split.files)}
        for file, data in self._data.items():
            path = self._images / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def evaluate(self, asked: Asked) -> Probabilities:
        """By `artkit evaluate`, which has both answers and temperature."""
        out = self._place(asked, "judged")
        options = [option for option in asked.options if option != "--calibrated"]
        artkit("evaluate", self._run, "--out", out, *options)
        found: Probabilities = {}
        for path in out.rglob(ANSWERS):
            said = read_answers(path).predictions(None)
            values = tempered(said.probabilities, said.temperature) if asked.is_calibrated else said.probabilities
            for file, row in zip(said.files, values, strict=True):
                found |= _named(file, said.target, said.class_names, row)
        return found

    def predict_json(self, asked: Asked) -> Probabilities:
        """By `artkit predict --json`."""
        out = self._predict(asked, "answers.jsonl", "--json")
        found: Probabilities = {}
        for line in out.read_text(encoding="utf-8").splitlines():
            plain = json.loads(line)
            found |= self._of_plain(plain["file"].removeprefix(f"{self._images}/"), plain)
        return found

    def predict_csv(self, asked: Asked) -> Probabilities:
        """By `artkit predict`."""
        out = self._predict(asked, "answers.csv")
        found: Probabilities = {}
        with out.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name = row["file"].removeprefix(f"{self._images}/")
                for head in self._trained.heads:
                    found[name, head.name, row[f"{head.prefix}predicted"]] = float(row[f"{head.prefix}p"])
                    start = f"{head.prefix}p_"
                    ranks = [column.removeprefix(start) for column in row if column.startswith(start)]
                    found |= {(name, head.name, row[head.prefix + rank]): float(row[start + rank]) for rank in ranks}
        return found

    def export(self, asked: Asked) -> Probabilities:
        """By an exported model, with nothing but what its facts say and the pixels."""
        import onnxruntime

        out = self._place(asked, "model.onnx")
        artkit("export", self._run, "--out", out, *asked.options)
        session = onnxruntime.InferenceSession(out)
        facts = session.get_modelmeta().custom_metadata_map
        shown, classes, outputs = (json.loads(facts[name]) for name in ("preprocessing", "classes", "outputs"))
        found: Probabilities = {}
        for files in _batches(self._data):
            pixels = np.stack([fit_image(self._data[file], shown["image_size"], shown["fit"]) for file in files])
            images = pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255
            said = dict(zip(outputs.values(), session.run(list(outputs.values()), {"images": images}), strict=True))
            for target, output in outputs.items():
                for file, row in zip(files, _softmax(said[output]), strict=True):
                    found |= _named(file, target, classes[target], row)
        return found

    def serve(self, asked: Asked) -> Probabilities:
        """By the endpoint of `artkit serve`, one image at a time."""
        from starlette.testclient import TestClient

        from artkit.serving.app import make_app
        from artkit.serving.guards import own_names
        from artkit.serving.limits import Limits
        from artkit.serving.service import Service

        predictor = Predictor(
            self._trained,
            tau=asked.tau,
            temperatures=load_temperatures(self._run, self._trained) if asked.is_calibrated else None,
            mirrored=None if asked.is_mirrored else False,
        )
        service = Service(run=self._run.name, predictor=predictor, neighbours=None, top=self._num_classes)
        app = make_app(service, Limits(max_bytes=1 << 30, max_pixels=MAX_PIXELS), own_names("127.0.0.1", []))
        client = TestClient(app, "http://localhost:8000")
        found: Probabilities = {}
        for file, data in self._data.items():
            found |= self._of_plain(file, client.post("/predict", content=data).raise_for_status().json())
        return found

    def _place(self, asked: Asked, name: str) -> Path:
        return self._folder / asked.name.replace(" ", "-") / name

    def _predict(self, asked: Asked, name: str, *options: str) -> Path:
        out = self._place(asked, name)
        all_classes = ("--top", str(self._num_classes), "--no-unknown")
        artkit("predict", self._run, self._images, "--out", out, *all_classes, *options, *asked.options)
        return out

    def _of_plain(self, file: str, plain: Mapping[str, Any]) -> Probabilities:
        """What JSON says of an image in all targets."""
        first = self._trained.heads[0].name
        targets = {first: plain, **plain.get("others", {})}
        return {(file, target, guess["name"]): guess["p"] for target, one in targets.items() for guess in one["top"]}


def cases_for(run: Path) -> list[Asked]:
    """Those that a run can be asked for: one that was fitted to no validation images has no temperature."""
    return [asked for asked in CASES if (run / CALIBRATION).is_file() or not asked.is_calibrated]


def differences(run: Path, folder: Path, asked: Asked) -> dict[str, float]:
    """The largest difference of any probability from that of `evaluate`, by way.

    Args:
        run: The run folder.
        folder: Empty.
        asked: How the model is asked.
    """
    ways = Ways(run, folder)
    expected = ways.evaluate(asked)
    others: dict[str, Callable[[Asked], Probabilities]] = {
        "predict --json": ways.predict_json,
        "predict": ways.predict_csv,
        "ONNX": ways.export,
        "serve": ways.serve,
    }
    return {name: _largest_difference(expected, way(asked)) for name, way in others.items()}


def _largest_difference(expected: Probabilities, said: Probabilities) -> float:
    """As far away as can be is what is not said at all."""
    return max(abs(value - said.get(key, float("inf"))) for key, value in expected.items())


def _named(file: str, target: str, class_names: Iterable[str], row: NDArray[np.floating[Any]]) -> Probabilities:
    return {(file, target, name): float(p) for name, p in zip(class_names, row, strict=True)}


def _batches(files: Iterable[str]) -> Iterator[list[str]]:
    listed = list(files)
    return (listed[start : start + _BATCH] for start in range(0, len(listed), _BATCH))


def _softmax(logits_BK: NDArray[np.float32]) -> NDArray[np.float64]:
    exponentials = np.exp(logits_BK.astype(np.float64) - logits_BK.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run")
    run = parser.parse_args().run
    worst = 0.0
    for number, asked in enumerate(cases_for(run)):
        with tempfile.TemporaryDirectory() as folder:
            found = differences(run, Path(folder), asked)
        if not number:
            print(f"| asked | {' | '.join(found)} |\n|---|{'---|' * len(found)}")
        print(f"| {asked.name} | {' | '.join(f'{value:.1e}' for value in found.values())} |", flush=True)
        worst = max(worst, *found.values())
    raise SystemExit(int(worst > MOST))


if __name__ == "__main__":
    main()
