"""Fixtures that several test modules share. Names are distinctive; what each gives is in its docstring."""

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest


@dataclass(frozen=True)
class PluginSite:
    """A folder on `sys.path` into which plugin packages are put as pip would leave them."""

    folder: Path

    def add(
        self,
        dist: str,
        source: str,
        *,
        version: str = "1.0",
        entry_point: str = "main",
        requires: Sequence[str] = (),
        urls: Sequence[str] = (),
        direct_url: dict | None = None,
    ) -> Path:
        """Install a distribution of one module; returns the module's file."""
        module = dist.replace("-", "_")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = ["Metadata-Version: 2.1", f"Name: {dist}", f"Version: {version}"]
        metadata += [f"Requires-Dist: {line}" for line in requires] + [f"Project-URL: {line}" for line in urls]
        (info / "METADATA").write_text("\n".join(metadata) + "\n")
        (info / "entry_points.txt").write_text(f"[artkit]\n{entry_point} = {module}\n")
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url))
        file = self.folder / f"{module}.py"
        file.write_text(dedent(source))
        importlib.invalidate_caches()
        return file


@pytest.fixture
def plugin_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginSite]:
    """An empty place to install plugin packages into; what was imported from it is forgotten afterwards.

    `ARTKIT_PLUGINS` is unset, and PYTHONPATH names the place, so that child processes see the packages too.
    """
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delenv("ARTKIT_PLUGINS", raising=False)
    before = set(sys.modules)
    yield PluginSite(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
