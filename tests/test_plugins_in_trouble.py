"""The page on plugins in trouble: its notes are those that are told, its commands and its recipe are understood."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from artkit.cli import app
from artkit.registry import PluginSettings, load_registry, plugin_notes

PAGE = (Path(__file__).parent.parent / "docs" / "plugins-in-trouble.md").read_text(encoding="utf-8")
LINES = [
    line.partition("  #")[0]
    for block in re.findall(r"```\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
]

VIT = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("{name}", lambda ctx: None)
"""


def test_the_notes_are_those_that_are_told(plugin_site):
    film = "Issues, https://example.org/film/issues"
    plugin_site.add("artkit-film", "import film_grain", version="0.2", urls=[film])
    plugin_site.add("artkit-old", "", version="0.1", requires=["artkit<0.1"])
    loud = "import random\n    print('Thank you for choosing us!')\n    random.seed(3)\n"
    plugin_site.add("artkit-loud", "\n    " + loud + VIT.format(name="loud"))
    plugin_site.add("artkit-one", VIT.format(name="vit-tiny"))
    plugin_site.add("artkit-two", VIT.format(name="vit-tiny"), version="2.0")
    told = {f"note: {note}" for note in plugin_notes(load_registry())}
    assert told == {line for line in LINES if line.startswith("note: ")}


@pytest.mark.parametrize("line", [line for line in LINES if "artkit " in line and not line.startswith("note: ")])
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
