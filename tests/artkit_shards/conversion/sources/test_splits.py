import pytest

from artkit_shards import ConvertError
from artkit_shards.conversion.sources.splits import read_splits


@pytest.mark.parametrize(
    ("column", "mapping", "splits"),
    [
        pytest.param("split", {}, {"Train": "train", "validation": "val", "TEST": "test"}, id="words"),
        pytest.param("split", {}, {"train": "train", "fold_3": "fold_3"}, id="names of their own"),
        pytest.param("in_train", {}, {"True": "train", "False": "test"}, id="booleans"),
        pytest.param("in_train", {}, {"1": "train", "0": "test"}, id="numbers"),
        pytest.param("isTest", {}, {"yes": "test", "no": "train"}, id="in test"),
        pytest.param("is_val", {}, {"true": "val", "false": "train"}, id="in validation"),
        pytest.param("in_train", {"false": "test", "true": "auto"}, {"True": None, "False": "test"}, id="auto"),
        pytest.param("fold", {"0": "test"}, {"0": "test", "b": "b"}, id="partly mapped"),
        pytest.param("fold", {"0": "validation", "1": "dev"}, {"0": "val", "1": "val"}, id="words mapped to"),
        pytest.param("group", {"A": "train", "B C": "test"}, {"a": "train", "b c": "test"}, id="any words mapped"),
    ],
)
def test_values_of_a_split_column_are_understood(column, mapping, splits):
    assert read_splits(column, list(splits), mapping) == splits


@pytest.mark.parametrize(
    ("column", "values", "mapping", "message"),
    [
        (
            "fold",
            ["True", "False"],
            {},
            r"'False', 'True' of the column 'fold' name no .* False=test,True=train",
        ),
        ("fold", ["1", "2"], {}, r"name no split; say what they stand for, such as --split-values 1=test,2=train"),
        ("split", ["Part One"], {}, r"'Part One' of the column 'split' name no split"),
        ("split", ["a"], {"a": "A B"}, r"'A B' cannot be the name of a split"),
        ("split", ["a"], {"c": "test"}, r"the column 'split' has no value 'c'; its values are 'a'"),
    ],
)
def test_values_that_name_no_split_are_refused_with_what_to_do(column, values, mapping, message):
    with pytest.raises(ConvertError, match=message):
        read_splits(column, values, mapping)
