"""How far a distribution has moved, by hand, and what chance allows."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.stats import drift

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)


def test_psi_by_hand():
    """Halves below and above the median of the reference: 50/50 became 20/80."""
    reference = pd.Series([1.0, 2, 3, 4, 6, 7, 8, 9, 10, 11])
    current = pd.Series([1.0, 2, 7, 7, 8, 8, 9, 9, 10, 11])
    expected = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert drift.psi(reference, current, bins=2) == pytest.approx(expected)


def test_an_empty_bin_counts_as_half_a_member():
    reference, current = pd.Series([0.0] * 5 + [1.0] * 5), pd.Series([1.0] * 10)
    expected = (0.05 - 0.5) * math.log(0.05 / 0.5) + (1 - 0.5) * math.log(1 / 0.5)
    assert drift.psi(reference, current, bins=2) == pytest.approx(expected)


def test_unknown_values_are_a_bin_of_their_own():
    reference, current = pd.Series([1.0, 2, 3, 4]), pd.Series([1.0, 2, np.nan, np.nan])
    table = drift.shares(reference, current, bins=2)
    assert table["reference"].tolist() == [0.5, 0.5, 0.0]
    assert table["current"].tolist() == [0.5, 0.0, 0.5]


def test_ks_by_hand():
    assert drift.ks(pd.Series([1.0, 2, 3, 4]), pd.Series([3.0, 4, 5, 6])) == pytest.approx(0.5)
    assert drift.ks(pd.Series([1.0, np.nan]), pd.Series([1.0, 1.0])) == 0
    assert math.isnan(drift.ks(pd.Series([np.nan]), pd.Series([1.0])))


def test_what_chance_allows_for_ks_is_the_tabled_value():
    """1.358 sqrt((n + m) / nm) at 95 %, as Smirnov's table has it."""
    hundred = pd.Series(np.arange(100.0))
    assert drift.ks_chance(hundred, hundred, 0.95) == pytest.approx(1.358 * math.sqrt(2 / 100), rel=1e-3)


def test_chance_alone_exceeds_what_it_is_said_to_in_one_of_twenty():
    rng, over = np.random.default_rng(1), np.zeros(2)
    for _ in range(200):
        before, after = pd.Series(rng.gamma(2, 1, 300)), pd.Series(rng.gamma(2, 1, 400))
        over += [
            drift.psi(before, after) > drift.psi_chance(before, after, 0.95),
            drift.ks(before, after) > drift.ks_chance(before, after, 0.95),
        ]
    assert np.all((over / 200 > 0.005) & (over / 200 < 0.11)), over


@settings(deadline=None, max_examples=50)
@given(NUMBERS, NUMBERS)
def test_indices_are_never_negative_and_nothing_when_nothing_changes(before, after):
    one, other = pd.Series(before), pd.Series(after)
    assert drift.psi(one, one) == 0 == drift.ks(one, one)
    assert drift.psi(one, other) >= 0
    assert 0 <= drift.ks(one, other) <= 1


@settings(deadline=None, max_examples=50)
@given(NUMBERS, NUMBERS)
def test_shares_add_up_whatever_is_tied(before, after):
    table = drift.shares(pd.Series(before), pd.Series(after))
    assert table.sum().tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("sample", [[], [1.0, np.inf]])
def test_an_empty_or_infinite_sample_is_refused(sample):
    with pytest.raises(DataError, match="spend: the current sample is empty or not finite"):
        drift.psi(pd.Series([1.0, 2.0], name="spend"), pd.Series(sample, name="spend", dtype=float))
