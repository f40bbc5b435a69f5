"""The plan of a sweep: every combination of the choices that `--over` names, and what each is called."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from artkit.errors import RecipeError
from artkit.suggest import suggest

if TYPE_CHECKING:
    from artkit.recipe import CommandLine

SEED: Final = "train.seed"
_COMPONENTS: Final = ("model", "sampler", "loss", "optimizer", "schedule", "augmenter")
_LONGEST_NAME: Final = 100

Combination = Mapping[str, str]
"""What is chosen -> the value, such as {"optimizer": "adam", "train.seed": "0"}."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing to choose, and its values."""

    name: str
    """A kind of component, such as "optimizer", or an option, such as "train.seed"."""
    values: tuple[str, ...]


def read_axes(texts: Sequence[str], num_seeds: int | None) -> list[Axis]:
    """Read the values of `--over`, and of `--seeds`.

    Raises:
        RecipeError: if one cannot be read, or is there twice, or there is none.
    """
    axes = [_read_axis(text) for text in texts]
    if num_seeds is not None:
        axes.append(Axis(SEED, tuple(map(str, range(num_seeds)))))
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            hint = "; --seeds says it too" if name == SEED and num_seeds is not None else ""
            raise RecipeError(f"--over {name} is given twice{hint}; list all its values in one: {name}=A,B")
    if not axes:
        raise RecipeError("a sweep needs something to choose: --over optimizer=adam,sgd, or --seeds 3, or both")
    return axes


def check_said_once(axes: Sequence[Axis], base: "CommandLine") -> None:
    """Check that nothing is chosen which the command line sets for every run as well.

    Raises:
        RecipeError: if something is.
    """
    settled = {*base.settings, *base.choices, *(text.partition("=")[0].strip() for text in base.assignments)}
    settled |= {"augmenter"} if base.augmenters else set()
    for name in (axis.name for axis in axes if axis.name in settled):
        raise RecipeError(
            f"{name} is chosen by --over or --seeds, and set for every run by another option; leave one of the two out"
        )


def combinations(axes: Sequence[Axis]) -> list[Combination]:
    """Every combination of the values; the last axis changes first."""
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]


def combined(base: "CommandLine", combination: Combination) -> "CommandLine":
    """What the command line says of every run, with what is special to one of them."""
    chosen = {name: value for name, value in combination.items() if name in _COMPONENTS and name != "augmenter"}
    options = [f"{name}={value}" for name, value in combination.items() if name not in _COMPONENTS]
    augmenters = [combination["augmenter"]] if "augmenter" in combination else base.augmenters
    return replace(
        base,
        choices={**base.choices, **chosen},
        augmenters=augmenters,
        assignments=[*base.assignments, *options],
    )


def title(combination: Combination) -> str:
    """The combination in words."""
    return ", ".join(f"{name}={value}" for name, value in combination.items())


def folder_name(combination: Combination) -> str:
    """A name for the folder of a run, which says what is special about it; different ones for different runs."""
    text = ",".join(f"{name}={value}" for name, value in combination.items())
    kept = "".join(character if character.isalnum() or character in "=.,-_+" else "_" for character in text)
    if kept == text and len(text) <= _LONGEST_NAME:
        return text
    return f"{kept[:_LONGEST_NAME]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _read_axis(text: str) -> Axis:
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise RecipeError(f"--over {text} cannot be read; write it as WHAT=VALUE,VALUE, such as optimizer=adam,sgd")
    if "." not in name and name not in _COMPONENTS:
        raise RecipeError(
            f"--over {text}: '{name}' cannot be chosen. {suggest(name, (*_COMPONENTS, SEED))}".rstrip()
            + f"\n  Choose a component ({', '.join(_COMPONENTS)}) or an option, such as optimizer.lr or {SEED}."
        )
    return Axis(name, _read_values(text, values))


def _read_values(text: str, values: str) -> tuple[str, ...]:
    read = tuple(value.strip() for value in _split(values))
    if not all(read):
        raise RecipeError(f"--over {text}: a value is empty; write values with commas between, such as adam,sgd")
    if len(set(read)) < len(read):
        raise RecipeError(f"--over {text}: a value is there twice; each makes a run of its own")
    return read


def _split(values: str) -> list[str]:
    """The values between commas; commas inside brackets belong to a value."""
    parts, depth = [""], 0
    for character in values:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
