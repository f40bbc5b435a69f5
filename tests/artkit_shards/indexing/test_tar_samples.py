import io
import json
import tarfile

import pytest
from PIL import Image

from artkit_shards import ClassFolders, DatasetError, Settings, TarError, TarSamples, convert, open_dataset
from artkit_shards.conversion.reading import read_image


def picture(number):
    file = io.BytesIO()
    Image.new("RGB", (24, 16), (number % 256, 90, 30)).save(file, "PNG")
    return file.getvalue()


def write_tar(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def numbered(start, stop, labels):
    return {
        name: content
        for number in range(start, stop)
        for name, content in (
            (f"{number:04d}.png", picture(number)),
            (f"{number:04d}.cls", str(labels[number % len(labels)])),
        )
    }


def rows_of(dataset):
    splits = [dataset.split(name) for name in dataset.split_names]
    return [(split, row) for split in splits for row in range(len(split))]


def seen(source):
    return {record.file: (*record.labels.values(), record.split) for record in source}


def test_classes_come_from_cls_and_splits_from_the_names_of_tars(tmp_path):
    write_tar(tmp_path / "art-train-000.tar", numbered(0, 2, [0, 1]))
    write_tar(tmp_path / "art-val-000.tar", numbered(2, 3, [1]))
    write_tar(tmp_path / "more.tar", numbered(3, 4, [0]))
    source = TarSamples(tmp_path)
    assert seen(source) == {
        "0000.png": ("0", "train"),
        "0001.png": ("1", "train"),
        "0002.png": ("1", "val"),
        "0003.png": ("0", None),
    }
    images = {record.file: read_image(record.image) for record in source}
    assert images == {f"{number:04d}.png": picture(number) for number in range(4)}
    assert source.notes() == ()
    assert {split for *_, split in seen(TarSamples(tmp_path, splits=False)).values()} == {None}


def test_names_of_classes_are_found_beside_the_tars_or_given(tmp_path):
    write_tar(tmp_path / "a.tar", numbered(0, 2, [0, 1]))
    (tmp_path / "classes.txt").write_text("Klee\nMonet\n")
    (tmp_path / "other.txt").write_text("Bosch\nDix\n")
    assert [label for label, _ in seen(TarSamples(tmp_path)).values()] == ["Klee", "Monet"]
    given = TarSamples(tmp_path, class_names=tmp_path / "other.txt")
    assert [label for label, _ in seen(given).values()] == ["Bosch", "Dix"]


def test_several_targets_come_from_fields_and_text(tmp_path):
    fields = [{"artist": "Klee", "meta": {"style": "Cubism"}}, {"artist": None, "meta": {}}]
    write_tar(
        tmp_path / "a.tar",
        {"a.jpg": "1", "a.json": json.dumps(fields[0]), "b.jpg": "2", "b.json": json.dumps(fields[1])},
    )
    source = TarSamples(tmp_path, labels=["artist", "style=meta.style"])
    assert [dict(record.labels) for record in source] == [{"artist": "Klee", "style": "Cubism"}]
    assert source.rejects() == [("b.jpg", "no label")]
    write_tar(tmp_path / "txt/a.tar", {"a.jpg": "1", "a.txt": " Paul\n Klee "})
    assert [dict(record.labels) for record in TarSamples(tmp_path / "txt", labels=["txt"])] == [{"class": "Paul Klee"}]


def test_keys_that_several_tars_use_are_told_apart(tmp_path):
    write_tar(tmp_path / "a.tar", numbered(0, 2, [0, 1]))
    write_tar(tmp_path / "b.tar", numbered(1, 3, [0, 1]))
    source = TarSamples(tmp_path)
    assert list(seen(source)) == ["a.tar/0000.png", "a.tar/0001.png", "b.tar/0001.png", "b.tar/0002.png"]
    assert source.notes() == ("several tars use the same keys; the name of the tar stands before each",)


def test_samples_without_an_image_or_a_label_are_rejected(tmp_path):
    write_tar(
        tmp_path / "a.tar", {**numbered(0, 2, [0, 1]), "x.cls": "0", "y.png": picture(7), "z.png": "", "z.cls": "-1"}
    )
    source = TarSamples(tmp_path)
    assert list(seen(source)) == ["0000.png", "0001.png"]
    assert source.rejects() == [("a.tar/x", "no image"), ("y.png", "no label"), ("z.png", "no label")]


def test_one_tar_is_a_source(tmp_path):
    path = write_tar(tmp_path / "art_test.tar", numbered(0, 2, [0, 1]))
    write_tar(tmp_path / "other.tar", numbered(0, 2, [0, 1]))
    assert set(seen(TarSamples(path))) == {"0000.png", "0001.png"}


def test_a_converted_set_of_tars_holds_the_very_same_images(tmp_path):
    write_tar(tmp_path / "src/all.tar", numbered(0, 12, [0, 1]))
    convert(TarSamples(tmp_path / "src"), tmp_path / "dst", Settings(fractions={"train": 0.5, "test": 0.5}), workers=1)
    images = {split.files[row]: split.read(row) for split, row in rows_of(open_dataset(tmp_path / "dst"))}
    assert images == {f"{number:04d}.png": picture(number) for number in range(12)}


def test_a_data_set_of_ours_keeps_targets_splits_and_file_names(tmp_path):
    for number in range(12):
        path = tmp_path / f"src/{'Klee' if number % 2 else 'Monet'}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(20 * number))
    convert(ClassFolders(tmp_path / "src"), tmp_path / "one", workers=1)
    source = TarSamples(tmp_path / "one")
    dataset = open_dataset(tmp_path / "one")
    expected = {
        split.files[row]: (dataset.class_names[split.labels[row]], split.name) for split, row in rows_of(dataset)
    }
    assert seen(source) == expected
    assert {tuple(record.labels) for record in source} == {("class",)}


@pytest.mark.parametrize(
    ("members", "options", "message"),
    [
        (
            {"a.jpg": "1", "a.json": '{"artist": "Klee"}'},
            {},
            r"has no \.cls; say where its class is with",
        ),
        ({"a.jpg": "1", "a.cls": "0"}, {"labels": ["artist"]}, r"no sample says its class by 'artist'"),
        ({"a.jpg": "1", "a.png": "1", "a.cls": "0"}, {}, r"has several images \(jpg, png\); choose one"),
        ({"a.cls": "0", "b.cls": "1"}, {}, r"no sample of 1 tar of \S+ can be used"),
    ],
)
def test_tars_that_do_not_tell_enough_are_refused(tmp_path, members, options, message):
    write_tar(tmp_path / "a.tar", members)
    with pytest.raises(DatasetError, match=message):
        TarSamples(tmp_path, **options)


def test_damaged_tars_are_named_with_the_byte(tmp_path):
    path = write_tar(tmp_path / "a.tar", numbered(0, 3, [0, 1]))
    path.write_bytes(path.read_bytes()[:2100])
    with pytest.raises(TarError, match=r"a\.tar cannot be read at byte \d+: "):
        TarSamples(tmp_path)


def test_tars_at_an_address_are_sent_to_the_index():
    with pytest.raises(DatasetError, match="read from folders only; fetch the tars first"):
        TarSamples("https://host/tars")
