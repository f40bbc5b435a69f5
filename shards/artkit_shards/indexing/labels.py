"""The class of a sample, as its members say it: a number in `.cls`, a text in `.txt`, or a field of `.json`."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import is_plain_name
from artkit_shards.format.samples import TarSample
from artkit_shards.format.tar_reader import Member

Label = int | str | None
"""A class by number or by name; None where it is not known."""

MAIN_TARGET: Final = "class"
MAX_CLASS: Final = 1_000_000
"""Class numbers above a million are mistakes."""
MAX_JSON_BYTES: Final = 1 << 24
_MAX_BYTES: Final = {"cls": 256, "txt": 4096, "json": MAX_JSON_BYTES}
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


class LabelError(Exception):
    """A member that does not say a class; its text is a short reason."""


@dataclass(frozen=True, slots=True)
class LabelRule:
    """Where the class of a target is found.

    Attributes:
        target: Name of the target.
        member: Suffix of the member: "cls", "txt" or "json".
        field: Of a JSON member: the way to the value, as in `("meta", "artist")`.
    """

    target: str
    member: str
    field: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The rule as users write it."""
        return ".".join(self.field) or self.member


def parse_rule(text: str) -> LabelRule:
    """Understand `cls`, `txt`, a field such as `artist` or `meta.artist`, or one with a name, `style=meta.style`.

    Raises:
        DatasetError: if it names no field, or its name cannot be that of a target.
    """
    name, equals, place = text.rpartition("=")
    if not place.strip(".") or (equals and not name):
        raise DatasetError(f"the label {text!r} names no field; write cls, txt or a field of .json, such as artist")
    if place in ("cls", "txt"):
        target, rule = name or MAIN_TARGET, LabelRule(name or MAIN_TARGET, place)
    else:
        field = tuple(place.split("."))
        target = name or re.sub(r"[^a-z0-9_-]", "_", field[-1].lower())
        rule = LabelRule(target, "json", field)
    if not is_plain_name(target):
        raise DatasetError(f"a target cannot be named {target!r}; name it with small letters: --label artist={place}")
    return rule


def read_labels(sample: TarSample, rules: tuple[LabelRule, ...], read: Callable[[Member], bytes]) -> tuple[Label, ...]:
    """The class of a sample in each target.

    Args:
        sample: Its members.
        rules: One a target.
        read: Gives the data of a member.

    Raises:
        LabelError: if a member is there and cannot be understood.
    """
    texts: dict[str, str] = {}
    for suffix in {rule.member for rule in rules} & sample.parts.keys():
        member = sample.parts[suffix]
        if member.size > _MAX_BYTES[suffix]:
            raise LabelError(f".{suffix} too large: {member.size} bytes")
        try:
            texts[suffix] = read(member).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise LabelError(f".{suffix} is not UTF-8") from error
    fields = parse_json(texts["json"]) if "json" in texts else {}
    return tuple(_label(rule, texts, fields) for rule in rules)


def parse_json(text: str) -> Mapping[str, Any]:
    """The fields of a JSON member; raises LabelError if it is no JSON object."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabelError(".json is no JSON") from error
    if not isinstance(fields, dict):
        raise LabelError(".json is no JSON object")
    return fields


def _label(rule: LabelRule, texts: Mapping[str, str], fields: Mapping[str, Any]) -> Label:
    if rule.member == "cls":
        return _class_number(texts.get("cls", "").strip(), rule)
    if rule.member == "txt":
        return _printable(texts.get("txt", ""), rule)
    value: Any = fields
    for name in rule.field:
        value = value.get(name) if isinstance(value, dict) else None
    return _plain(value, rule)


def _class_number(text: str, rule: LabelRule) -> Label:
    if _NUMBER.fullmatch(text):
        number = int(text)
        if number > MAX_CLASS or number < -1:
            raise LabelError(f".cls has no class number: {number}")
        return number if number >= 0 else None
    return _printable(text, rule)


def _plain(value: Any, rule: LabelRule) -> Label:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return _printable(value, rule)
    if isinstance(value, int):
        return int(value)
    raise LabelError(f"{rule.text} is no text or whole number")


def _printable(text: str, rule: LabelRule) -> str | None:
    name = " ".join(text.split())
    if not name.isprintable():
        raise LabelError(f"{rule.text} has control characters")
    return name or None
