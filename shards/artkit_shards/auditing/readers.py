"""What other readers ask of a shard, beyond what artkit asks. The rules are those of their sources.

- webdataset: members of a sample follow one another; it takes hidden files in folders for samples.
- Hugging Face datasets: the first five samples of the first shard have the same members.
- DALI: no blanks in names, which part the fields of its index; plain USTAR headers; the same members in every sample.
- Energon: keys unique in the whole data set; regular files only; no second dot in the name of a shard.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from artkit_shards.format.samples import TarSample, split_name
from artkit_shards.format.tar_reader import Member

WEBDATASET: Final = "webdataset"
HUGGING_FACE: Final = "Hugging Face datasets"
DALI: Final = "DALI"
ENERGON: Final = "Energon"
READERS: Final = (WEBDATASET, HUGGING_FACE, DALI, ENERGON)

_FIRST_SAMPLES: Final = 5
_WEBDATASET_NAME: Final = re.compile(r"(?:.*/|)[^.]+[.][^/]*")


class Complaint(NamedTuple):
    """Why a reader cannot read a shard as it is."""

    reader: str
    shard: str
    text: str


class ShardFacts(NamedTuple):
    """What the rules for a whole data set need to know of a shard."""

    shard: str
    keys: Sequence[str]
    first_members: Sequence[frozenset[str]]
    """Suffixes of the first samples."""
    members: Counter[frozenset[str]]
    """Number of samples by the suffixes they have."""


def shard_facts(shard: str, samples: Sequence[TarSample]) -> ShardFacts:
    """What the rules for a whole data set need to know of a shard."""
    suffixes = [frozenset(sample.parts) for sample in samples]
    return ShardFacts(shard, [sample.key for sample in samples], suffixes[:_FIRST_SAMPLES], Counter(suffixes))


def shard_complaints(shard: str, members: Sequence[Member]) -> list[Complaint]:
    """Rules that one shard alone can break; one complaint a rule."""
    found: dict[tuple[str, str], list[str]] = {}
    for member in members:
        for reader, text in _broken_by(member):
            found.setdefault((reader, text), []).append(member.name)
    complaints = [Complaint(reader, shard, f"{text} ({_examples(names)})") for (reader, text), names in found.items()]
    if "." in shard.removesuffix(".tar"):
        complaints.append(Complaint(ENERGON, shard, "the name of the tar has a second dot"))
    return complaints


def data_set_complaints(facts: Sequence[ShardFacts]) -> list[Complaint]:
    """Rules over all shards.

    Args:
        facts: Of all shards, the first shard of the first split first.
    """
    complaints = list(_repeated_keys(facts))
    for shard in facts[:1]:
        if len(set(shard.first_members)) > 1:
            text = "the first five samples do not have the same members"
            complaints.append(Complaint(HUGGING_FACE, shard.shard, text))
    usual = sum((shard.members for shard in facts), Counter[frozenset[str]]()).most_common(1)
    for shard in facts:
        others = [members for members in shard.members if usual and members != usual[0][0]]
        if others:
            number = sum(shard.members[members] for members in others)
            have = "sample has" if number == 1 else "samples have"
            text = f"{number} {have} other members ({_suffixes(others[0])}) than most ({_suffixes(usual[0][0])})"
            complaints.append(Complaint(DALI, shard.shard, text))
    return complaints


def _broken_by(member: Member) -> Iterable[tuple[str, str]]:
    if not member.is_file:
        yield ENERGON, "there are folders among the members"
        return
    belongs = split_name(member.name) is not None
    if not belongs and _WEBDATASET_NAME.fullmatch(member.name) and "/." in member.name:
        yield WEBDATASET, "hidden files in folders are taken for samples"
    if member.extended:
        yield DALI, "members have extended headers (PAX or GNU), where plain USTAR is asked for"
    if belongs and len(member.name.split()) != 1:
        yield DALI, "names have blanks"
    if belongs and member.name.startswith("__"):
        yield HUGGING_FACE, "members whose name begins with __ are passed over"


def _repeated_keys(facts: Sequence[ShardFacts]) -> Iterable[Complaint]:
    first: dict[str, str] = {}
    for shard in facts:
        again = [key for key in shard.keys if key in first]
        if again:
            where = first[again[0]]
            text = f"keys are not unique in the data set ({_examples(again)}; the first stands in {where} too)"
            yield Complaint(ENERGON, shard.shard, text)
        first.update((key, shard.shard) for key in shard.keys if key not in first)


def _suffixes(members: Iterable[str]) -> str:
    return ", ".join(sorted(members))


def _examples(names: Sequence[str]) -> str:
    others = len(names) - 1
    return f"{names[0]!r}" + (f" and {others} more" if others else "")
