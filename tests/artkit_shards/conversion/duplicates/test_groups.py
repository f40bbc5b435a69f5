import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.conversion.duplicates.groups import Groups


@given(st.lists(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=8), max_size=4))
def test_groups_are_what_can_be_reached_and_are_named_by_their_smallest_member(batches):
    groups = Groups(20)
    for batch in batches:
        groups.join(np.array(batch, dtype=np.int64).reshape(-1, 2))
    reachable = {member: {member} for member in range(20)}
    for one, other in (pair for batch in batches for pair in batch):
        together = reachable[one] | reachable[other]
        reachable |= dict.fromkeys(together, together)
    assert groups.of(range(20)).tolist() == [min(reachable[member]) for member in range(20)]
