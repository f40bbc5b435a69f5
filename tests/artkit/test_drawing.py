"""What pictures of runs and of data sets have in common; most of it is tested where it is used."""

import numpy as np
import pytest

from artkit.drawing.tiles import text_line


def ink_columns(block):
    """Columns of a block that are not all white."""
    return np.flatnonzero((np.asarray(block) < 128).any(axis=(0, 2)))


@pytest.mark.parametrize(
    "text", ["Klee", "a name much too long for the line that it stands in, whatever the font may be"]
)
def test_a_number_stands_whole_at_the_right_end_of_a_line_whatever_the_text(text):
    alone = ink_columns(text_line("", width=200, number="1,234"))
    line = ink_columns(text_line(text, width=200, number="1,234"))
    assert alone[-1] >= 195
    np.testing.assert_array_equal(line[line >= alone[0]], alone)
    # A gap parts them.
    assert line[line < alone[0]][-1] < alone[0] - 3


def test_a_line_without_a_number_has_all_the_width():
    long = "a name much too long for the line that it stands in, whatever the font may be"
    assert ink_columns(text_line(long, width=200))[-1] > 180
