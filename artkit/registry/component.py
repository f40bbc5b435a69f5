"""One component: what it is called, its options, how it is built, and whose fault an error is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from artkit.contracts import Kind
from artkit.errors import ArtkitError, ComponentError
from artkit.kinds import SEVERAL
from artkit.options import OptionTable
from artkit.registering import Stability
from artkit.registry.failure import author_line, describe_error, error_message
from artkit.registry.hooks import place_of
from artkit.registry.info import PluginInfo

_FORMS: Final[Mapping[Kind, tuple[str, str]]] = {
    "augmenter": ("__call__", "a function that takes images_BCHW and draws"),
    "sampler": ("counts", "an object with a method counts(epoch)"),
    "loss": ("__call__", "a function that takes logits_BK and labels_B"),
    "schedule": ("__call__", "a function that takes the progress, from 0 to 1"),
    "source": ("__iter__", "what yields artkit_shards.Record, such as a generator"),
}
"""Kind -> the method that what a factory returns must have, and its form in words; torch tells the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component that a plugin registered."""

    kind: Kind
    name: str
    plugin: PluginInfo
    factory: Callable[..., Any]
    options: OptionTable
    version: int = 1
    aliases: tuple[str, ...] = ()
    stability: Stability = "stable"
    note: str = ""
    presets: Mapping[str, object] = field(default_factory=dict)
    """Defaults that differ from those of the factory's signature."""
    examples: tuple[Mapping[str, object], ...] = ()
    """Options that it works with, as its author says."""

    @property
    def id(self) -> str:
        """Unique among plugins: "artkit-vit/vit-tiny"."""
        return f"{self.plugin.namespace}/{self.name}"

    @property
    def full_name(self) -> str:
        """The id with the version, as run records keep it: "artkit-vit/vit-tiny@1"."""
        return f"{self.id}@{self.version}"

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called in recipes, as far as no other component is called so: "vit-tiny", its id, aliases."""
        short = (self.name, *self.aliases)
        words = (*short, *(f"{self.plugin.namespace}/{word}" for word in short))
        return (*words, *(f"{word}@{self.version}" for word in words))

    @property
    def owner(self) -> str:
        """How messages call it: "model 'vit-tiny' (artkit-vit 0.3.1)"."""
        return f"{self.kind} '{self.name}' ({self.plugin.label})"

    @property
    def setting(self) -> str:
        """What stands before its options in `--set`: "model", but "augmenter.crop", as there may be several."""
        return f"{self.kind}.{self.name}" if self.kind in SEVERAL else self.kind

    @property
    def summary(self) -> str:
        """The first line of the factory's docstring, or ""."""
        lines = (self.factory.__doc__ or "").strip().splitlines()
        return lines[0] if lines else ""

    @property
    def place(self) -> str:
        """File and line of the factory."""
        return place_of(self.factory)

    @property
    def warning(self) -> str | None:
        """What to tell people who use it, if it is deprecated or experimental."""
        if self.stability == "stable":
            return None
        return f"{self.owner} is {self.stability}. {self.note}".rstrip()

    @property
    def report(self) -> str:
        """Where to report its faults: "report it at https://..."; "" if its package does not say."""
        return f"report it at {self.plugin.issues_url}" if self.plugin.issues_url else ""

    def notes_on(self, values: Mapping[str, Any]) -> Iterator[str]:
        """What to tell people who use it with these options: its warning, and options that are called otherwise now."""
        if self.warning:
            yield self.warning
        for old, new in self.options.renamings(values).items():
            yield f"{self.owner}: the option '{old}' is called '{new}' now; recipes may go on using '{old}'"

    def resolve(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A checked value for every option; see `OptionTable.resolve`.

        Raises:
            RecipeError: if an option is unknown, missing, of the wrong type or out of bounds.
        """
        return self.options.resolve(values, owner=self.owner, setting=self.setting)

    def build(self, ctx: object, options: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Calls the factory.

        Args:
            ctx: The context of the component's kind, such as `ModelContext`.
            options: Values, resolved or not; the defaults of the rest are added.

        Returns:
            What the factory returned.

        Raises:
            RecipeError: if an option cannot be used as given.
            ComponentError: if the factory raised, or returned nothing, or what no component of this kind can be.
        """
        values = self.resolve(options)
        try:
            built = self.factory(ctx, **values)
        except (Exception, SystemExit) as error:
            if _passes(error):
                raise
            # Whose fault it is stays open: factories also refuse options that contradict one another.
            text = f"{self.owner} could not be built: {describe_error(error)}"
            report = f"If its options are right, {self.report}" if self.report else ""
            raise self._error(text, self._line_of(error), report) from error
        if built is None:
            text = f"{self.owner} could not be built: its factory returned nothing; does it lack a `return`?"
            raise self._error(text, self.place, self._fault())
        method, form = _FORMS.get(self.kind, ("", ""))
        if method and not callable(getattr(built, method, None)):
            raise self.breach(f"returned {type(built).__name__}; its factory returns {form}")
        return built

    @contextmanager
    def guard(self, action: str) -> Iterator[None]:
        """Around code of the component that artkit calls later: its errors get the component's name.

        Args:
            action: What is being done, for the message: "forward", "counts".

        Raises:
            ComponentError: if the code inside raised. Errors of artkit and of the data pass unchanged, and so does a
                lack of memory or disk space, which is nobody's fault.
        """
        try:
            yield
        except (Exception, SystemExit) as error:
            if _passes(error):
                raise
            text = f"{self.owner} raised {type(error).__name__} in {action}: {error_message(error)}"
            raise self._error(text.removesuffix(": "), self._line_of(error), self._fault()) from error

    def breach(self, text: str) -> ComponentError:
        """The error to raise if the component broke the contract; `text` says how, after its name."""
        return self._error(f"{self.owner}{text if text[:1] in ':,' else f' {text}'}", "", self.report and self._fault())

    def _error(self, text: str, line: str, advice: str = "") -> ComponentError:
        lines = [text, f"  at {line}" if line else "", advice]
        return ComponentError("\n".join(filter(None, lines)), plugin=self.plugin.label)

    def _line_of(self, error: BaseException) -> str:
        return author_line(error, file=self.place.rpartition(":")[0])

    def _fault(self) -> str:
        fault = f"This is a fault of {'artkit' if self.plugin.is_builtin else 'the plugin, not of artkit'}"
        return f"{fault}; {self.report}" if self.report else f"{fault}."


def _passes(error: BaseException) -> bool:
    """Whether an error is not the component's own: said by artkit or the data, or a lack of memory or space."""
    from artkit_shards.errors import ShardsError, is_disk_full

    if isinstance(error, OSError):
        return is_disk_full(error)
    # torch is not imported here, so its error is told by name; it has one for each kind of device.
    out_of_memory = any(base.__name__ == "OutOfMemoryError" for base in type(error).__mro__)
    return out_of_memory or isinstance(error, ArtkitError | ShardsError | MemoryError)
