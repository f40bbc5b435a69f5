"""What other readers ask of a shard, rule by rule; Hugging Face datasets' own rule is checked in test_sidecars."""

import pytest

from artkit_shards.auditing.readers import (
    DALI,
    ENERGON,
    HUGGING_FACE,
    WEBDATASET,
    data_set_complaints,
    shard_complaints,
    shard_facts,
)
from artkit_shards.format.samples import group_samples
from artkit_shards.format.tar_reader import Member


def member(name, *, is_file=True, extended=False):
    return Member(name, 512, 1, 0, is_file, extended)


def facts(shard, names):
    return shard_facts(shard, list(group_samples(map(member, names), shard)))


GOOD = [member("1.jpg"), member("1.cls"), member("2.jpg"), member("2.cls")]

SHARD_RULES = {
    "folder": (member("a", is_file=False), ENERGON, "there are folders among the members ('a')"),
    "hidden": (member("a/.x"), WEBDATASET, "hidden files in folders are taken for samples ('a/.x')"),
    "pax": (member("3.jpg", extended=True), DALI, "members have extended headers (PAX or GNU), where plain USTAR"),
    "blank": (member("my 3.jpg"), DALI, "names have blanks ('my 3.jpg')"),
    "underscores": (member("__3.jpg"), HUGGING_FACE, "members whose name begins with __ are passed over"),
}


@pytest.mark.parametrize(("bad", "reader", "text"), SHARD_RULES.values(), ids=SHARD_RULES)
def test_a_member_that_breaks_a_rule_of_a_reader_is_told(bad, reader, text):
    (complaint,) = shard_complaints("train-0.tar", [*GOOD, bad])
    assert (complaint.reader, complaint.shard) == (reader, "train-0.tar")
    assert complaint.text.startswith(text)


def test_members_that_no_reader_minds_are_fine():
    assert shard_complaints("train-0.tar", [*GOOD, member(".hidden"), member("__info__"), member("README")]) == []


def test_one_complaint_stands_for_many_members():
    (complaint,) = shard_complaints("a.tar", [member(f"my {number}.jpg") for number in range(9)])
    assert complaint.text == "names have blanks ('my 0.jpg' and 8 more)"


def test_a_second_dot_in_the_name_of_a_tar_is_told():
    (complaint,) = shard_complaints("v1.train-0.tar", GOOD)
    assert complaint == (ENERGON, "v1.train-0.tar", "the name of the tar has a second dot")


def test_keys_must_be_unique_in_the_data_set_for_energon():
    shards = [facts("a.tar", ["1.jpg", "2.jpg"]), facts("b.tar", ["3.jpg"]), facts("c.tar", ["2.jpg", "1.jpg"])]
    (complaint,) = data_set_complaints(shards)
    assert complaint.reader == ENERGON
    assert complaint.shard == "c.tar"
    assert complaint.text == "keys are not unique in the data set ('2' and 1 more; the first stands in a.tar too)"


def test_all_samples_must_have_the_same_members_for_dali():
    shards = [facts("a.tar", ["1.jpg", "1.cls", "2.jpg", "2.cls"]), facts("b.tar", ["3.jpg"])]
    (complaint,) = data_set_complaints(shards)
    assert complaint == (DALI, "b.tar", "1 sample has other members (jpg) than most (cls, jpg)")


def test_the_first_five_samples_must_have_the_same_members_for_hugging_face():
    names = [f"{number}.jpg" for number in range(5)]
    mixed = facts("a.tar", [*names[:4], "4.png", *(f"{number}.jpg" for number in range(5, 9))])
    later = facts("b.tar", [*(f"b{name}" for name in names), "b6.png"])
    assert [one.shard for one in data_set_complaints([mixed]) if one.reader == HUGGING_FACE] == ["a.tar"]
    assert [one for one in data_set_complaints([later, mixed]) if one.reader == HUGGING_FACE] == []


def test_a_data_set_without_samples_has_no_complaints():
    assert data_set_complaints([]) == []
    assert data_set_complaints([facts("a.tar", [])]) == []
