"""The tutorial works as it is printed: its files are written, its commands run in order, and say what is shown.

The block without a language is the installation, which has happened where tests run.
"""

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^((?:[^\n]+\n)*)\n```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
"""The paragraph above, the language and the text of each block."""

WITHOUT_NETWORK = {"uv pip install": ["--no-deps", "--no-build-isolation"], "uv build": ["--no-build-isolation"]}
"""uv looks for dependencies in the new environment alone, and would fetch them."""


@pytest.fixture
def author(tmp_path):
    """An author's empty folder, and an environment in which artkit, as it is here, is installed with what it needs."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    ours = sysconfig.get_path("purelib")
    theirs = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (theirs / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    for command in ("artkit", "pytest"):
        file = home / "bin" / command
        file.write_text(f'#!/bin/sh\nexec "{home}/bin/python" -m {command} "$@"\n')
        file.chmod(0o755)
    folder = tmp_path / "first"
    folder.mkdir()
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    told = {"PYTHONUNBUFFERED": "1", "COLUMNS": "150", "UV_OFFLINE": "1", "VIRTUAL_ENV": str(home), "PATH": path}
    return folder, {**os.environ, **told}


def write(text, file, language):
    """Write a block to the file it belongs to; of a diff, replace the lines that go."""
    if language == "diff":
        gone, new = ("".join(re.findall(rf"(?m)^{re.escape(sign)}(.*\n)", text)) for sign in "-+")
        before = file.read_text()
        assert before.count(gone) == 1, f"{file} has this {before.count(gone)} times:\n{gone}"
        text = before.replace(gone, new)
    file.write_text(text)


def pattern_of(shown, command):
    """What a command may print: "..." is any text, spaces are any spaces, figures of runs and lists are any numbers."""
    lines = []
    for line in shown.splitlines(keepends=True):
        if line == "...\n":
            lines.append(r"(?:.*\n)*?")
            continue
        text = re.sub(r"(?:\\ )+", " +", re.escape(line.rstrip())).replace(re.escape("..."), ".*")
        if command.startswith(("artkit run", "artkit plugins list")):
            text = re.sub(r"\d+(?:(?:,|\\\.)\d+)*", r"\\d+(?:[,.]\\d+)*", text).replace("acc, +loss", ".*")
        lines.append(f"{text} *\n")
    return re.compile("".join(lines))


def run(command, shown, author):
    """Run a command of the tutorial; it prints what is shown, and fails exactly if that has an error."""
    folder, environment = author
    words = shlex.split(command)
    extra = next((options for start, options in WITHOUT_NETWORK.items() if command.startswith(start)), [])
    done = subprocess.run(
        [shutil.which(words[0], path=environment["PATH"]), *words[1:], *extra],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert pattern_of(shown, command).fullmatch(done.stdout), f"$ {command}\n{done.stdout}"
    assert bool(done.returncode) == bool(re.search("^error: ", shown, flags=re.MULTILINE)), done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("uv"), reason="the tutorial installs with uv")
def test_every_block_of_the_tutorial_works_in_order(author):
    assert [language for _, language, _ in BLOCKS].count("") == 1
    assert len(BLOCKS) == PAGE.count("```") / 2
    for above, language, text in BLOCKS:
        if language == "console":
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, flags=re.MULTILINE):
                run(command, shown, author)
        elif language:
            name = re.findall(r"`([\w/-]+\.(?:py|toml))`", above)[0]
            write(text, author[0] / name, language)


def test_shown_output_is_compared():
    shown = "accuracy  22.4 %\n...\nreport .../a.html\n"
    assert pattern_of(shown, "artkit run").fullmatch("accuracy  3 %\n1\n2\nreport   /x/a.html\n")
    assert not pattern_of(shown, "artkit plugins check").fullmatch("accuracy  3 %\nreport /x/a.html\n")
    assert not pattern_of(shown, "artkit run").fullmatch("accuracy  3 %\nreport /x/b.html\n")
