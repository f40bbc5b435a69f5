"""Imports one plugin in isolation and collects all that it registers; or says why not, and keeps nothing of it.

A plugin may raise anything while it is imported and while its hooks run. Only an interrupt by the user gets through.
"""

import hashlib
import importlib.util
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

from artkit.contracts import KINDS, Kind
from artkit.hookspecs import REGISTRATION_HOOKS
from artkit.registry.component import Component
from artkit.registry.discovery import FoundPlugin
from artkit.registry.failure import Failure
from artkit.registry.hooks import find_registration_hooks
from artkit.registry.info import PluginInfo
from artkit.registry.scratch import Scratch

_HEAVY: Final = ("torch", "torchvision", "tensorflow", "numpy", "scipy", "sklearn", "pandas", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plugin and what became of it; a row of `artkit plugins`."""

    info: PluginInfo
    left_out: str = ""
    """Why it was not imported, or ""."""
    loaded: bool = False
    """Whether an attempt was made to import it."""
    components: tuple[Component, ...] = ()
    failure: Failure | None = None
    import_ms: float | None = None
    heavy_imports: tuple[str, ...] = ()
    """Large packages that its import pulled in first; they belong inside the factories."""

    @property
    def status(self) -> str:
        """A few words: "ok", "installed" or "found" (not imported), "switched off", "failed: ImportError", ..."""
        if self.left_out:
            return self.left_out
        if self.failure:
            return f"failed: {self.failure.type}"
        if not self.loaded:
            return "found" if self.info.file else "installed"
        return "ok" if self.components else "registers nothing"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of its components, in the order of `KINDS`."""
        there = {component.kind for component in self.components}
        return tuple(kind for kind in KINDS if kind in there)

    def to_plain(self) -> dict[str, Any]:
        """The row as plain values for JSON; kinds and components are None if it was not imported."""
        failure = self.failure
        return {
            "plugin": self.info.namespace,
            "entry_point": None if self.info.file else self.info.name,
            "version": self.info.version,
            "commit": self.info.commit,
            "kinds": list(self.kinds) if self.loaded else None,
            "components": [component.full_name for component in self.components] if self.loaded else None,
            "status": self.status,
            "import_ms": self.import_ms and round(self.import_ms, 1),
            "heavy_imports": list(self.heavy_imports),
            "from": self.info.origin,
            "failure": failure and {"type": failure.type, "message": failure.message, "where": failure.where},
        }


def load_plugin(found: FoundPlugin) -> Plugin:
    """Imports a plugin, unless it is left out, and collects its components.

    Never raises what the plugin raises: that becomes the `failure` of the result, which then has no components.
    """
    if found.left_out:
        return Plugin(info=found.info, left_out=found.left_out)
    before = set(sys.modules)
    started = time.perf_counter()
    module, failure = None, None
    try:
        module = _import(found.target)
    except (Exception, SystemExit) as error:
        failure = Failure.from_error(error)
    plugin = Plugin(
        info=found.info,
        loaded=True,
        failure=failure,
        import_ms=1000 * (time.perf_counter() - started),
        heavy_imports=tuple(name for name in _HEAVY if name in sys.modules and name not in before),
    )
    return plugin if failure else _collect(plugin, module)


def load_object(info: PluginInfo, module: object) -> Plugin:
    """Collects the components of a plugin that is imported already."""
    return _collect(Plugin(info=info, loaded=True), module)


def _collect(plugin: Plugin, module: object) -> Plugin:
    """The plugin with its components, or with the failure that kept it from registering them all."""
    scratch = Scratch(plugin.info)
    try:
        for hook, impl in find_registration_hooks(module, plugin.info.label).items():
            impl(register=scratch.register_for(REGISTRATION_HOOKS[hook]))
    except (Exception, SystemExit) as error:
        return replace(plugin, failure=Failure.from_error(error))
    return replace(plugin, components=tuple(scratch.components))


def _import(target: EntryPoint | Path) -> Any:
    return target.load() if isinstance(target, EntryPoint) else _import_file(target)


def _import_file(path: Path) -> Any:
    """Runs a file as a module, under a name of its own that no other file or installed module has."""
    digest = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()
    name = f"_artkit_plugin_{path.stem}_{digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses, pickle and inspect look modules up there while the file runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
