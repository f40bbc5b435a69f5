"""What is to be drawn again, and by whom: reporters that are named, or those of the recipe that can draw again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from artkit.contracts import ReporterContext
from artkit.engine.events import Reporters
from artkit.errors import RecipeError, RunError
from artkit.recipe import Choice, CommandLine, resolve_recipe
from artkit.registry import PluginSettings, Registry, load_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be drawn, where, and from what."""

    run: Path
    """The run folder."""
    reporters: Sequence[str] = ()
    """Names; empty: those of the recipe that can draw again."""
    assignments: Sequence[str] = ()
    """Options of theirs, as `--set` says them."""
    answers: Path | None = None
    """Where the answers are; None: in the run folder."""
    out: Path | None = None
    """Where to draw; None: where the answers are."""
    data: str | None = None
    """Where the data set is now; None: where it was."""
    with_pictures: bool = True
    plugins: PluginSettings = field(default_factory=PluginSettings)

    @property
    def place(self) -> Path:
        """Where to draw, in full."""
        return (self.out or self.answers or self.run).resolve()

    @property
    def is_own(self) -> bool:
        """Whether the run's own answers are drawn."""
        return self.answers is None or self.answers.resolve() == self.run.resolve()


def choose_reporters(wanted: Wanted, layer: Mapping[str, Any], warn: Callable[[str], None]) -> tuple[Choice, ...]:
    """The reporters with their options: those of the recipe where it names them.

    Args:
        wanted: What is asked for.
        layer: The recipe of the run.
        warn: Shows one line to the user.

    Raises:
        RecipeError: if one that is named is not there, or an option cannot be used.
    """
    registry = load_registry(_plugins(layer, wanted.plugins, warn))
    entries = list(layer.get("reporter", ()))
    if wanted.reporters:
        entries = [_entry(name, entries, registry) for name in dict.fromkeys(wanted.reporters)]
    else:
        entries = [entry for entry in entries if _is_there(entry["name"], registry, warn)]
    recipe = resolve_recipe({"reporter": entries}, CommandLine(assignments=wanted.assignments), registry)
    for note in dict.fromkeys(note for choice in recipe.reporters for note in choice.notes):
        warn(note)
    return recipe.reporters


def _plugins(layer: Mapping[str, Any], given: PluginSettings, warn: Callable[[str], None]) -> PluginSettings:
    """Those of the recipe that are still there, and those given: what the run needed else may be gone by now."""
    settings = PluginSettings.read(layer.get("plugins", ())).joined(given)
    gone = [file for file in settings.files if not Path(file).is_file() and file not in given.files]
    for file in gone:
        warn(f"the plugin {file} is not there any more; if it was moved, name it with --plugin")
    return replace(settings, require=(), files=tuple(file for file in settings.files if file not in gone))


def _entry(name: str, entries: Sequence[Mapping[str, Any]], registry: Registry) -> Mapping[str, Any]:
    """What the recipe says of a reporter, or its name alone."""
    wanted = registry.component("reporter", name)
    same = (entry for entry in entries if entry["name"] in wanted.names)
    return next(same, {"name": name})


def _is_there(name: str, registry: Registry, warn: Callable[[str], None]) -> bool:
    try:
        registry.component("reporter", name)
    except RecipeError as error:
        warn(f"left out: {error}")
        return False
    return True


def add_reporters(reporters: Reporters, choices: Sequence[Choice], wanted: Wanted) -> tuple[str, ...]:
    """Build those that are to be told.

    Returns:
        Their names.

    Raises:
        RunError: if there are none, if one would write over the data of the run, or if there is no place to draw.
        ComponentError: if one cannot be built.
    """
    try:
        wanted.place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"the folder {wanted.place} cannot be made ({error.strerror}); name another with --out"
        ) from None
    context = ReporterContext(run_dir=wanted.place, publish=reporters.publish, note=reporters.note)
    names = []
    for choice in choices:
        reporter = choice.component.build(context, choice.options)
        if getattr(reporter, "redraws", False) is not True:
            if not wanted.reporters:
                continue
            if wanted.place == wanted.run.resolve():
                raise RunError(
                    f"{choice.component.owner} may write over what it left while the run went on; "
                    "name another folder with --out FOLDER"
                )
        reporters.add(choice.component, reporter)
        names.append(choice.component.name)
    if not names:
        raise RunError("no reporter of the recipe can draw again; name one, such as --reporter report")
    return tuple(names)
