"""Suggestions at the end of error messages."""

import pytest

from artkit.suggest import suggest


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("dpeth", "Did you mean 'depth'?"),
        ("DEPTH", "Did you mean 'depth'?"),
        ("growthrate", "Did you mean 'Growth_Rate'?"),
        ("colour", ""),
        ("", ""),
    ],
)
def test_suggests_the_closest_choice_whatever_its_case(word, expected):
    assert suggest(word, ["width", "depth", "Growth_Rate"]) == expected


def test_suggests_nothing_where_there_is_nothing():
    assert suggest("depth", []) == ""
