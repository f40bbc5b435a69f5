"""Words and numbers as people read them."""

import re
import shlex
from pathlib import Path

from artkit import Predictions, RunInfo

COMPONENT = re.compile(r"(?P<package>[^/\s]+)/(?P<name>[^@\s]+)@\d+ \((?P<owner>[^)]*)\)")
"""A component as run records name it, such as `artkit-vit/vit-tiny@1 (artkit-vit 0.3.1)`."""


def shorten(text: str, width: int) -> str:
    """Cut `text` to at most `width` characters, the last of which is then an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage with one decimal, such as `61.5 %`."""
    return f"{100 * share:.1f} %"


def interval_text(low: float, high: float) -> str:
    """Write an interval of shares, such as `17.3 to 28.6 %`."""
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def duration(seconds: float) -> str:
    """Write a time span with its two largest units, such as `48 s`, `3 min 20 s` or `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Write a count with its noun, such as `1 class` or `1,250 images`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def nouns(noun: str) -> str:
    """Write a noun of which there are several, such as `artists` or `classes`."""
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def component_names(provenance: str) -> str:
    """Shorten `artkit/affine@1 (artkit 0.1.0)` to `affine`, also in a list; what others provide keeps its owner."""

    def name(match: re.Match[str]) -> str:
        return match["name"] if match["package"] == "artkit" else f"{match['name']} ({match['owner']})"

    return COMPONENT.sub(name, provenance)


def learnt_classes(run: RunInfo) -> str:
    """Say how many classes a run learns, such as `16 classes` or `16 classes of artist, 5 classes of style`."""
    if len(run.targets) < 2:
        return plural(len(run.class_names), "class", "classes")
    return ", ".join(f"{plural(len(names), 'class', 'classes')} of {name}" for name, names in run.targets.items())


def titled(title: str, predictions: Predictions) -> str:
    """Say in a title what it is of, where a run tells several targets: `Confusion matrix: style`."""
    return f"{title}: {predictions.target}" if predictions.folder.parts else title


def trains_a_head(run: RunInfo) -> bool:
    """Whether the run makes a new head for an earlier one, which takes seconds and leaves nothing in between."""
    return "retrain" in run.recipe


def resuming_command(run: RunInfo) -> str:
    """The command that goes on with a run that was cut off, or where there is nothing to go on with, repeats it."""
    if trains_a_head(run):
        return command("artkit", "run", run.dir / "recipe.toml")
    return command("artkit", "run", "--resume", run.dir)


def command(*words: str | Path) -> str:
    """Write a command as it can be pasted into a shell."""
    return shlex.join(str(word) for word in words)
