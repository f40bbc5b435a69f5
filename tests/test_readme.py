"""What the README shows works as it is printed."""

import re
from pathlib import Path

from typer.testing import CliRunner

from artkit.cli import app

README = Path(__file__).parent.parent / "README.md"


def code_blocks(language):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [text for word, text in blocks if word == language]


def test_the_plugin_trains(shape_shards, tmp_path):
    (source,) = [block for block in code_blocks("python") if "artkit_models" in block]
    file = tmp_path / "mine.py"
    file.write_text(source)
    out = tmp_path / "run"
    small = ["--image-size", "16", "--epochs", "1", "--batch-size", "4", "--quiet"]
    command = ["run", "--data", shape_shards, "--out", out, *small, "--plugin", file, "--model", "plain-net"]
    result = CliRunner().invoke(app, [str(word) for word in [*command, "--set", "model.width=64"]])
    assert result.exit_code == 0, result.output


def test_the_plugin_takes_at_most_twelve_lines_of_code():
    (source,) = [block for block in code_blocks("python") if "artkit_models" in block]
    assert sum(bool(line.strip()) for line in source.splitlines()) <= 12


def test_the_recipe_is_understood(tmp_path):
    from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
    from artkit.registry import load_registry

    (text,) = [block for block in code_blocks("toml") if "[sampler]" in block]
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    recipe = resolve_recipe(read_recipe_file(file), CommandLine(), load_registry())
    assert recipe.sampler.component.name == "class-balanced"
    assert recipe.augmenters[0].options["rotation"] == 20.0


def test_the_stream_example_reads_batches(shape_shards, monkeypatch):
    (source,) = [block for block in code_blocks("python") if "Loader(" in block]
    monkeypatch.chdir(shape_shards.parent)
    names: dict[str, object] = {}
    exec(source, names)
    assert names["batch"].images.shape[1:] == (3, 256, 256)
    assert names["state"]["epoch"] == 1
