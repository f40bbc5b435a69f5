"""Tables on the terminal: side by side where there is room, below one another where there is not."""

import io

import pytest
from rich.console import Console

from artkit.cli.tables import print_rows

ROWS = [("depth", "int", "transformer blocks, the more the slower"), ("norm", "pre | post", "")]


@pytest.fixture
def printed():
    """What the rows look like on a terminal of that width, without blanks at the ends of lines."""

    def lines(width):
        file = io.StringIO()
        print_rows(Console(file=file, width=width), ("option", "type", "help"), ROWS, unwrapped=("option",))
        return [line.rstrip() for line in file.getvalue().splitlines()]

    return lines


def test_rows_stand_in_columns_where_the_text_has_room(printed):
    assert printed(44) == [
        "option  type        help",
        "depth   int         transformer blocks, the",
        "                    more the slower",
        "norm    pre | post",
    ]


def test_rows_stand_below_one_another_on_narrow_terminals(printed):
    assert printed(40) == [
        "option  type",
        "  help",
        "depth  int",
        "  transformer blocks, the more the",
        "  slower",
        "norm  pre | post",
    ]
