import pytest

from artkit_shards import ConvertError, Record, Settings
from artkit_shards.conversion.coverage import check_training, split_notes


def record(file, split=None, group=None):
    return Record(b"", file, {"class": file[0]}, split, group)


def test_classes_without_training_images_are_told_with_what_to_do():
    records = [record("a1"), record("b1", "test"), record("c1", "val")]
    with pytest.raises(ConvertError, match=r"no usable training images of b, c; .*: add some, or take these classes"):
        check_training(records, {"a1": "train", "b1": "test", "c1": "val"}, ["a", "b", "c"])


def test_groups_that_take_the_images_of_a_class_elsewhere_are_named():
    records = [record("a1"), record("a2", "test", "Paris"), record("b1", None, "Paris"), record("b2", None, "Paris")]
    message = r"of b; .* 'train'\. Images of a group stay in one split, .*: 'Paris' \(test\)\. Give another --group"
    with pytest.raises(ConvertError, match=message):
        check_training(records, {"a1": "train", "a2": "test", "b1": "test", "b2": "test"}, ["a", "b"])


def test_what_is_missing_in_a_split_is_told_with_the_reason():
    def told(*records):
        return split_notes(records, {record.file: "train" for record in records}, ["a", "b"], HALVES)

    lone = [record("a1"), record("b1")]
    assert told(*lone) == ["there is no image in 'test': too few images"]
    assert told(lone[0], record("b1", None, "g"))[0].endswith("too few images, or too few groups, which stay whole")
    assert told(lone[0], record("b1", "train"))[0].endswith("the images bring splits of their own")


HALVES = Settings(fractions={"train": 0.5, "test": 0.5})
