"""What the documents say is so: commands are understood, extras and reporters are there, and none is left out."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from artkit.cli import app
from artkit.registry import load_registry

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]
INDEX = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands


def typed(page):
    """The commands of artkit in the blocks of a page: one a line, without comments and what pipes do with them."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    shell = "".join(block for language, block in blocks if language in ("", "console"))
    lines = re.sub(r"(?m)(?:^|\s)#.*", "", shell.replace("\\\n", " ")).splitlines()
    told = [line for line in lines if not line.startswith(("note: ", "error: "))]
    words = "|".join(COMMANDS)
    return [line.strip() for line in re.findall(rf"artkit (?:{words})\b[^|&;<>\n]*", "\n".join(told))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_is_understood(page):
    for line in typed(page):
        words = shlex.split(line)[1:]
        command = COMMANDS[words.pop(0)]
        while words and words[0] in getattr(command, "commands", ()):
            command = command.commands[words.pop(0)]
        try:
            command.make_context(command.name, words)
        except Exception as error:
            raise AssertionError(f"{line}: {error}") from error


def test_every_command_stands_on_a_page():
    names = [f"{name} {below}".strip() for name in COMMANDS for below in getattr(COMMANDS[name], "commands", [""])]
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert sum(len(typed(page)) for page in PAGES) > 100
    assert [name for name in names if not any(re.search(rf"artkit {name}\b", text) for text in texts)] == []


def test_every_extra_that_is_named_is_there_and_all_are_explained():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:--extra |artkit\[)([\w-]+)", page.read_text(encoding="utf-8"))
    }
    assert {"serve", "export", "timm"} <= named - {"NAME"} <= set(extras)
    assert [name for name in extras if f"`{name}`" not in INDEX.partition("## Extras")[2]] == []


def test_the_index_has_every_page():
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"]({name})" not in INDEX] == []
    plugins = [page.parent.name for page in ROOT.glob("plugins/*/README.md")]
    assert [name for name in plugins if f"](../plugins/{name}/README.md)" not in INDEX] == []


def test_every_reporter_that_leaves_files_is_explained():
    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    names = [one.name for one in load_registry().components("reporter") if one.plugin.is_builtin]
    assert [name for name in names if f"\n| `{name}` | " not in page] == ["console"]
