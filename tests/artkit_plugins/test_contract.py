"""The built-in components keep the contract of plugins, as `artkit.testing` checks it for anyone's."""

import shutil
import tarfile
from importlib.util import find_spec

import pytest

from artkit.testing import contract
from artkit.testing.subject import class_folders


def with_table(folder):
    class_folders(folder)
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.rglob("*.png"))]
    for name in ("labels.csv", "metadata.csv"):
        (folder / name).write_text("\n".join(["file_name,class", *rows]) + "\n")
    return folder


def with_tars(folder):
    class_folders(folder)
    with tarfile.open(folder / "train-000000.tar", "w") as tar:
        for number, path in enumerate(sorted(folder.rglob("*.png"))):
            path.with_suffix(".cls").write_text(str(number // 4))
            for member in (path, path.with_suffix(".cls")):
                tar.add(member, arcname=f"{number:03d}{member.suffix}")
    for label in range(3):
        shutil.rmtree(folder / f"class-{label}")
    return folder


CASES = {
    "se-densenet": [
        {"growth_rate": 4, "layers": [2, 2], "init_channels": 8, "stem": "small"},
        {"growth_rate": 4, "layers": [2, 2], "init_channels": 8, "memory": "leanest", "dropout": 0.2},
    ],
    **{f"resnet{depth}": [{"depth": 18}] for depth in (101, 152)},  # the same code, less of it
    "small-resnet": [{}, {"width": 8, "blocks": [1, 1], "dropout": 0.5}],
    "affine": [{}, {"rotation": 180.0, "shift": 0.5, "zoom": 1.0, "vertical_flip": 0.5, "fill": "white"}],
    "rotate": [{}, {"angles": [0.0, 90.0, 180.0]}],
    "crop": [{}, {"scale": [0.01, 0.1], "ratio": 8.0}],
    "colour": [{}, {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.5}],
    "erase": [{}, {"fill": "noise"}],
    "trivial-augment": [{}, {"geometric_only": True}],
    "class-balanced": [{}, {"size": 17}],
    "by-class": [{"weights": {"class-4": 3.0, "class-0": 0.5}}],
    "by-column": [{"column": "class", "weights": {"class-4": 3.0, "class-0": 0.5}}],
    "weighted-cross-entropy": [{}, {"weights": None}],
    "focal": [{}, {"gamma": 0.3, "alpha": "auto"}],
    "ldam": [{}, {"beta": 0.9999}],
    "sgd": [{}, {"momentum": 0.0}],
    "plateau": [{}, {"patience": 1, "warmup": 0.2}],
    "table": [{"labels": "labels.csv", "label": ["class"]}],
    "metadata": [{"label": ["class"]}],
}

# The package is an extra; without it the reporter says so, as its own tests check.
MISSING = {} if find_spec("tensorboard") else {"tensorboard:builds": "tensorboard is not installed"}

test_contract = contract(
    "artkit",
    cases=CASES,
    expected_failures=MISSING,
    roots={"table": with_table, "metadata": with_table, "tars": with_tars},
    marks={"resnet50": pytest.mark.slow},
)
