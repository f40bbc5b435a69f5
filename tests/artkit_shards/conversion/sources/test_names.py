import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.conversion.sources.names import class_name, garbled_twins, look_alikes, mended, target_name
from artkit_shards.format.manifest import is_plain_name


@pytest.mark.parametrize("garbled", ["Albrecht_DuΓòá├¬rer", "Albrecht_Du╠êrer", "Albrecht_DÃ¼rer", "Albrecht_D├╝rer"])
def test_garbled_names_are_mended_however_often_they_were_garbled(garbled):
    assert mended(garbled) == "Albrecht_Dürer"


@pytest.mark.parametrize("name", ["Albrecht_Dürer", "Mikhail Vrubel", "Żółw", "葛飾北斎", "Ætla", "Ø", ""])
def test_names_that_are_right_stay(name):
    assert mended(name) == name


@given(st.text(max_size=20), st.sampled_from(["cp437", "latin-1"]))
def test_what_was_garbled_once_or_twice_comes_back(name, codec):
    try:
        right = unicodedata.normalize("NFC", name)
        garbled = right.encode().decode(codec)
        twice = garbled.encode().decode(codec)
    except UnicodeError:
        return
    if mended(right) == right and not right.isascii():
        assert mended(garbled) == mended(twice) == right


def test_only_names_whose_right_form_is_there_are_twins():
    assert garbled_twins(["Albrecht_DuΓòá├¬rer", "Albrecht_Dürer", "CÃ©zanne", "Klee"]) == {
        "Albrecht_DuΓòá├¬rer": "Albrecht_Dürer"
    }


def test_look_alikes_differ_in_case_accents_blanks_or_punctuation():
    names = ["van Gogh", "Van_Gogh", "Klee", "Cezanne", "Cézanne", "Monet", "Manet", "!", "?"]
    assert look_alikes(names) == [("Cezanne", "Cézanne"), ("Van_Gogh", "van Gogh")]


def test_class_names_have_single_blanks_and_are_composed():
    assert class_name(" Wassily \t Kandinsky\u00a0") == "Wassily Kandinsky"
    assert class_name("Ce\u0301zanne") == "C\u00e9zanne"


@pytest.mark.parametrize(
    ("column", "target"),
    [
        ("artist", "artist"),
        (" Artist Name ", "artist_name"),
        ("Stil/Époque", "stil_epoque"),
        ("2nd style", "target_2nd_style"),
        ("作者", "target"),
        ("file", "file_class"),
        ("__x__", "x"),
    ],
)
def test_targets_have_plain_names(column, target):
    assert target_name(column) == target


@given(st.text(max_size=20))
def test_any_column_gives_a_plain_name(column):
    assert is_plain_name(target_name(column))
