"""What is kept over an epoch: never more than there is room for, and never fewer hits than the best there can be."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards.stream.residency import Place, plan_residency

ROWS = st.lists(st.integers(0, 4), max_size=9)


def plan(rows, following=(), held=None, num_slots=2, first_ticket=100):
    rows, following = np.array(rows, dtype=np.int64), np.array(following, dtype=np.int64)
    return plan_residency(rows, following, held or {}, num_slots, first_ticket)


def most_hits(rows, num_slots):
    """By trying every choice: which rows are held after each draw."""
    best = {frozenset(): 0}
    for row in rows:
        after = {}
        for held, hits in best.items():
            hits += row in held
            choices = [held] if row in held else [held, *(held - {one} | {row} for one in held)]
            if row not in held and len(held) < num_slots:
                choices.append(held | {row})
            for choice in choices:
                after[choice] = max(after.get(choice, 0), hits)
        best = after
    return max(best.values())


def replay(residency, rows, held, first_ticket):
    """Fill places as planned and look into them; returns the hits that really happen."""
    content = {place.slot: (row, place.ticket) for row, place in held.items()}
    hits = 0
    for draw, (row, slot, ticket) in enumerate(
        zip(rows, residency.slots.tolist(), residency.tickets.tolist(), strict=True)
    ):
        if slot >= 0 and ticket < first_ticket + draw:
            assert content[slot] == (row, ticket)
            hits += 1
        elif slot >= 0:
            assert ticket == first_ticket + draw
            content[slot] = (row, ticket)
    for row, place in residency.held.items():
        assert content[place.slot] == (row, place.ticket)
    return hits, set(content)


@settings(deadline=None, max_examples=300)
@given(rows=ROWS, num_slots=st.integers(0, 3))
def test_no_other_choice_decodes_fewer_images(rows, num_slots):
    residency = plan(rows, num_slots=num_slots)
    hits, slots = replay(residency, rows, {}, 100)
    assert residency.hits == hits == most_hits(rows, num_slots)
    assert slots <= set(range(num_slots))


@settings(deadline=None, max_examples=200)
@given(epochs=st.lists(ROWS, min_size=2, max_size=4), num_slots=st.integers(1, 3))
def test_over_epochs_that_know_all_that_follows_no_other_choice_decodes_fewer_images(epochs, num_slots):
    held, hits, ticket = {}, 0, 0
    for number, rows in enumerate(epochs):
        rest = [row for later in epochs[number + 1 :] for row in later]
        residency = plan(rows, rest, held, num_slots, ticket)
        found, slots = replay(residency, rows, held, ticket)
        assert found == residency.hits
        assert slots <= set(range(num_slots))
        hits, held, ticket = hits + found, residency.held, ticket + len(rows)
    assert hits == most_hits([row for rows in epochs for row in rows], num_slots)


def test_the_image_whose_next_use_is_farthest_makes_room():
    # When 2 comes, 0 and 1 are held: in the first epoch it is needed last itself, so it is not kept; in the other 0 is.
    assert plan([0, 1, 2, 1, 0, 2]).slots.tolist()[:5] == [0, 1, -1, 1, 0]
    assert plan([0, 1, 2, 1, 2, 0]).slots.tolist()[:5] == [0, 1, 0, 1, 0]


def test_what_lies_in_places_stays_there_if_it_is_used_again():
    held = {7: Place(1, 5), 8: Place(0, 3)}
    residency = plan([1, 7, 1, 7], held=held)
    assert residency.tickets.tolist() == [100, 5, 100, 5]
    assert residency.slots.tolist() == [0, 1, 0, 1]


def test_long_epochs_are_planned_like_short_ones():
    rows = np.random.default_rng(0).integers(0, 300, 200_000)
    residency = plan(rows, num_slots=50)
    assert replay(residency, rows.tolist(), {}, 100)[0] == residency.hits
    # With a known future the share of hits is far above 50 / 300, that of keeping any 50 images.
    assert residency.hits > 0.3 * len(rows)
