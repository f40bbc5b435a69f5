"""What ranks take of a plan: together everything once, in equal steps, and padding where it does not divide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.stream.shares import Shares


def ranks(batch_size, world_size):
    return [Shares(batch_size=batch_size, rank=rank, world_size=world_size) for rank in range(world_size)]


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 60), st.integers(0, 60))
def test_ranks_take_every_position_once_in_steps_of_equal_size(batch_size, world_size, first, count):
    length = first + count
    seen = []
    for begin in range(first, length, batch_size * world_size):
        parts = [shares.step(begin, length) for shares in ranks(batch_size, world_size)]
        assert len({len(positions) for positions, _ in parts}) == 1
        step = [position for positions, mask in parts for position in positions[mask].tolist()]
        assert all(position in step for positions, _ in parts for position in positions.tolist())
        seen += step
    assert seen == list(range(first, length)), "in order as well: ranks take contiguous parts"


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 60), st.integers(0, 60))
def test_the_sequence_of_a_rank_is_its_steps_one_after_another(batch_size, world_size, first, count):
    length = first + count
    for shares in ranks(batch_size, world_size):
        steps = [shares.step(begin, length)[0] for begin in range(first, length, shares.global_batch)]
        assert shares.num_steps(first, length) == len(steps)
        assert shares.sequence(first, length).tolist() == [p for step in steps for p in step.tolist()]


def test_the_last_step_is_padded_with_its_own_first_positions():
    (positions_0, mask_0), (positions_1, mask_1) = (shares.step(20, 25) for shares in ranks(5, 2))
    assert (positions_0.tolist(), positions_1.tolist()) == ([20, 21, 22], [23, 24, 20])
    assert (mask_0.tolist(), mask_1.tolist()) == ([True] * 3, [True, True, False])


@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 40))
def test_pairs_of_neighbours_stay_together_where_the_batch_size_is_even(half, world_size, count):
    for first in range(0, count, 2 * half * world_size):
        for shares in ranks(2 * half, world_size):
            positions, mask = shares.step(first, count)
            own = set(positions[mask].tolist())
            assert all(position ^ 1 in own or position ^ 1 >= count for position in own)


def test_ranks_without_a_position_of_their_own_take_part_all_the_same():
    parts = [shares.step(7, 8) for shares in ranks(5, 3)]
    assert [positions.tolist() for positions, _ in parts] == [[7], [7], [7]]
    assert [mask.tolist() for _, mask in parts] == [[True], [False], [False]]


def test_one_rank_alone_has_no_padding():
    (shares,) = ranks(4, 1)
    positions, mask = shares.step(8, 11)
    assert positions.tolist() == [8, 9, 10]
    assert mask.all()
    assert positions.dtype == np.int64


@pytest.mark.parametrize(
    ("batch_size", "rank", "world_size", "message"),
    [
        (0, 0, 1, "batch_size=0 is out of bounds; it must be >= 1"),
        (4, 0, 0, "world_size=0 is out of bounds; it must be >= 1"),
        (4, 2, 2, r"rank=2 is outside \[0, 2\) for world_size=2"),
        (4, -1, 2, r"rank=-1 is outside \[0, 2\)"),
    ],
)
def test_values_out_of_bounds_are_refused_with_the_rule(batch_size, rank, world_size, message):
    with pytest.raises(ValueError, match=message):
        Shares(batch_size=batch_size, rank=rank, world_size=world_size)
