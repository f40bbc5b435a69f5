"""Writing whole files, tables, and file names made of class names; words for people."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit.drawing.files import write_whole
from artkit_plugins.reporters.files import csv_text, file_stems, write_table
from artkit_plugins.reporters.text import command, component_names, duration, nouns, percent, plural, shorten

AWKWARD = ["a,b", 'say "hi"', "two\nlines", "=SUM(A1)", "Klee, Paul", "Émile", "", " edge "]


def test_a_file_that_cannot_be_written_leaves_the_old_one_alone(tmp_path):
    path = tmp_path / "deep" / "table.csv"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        write_whole(path, "new \udcff")
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]


def test_a_table_reads_back_as_it_was_whatever_the_names(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, ["name", "n"], [(name, 0.1 + 0.2) for name in AWKWARD])
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["name", "n"]
    assert [name for name, _ in rows] == AWKWARD
    assert {float(n) for _, n in rows} == {0.1 + 0.2}


def test_plain_cells_are_not_quoted():
    assert csv_text(["a", "b"], [("Monet", 1)]) == "a,b\nMonet,1\n"


def test_who_reads_a_file_while_it_is_written_anew_sees_the_old_one_whole(tmp_path):
    path = tmp_path / "curves.png"
    write_whole(path, b"old")
    with path.open("rb") as reader:
        write_whole(path, b"new and longer")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new and longer"


@given(st.lists(st.text(max_size=200), max_size=20))
def test_file_stems_are_legal_and_differ_also_without_case(names):
    stems = file_stems(names)
    assert len({stem.casefold() for stem in stems}) == len(names)
    for stem in stems:
        assert stem
        assert not stem.startswith(".")
        assert not set(stem) & set('/\\:*?"<>|\0\n')
        assert len(f"{stem}.png".encode()) <= 255


def test_file_stems_stay_readable():
    names = ["Claude Monet", "a/b", "a_b", "A_B", "..", "con", "Włodzimierz Tetmajer", "x" * 500]
    stems = file_stems(names)
    assert stems[:7] == ["Claude Monet", "a_b", "a_b-2", "A_B-3", "class", "class con", "Włodzimierz Tetmajer"]
    assert stems[7] == "x" * 120


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_duration_has_the_two_largest_units(seconds, text):
    assert duration(seconds) == text


def test_component_names_keep_the_owner_of_what_others_provide():
    assert component_names("artkit/se-densenet@1 (artkit 0.1.0)") == "se-densenet"
    several = "artkit/console@1 (artkit 0.1.0), artkit-wandb/wandb@2 (artkit-wandb 0.3)"
    assert component_names(several) == "console, wandb (artkit-wandb 0.3)"
    assert component_names("mine") == "mine"


def test_commands_can_be_pasted_into_a_shell():
    assert command("artkit", "run", "--resume", "my runs/1") == "artkit run --resume 'my runs/1'"


def test_words_fit_their_numbers():
    assert (percent(0.615), percent(0.0)) == ("61.5 %", "0.0 %")
    assert [plural(n, "class", "classes") for n in (0, 1, 1200)] == ["0 classes", "1 class", "1,200 classes"]
    assert (shorten("Delacroix", 9), shorten("Delacroix", 5)) == ("Delacroix", "Dela…")
    assert (nouns("artist"), nouns("class")) == ("artists", "classes")
