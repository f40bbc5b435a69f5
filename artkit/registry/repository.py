"""The commit that a folder's source is at: read from the files of git, so that no git is needed and nothing is run.

What was changed since the commit is not looked at.
"""

import re
from pathlib import Path
from typing import Final

_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")  # SHA-1, or SHA-256
_REF: Final = re.compile(r"refs/[^\0-\x20~^:?*\[\\]+")


def commit_of(folder: Path) -> str | None:
    """The commit of the repository that a folder lies in; None if it lies in none, or that cannot be read."""
    try:
        git = _find(folder)
        return _head(git) if git else None
    except (OSError, ValueError):  # also text in no known encoding
        return None


def _find(folder: Path) -> Path | None:
    """The folder of git's own files: `.git`, or what that names in a worktree or submodule."""
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_dir():
            return git
        if git.is_file():
            return place / _text(git).removeprefix("gitdir:").strip()
    return None


def _head(git: Path) -> str | None:
    said = _text(git / "HEAD")
    if not said.startswith("ref:"):
        return _checked(said)
    name = said.removeprefix("ref:").strip()
    if not _REF.fullmatch(name) or ".." in name:
        return None
    common = git / _text(git / "commondir") if (git / "commondir").is_file() else git  # of a worktree, the main one's
    for place in (git, common):
        if (place / name).is_file():
            return _checked(_text(place / name))
    return _packed(common / "packed-refs", name)


def _packed(file: Path, name: str) -> str | None:
    lines = _text(file).splitlines() if file.is_file() else ()
    return next((_checked(line.partition(" ")[0]) for line in lines if line.partition(" ")[2] == name), None)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _checked(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None
