"""What a data set holds: counts, sizes, formats, and images with the same bytes."""

import json
import zlib

import pytest

from artkit_shards import describe_dataset, index_tars, open_dataset
from artkit_shards.auditing.duplicates import find_duplicates


def test_counts_sizes_and_formats_are_those_of_the_data_set(uneven_shards):
    dataset = open_dataset(uneven_shards)
    found = describe_dataset(dataset)
    assert found.class_names == ("few", "many", "some")
    assert found.class_counts.tolist() == [6, 27, 11]
    assert [split.name for split in found.splits] == ["train", "val", "test"]
    train = found.splits[0]
    assert (train.num_images, train.num_classes, train.largest, train.smallest) == (36, 3, 23, 4)
    assert train.imbalance == pytest.approx(23 / 4)
    assert train.num_shards == 1
    assert train.image_bytes == sum(len(dataset.split("train").read(row)) for row in range(36))
    assert len(found.widths) == len(found.heights) == 44
    assert dict(found.formats) == {"jpg": 44}
    assert found.duplicates.groups == ()
    assert dict(found.num_classes_of) == {"class": 3}


def test_classes_without_images_and_images_without_a_class_are_counted(foreign_tars):
    foreign_tars.write("train-0.tar", foreign_tars.samples(range(4), cls=lambda number: 2 * (number % 2)))
    foreign_tars.write("test-0.tar", foreign_tars.samples(range(4, 7), cls=lambda _: -1))
    index_tars(foreign_tars.folder)
    train, test = describe_dataset(open_dataset(foreign_tars.folder)).splits
    assert (train.num_images, train.num_classes, train.smallest, train.imbalance) == (4, 2, 2, 1)
    assert (test.num_images, test.num_unlabelled, test.num_classes) == (3, 3, 0)
    assert (test.largest, test.smallest, test.imbalance) == (0, 0, 1)


def test_formats_of_mixed_images_are_told_by_their_suffixes(foreign_tars):
    members = foreign_tars.samples(range(2), cls=str)
    members |= foreign_tars.samples(range(2, 5), suffix="jpeg", kind="JPEG", cls=str)
    members |= foreign_tars.samples(range(5, 6), suffix="JPG", kind="JPEG", cls=str)
    foreign_tars.write("a.tar", members)
    index_tars(foreign_tars.folder)
    assert describe_dataset(open_dataset(foreign_tars.folder)).formats == {"jpg": 4, "png": 2}


@pytest.fixture
def copies(foreign_tars):
    """Image 0 three times, once of another class; image 1 in training and in the test split."""
    same, both = foreign_tars.image(0), foreign_tars.image(1)
    labels = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 0}
    images = {"a": same, "b": same, "c": same, "d": both, "e": foreign_tars.image(2)}
    members = {}
    for key, image in images.items():
        members |= {f"{key}.png": image, f"{key}.json": json.dumps({"class": labels[key]})}
    foreign_tars.write("train-0.tar", members)
    foreign_tars.write("test-0.tar", {"z.png": both, "z.json": '{"class": 1}'})
    index_tars(foreign_tars.folder, labels=["class"])
    return foreign_tars.folder


def test_images_with_the_same_bytes_are_found_within_and_across_splits_and_classes(copies):
    found = find_duplicates(open_dataset(copies))
    assert [[(copy.split, copy.key, copy.label) for copy in group] for group in found.groups] == [
        [("train", "a", 0), ("train", "b", 0), ("train", "c", 1)],
        [("train", "d", 1), ("test", "z", 1)],
    ]
    assert found.num_extra == 3
    assert found.across_splits == found.groups[1:]
    assert found.across_classes == found.groups[:1]
    assert found.groups[1][1].file == "test-0.tar/z.png"


def with_checksum(data, checksum):
    """The data with four bytes more, chosen so that its CRC-32 is the given one: CRCs are linear in the bits."""
    zero = zlib.crc32(data + bytes(4))
    bits = {1 << bit: zero ^ zlib.crc32(data + (1 << bit).to_bytes(4, "little")) for bit in range(32)}
    wanted, chosen = zero ^ checksum, 0
    for place in reversed(range(32)):
        pivot = next(bit for bit, change in bits.items() if change >> place & 1)
        change = bits.pop(pivot)
        bits = {
            (bit ^ pivot if other >> place & 1 else bit): (other ^ change if other >> place & 1 else other)
            for bit, other in bits.items()
        }
        if wanted >> place & 1:
            wanted, chosen = wanted ^ change, chosen ^ pivot
    return data + chosen.to_bytes(4, "little")


def test_equal_checksums_and_sizes_alone_make_no_duplicates(foreign_tars):
    members = {}
    for number in range(4):
        members |= {f"{number}.png": with_checksum(foreign_tars.image(number % 3), 12345), f"{number}.cls": "0"}
    assert len({len(members[f"{number}.png"]) for number in range(4)}) == 1
    foreign_tars.write("a.tar", members)
    index_tars(foreign_tars.folder)
    dataset = open_dataset(foreign_tars.folder)
    assert dataset.split("train").checksums.tolist() == [12345] * 4
    assert [[copy.key for copy in group] for group in find_duplicates(dataset).groups] == [["0", "3"]]


def test_images_that_cannot_be_read_are_passed_over(copies):
    dataset = open_dataset(copies)
    path = copies / "test-0.tar"
    path.write_bytes(bytes(path.stat().st_size))
    assert [[copy.key for copy in group] for group in find_duplicates(dataset).groups] == [["a", "b", "c"]]
