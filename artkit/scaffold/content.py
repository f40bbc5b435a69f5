"""What a new package provides: one example of a kind, or the components of a file that the author has already."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from artkit.contracts import KINDS, Kind
from artkit.errors import RecipeError
from artkit.registry import load_registry, plural, with_article
from artkit.registry.plugin import REGISTERS_NOTHING
from artkit.scaffold.imports import read_imports
from artkit.scaffold.naming import PackageName

if TYPE_CHECKING:
    from artkit.registry import Component

_USES: Final[dict[Kind, str]] = {kind: f"artkit run --{kind} NAME" for kind in KINDS if kind != "source"} | {
    "source": "artkit shard IMAGES shards --source NAME"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """One component, as the package's README tells of it."""

    kind: Kind
    name: str
    summary: str
    """The first line of its docstring, or ""."""
    required: tuple[str, ...] = ()
    """Options without a default."""
    has_examples: bool = False
    """Whether it is registered with examples, so that it can be checked all the same."""

    @property
    def command(self) -> str:
        """A command that uses it."""
        options = "".join(f" --set {self.kind}.{option}=..." for option in self.required)
        return _USES[self.kind].replace("NAME", self.name) + options


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What goes into a package."""

    module: bytes | None
    """The file that becomes the module; None for that of the example."""
    components: tuple[Provided, ...]
    needs: tuple[str, ...] = ()
    """Distributions that it imports, beside artkit and what comes with it."""
    missing: tuple[str, ...] = ()
    """Modules that it imports and that no installed distribution has, such as other files of the author's."""
    heavy: tuple[str, ...] = ()
    """Large packages that it imports at its top, where they slow down every command."""

    @property
    def title(self) -> str:
        """What it is in a few words: "a model", "2 models and a loss"."""
        numbers = [(sum(c.kind == kind for c in self.components), kind) for kind in self.kinds]
        words = [f"{number} {plural(kind)}" if number > 1 else with_article(kind) for number, kind in numbers]
        return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of its components, in the order of `KINDS`."""
        return tuple(kind for kind in KINDS if kind in {component.kind for component in self.components})


_EXAMPLES: Final[dict[Kind, str]] = {
    "model": "Plain convolutional network, whose layers halve images and double channels.",
    "augmenter": "Gaussian noise, of another strength for each image.",
    "sampler": "At most so many images of a class in an epoch; others of it in the next.",
    "loss": "Poly-1 (Leng et al. 2022): cross-entropy with a weight of its own on sure images.",
    "optimizer": "NAdam (Dozat 2016): Adam that looks ahead along its momentum.",
    "schedule": "Polynomial decay down to 0 (Chen et al. 2017, DeepLab).",
    "reporter": "Table of the images that the model was wrong about, the surest first.",
    "source": "One folder of images that are named ARTIST_TITLE.jpg.",
}
"""The first lines of the examples' docstrings."""


def content_of_example(kind: Kind, name: PackageName) -> Content:
    """A package with the example of a kind."""
    return Content(module=None, components=(Provided(kind=kind, name=name.component, summary=_EXAMPLES[kind]),))


def content_of_file(file: Path) -> Content:
    """A package whose module is an author's file; it is imported as `--plugin` does it, to see what it registers.

    Raises:
        RecipeError: if the file is not there, or registers nothing.
        PluginError: if it cannot be loaded, with the cause and the line.
    """
    if not file.is_file():
        raise RecipeError(f"{file} is not there; --from takes the path of one Python file")
    registry = load_registry([file], entry_points=False)
    by_name = {(found.kind, found.name): found for found in registry.components()}
    if not by_name:
        raise RecipeError(f"{file} {REGISTERS_NOTHING}")
    imports = read_imports(file)
    return Content(
        module=file.read_bytes(),
        components=tuple(map(_provided, by_name.values())),
        needs=imports.dists,
        missing=imports.missing,
        heavy=registry.plugins[0].heavy_imports,
    )


def _provided(component: "Component") -> Provided:
    required = tuple(missing.name for option in component.options for missing in option.missing())
    return Provided(
        kind=component.kind,
        name=component.name,
        summary=component.summary,
        required=required,
        has_examples=bool(component.examples),
    )
