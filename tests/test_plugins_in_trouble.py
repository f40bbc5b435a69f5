"""The page on plugins in trouble: what it quotes is what is told, its commands and its recipe are understood."""

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from artkit.cli import app, main
from artkit.registry import PluginSettings, discover

PAGE = (Path(__file__).parent.parent / "docs" / "plugins-in-trouble.md").read_text(encoding="utf-8")
LINES = [
    line.partition("  #")[0]
    for block in re.findall(r"```\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
]
QUOTED = {line for line in LINES if line.startswith(("note: ", "error: "))}

VIT = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("vit-tiny", lambda ctx: None)
"""
LOUD = """
    import random

    print("Thank you for choosing us!")
    random.seed(3)
"""
CLAY = """
    from artkit import hookimpl

    class Tally:
        @hookimpl
        def artkit_epoch_end(self, values):
            values["val_f1"]

    @hookimpl
    def artkit_models(register):
        register("vit-clay", clay, version=2, renamed={"dim": "width"}, removed={"heads": "set width"})
        register("vit-huge", huge)

    @hookimpl
    def artkit_reporters(register):
        register("tally", lambda ctx: Tally())

    def clay(ctx, *, width: int = 8):
        return width

    def huge(ctx):
        import flash
"""


@pytest.fixture
def told(plugin_site, monkeypatch, capsys):
    """Runs artkit with a command line among plugins in trouble; returns the lines of what it tells."""
    plugin_site.add("artkit-film", "import film_grain", version="0.2", urls=["Issues, https://example.org/film/issues"])
    plugin_site.add("artkit-old", "", version="0.1", requires=["artkit<0.1"])
    plugin_site.add("artkit-none", "def models(register): ...")
    plugin_site.add("artkit-loud", LOUD + VIT.replace("vit-tiny", "loud"))
    plugin_site.add("artkit-one", VIT)
    plugin_site.add("artkit-two", VIT, version="2.0")
    plugin_site.add("artkit-clay", CLAY, version="1.4")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["artkit", *map(str, arguments)])
        with pytest.raises(SystemExit, match=r"^[01]$"):
            main()
        return set(capsys.readouterr().err.splitlines())

    return run


def test_what_is_quoted_is_what_is_told(told, shape_shards, tmp_path):
    small = ["--data", shape_shards, "--epochs", 1, "--batch-size", 4, "--image-size", 16, "--quiet"]
    reports = [f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")]
    lines = told("run", "--model", "film", "--print-recipe")
    lines |= told("run", "--model", "vit-tiny", "--print-recipe")
    lines |= told("plugins", "show", "model")
    lines |= told("run", "--model", "vit-clay@1", "--print-recipe")
    lines |= told("run", "--model", "vit-clay", "--set", "model.heads=2", "--print-recipe")
    lines |= told("run", "--model", "vit-clay", "--set", "model.dim=2", *small, "--out", tmp_path / "1")
    lines |= told("run", "--model", "vit-huge", *small, "--out", tmp_path / "2")
    lines |= told("run", "--reporter", "tally", *reports, *small, "--out", tmp_path / "3")
    assert len(QUOTED) > 10
    assert lines >= QUOTED
    notes = {line for line in lines if line.startswith("note: artkit-")}
    assert notes <= QUOTED, "what is told of plugins as a whole is all on the page"


def test_what_is_said_of_plugins_that_are_blocked_is_their_status(plugin_site, monkeypatch):
    plugin_site.add("artkit-one", VIT)
    states = [next(one for one in discover(PluginSettings(block=("artkit-one",))) if one.info.dist == "artkit-one")]
    monkeypatch.setenv("ARTKIT_PLUGINS", "off")
    states += [one for one in discover() if one.info.dist == "artkit-one"]
    assert [f"`{one.left_out}`" in PAGE for one in states] == [True, True]


@pytest.mark.parametrize("line", [line for line in LINES if "artkit " in line and line not in QUOTED])
def test_every_command_is_understood(line):
    words = [word for word in shlex.split(line) if not word.startswith("ARTKIT_PLUGINS=")]
    assert words.pop(0) == "artkit"
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert command.make_context(command.name, words).params


def test_the_recipe_is_understood():
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    settings = PluginSettings.read(tomllib.loads(text)["plugins"])
    assert settings.files == ("mine.py",)
    assert settings.requires("artkit-one")
