"""Where the source of editable packages is at: the commit of their repository, and a digest of all their files."""

import hashlib
import os
import shutil
import subprocess

import pytest

from artkit.errors import RecipeError
from artkit.registry import check_present, load_registry, provenance_of, source
from artkit.registry.repository import commit_of
from artkit.registry.source import source_digest

NET = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("net", net)

    def net(ctx):
        return "net"
"""

with_git = pytest.mark.skipif(not shutil.which("git"), reason="no git is installed")


def git(folder, *arguments):
    """What git says, in a repository that knows no user and no settings of this machine."""
    who = ["-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", *who, "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with a commit on its main branch and a package in a folder of it."""
    folder = tmp_path / "repository"
    (folder / "packages" / "net").mkdir(parents=True)
    (folder / "packages" / "net" / "net.py").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


# --- the commit -------------------------------------------------------------------------------------------------------


@with_git
@pytest.mark.parametrize(
    "steps",
    [
        [],
        [["pack-refs", "--all"]],
        [["checkout", "--quiet", "--detach"]],
        [["checkout", "--quiet", "-b", "side/step"], ["pack-refs", "--all"]],
        [["pack-refs", "--all"], ["commit", "--quiet", "--allow-empty", "-m", "second"]],
    ],
    ids=["loose", "packed", "detached", "branch", "newer than packed"],
)
def test_the_commit_of_a_repository_is_the_one_that_git_says(repository, steps):
    for step in steps:
        git(repository, *step)
    assert commit_of(repository / "packages" / "net") == git(repository, "rev-parse", "HEAD")


@with_git
@pytest.mark.parametrize("packed", [False, True])
def test_a_worktree_has_a_commit_of_its_own(repository, tmp_path, packed):
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"))
    git(tmp_path / "tree", "commit", "--quiet", "--allow-empty", "-m", "second")
    if packed:
        git(repository, "pack-refs", "--all")
    assert commit_of(tmp_path / "tree" / "packages") == git(tmp_path / "tree", "rev-parse", "HEAD")
    assert commit_of(repository) == git(repository, "rev-parse", "HEAD") != commit_of(tmp_path / "tree")


@pytest.mark.parametrize(
    "head", ["", "ref: refs/heads/none", "ref: ../../secret", "ref: refs/../secret", "3f2a", "\xff", 41 * "a"]
)
def test_what_tells_no_commit_is_none(tmp_path, head):
    (tmp_path / "secret").write_text(40 * "a")
    (tmp_path / "x" / ".git" / "refs").mkdir(parents=True)
    (tmp_path / "x" / ".git" / "secret").write_text(40 * "a")
    (tmp_path / "x" / ".git" / "HEAD").write_bytes(head.encode("latin-1"))
    assert commit_of(tmp_path / "x") is None


def test_no_repository_has_no_commit(tmp_path):
    assert commit_of(tmp_path / "not" / "there") is None
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert commit_of(tmp_path) is None


# --- the digest -------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "net"
    (folder / "layers").mkdir(parents=True)
    for name in ("__init__.py", "layers/__init__.py", "layers/norm.py"):
        (folder / name).write_text(f"# {name}\n")
    return folder


def test_the_digest_of_a_file_alone_is_that_of_its_bytes(tmp_path):
    file = tmp_path / "mine.py"
    file.write_bytes(b"one\r\n")
    assert source_digest(file) == hashlib.sha256(b"one\r\n").hexdigest()
    assert source_digest(tmp_path / "gone.py") is None


def test_the_digest_of_a_package_is_the_same_from_each_of_its_files_and_wherever_it_lies(package, tmp_path):
    copy = shutil.copytree(package, tmp_path / "elsewhere" / "net")
    files = [package / "__init__.py", package / "layers" / "norm.py", copy / "layers" / "norm.py"]
    assert len({source_digest(file) for file in files}) == 1


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda net: (net / "layers" / "norm.py").write_text("# other\n"), True),
        (lambda net: (net / "layers" / "norm.py").rename(net / "norm.py"), True),
        (lambda net: (net / "more.py").touch(), True),
        (lambda net: (net / "table.csv").touch(), False),
        (lambda net: (net / ".#norm.py").symlink_to("me@host.1234"), False),
        (lambda net: (net / "__pycache__").mkdir() or (net / "__pycache__" / "norm.py").touch(), False),
    ],
    ids=["content", "name", "another file", "no source", "lock of an editor", "cache"],
)
def test_the_digest_of_a_package_changes_with_any_file_of_its_source_and_with_nothing_else(package, change, differs):
    before = source_digest(package / "__init__.py")
    change(package)
    assert (source_digest(package / "__init__.py") != before) == differs


@pytest.mark.parametrize(("name", "most"), [("_MOST_FILES", 2), ("_MOST_BYTES", 20)])
def test_a_package_of_any_size_has_a_digest_of_its_first_files(package, monkeypatch, name, most):
    monkeypatch.setattr(source, name, most)
    before = source_digest(package / "__init__.py")
    (package / "layers" / "norm.py").write_text("# other\n")
    assert source_digest(package / "__init__.py") == before
    (package / "__init__.py").write_text("# other\n")
    assert source_digest(package / "__init__.py") != before


# --- what is recorded -------------------------------------------------------------------------------------------------


@with_git
def test_an_editable_package_is_recorded_with_the_commit_of_its_repository(plugin_site, repository):
    place = repository / "packages" / "net"
    plugin_site.add("artkit-net", NET, direct_url={"url": f"file://{place}", "dir_info": {"editable": True}})
    row = provenance_of(load_registry().component("model", "net"), {})
    assert (row["editable"], row["from"]) == (True, f"{place} (editable)")
    assert row["commit"] == git(repository, "rev-parse", "HEAD")


def test_the_digest_is_that_of_the_plugin_wherever_its_factories_are_from(plugin_site, tmp_path):
    (plugin_site.folder / "core_net.py").write_text("def net(ctx): ...\n")
    source = NET.partition("    def net")[0] + "    from core_net import net\n"
    editable = {"url": f"file://{tmp_path}", "dir_info": {"editable": True}}
    file = plugin_site.add("artkit-net", source, direct_url=editable)
    row = provenance_of(load_registry().component("model", "net"), {})
    assert row["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_who_lacks_an_editable_package_is_told_where_it_was():
    row = {"kind": "model", "distribution": "artkit-gone", "version": "0.1", "commit": 40 * "a", "editable": True}
    with pytest.raises(RecipeError, match=r"not installed any more; pip install --editable '/home/me/my net'$"):
        check_present([{**row, "from": "/home/me/my net (editable)"}], "run")
