"""What a run learns from its validation images beyond its weights: a temperature, and thresholds for strangers.

It is kept in calibration.json, which names the weights that it was made with and their sha256: other weights of the run
have other logits. Its figures "before" and "after" are those of the images that the temperature was fitted to: expect
less gain on others.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artkit.calibration import reliability
from artkit.engine.atomic import write_atomically
from artkit.engine.evaluation import softmax
from artkit.engine.open_set.scores import LOGIT_SCORES
from artkit.engine.open_set.temperature import fit_temperature, mean_loss
from artkit.engine.open_set.threshold import threshold_at
from artkit.engine.targets import TargetHead
from artkit.errors import RunError
from artkit_shards import Split

CALIBRATION: Final = "calibration.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure without a temperature and with it."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCalibration:
    """What was fitted for one target."""

    images: int
    """Validation images with a class in it."""
    temperature: float
    """What its logits are divided by for probabilities that say how often they are right."""
    nll: Change
    """Mean negative log-likelihood in nats."""
    ece: Change
    """Expected calibration error, 15 bins."""
    thresholds: Mapping[str, float]
    """Score -> the value up to which an image is taken for one of a known class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCalibration:
    """What was fitted for a run."""

    split: str
    """The images that it was fitted to."""
    weights: str
    """File of the weights that gave their logits."""
    sha256: str
    """Of that file."""
    accept: float
    """Share of known images that the thresholds accept."""
    targets: Mapping[str, TargetCalibration]
    """Of each target in which the split has classes."""

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values, for `from_plain`."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "RunCalibration":
        """Read what `to_plain` gave."""
        fields = {name: value for name, value in plain.items() if name != "format"}
        return cls(**{**fields, "targets": {name: _read_target(one) for name, one in plain["targets"].items()}})


def calibrate(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64], accept: float) -> TargetCalibration:
    """Fit temperature and thresholds of one target.

    Args:
        logits_NK: Of images that nothing was learnt from, finite; at least one.
        labels_N: Their classes, from 0.
        accept: Share of them that thresholds accept.
    """
    temperature = fit_temperature(logits_NK, labels_N)
    nll = Change(before=mean_loss(logits_NK, labels_N), after=mean_loss(logits_NK, labels_N, temperature))
    before, after = (reliability(softmax(logits_NK / divisor), labels_N).error for divisor in (1.0, temperature))
    return TargetCalibration(
        images=len(labels_N),
        temperature=temperature,
        nll=nll,
        ece=Change(before=before, after=after),
        thresholds={name: threshold_at(score(logits_NK), accept) for name, score in LOGIT_SCORES.items()},
    )


def calibrate_targets(
    heads: Sequence[TargetHead], split: Split, logits_NK: NDArray[np.float64], accept: float
) -> dict[str, TargetCalibration]:
    """Fit all targets in which a split has classes.

    Args:
        heads: The targets.
        split: Images that nothing was learnt from.
        logits_NK: Of all targets, in the order of the split.
        accept: Share of known images that thresholds accept.
    """
    fitted = {}
    for head in heads:
        labels_N = split.targets[head.name]
        rows = np.flatnonzero(labels_N >= 0)
        if len(rows):
            fitted[head.name] = calibrate(head.of(logits_NK)[rows], labels_N[rows], accept)
    return fitted


def digest_of(weights: Path) -> str:
    """sha256 of a file of weights, in hex."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_calibration(folder: Path, calibration: RunCalibration) -> None:
    """Write calibration.json into a run folder, whole; raises OSError if it cannot be."""
    text = json.dumps(calibration.to_plain(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(folder / CALIBRATION, text.encode())


def read_calibration(folder: Path, sha256: str) -> RunCalibration | None:
    """What calibration.json of a run folder says of some weights.

    Args:
        folder: Of the run.
        sha256: Of the weights, see `digest_of`.

    Returns:
        None if there is none, as in a run without validation, or it is about other weights.

    Raises:
        RunError: if it is damaged.
    """
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    try:
        found = RunCalibration.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(
            f"{path} cannot be read ({type(error).__name__}: {error}); give it back as the run wrote it, or remove it "
            "to go without a temperature and thresholds"
        ) from None
    return found if found.sha256 == sha256 else None


def _read_target(plain: Mapping[str, Any]) -> TargetCalibration:
    return TargetCalibration(
        images=int(plain["images"]),
        temperature=float(plain["temperature"]),
        nll=_read_change(plain["nll"]),
        ece=_read_change(plain["ece"]),
        thresholds={str(name): float(value) for name, value in plain["thresholds"].items()},
    )


def _read_change(plain: Mapping[str, Any]) -> Change:
    return Change(before=float(plain["before"]), after=float(plain["after"]))
