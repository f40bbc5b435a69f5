"""Who a plugin is: its name, version, origin, and where to report its faults; from metadata, nothing is imported."""

import json
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, PackageMetadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from artkit.registry.repository import commit_of

BUILTIN_DIST = "artkit"
"""The distribution whose components are the built-ins; it goes through the same door as any other."""

EDITABLE = " (editable)"
"""Stands behind the path of an editable installation, where people are told of its origin."""

_ISSUE_LABELS = (
    *("issues", "issuetracker", "bugs", "bugtracker", "bugreports", "tracker"),
    *("source", "sourcecode", "repository", "code", "github", "gitlab"),
)
"""Labels of pages to report faults on, as the metadata has them without blanks; the first that is there counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One plugin: an entry point of an installed package, or a file that the user named."""

    name: str
    """Of the entry point, or of the file."""
    dist: str | None = None
    """The distribution (the name to `pip install`); None for a file, or if the package has no metadata."""
    version: str | None = None
    module: str | None = None
    """The module that the entry point names; None for a file, or if it names none."""
    commit: str | None = None
    """The commit that was installed, if it came from a version control system; of an editable installation, the one
    that its repository is at."""
    origin: str
    """Where it was installed from, for people: "built in", "installed", a URL, or a path."""
    editable: bool = False
    """Whether its source may change without its version."""
    issues_url: str | None = None
    """Where to report its faults: the page of issues, or else that of the source."""
    sha256: str | None = None
    """Digest of the file, if the user named one."""
    file: Path | None = None
    """The file, if the user named one; None for an installed package."""

    @property
    def label(self) -> str:
        """How messages call it: "artkit-vit 0.3.1", "mine.py"."""
        return f"{self.dist} {self.version}" if self.dist and self.version else self.dist or self.name

    @property
    def namespace(self) -> str:
        """The first part of the ids of its components."""
        return self.dist or self.name

    @property
    def is_builtin(self) -> bool:
        """Whether it came with artkit."""
        return self.dist == BUILTIN_DIST


def read_entry_point(entry_point: EntryPoint, metadata: PackageMetadata | None) -> PluginInfo:
    """Who an entry point belongs to, as far as the metadata of its distribution says.

    Args:
        entry_point: It.
        metadata: Those of its distribution, if they can be read.
    """
    dist = entry_point.dist
    if dist is None or metadata is None:
        return PluginInfo(name=entry_point.name, origin="unknown")
    # `dist.name` would hide that metadata is missing, which some versions of Python report and others do not.
    name, version = (metadata[field] if field in metadata else None for field in ("Name", "Version"))  # noqa: SIM401
    origin, commit, editable = _read_origin(dist)
    words = EntryPoint.pattern.match(entry_point.value)  # None, if it leads nowhere
    return PluginInfo(
        name=entry_point.name,
        dist=name,
        version=version,
        module=words["module"] if words else None,
        commit=commit,
        editable=editable,
        origin="built in" if name == BUILTIN_DIST else origin,
        issues_url=_read_issues_url(metadata),
    )


def read_file(path: Path) -> PluginInfo:
    """A plugin that is one file of the user's; its content stands in for a version."""
    import hashlib  # loads OpenSSL, which the list of what is installed does without

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PluginInfo(name=path.name, origin=f"{path} sha256:{digest[:8]}", sha256=digest, file=path)


def _read_origin(dist: Distribution) -> tuple[str, str | None, bool]:
    """Where pip got the distribution from (PEP 610), the commit, and whether it is editable."""
    text = dist.read_text("direct_url.json")
    if text is None:
        return "installed", None, False
    try:
        direct = json.loads(text)
        url, editable = str(direct["url"]), bool(direct.get("dir_info", {}).get("editable"))
        commit = direct.get("vcs_info", {}).get("commit_id")
    except (AttributeError, KeyError, TypeError, ValueError):
        return "installed", None, False
    source = unquote(urlsplit(url).path) if url.startswith("file:") else url
    if not editable:
        return source, commit, False
    return f"{source}{EDITABLE}", commit_of(Path(source)) if url.startswith("file:") else commit, True


def _read_issues_url(metadata: PackageMetadata) -> str | None:
    urls: dict[str, str] = {}
    for line in metadata.get_all("Project-URL") or ():
        label, _, url = line.partition(",")
        urls.setdefault("".join(filter(str.isalnum, label.lower())), str(url).strip())
    return next((urls[label] for label in _ISSUE_LABELS if label in urls), None)
