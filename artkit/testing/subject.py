"""What checks look at: a plugin as a whole, and its components with a case of options each.

What is dear to make, such as a model, is made once for all checks of a subject: `subject.share(make)`.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from artkit.contracts import Kind
from artkit.errors import ComponentError, RecipeError
from artkit.options import absolute_text, mark_texts, to_plain
from artkit.options.values import value_text
from artkit.registry import Component
from artkit.testing.contexts import context_for
from artkit.testing.target import Target

T = TypeVar("T")

_IMAGE_SIZES: Final = ((64, 96), (224, 256))

Roots = Mapping[str, Callable[[Path], Path]]
"""Name of a source -> function that fills an empty folder and returns SRC."""


class _Sharing:
    def __init__(self) -> None:
        self._shared: dict[Callable[[Any], Any], Any] = {}
        self.verdicts: dict[str, BaseException | None] = {}
        """What the checks that were carried out raised, by name."""
        self.notes: dict[str, str] = {}
        """What they had to say to people, by name."""

    def share(self, make: "Callable[[Any], T]") -> T:
        """What `make(self)` returned, made once."""
        if make not in self._shared:
            self._shared[make] = make(self)
        value: T = self._shared[make]
        return value

    def forget(self) -> None:
        """Let go of what was shared, once all checks are done: many models do not fit into memory at once."""
        self._shared.clear()


class PluginSubject(_Sharing):
    """A plugin as a whole.

    Args:
        target: The plugin.
        roots: How to make what sources read; class folders for those that are not named.
    """

    def __init__(self, target: Target, roots: Roots = MappingProxyType({})) -> None:
        super().__init__()
        self.target = target
        self.roots = roots
        self.subjects: list[Subject] = []
        """Its components with their cases."""
        self._scratch: Path | None = None
        self._num_folders = 0

    @property
    def id(self) -> str:
        """As it is called in ids."""
        return f"plugin/{self.target.plugin.info.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """What expected failures may call it."""
        return ("plugin", self.id)

    def new_folder(self) -> Path:
        """An empty folder that is gone when the subject is."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="artkit-checks-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._num_folders += 1
        folder = self._scratch / str(self._num_folders)
        folder.mkdir()
        return folder


class Subject(_Sharing):
    """A component with a case of options.

    Args:
        component: The component.
        options: The case: option -> value; the others have their defaults.
        owner: The plugin that it is of.
    """

    def __init__(self, component: Component, options: Mapping[str, Any], owner: PluginSubject) -> None:
        super().__init__()
        self.component = component
        # Paths are meant from where the author is now; checks work elsewhere.
        self.options: Mapping[str, Any] = mark_texts(to_plain(options), Path.cwd())
        self.owner = owner

    @property
    def kind(self) -> Kind:
        """Of the component."""
        return self.component.kind

    @property
    def names(self) -> tuple[str, ...]:
        """What expected failures may call it: with or without its kind and its case."""
        names = (name_of(self.component), f"{self.kind}/{name_of(self.component)}")
        return (*names, *(f"{name}{self._case}" for name in names if self._case))

    @property
    def id(self) -> str:
        """As it is called in ids: "model/vit-tiny[depth=2]"."""
        return f"{self.kind}/{name_of(self.component)}{self._case}"

    @property
    def _case(self) -> str:
        text = ",".join(f"{name}={value_text(value)}" for name, value in self.options.items())
        return f"[{text}]" if text else ""

    @property
    def lacking(self) -> list[str]:
        """Required options that the case does not give."""
        return lacking_options(self.component, self.options)

    @property
    def lack(self) -> str:
        """What is lacking and how to give it, in words; "" if nothing is."""
        if not self.lacking:
            return ""
        ways = " ".join(f"--set {self.kind}.{name_of(self.component)}.{option}=VALUE" for option in self.lacking)
        return f"{self.id} needs {', '.join(self.lacking)}: give it with {ways}, or as its author in examples or cases"

    @property
    def plain_options(self) -> dict[str, Any]:
        """The options as plain data that means the same in another process; as given, if they cannot be used."""
        try:
            return settled(self.component, self.options)
        except RecipeError:
            return dict(to_plain(self.options))

    @property
    def has_own_root(self) -> bool:
        """Whether the author said what it reads, if it is a source."""
        return self.component.name in self.owner.roots

    def new_folder(self) -> Path:
        """An empty folder that is gone when its plugin's subject is."""
        return self.owner.new_folder()

    def context(self, **changes: Any) -> Any:
        """The usual context of its kind, with a fresh folder if that has one; `changes` replace fields of it."""
        folder = Path()
        if self.kind == "reporter" and "run_dir" not in changes:
            folder = self.owner.new_folder()
        elif self.kind == "source" and "root" not in changes:
            folder = self.share(source_root)
        elif self.kind == "model" and "image_size" not in changes:
            changes["image_size"] = self.share(image_sizes)[0]
        return context_for(self.kind, folder, **changes)

    def build(self, **changes: Any) -> Any:
        """A component, newly built; `changes` replace fields of the usual context."""
        return self.component.build(self.context(**changes), self.options)


def name_of(component: Component) -> str:
    """The name, with the version if there was one before."""
    return component.name if component.version == 1 else f"{component.name}@{component.version}"


def lacking_options(component: Component, given: Iterable[str]) -> list[str]:
    """Required options of a component that are not given; those in groups by their full names."""
    there = _outermost(component, given)
    return [one.name for option in component.options if option.name not in there for one in option.missing()]


def settled(component: Component, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as plain data that means the same anywhere; of those in groups, the whole group.

    Args:
        component: Whose they are.
        given: Some of its options; the others are left out.

    Raises:
        RecipeError: if one cannot be used.
    """
    resolved = component.resolve(given)
    return {name: to_plain(resolved[name], absolute_text) for name in _outermost(component, given)}


def _outermost(component: Component, given: Iterable[str]) -> list[str]:
    """The parameters of the factory that options belong to, by their present names."""
    present = [component.options.renamed.get(name, name).partition(".")[0] for name in given]
    return list(dict.fromkeys(present))


def image_sizes(subject: Subject) -> tuple[int, int]:
    """Two sizes of images for a model: the first pair of which its factory does not refuse the smaller one."""
    from artkit.testing.observing import observed

    for sizes in _IMAGE_SIZES[:-1]:
        try:
            with observed():
                subject.build(image_size=sizes[0])
        except RecipeError:
            continue
        except ComponentError:
            pass  # the size is not to blame; what is, the check of building tells
        return sizes
    return _IMAGE_SIZES[-1]


def source_root(subject: Subject) -> Path:
    """What a source reads."""
    make = subject.owner.roots.get(subject.component.name, class_folders)
    return make(subject.owner.new_folder())


def class_folders(folder: Path) -> Path:
    """Fill a folder with PNG images in class folders: what sources read if nothing else is said."""
    from PIL import Image

    for label in range(3):
        (folder / f"class-{label}").mkdir()
        for number in range(4):
            colour = (80 * label, 60 * number, 40)
            Image.new("RGB", (24 + number, 16), colour).save(folder / f"class-{label}" / f"{number}.png")
    return folder
