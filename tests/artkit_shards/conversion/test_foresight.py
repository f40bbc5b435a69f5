"""What cannot work is refused before any file is read: the images here are no images at all."""

from types import MappingProxyType

import pytest

from artkit_shards import ConvertError, Record, Settings, convert

COUNTS = {"Monet": 8, "Manet": 6, "Klee": 5, "Bosch": 2}


def listed(splits=MappingProxyType({}), counts=COUNTS):
    return [
        Record(b"never read", f"{name}/{number}.jpg", {"artist": name}, splits.get(name))
        for name, count in counts.items()
        for number in range(count)
    ]


def refuse(message, records, dst, **choices):
    """See that a conversion is refused before any work is begun."""
    with pytest.raises(ConvertError, match=message):
        begin(records, dst, **choices)
    assert not dst.exists()


def begin(records, dst, **choices):
    def told(_phase, _done, _total):
        raise WorkBegunError("an image is looked at")

    convert(records, dst, Settings(**choices), workers=1, progress=told)


class WorkBegunError(Exception):
    """Raised as soon as an image is looked at."""


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"hold_out": 4}, "only 0 of 4 classes are not held out, and a data set needs at least two; hold out fewer"),
        ({"hold_out": 3}, "only 1 of 4 classes are not held out"),
        ({"hold_out": ("Monet", "Manet", "Klee")}, "only 1 of 4 classes are not held out"),
        ({"hold_out": 1, "top": 2}, "only 1 of 4 classes are not held out"),
        ({"min_count": 7}, "1 of 4 classes have 7 or more usable images"),
        ({"classes": ("Klee",)}, "1 of 4 classes would be left"),
        ({"classes": ("Kle",)}, "classes names 'Kle', but there is no such class; did you mean 'Klee'"),
        ({"hold_out": ("Durer",)}, "hold_out names 'Durer', but there is no such class"),
    ],
)
def test_choices_that_leave_too_few_classes_are_refused_at_once(tmp_path, choices, message):
    refuse(message, listed(), tmp_path / "dst", **choices)


def test_a_class_of_one_image_is_refused_at_once_but_not_if_the_largest_are_wanted(tmp_path):
    records = listed(counts={**COUNTS, "Goya": 1})
    refuse(r"^'Goya' \(1\): too few usable images", records, tmp_path / "dst")
    with pytest.raises(WorkBegunError, match="looked at"):
        begin(records, tmp_path / "dst", top=4)


def test_a_class_without_an_image_that_may_be_trained_on_is_refused_at_once(tmp_path):
    records = listed({"Klee": "test"})
    refuse("no usable training images of Klee; every class needs one", records, tmp_path / "dst")
    with pytest.raises(WorkBegunError, match="looked at"):
        begin(records, tmp_path / "dst", hold_out=("Klee",))


def test_images_must_not_bring_the_split_of_held_out_classes(tmp_path):
    message = "'Bosch/0.jpg' brings the split 'unknown', which is for the classes that are held out"
    refuse(message, listed({"Bosch": "unknown"}), tmp_path / "dst", hold_out=("Klee",))
