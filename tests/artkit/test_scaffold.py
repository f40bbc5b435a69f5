"""Generated packages: whole, buildable without a network, clean for ruff and mypy, and used in real runs."""

import json
import subprocess
import sys
import tomllib
import zipfile

import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.contracts import KINDS
from artkit.registry import load_registry
from artkit.scaffold import PackageName, content_of_example, content_of_file, write_package
from artkit.testing import load_plugin

BUILD = """
import os, sys
from setuptools import build_meta
wheels, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    build_meta.build_wheel(wheels)
"""

PAIR = """
from artkit import LossContext, ModelContext, hookimpl


@hookimpl
def artkit_models(register):
    register("toy-pixels", toy_pixels)


@hookimpl
def artkit_losses(register):
    register("toy-entropy", toy_entropy)


def toy_pixels(ctx: ModelContext):
    '''One linear layer on the mean colour.'''
    from torch import nn

    mean = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*mean, nn.Linear(ctx.in_channels, ctx.num_outputs))


def toy_entropy(ctx: LossContext):
    '''Cross-entropy.'''
    from torch.nn import functional as F

    return lambda logits, labels: F.cross_entropy(logits.float(), labels)
"""

# torch's own types take mypy a quarter of a minute to read, and say little about a dozen calls.
MYPY = """
[mypy]
strict = true
[mypy-torch.*,numpy.*]
follow_imports = skip
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A generated package of each kind, artkit-toy-model, ..., and artkit-toy-pair of a file with two kinds."""
    folder = tmp_path_factory.mktemp("packages")
    file = tmp_path_factory.mktemp("own") / "mine.py"
    file.write_text(PAIR)
    write_package(
        PackageName("artkit-toy-pair"),
        content_of_file(file),
        folder / "artkit-toy-pair",
        artkit_version="0.1.0",
        level="1.0",
    )
    for kind in KINDS:
        name = PackageName(f"artkit-toy-{kind}")
        write_package(name, content_of_example(kind, name), folder / name.dist, artkit_version="0.1.0", level="1.0")
    return folder


@pytest.fixture(scope="module")
def wheels(packages, tmp_path_factory):
    """A wheel of each package, built from a copy with what is installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-W", "ignore", "-c", BUILD, folder, *sorted(packages.iterdir())]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return sorted(folder.glob("*.whl"))


def install(wheels, site):
    """What pip does with a wheel of Python modules alone: it unpacks it."""
    for wheel in wheels:
        zipfile.ZipFile(wheel).extractall(site)


# --- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_registers_one_component_of_its_kind_under_the_name_of_the_package(packages, kind):
    content = content_of_example(kind, PackageName(f"artkit-toy-{kind}"))
    components = load_plugin(packages / f"artkit-toy-{kind}" / f"artkit_toy_{kind}.py").components()
    assert [(found.kind, found.name, found.summary) for found in components] == [
        (kind, f"toy-{kind}", content.components[0].summary)
    ]
    assert all(option.help for option in components[0].options)


def test_the_project_file_has_the_entry_point_and_bounds_artkit_but_not_torch(packages):
    project = tomllib.loads((packages / "artkit-toy-model" / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"artkit": {"toy-model": "artkit_toy_model"}}
    assert project["dependencies"] == ["artkit>=0.1,<1"]


def test_later_versions_of_artkit_are_allowed_up_to_the_next_major_one_and_checks_stay_at_their_level(tmp_path):
    name = PackageName("artkit-late")
    write_package(name, content_of_example("loss", name), tmp_path / "late", artkit_version="2.3.0rc1", level="2.2")
    project = tomllib.loads((tmp_path / "late" / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["artkit>=2.3,<3"]
    assert 'contract("artkit-late", checks="2.2")' in (tmp_path / "late" / "tests" / "test_contract.py").read_text()


def test_the_package_has_all_that_a_package_has(packages):
    folder = packages / "artkit-toy-loss"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files >= {
        *("artkit_toy_loss.py", "pyproject.toml", "README.md", "tests/test_contract.py"),
        *(".github/workflows/tests.yml", ".gitignore"),
    }
    assert "artkit run --loss toy-loss" in (folder / "README.md").read_text()
    assert "${{ matrix.python }}" in (folder / ".github/workflows/tests.yml").read_text()
    assert not [path for path in files if "<<" in (folder / path).read_text(errors="replace")]


def test_generated_files_are_formatted_and_pass_the_rules_of_ruff(packages):
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--no-cache", "--exclude=artkit_toy_pair.py"]  # its author writes as its author likes
    rules = ["--select=E,F,W,I,B,UP,ANN,D,RUF", "--ignore=D100,D107", "--config=lint.pydocstyle.convention='google'"]
    subprocess.run([*ruff, "check", *options, *rules, packages], check=True)
    subprocess.run([*ruff, "format", *options, "--check", packages], check=True)


@pytest.mark.slow
def test_generated_modules_pass_mypy_strict(packages, tmp_path):
    (tmp_path / "mypy.ini").write_text(MYPY)
    modules = [packages / f"artkit-toy-{kind}" / f"artkit_toy_{kind}.py" for kind in KINDS]
    command = [sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir", tmp_path / "cache"]
    subprocess.run([*command, *modules], check=True, cwd=tmp_path)


# --- installed ------------------------------------------------------------------------------------------------------


def test_wheels_build_without_a_network_and_are_found_as_plugins(wheels, plugin_site):
    install(wheels, plugin_site.folder)
    found = {plugin.info.dist: plugin for plugin in load_registry().plugins}
    for name in (*KINDS, "pair"):
        plugin = found[f"artkit-toy-{name}"]
        assert (plugin.info.name, plugin.info.version, plugin.status) == (f"toy-{name}", "0.1.0", "ok")


@pytest.mark.slow
def test_generated_packages_pass_their_own_tests(packages, wheels, plugin_site, tmp_path):
    install(wheels, plugin_site.folder)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --import-mode=importlib\n")
    # A new process imports torch anew, so of the checks that start one those of a single package are enough.
    chosen = ["-k", "not spawns or toy-model", "-n", "0", "-p", "no:cacheprovider", "-c", tmp_path / "pytest.ini"]
    command = [sys.executable, "-m", "pytest", *chosen, *sorted(packages.iterdir())]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(" checks ran") == len(KINDS) + 1


@pytest.mark.slow
def test_generated_components_train_together_and_convert(wheels, plugin_site, tmp_path):
    install(wheels, plugin_site.folder)
    (tmp_path / "images").mkdir()
    for number in range(24):
        colour = ("crimson", "navy", "gold")[number % 3]
        Image.new("RGB", (16, 16 + number), colour).save(tmp_path / "images" / f"{colour}_{number}.png")
    shard = ["shard", tmp_path / "images", tmp_path / "shards", "--source", "toy-source", "--duplicates", "keep"]
    converted = CliRunner().invoke(app, [*map(str, shard), "--split", "train=0.5,val=0.25,test=0.25"])
    assert converted.exit_code == 0, converted.output
    parts = [f"--{kind}=toy-{kind}" for kind in KINDS if kind != "source"]
    drawn = [f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")]
    small = ["--image-size", "16", "--batch-size", "4", "--epochs", "1", "--set", "data.threads=1"]
    run = ["run", "--data", str(tmp_path / "shards"), "--out", str(tmp_path / "run"), *parts, *drawn, *small]
    result = CliRunner().invoke(app, run)
    assert result.exit_code == 0, result.output
    used = json.loads((tmp_path / "run" / "run.json").read_text())["components"]
    assert {"artkit-toy-loss/toy-loss@1 (artkit-toy-loss 0.1.0)"} <= set(used.values())
    assert (tmp_path / "run" / "surest_mistakes.csv").read_text().startswith("file,is,was_taken_for,probability\n")
