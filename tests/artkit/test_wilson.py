"""Wilson's interval of a share, against published values and scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from artkit import wilson_interval


def test_it_has_the_published_values():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_without_trials_nothing_is_known():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(trials=st.integers(1, 10_000), data=st.data())
def test_it_is_that_of_scipy_holds_the_share_and_narrows_with_more_trials(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= successes / trials <= high <= 1
    more = wilson_interval(4 * successes, 4 * trials)
    assert more[1] - more[0] < high - low
