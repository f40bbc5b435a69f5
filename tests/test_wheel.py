"""What is installed has all files of the packages: pages, scripts, recipes, templates and the bundled images too."""

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
WHEEL = BUILD["targets"]["wheel"]

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the repository, which says what files are")


def git(*words, **settings):
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, **settings)


@pytest.fixture(scope="module")
def files():
    """The files of the packages."""
    return git("ls-files", "--", *WHEEL["packages"], check=True).stdout.splitlines()


def test_every_package_is_in_the_wheel_as_a_whole():
    assert [Path(package).name for package in WHEEL["packages"]] == ["artkit", "artkit_shards", "artkit_plugins"]
    assert BUILD.keys() == {"targets"}, "nothing is left out for all targets"
    assert WHEEL.keys() == {"packages"}, "nothing is left out"


def test_no_file_of_a_package_is_one_that_git_ignores_since_wheels_go_without_these(files):
    # Of files that git knows, nobody else notices: it goes on tracking them.
    found = git("check-ignore", "--no-index", "--stdin", input="\n".join(files))
    assert found.returncode == 1, found.stdout + found.stderr
    ignored = git("check-ignore", "--no-index", "--stdin", input="artkit/__pycache__/x.pyc")
    assert ignored.stdout.strip() == "artkit/__pycache__/x.pyc", "git says what is ignored"


def test_what_is_no_python_is_there(files):
    endings = {Path(file).suffix for file in files}
    assert {".css", ".j2", ".js", ".json", ".npy", ".tar", ".toml", ".typed"} <= endings
    typed = {file for file in files if file.endswith("py.typed")}
    assert typed == {f"{package}/py.typed" for package in WHEEL["packages"]}
