"""Runs over a data set that has an address: it goes into the recipe as it is, unless there is a secret in it."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import RecipeError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.registry import load_registry
from artkit_shards import DatasetError, open_dataset

QUICK = [
    "--image-size",
    "16",
    "--batch-size",
    "4",
    "--set",
    "model.width=8",
    "--set",
    "data.threads=1",
    "--epochs",
    "1",
    *(f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")),
]


def resolve(tmp_path, text="", **settings):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return resolve_recipe(read_recipe_file(path), CommandLine(settings=settings), load_registry())


@pytest.mark.parametrize("address", ["https://host/my/set", "s3://bucket/set"])
def test_an_address_is_no_path_relative_to_the_recipe(tmp_path, address):
    recipe = resolve(tmp_path, f'[data]\npath = "{address}"\n')
    assert recipe.data.path == address
    assert f'path = "{address}"' in recipe.to_toml()
    assert resolve(tmp_path, **{"data.path": address}).data.path == address


@pytest.mark.parametrize("address", ["https://me:hidden@host/set", "https://host/set?signature=hidden"])
def test_an_address_with_a_secret_is_refused_before_it_is_written_down(tmp_path, address):
    with pytest.raises(
        RecipeError, match=r"has a password or a signature in it.*give credentials in ~/.netrc"
    ) as caught:
        resolve(tmp_path, f'[data]\npath = "{address}"\n')
    assert "hidden" not in str(caught.value)


def test_an_address_that_is_not_read_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="pipe:cat x is no address that can be read"):
        resolve(tmp_path, **{"data.path": "pipe:cat x"})


@pytest.mark.slow
def test_a_run_reads_a_data_set_from_its_address(shape_shards, unreliable_server, tmp_path, monkeypatch):
    monkeypatch.setenv("ARTKIT_CACHE", str(tmp_path / "cache"))
    shutil.copytree(shape_shards, unreliable_server.folder / "set")
    address = f"{unreliable_server.address}/set"
    result = CliRunner().invoke(app, ["run", "--data", address, "--out", str(tmp_path / "run"), *QUICK])
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    near = open_dataset(shape_shards)
    assert (facts["data"]["path"], facts["data"]["fingerprint"]) == (address, near.fingerprint)
    shards = [path for path, _, _ in unreliable_server.requests if path.endswith(".tar")]
    assert len(shards) == len(set(shards)) == len(list(shape_shards.glob("*.tar")))
