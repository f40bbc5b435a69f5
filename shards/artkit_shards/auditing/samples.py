"""One sample against its row of the index: its image decodes whole and is the one indexed, its class is right."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from artkit_shards.auditing.rows import IndexRow
from artkit_shards.conversion.inspection import inspect
from artkit_shards.errors import ImageError
from artkit_shards.format.files import MAX_IMAGE_BYTES
from artkit_shards.format.manifest import Manifest
from artkit_shards.format.samples import TarSample, is_image
from artkit_shards.format.tar_reader import Member
from artkit_shards.indexing.labels import (
    MAIN_TARGET,
    MAX_JSON_BYTES,
    Label,
    LabelError,
    LabelRule,
    parse_json,
    parse_rule,
    read_labels,
)

ReadMember = Callable[[Member], bytes]


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """How the members of a sample say its class in a target.

    Attributes:
        place: Number of the target.
        rule: Where its class stands.
        names: Its classes.
    """

    place: int
    rule: LabelRule
    names: Sequence[str]


def label_checks(manifest: Manifest) -> tuple[LabelCheck, ...]:
    """Where the samples of a data set say their classes.

    Raises:
        DatasetError: if the manifest does not say how an indexed data set was indexed.
    """
    targets = manifest.targets
    if manifest.is_indexed:
        said = manifest.options.get("labels")
        texts = [str(text) for text in said] if isinstance(said, list) else []
        rules = [parse_rule(text) for text in texts]
        return tuple(
            LabelCheck(place, rule, target.classes)
            for place, (rule, target) in enumerate(zip(rules, targets, strict=False))
        )
    number = LabelCheck(0, LabelRule(MAIN_TARGET, "cls"), targets[0].classes)
    names = (LabelCheck(i, LabelRule(t.name, "json", (t.name,)), t.classes) for i, t in enumerate(targets))
    return (number, *names)


def sample_faults(
    row: IndexRow, sample: TarSample, checks: Sequence[LabelCheck], read: ReadMember, *, described_in_json: bool
) -> Iterator[str]:
    """What is wrong with a sample, in words.

    Args:
        row: What the index says.
        sample: Its members.
        checks: See `label_checks`.
        read: Gives the data of a member.
        described_in_json: Whether its JSON says file, width and height, as that of converted data sets does.
    """
    image = next((m for m in sample.parts.values() if m.offset == row.offset), None)
    if image is None or not any(is_image(suffix) for suffix, m in sample.parts.items() if m is image):
        yield f"the index places its image at byte {row.offset}, where there is none"
        return
    if image.size != row.size:
        yield f"its image has {image.size} bytes, the index says {row.size}"
    if image.size > MAX_IMAGE_BYTES:
        yield f"its image is too large: {image.size} bytes"
    else:
        yield from _image_faults(row, read(image))
    yield from _label_faults(row, sample, checks, read)
    if described_in_json and "json" in sample.parts:
        yield from _json_faults(row, sample.parts["json"], read)


def _image_faults(row: IndexRow, data: bytes) -> Iterator[str]:
    try:
        found = inspect(data)
    except ImageError as error:
        yield f"its image cannot be decoded: {error}"
        return
    if found.crc32 != row.crc32:
        yield "its image is another one than was indexed (other CRC-32)"
    if (found.width, found.height) != (row.width, row.height):
        yield f"its image is {found.width}x{found.height}, the index says {row.width}x{row.height}"


def _label_faults(row: IndexRow, sample: TarSample, checks: Sequence[LabelCheck], read: ReadMember) -> Iterator[str]:
    for check in checks:
        if check.rule.member not in sample.parts:
            continue
        try:
            (label,) = read_labels(sample, (check.rule,), read)
        except LabelError as error:
            yield f"its class cannot be read: {error}"
            continue
        indexed = row.labels[check.place]
        if not _agrees(label, indexed, check.names):
            where = f".{check.rule.member}" if not check.rule.field else f".json ({check.rule.text})"
            yield f"{where} says class {label}, the index says {_named(indexed, check.names)}"


def _agrees(label: Label, indexed: int, names: Sequence[str]) -> bool:
    if indexed == -1:
        # Names of classes that were held out are no classes of the data set.
        return label is None or (isinstance(label, str) and label not in names)
    if label is None or not 0 <= indexed < len(names):
        return False
    return label == indexed or str(label) == names[indexed]


def _named(indexed: int, names: Sequence[str]) -> str:
    return f"{indexed} ({names[indexed]})" if 0 <= indexed < len(names) else str(indexed)


def _json_faults(row: IndexRow, member: Member, read: ReadMember) -> Iterator[str]:
    if member.size > MAX_JSON_BYTES:
        yield f".json is too large: {member.size} bytes"
        return
    try:
        fields: Any = parse_json(read(member).decode())
    except (LabelError, UnicodeDecodeError) as error:
        yield f".json cannot be read: {error}"
        return
    said = (fields.get("width"), fields.get("height"))
    if None not in said and said != (row.width, row.height):
        yield f".json says {said[0]}x{said[1]}, the index says {row.width}x{row.height}"
    if fields.get("file", row.file) != row.file:
        yield f".json says it came from {fields['file']!r}, the index says {row.file!r}"
