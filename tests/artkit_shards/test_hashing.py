"""The counter hash: stable values, and good enough randomness for plans."""

import numpy as np

from artkit_shards.hashing import hash_uint64, hash_uniform


def test_values_are_pinned_because_plans_and_resumed_runs_depend_on_them():
    assert int(hash_uint64(0, 1)) == 0x8B4FDA8C892B50E
    assert hash_uint64(1, 2, np.arange(3), 5).tolist() == [
        16878788780472100550,
        7606665606792488260,
        14774524109133686979,
    ]
    assert float(hash_uniform(0, 1, 7)) == 0.47670922732307197


def test_scalars_and_arrays_agree():
    together = hash_uint64(3, 4, np.arange(5), 9)
    assert together.tolist() == [int(hash_uint64(3, 4, number, 9)) for number in range(5)]


def test_counters_broadcast():
    assert hash_uint64(0, 1, np.arange(3)[:, None], np.arange(4)).shape == (3, 4)


def test_a_number_is_the_same_counter_as_python_s_own_as_numpy_s_and_among_others():
    largest = 2**63 - 1
    for before, after in ((), ()), ((5,), ()), ((), (np.arange(2),)), ((np.arange(2),), (3,)):
        kinds = (largest, np.int64(largest), np.array(largest), np.array([largest]))
        values = [hash_uint64(9, 1, *before, number, *after).ravel().tolist() for number in kinds]
        assert values == [values[0]] * len(kinds)
    assert hash_uint64(9, 1, np.int64(3), 4).shape == ()


def test_any_integer_is_a_seed():
    values = {int(hash_uint64(seed, 1)) for seed in (-1, 0, 1, 2**63, 2**64 - 2)}
    assert len(values) == 5
    assert int(hash_uint64(-1, 1)) == int(hash_uint64(2**64 - 1, 1))


def test_seed_stream_and_counters_are_all_mixed():
    base = int(hash_uint64(1, 2, 3, 4))
    others = [hash_uint64(2, 2, 3, 4), hash_uint64(1, 3, 3, 4), hash_uint64(1, 2, 4, 4), hash_uint64(1, 2, 4, 3)]
    assert base not in {int(other) for other in others}


def test_neighbouring_counters_look_independent_and_uniform():
    unit = hash_uniform(11, 1, np.arange(200_000))
    assert unit.min() >= 0
    assert unit.max() < 1
    assert abs(unit.mean() - 0.5) < 0.003
    assert abs(unit.var() - 1 / 12) < 0.001
    assert abs(np.corrcoef(unit[:-1], unit[1:])[0, 1]) < 0.01
