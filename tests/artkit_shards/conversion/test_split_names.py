import pytest

from artkit_shards import ConvertError, Record, Settings, convert
from artkit_shards.conversion.sources.splits import read_splits
from artkit_shards.conversion.split_names import check_spelling, unusual_notes


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("trian", "train"), ("trai", "train"), ("tset", "test"), ("tests", "test"), ("vla", "val"), ("unknow", "unknown")],
)
def test_slips_are_refused_with_what_is_meant(slip, meant):
    with pytest.raises(ConvertError, match=f"^'{slip}' is none of the usual splits .*; did you mean '{meant}'"):
        check_spelling(slip)


@pytest.mark.parametrize("name", ["train", "val", "test", "unknown", "rest", "holdout", "test_2", "test2"])
def test_other_names_are_allowed(name):
    check_spelling(name)


def test_unusual_splits_are_told_and_what_may_be_meant():
    assert unusual_notes(["train", "val", "test", "unknown"]) == []
    trian, rest = unusual_notes(["rest", "train", "trian"])[::-1]
    assert trian.endswith("unless it is asked for; if 'train' is meant, say --split-values trian=train")
    assert rest == (
        "the split 'rest' is none of the usual train, val, test, unknown: nothing is trained or tested on it unless it "
        "is asked for"
    )


def test_a_slip_on_the_command_line_makes_no_new_split():
    with pytest.raises(ConvertError, match="did you mean 'test'"):
        read_splits("in_train", ["true", "false"], {"true": "train", "false": "tset"})
    with pytest.raises(ConvertError, match="did you mean 'val'"):
        Settings(fractions={"train": 0.5, "vall": 0.5}).check()


def test_an_unusual_split_of_the_images_themselves_is_told(shape_shards, tmp_path):
    from artkit_shards import open_dataset

    train = open_dataset(shape_shards).split("train")
    records = [
        Record(
            train.read(row), train.files[row], {"class": str(train.labels[row])}, "trian" if row % 4 == 3 else "train"
        )
        for row in range(len(train))
    ]
    report = convert(records, tmp_path / "dst", workers=1)
    assert "trian" in report.split_counts
    assert any("the split 'trian' is none of the usual" in note for note in report.notes)
