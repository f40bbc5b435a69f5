"""The gate before import: why a plugin must not be imported, and what the user can do about it.

A package says which artkit it needs in its metadata (`Requires-Dist: artkit>=1.2,<2`). One that needs another artkit
than this one is not imported: its first `import` might already fail, or worse, only a line deep in a run. A recipe can
require packages in turn. Pre-releases count as the versions they are.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageMetadata
from typing import Literal

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

import artkit
from artkit.errors import RecipeError
from artkit.registry.info import BUILTIN_DIST
from artkit.registry.installed import installed_version


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Why a plugin is not imported."""

    status: Literal["blocked", "incompatible", "damaged"]
    """One word: the user blocked it, it needs another artkit, or its metadata cannot be read."""
    reason: str
    """Such as "needs artkit <1 (have 1.2.0)" or "blocked by ARTKIT_PLUGINS"."""
    remedy: str = ""
    """A command that mends it, if one can."""

    def __str__(self) -> str:
        return f"{self.reason}; mend that with `{self.remedy}`" if self.remedy else self.reason


def find_incompatibility(dist: Distribution | None, metadata: PackageMetadata | None) -> LeftOut | None:
    """What a package requires of artkit, if this artkit does not meet it.

    Missing metadata, as some editable installs have it, requires nothing.

    Args:
        dist: The package.
        metadata: Its metadata, if they can be read.
    """
    if dist is None or metadata is None:
        return None
    for requirement in _requirements_of_artkit(dist, metadata):
        if not requirement.specifier.contains(artkit.__version__, prereleases=True):
            reason = f"needs artkit {requirement.specifier} (have {artkit.__version__})"
            remedy = _remedy(requirement, str(metadata["Name"]))
            return LeftOut(status="incompatible", reason=reason, remedy=remedy)
    return None


def check_required(required: Sequence[str]) -> None:
    """Check that the packages that a recipe requires are installed.

    Args:
        required: Such as "artkit-vit>=0.3".

    Raises:
        RecipeError: if some are not, with the command that installs them.
    """
    unmet = [requirement for requirement in map(Requirement, required) if _applies(requirement) and _lacks(requirement)]
    if not unmet:
        return
    lines = [f"  {_plain(requirement)} ({_presence(requirement)})" for requirement in unmet]
    wanted = " ".join(f"'{_plain(requirement)}'" for requirement in unmet)
    raise RecipeError("\n".join(["the recipe requires:", *lines, f"install what is missing: pip install {wanted}"]))


def _requirements_of_artkit(dist: Distribution, metadata: PackageMetadata) -> Iterator[Requirement]:
    # Older tools leave the requirements of editable installs in a file beside the metadata, where `requires` looks too.
    for text in metadata.get_all("Requires-Dist") or dist.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # of an old or broken package, whose other lines still count
            continue
        if canonicalize_name(requirement.name) == BUILTIN_DIST and _applies(requirement):
            yield requirement


def _applies(requirement: Requirement) -> bool:
    """Whether the marker of a requirement (`; python_version < "3.12"`) holds here. Nobody asked for extras."""
    try:
        return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    except (UndefinedComparison, UndefinedEnvironmentName):
        return False


def _remedy(requirement: Requirement, dist: str) -> str:
    """A package of an older artkit may have a newer version; one of a newer artkit tells which to install."""
    if any(map(_is_above, requirement.specifier)):
        return f"pip install '{BUILTIN_DIST}{requirement.specifier}'"
    return f"pip install --upgrade {dist}"


def _is_above(specifier: Specifier) -> bool:
    """Whether an unmet bound asks for a newer artkit than this one."""
    try:
        bound = Version(specifier.version.removesuffix(".*"))
    except InvalidVersion:
        return False
    here = artkit.__version__
    return not specifier.contains(here, prereleases=True) and bound >= Version(here) and "<" not in specifier.operator


def _lacks(requirement: Requirement) -> bool:
    there = installed_version(requirement.name)
    return there is None or not requirement.specifier.contains(there, prereleases=True)


def _presence(requirement: Requirement) -> str:
    there = installed_version(requirement.name)
    return f"have {there}" if there else f"not installed for {sys.executable}"


def _plain(requirement: Requirement) -> str:
    """Name and versions, without the marker."""
    return f"{requirement.name}{requirement.specifier}"
