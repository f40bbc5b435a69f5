import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards.conversion.duplicates.hamming import near_pairs


def found_pairs(codes, radius):
    chunks = list(near_pairs(np.array(codes, dtype=np.uint64), radius))
    return {tuple(pair) for chunk in chunks for pair in chunk.tolist()}


def all_pairs(codes, radius):
    numbered = list(enumerate(codes))
    return {
        (i, j)
        for i, one in numbered
        for j, other in numbered
        if i < j and (int(one) ^ int(other)).bit_count() <= radius
    }


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_all_pairs_are_found_and_no_others(data):
    radius = data.draw(st.integers(0, 12))
    codes = data.draw(st.lists(st.integers(0, 2**64 - 1), max_size=30))
    # Neighbours of what is there already: random codes are never near one another.
    for _ in range(data.draw(st.integers(0, 30)) if codes else 0):
        code = data.draw(st.sampled_from(codes))
        for bit in data.draw(st.lists(st.integers(0, 63), max_size=14)):
            code ^= 1 << bit
        codes.append(code)
    assert found_pairs(codes, radius) == all_pairs(codes, radius)


@pytest.mark.parametrize(("count", "radius"), [(3000, 8), (3000, 10), (60_000, 8)])
def test_copies_among_many_are_found_whatever_the_number_of_bands(count, radius):
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 2**64, count, dtype=np.uint64)
    flipped = np.array([sum(1 << int(bit) for bit in generator.choice(64, radius, replace=False)) for _ in range(200)])
    codes[-200:] = codes[:200] ^ flipped.astype(np.uint64)
    planted = {(row, count - 200 + row) for row in range(200)}
    assert planted <= found_pairs(codes, radius)


def test_codes_of_a_crowd_meet_their_neighbours_and_not_all_others():
    pairs = found_pairs([12345] * 1500, 8)
    assert {(row, row + 1) for row in range(1499)} <= pairs
    assert len(pairs) < 1500 * 256
