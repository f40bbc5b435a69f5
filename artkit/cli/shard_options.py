"""What the options of `artkit shard` say, understood."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from artkit.options import CommandLineText


_LIST_SUFFIXES: Final = (".txt", ".csv", ".lst")


class Assignment(NamedTuple):
    """One `--set`: an option of the source, or of an augmenter."""

    kind: str
    name: str
    """Of the augmenter, "" if it is not named."""
    option: str
    value: "CommandLineText"


def read_fractions(text: str) -> dict[str, float]:
    """Read `train=0.7,val=0.1,test=0.2`.

    Raises:
        ConvertError: if the text has another form. What the shares must be, `convert` checks.
    """
    from artkit_shards import ConvertError

    fractions: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        try:
            value = float(share)
        except ValueError as error:
            raise ConvertError(
                f"the split {text!r} cannot be read at {part!r}; write names and shares, "
                "for example --split train=0.7,val=0.1,test=0.2"
            ) from error
        if name in fractions:
            raise ConvertError(f"the split {text!r} names {name!r} twice; give each split one share")
        fractions[name] = value
    return fractions


def read_split_values(text: str) -> dict[str, str]:
    """Read `true=train,false=test`.

    Raises:
        RecipeError: if the text has another form.
    """
    from artkit.errors import RecipeError

    pairs = [[piece.strip() for piece in part.partition("=")] for part in text.split(",")]
    if not all(value and equals and split for value, equals, split in pairs):
        raise RecipeError(
            f"--split-values {text} cannot be read; write what each value of the split column stands for, "
            "for example --split-values yes=train,no=test"
        )
    return {value: split for value, _, split in pairs}


def read_names(text: str) -> tuple[str, ...]:
    """Read `a,b`, or a file with a name a line.

    Raises:
        RecipeError: if the file cannot be read, or there are no names.
    """
    from artkit.errors import RecipeError

    path = Path(text)
    if path.is_file():
        try:
            names = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"the names in {path} cannot be read: {error}; write one a line, in UTF-8") from error
    elif path.suffix in _LIST_SUFFIXES:
        raise RecipeError(f"there is no file {text}; give a file with a name a line, or names with commas between")
    else:
        names = text.split(",")
    found = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not found:
        raise RecipeError(f"{text!r} names no class; give names with commas between, or a file with one a line")
    return found


def read_hold_out(text: str) -> int | tuple[str, ...]:
    """Read how many classes to hold out, or which."""
    return int(text) if text.strip().isdecimal() else read_names(text)


def read_assignments(texts: Sequence[str]) -> list[Assignment]:
    """Read `source.series=true` and `augmenter.affine.rotation=10`.

    Raises:
        RecipeError: if a text has another form.
    """
    from artkit.errors import RecipeError
    from artkit.options import CommandLineText

    assignments = []
    for text in texts:
        path, equals, value = text.partition("=")
        kind, *name, option = path.strip().split(".") if "." in path else ("", path)
        if not equals or not option or kind not in ("source", "augmenter") or len(name) > (kind == "augmenter"):
            raise RecipeError(
                f"--set {text} cannot be used; write source.OPTION=VALUE, such as source.series=true, or "
                "augmenter.NAME.OPTION=VALUE"
            )
        assignments.append(Assignment(kind, "".join(name), option, CommandLineText(value)))
    return assignments


def options_of_source(assignments: Sequence[Assignment]) -> dict[str, object]:
    """What is set of the source."""
    return {assignment.option: assignment.value for assignment in assignments if assignment.kind == "source"}


def entries_of_augmenters(names: Sequence[str], assignments: Sequence[Assignment]) -> list[dict[str, object]]:
    """Name and options of each augmenter, in order, as a recipe has them.

    Raises:
        RecipeError: if an option is set of none of them, or does not say of which.
    """
    from artkit.errors import RecipeError

    entries: list[dict[str, object]] = [{"name": name} for name in names]
    for one in (assignment for assignment in assignments if assignment.kind == "augmenter"):
        fitting = [entry for entry in entries if one.name in ("", entry["name"])]
        if len(fitting) != 1:
            path = ".".join(filter(None, ("augmenter", one.name, one.option)))
            raise RecipeError(
                f"--set {path}={one.value}: the augmenters are {', '.join(names) or 'none'}; name one of them: "
                f"--augment NAME --set augmenter.NAME.{one.option}={one.value}"
            )
        fitting[0][one.option] = one.value
    return entries
