"""The help of `artkit` itself, and tables that are drawn without rich."""

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.light_rows import light_rows

TABLE = [("plugin", "status", "from"), ("artkit", "", "built in"), ("artkit-vit", "ok", "a long way from here " * 3)]


@pytest.mark.parametrize("width", [50, 80, 100, 200])
def test_frames_fit_the_terminal_and_name_every_command(width):
    lines = CliRunner().invoke(app, ["--help"], env={"COLUMNS": str(width)}).output.splitlines()
    framed = [line for line in lines if line[:1] in set("╭│╰")]
    assert {len(line) for line in framed} == {min(width, 100)}
    assert all(len(line) <= min(width, 100) for line in lines)
    words = " ".join(framed)
    using = ("evaluate", "predict", "export", "serve", "compare")
    for name in ("run", "retrain", *using, "sweep", "shard", "recipes", "dataset", "plugins"):
        assert f"│ {name} " in words
    assert "--version" in words
    assert "-h, --help" in words
    assert "Usage: artkit [OPTIONS] COMMAND [ARGS]..." in " ".join(lines) or width == 50


def test_texts_are_whole_not_cut():
    output = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "60"}).output
    assert "..." not in output.partition("─ Options")[2]
    assert "Train, evaluate and report. Without options" in output


def test_artkit_alone_shows_its_help():
    assert (
        CliRunner().invoke(app, [], env={"COLUMNS": "80"}).output
        == CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).output
    )


def test_wide_rows_are_a_table_whose_last_column_wraps():
    assert "\n".join(light_rows(TABLE, 60)).splitlines() == [
        "plugin      status  from",
        "artkit              built in",
        "artkit-vit  ok      a long way from here a long way from",
        "                    here a long way from here",
    ]


def test_in_narrow_terminals_the_last_column_stands_below():
    assert "\n".join(light_rows(TABLE, 40)).splitlines() == [
        "plugin  status",
        "  from",
        "artkit",
        "  built in",
        "artkit-vit  ok",
        "  a long way from here a long way from",
        "  here a long way from here",
    ]
