"""One plugin and what became of it: where it is from, what it registered, what failed, and what it should not do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from artkit.kinds import KINDS, Kind
from artkit.registry.gate import LeftOut
from artkit.registry.info import PluginInfo

if TYPE_CHECKING:
    from artkit.registry.component import Component
    from artkit.registry.failure import Failure

REGISTERS_NOTHING: Final = (
    "registers nothing; it needs a function such as `@hookimpl def artkit_models(register): ...` in its module"
)
SLOW_MS: Final = 1000.0
"""Users are told of plugins whose import takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plugin; a row of `artkit plugins`."""

    info: PluginInfo
    left_out: LeftOut | None = None
    """Why it was not imported, if it must not be."""
    loaded: bool = False
    """Whether an attempt was made to import it."""
    components: "tuple[Component, ...]" = ()
    failure: "Failure | None" = None
    import_ms: float | None = None
    """Milliseconds that it took to import it and to register its components."""
    heavy_imports: tuple[str, ...] = ()
    """Large packages that its import pulled in first; they belong inside the factories."""
    side_effects: tuple[str, ...] = ()
    """What it did while it was imported that imports must not do; see `ImportWatch`."""

    @property
    def status(self) -> str:
        """A word or two.

        "ok", "not checked" (not imported), "blocked", "incompatible", "damaged", "failed: ImportError", "registers
        nothing".
        """
        if self.left_out:
            return self.left_out.status
        if self.failure:
            return f"failed: {self.failure.type}"
        if not self.loaded:
            return "not checked"
        return "ok" if self.components else "registers nothing"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of its components, in the order of `KINDS`."""
        there = {component.kind for component in self.components}
        return tuple(kind for kind in KINDS if kind in there)

    @property
    def remarks(self) -> Iterator[str]:
        """What users should know of it, each in words that go after its name."""
        if self.left_out and self.left_out.status != "blocked":
            yield f"was left out: {self.left_out}"
        if self.failure:
            yield f"was left out: {self.failure}; see `artkit plugins --check`"
        elif self.loaded and not self.components:
            yield REGISTERS_NOTHING
        if self.loaded and self.info.dist is None and self.info.file is None:
            yield "has no metadata, so nobody knows whether it is made for this artkit"
        if self.import_ms is not None and self.import_ms > SLOW_MS and not self.info.is_builtin:
            with_these = f", with {' and '.join(self.heavy_imports)} at its top" if self.heavy_imports else ""
            yield f"took {self.import_ms / 1000:.1f} s to import{with_these}"
        if self.side_effects:
            yield f"{' and '.join(self.side_effects)} while it was imported, to no effect"

    def to_plain(self) -> dict[str, Any]:
        """The row as plain values for JSON; kinds and components are None if it was not imported."""
        failure = self.failure
        return {
            "plugin": self.info.namespace,
            "entry_point": None if self.info.file else self.info.name,
            "version": self.info.version,
            "commit": self.info.commit,
            "editable": self.info.editable,
            "kinds": list(self.kinds) if self.loaded else None,
            "components": [component.full_name for component in self.components] if self.loaded else None,
            "status": self.status,
            "left_out": self.left_out and {"reason": self.left_out.reason, "remedy": self.left_out.remedy},
            "import_ms": self.import_ms and round(self.import_ms, 1),
            "heavy_imports": list(self.heavy_imports),
            "side_effects": list(self.side_effects),
            "from": self.info.origin,
            "sha256": self.info.sha256,
            "issues_url": self.info.issues_url,
            "failure": failure and {"type": failure.type, "message": failure.message, "where": failure.where},
        }
