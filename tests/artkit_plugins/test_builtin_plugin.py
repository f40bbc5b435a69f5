"""The built-in plugin: what it registers, that it is light, and that every component builds with its defaults."""

import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from torch import nn

import artkit_plugins
from artkit import (
    AugmenterContext,
    LossContext,
    ModelContext,
    OptimizerContext,
    SamplerContext,
    ScheduleContext,
)
from artkit.hookspecs import REGISTRATION_HOOKS
from artkit.registry import load_registry

NAMES = {
    "model": ["se-densenet", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "small-resnet"],
    "augmenter": [
        "affine",
        "flips",
        "rotate",
        "crop",
        "colour",
        "erase",
        "mixup",
        "cutmix",
        "trivial-augment",
        "none",
    ],
    "sampler": ["natural", "class-balanced", "sqrt", "progressive", "repeat-factor", "by-class", "by-column"],
    "loss": ["cross-entropy", "weighted-cross-entropy", "effective-number", "balanced-softmax", "focal", "ldam"],
    "optimizer": ["sgd", "adam", "adamw", "rmsprop"],
    "schedule": ["constant", "linear", "cosine", "one-cycle", "step", "plateau"],
    "reporter": [
        "console",
        "metrics",
        "predictions",
        "confusion-matrix",
        "per-class",
        "confused-pairs",
        "top-losses",
        "mosaic",
        "saliency",
        "calibration",
        "curves",
        "model-card",
        "tensorboard",
        "report",
    ],
    "source": ["folder", "table", "metadata", "tars"],
}
CONTEXTS = {
    "model": ModelContext(num_outputs=3, image_size=32),
    "augmenter": AugmenterContext(image_size=32),
    "sampler": SamplerContext(
        labels=np.array([0, 1, 2, 0]),
        class_names=("a", "b", "c"),
        seed=0,
        num_epochs=2,
        column=lambda _: ["flat", "line", None, "flat"],
    ),
    "loss": LossContext(
        class_names=("a", "b", "c"), class_counts=np.array([2, 1, 1]), drawn_counts=np.array([2, 1, 1])
    ),
    "optimizer": OptimizerContext(param_groups=[{"params": list(nn.Linear(2, 2).parameters())}]),
    "schedule": ScheduleContext(num_epochs=2, steps_per_epoch=3, learning_rate=0.1),
}
REQUIRED = {"by-class": {"weights": {"a": 2.0}}, "by-column": {"column": "style", "weights": {"flat": 2.0}}}
BUILDABLE = [(kind, name) for kind in CONTEXTS for name in NAMES[kind] if name not in ("resnet101", "resnet152")]


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def test_every_kind_has_its_components():
    assert set(NAMES) == set(REGISTRATION_HOOKS.values())
    for hook, kind in REGISTRATION_HOOKS.items():
        registered = []
        getattr(artkit_plugins, hook)(lambda name, _factory, names=registered, **_: names.append(name))
        assert registered == NAMES[kind]


def test_the_entry_point_gives_them_to_the_registry(registry):
    for kind, names in NAMES.items():
        assert {c.name for c in registry.components(kind) if c.plugin.is_builtin} == set(names)


@pytest.mark.parametrize(("kind", "name"), BUILDABLE)
def test_components_build_with_their_defaults(registry, kind, name):
    built = registry.component(kind, name).build(CONTEXTS[kind], REQUIRED.get(name, {}))
    assert callable(built) or kind in ("sampler", "optimizer")


@pytest.mark.parametrize("kind", CONTEXTS)
def test_components_that_were_built_can_be_registered_again(registry, kind):
    for name in (name for each, name in BUILDABLE if each == kind):
        registry.component(kind, name).build(CONTEXTS[kind], REQUIRED.get(name, {}))
    assert {c.name for c in load_registry().components(kind) if c.plugin.is_builtin} == set(NAMES[kind])


@pytest.mark.parametrize("kind", NAMES)
def test_every_component_and_every_option_has_a_line_of_help(registry, kind):
    for name in NAMES[kind]:
        component = registry.component(kind, name)
        assert component.summary.endswith(".") or ":" in component.summary
        for option in component.options:
            assert option.help, f"{name}.{option.name}"


def test_importing_the_plugin_brings_in_nothing_heavy():
    heavy = ("torch", "numpy", "torchvision", "sklearn", "matplotlib", "pydantic")
    code = f"import sys, artkit_plugins; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_names_of_depth_preset_the_depth(registry):
    assert registry.component("model", "resnet34").resolve({})["depth"] == 34


def test_class_weights_can_be_given_as_a_table_of_names(registry):
    component = registry.component("loss", "weighted-cross-entropy")
    assert component.resolve({"weights": {"a": 2.0}})["weights"] == {"a": 2.0}


@pytest.mark.parametrize("kind", ["augmenters", "losses", "models", "reporters", "samplers", "sources"])
def test_no_module_takes_the_place_of_a_factory_when_it_is_imported(kind):
    package = getattr(artkit_plugins, kind)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    factories = []
    getattr(artkit_plugins, f"artkit_{kind}")(lambda _name, factory, **_: factories.append(factory.__name__))
    assert not modules & set(factories)
