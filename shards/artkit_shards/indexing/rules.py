"""Choosing how classes are read: the rules that users give, or the one that the first sample suggests."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from artkit_shards.errors import DatasetError
from artkit_shards.format.samples import read_samples
from artkit_shards.indexing.classes import CLASS_FILES, ClassNames, read_class_names
from artkit_shards.indexing.finding import Tar
from artkit_shards.indexing.labels import LabelError, LabelRule, parse_json, parse_rule
from artkit_shards.wording import listed


def choose_rules(labels: Sequence[str], first: Tar) -> tuple[LabelRule, ...]:
    """One rule a target: those given, or `.cls` if the first sample of a tar has it.

    Raises:
        DatasetError: if a label cannot be understood, or none is given and there is no `.cls`.
    """
    rules = tuple(parse_rule(text) for text in labels) or (_default_rule(first),)
    twice = [name for name, count in Counter(rule.target for rule in rules).items() if count > 1]
    if twice:
        raise DatasetError(f"two labels are named {twice[0]!r}; name one of them otherwise: --label NAME=FIELD")
    return rules


def _default_rule(tar: Tar) -> LabelRule:
    """`.cls`, if the first sample has it; else the user must choose from what it has."""
    sample = next(read_samples(tar.path), None)
    if sample is None:
        raise DatasetError(f"{tar.path} holds no samples (members named as <key>.<suffix>)")
    if "cls" in sample.parts:
        return parse_rule("cls")
    choices = ["txt"] if "txt" in sample.parts else []
    if "json" in sample.parts:
        choices += _json_fields(tar, sample.parts["json"].offset, sample.parts["json"].size)
    has = f"choose one of {listed(choices)}" if choices else f"it has {listed(list(sample.parts))} only"
    raise DatasetError(
        f"sample {sample.key} of {tar.path.name} has no .cls; say where its class is with --label FIELD: {has}"
    )


def _json_fields(tar: Tar, offset: int, size: int) -> list[str]:
    """Names of the fields of a JSON member that can be classes."""
    with tar.path.open("rb") as file:
        file.seek(offset)
        data = file.read(min(size, 1 << 20))
    try:
        fields = parse_json(data.decode("utf-8", "replace"))
    except LabelError:
        return []
    return [name for name, value in fields.items() if isinstance(value, str | int)]


def choose_class_names(
    folder: Path, classes: Path | str | None, main: LabelRule, shown: Callable[[str], str] | None = None
) -> ClassNames | None:
    """Names of the main target's classes: those of the file given, else of one beside the tars if numbers need names.

    Args:
        folder: Where the tars are.
        classes: The file given.
        main: How the class is read.
        shown: Gives a file of the folder as users know it.

    Raises:
        DatasetError: if the file cannot be used.
    """
    if classes is not None:
        return read_class_names(Path(classes), str(classes))
    if main.member != "cls":
        return None
    name = next((name for name in CLASS_FILES if (folder / name).is_file()), None)
    return read_class_names(folder / name, shown(name) if shown else str(folder / name)) if name else None
