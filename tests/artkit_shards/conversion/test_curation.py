from io import BytesIO

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from artkit_shards import Record, Settings
from artkit_shards.conversion.curation import curate
from artkit_shards.conversion.inspection import inspect


def picture(seed, size=(60, 48), quality=92):
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=quality)
    return file.getvalue()


def images(*entries):
    """Usable images of (file, label, number of the picture) and more fields of the record."""
    usable = []
    for file, label, number, *rest in entries:
        labels = label if isinstance(label, dict) else {"class": label}
        # The same number is the same picture, in another quality for every file.
        data = picture(number, quality=60 + len(usable) % 35)
        usable.append((Record(data, file, labels, *rest), inspect(data)))
    return usable


def curated(usable, **choices):
    return curate([record for record, _ in usable], usable, Settings(**choices))


def groups_of(found):
    return {record.file: record.group for record, _ in found.images}


PLAIN = images(
    *((f"{label}/{number}", label, 100 * row + number) for row, label in enumerate("abc") for number in (1, 2))
)


def test_images_that_are_all_different_stay_as_they_are():
    found = curated(PLAIN)
    assert found.images == PLAIN
    assert (found.clusters, found.num_dropped, found.notes) == ((), 0, ())


def test_copies_become_one_group():
    found = curated([*PLAIN, *images(("a/copy", "a", 2), ("c/copy", "c", 202))])
    groups = groups_of(found)
    assert groups["a/2"] == groups["a/copy"] == "copies of a/2"
    assert groups["c/2"] == groups["c/copy"] == "copies of c/2"
    assert groups["a/1"] is None
    assert [[record.file for record in cluster.records] for cluster in found.clusters] == [
        ["a/2", "a/copy"],
        ["c/2", "c/copy"],
    ]


def test_copies_take_the_groups_along_that_they_bring():
    entries = [
        ("a/1", "a", 1, None, "x"),
        ("a/2", "a", 2, None, "x"),
        ("a/3", "a", 2, None, "y"),
        ("a/4", "a", 4, None, "y"),
    ]
    groups = groups_of(curated([*images(*entries), *PLAIN[2:]]))
    assert groups["a/1"] == groups["a/2"] == groups["a/3"] == groups["a/4"] == "x"


def test_copies_that_are_to_be_ignored_are_told_and_not_grouped():
    found = curated([*PLAIN, *images(("a/copy", "a", 2))], duplicates="keep")
    assert set(groups_of(found).values()) == {None}
    assert len(found.clusters) == 1


def test_copies_that_are_to_be_dropped_are_gone_and_told():
    found = curated([*PLAIN, *images(("a/copy", "a", 2), ("a/copy2", "a", 2))], duplicates="drop")
    assert len(found.images) == 6
    assert found.num_dropped == 2
    (cluster,) = found.clusters
    assert len(cluster.records) == 3
    assert len(cluster.dropped) == 2


def test_copies_that_are_dropped_do_not_count_as_images_of_their_class():
    usable = [*PLAIN, *images(("d/1", "d", 500), ("d/2", "d", 500), ("d/3", "d", 500))]
    found = curated(usable, duplicates="drop", min_count=2)
    assert found.selection.classes == ("a", "b", "c")
    assert "'d' (1)" in found.notes[0]
    assert found.clusters == ()


def test_copies_with_different_classes_are_a_conflict():
    conflict, none = curated([*PLAIN, *images(("a/copy", "a", 1), ("b/copy", "b", 2))]).clusters
    assert [record.file for record in conflict.records] == ["a/1", "a/copy"]
    assert [record.file for record in none.records] == ["a/2", "b/copy"]
    assert (conflict.has_conflict, none.has_conflict) == (False, True)


def test_a_missing_class_is_no_conflict_and_one_in_a_further_target_is():
    labelled = [{"artist": artist, "style": style} for artist in "abc" for style in ("s", "t")]
    usable = images(*((f"{row}", labels, row) for row, labels in enumerate(labelled)))
    copies = images(("copy of 0", {"artist": None, "style": "s"}, 0), ("copy of 1", {"artist": "a", "style": "z"}, 1))
    assert [cluster.has_conflict for cluster in curated([*usable, *copies]).clusters] == [False, True]


def test_rare_classes_of_further_targets_become_missing():
    labels = [{"artist": artist, "style": style} for artist, style in zip("aaabbb", "ssstuu", strict=True)]
    found = curated(images(*((f"{row}", entry, row) for row, entry in enumerate(labels))), min_count=2)
    assert [record.labels["style"] for record, _ in found.images] == ["s", "s", "s", None, "u", "u"]
    assert found.notes == ("classes of 'style' with fewer than 2 images are missing labels: t",)


def test_images_without_a_class_in_the_main_target_stay():
    usable = [*PLAIN, *images(("no class", None, 900))]
    assert len(curated(usable, top=2, max_count=1).images) == 3


def test_at_most_so_many_images_of_a_class_are_taken_and_the_others_are_told():
    found = curated([*PLAIN, *images(("a/3", "a", 3), ("a/4", "a", 4))], max_count=3)
    assert len(found.images) == 7
    assert found.notes == ("1 image left out of classes with more than 3: a",)


def test_no_picture_is_dropped_for_a_copy_of_a_class_that_is_left_out():
    larger = [(Record(b"", "rare/1", {"class": "rare"}), inspect(picture(2, size=(120, 96))))]
    found = curated([*PLAIN, *images(("a/3", "a", 3)), *larger], duplicates="drop", min_count=2)
    assert [record.file for record, _ in found.images if record.label == "a"] == ["a/1", "a/2", "a/3"]
    assert found.num_dropped == 0


def test_held_out_images_that_are_copies_of_learnt_ones_are_left_out():
    usable = [*PLAIN, *images(("d/1", "d", 1), ("d/2", "d", 900))]
    found = curated(usable, hold_out=("d",))
    assert found.selection.held_out == ("d",)
    assert [record.file for record, _ in found.images if found.is_held_out(record)] == ["d/2"]
    assert "1 image of held-out classes left out: they are in a group with, or copies of" in found.notes[-1]


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.sampled_from([None, "g", "h"])), max_size=25))
def test_whatever_belongs_together_is_in_one_group(entries):
    usable = [*PLAIN, *images(*((f"more/{row}", *entry[:2], None, entry[2]) for row, entry in enumerate(entries)))]
    number = {f"more/{row}": entry[1] for row, entry in enumerate(entries)}
    number |= {"a/1": 1, "a/2": 2}
    found = curated(usable, min_count=1)
    groups = groups_of(found)
    assert len(found.images) == len(usable)
    by_picture, by_group = {}, {}
    for record, _ in usable:
        if record.file in number:
            by_picture.setdefault(number[record.file], set()).add(groups[record.file])
        if record.group is not None:
            by_group.setdefault(record.group, set()).add(groups[record.file])
    assert all(len(names) == 1 for names in (*by_picture.values(), *by_group.values()))
