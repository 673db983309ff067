"""Credibility: nothing is learned from chance, little from few trials, and known truth is recovered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.stats import credibility


def test_two_members_by_hand():
    """y = 0.2, 0.8 of 10 trials, within .16: between = (1.8 - .16) / (20 - 10) = .164, own weight 10 / (10 + .976)."""
    found = credibility.shrink(np.array([0.2, 0.8]), np.array([10.0, 10.0]), 0.16)
    weight = 10 / (10 + 0.16 / 0.164)
    assert found.spread == pytest.approx(np.sqrt(0.164))
    assert found.reliability == pytest.approx(weight)
    np.testing.assert_allclose(found.figures, [0.5 - 0.3 * weight, 0.5 + 0.3 * weight])


def test_it_is_the_posterior_mean_of_the_beta_binomial():
    """(k + M p) / (n + M) with M = (1 - rho) / rho and rho = between / (between + within)."""
    rng = np.random.default_rng(1)
    n = rng.integers(2, 40, 500).astype(float)
    k = rng.binomial(n.astype(int), rng.beta(2, 6, 500))
    within = credibility.share_variance(k / n, n)
    found = credibility.shrink(k / n, n, within)
    rho = found.spread**2 / (found.spread**2 + within)
    prior = (1 - rho) / rho
    np.testing.assert_allclose(found.figures, (k + prior * found.mean) / (n + prior))
    assert found.mean == pytest.approx(0.25, abs=0.02)
    assert rho == pytest.approx(1 / 9, abs=0.03)  # of a beta(2, 6): 1 / (2 + 6 + 1)


def test_shrunk_shares_are_nearer_the_truth_than_raw_ones():
    rng = np.random.default_rng(2)
    n, truth = rng.integers(1, 12, 2000), rng.beta(3, 5, 2000)
    raw = rng.binomial(n, truth) / n
    found = credibility.shrink(raw, n.astype(float), credibility.share_variance(raw, n.astype(float)))
    assert np.mean((found.figures - truth) ** 2) < 0.6 * np.mean((raw - truth) ** 2)


def test_where_all_is_chance_everybody_is_the_mean():
    rng = np.random.default_rng(3)
    n = np.full(3000, 5.0)
    raw = rng.binomial(5, 0.3, 3000) / 5
    found = credibility.shrink(raw, n, credibility.share_variance(raw, n))
    assert found.reliability < 0.1
    assert np.ptp(found.figures) < 0.1


@pytest.mark.parametrize(("values", "within"), [([0.4], 0.1), ([0.4, 0.4], 0.1), ([], 0.1)])
def test_nobody_to_compare_with_or_nobody_who_differs_stays_as_observed(values, within):
    found = credibility.shrink(np.array(values, float), np.ones(len(values)), within)
    assert found.figures.tolist() == values
    assert (found.spread, found.reliability) == (0, 0)


def test_what_was_not_observed_stays_unknown():
    found = credibility.shrink(np.array([0.1, np.nan, 0.9, 0.5]), np.array([5.0, 5, 5, 0]), 0.01)
    assert np.isnan(found.figures).tolist() == [False, True, False, True]


def test_one_trial_each_tells_nothing():
    shares = np.array([0.0, 1, 1, 0])
    assert credibility.shrink(shares, np.ones(4), credibility.share_variance(shares, np.ones(4))).spread < 0.3
    assert credibility.share_variance(shares, np.ones(4)) == 0.25


def test_variances_within_members_by_hand():
    """Member 1 had 1 and 3, member 2 had 5, 5, 5: squares within 2, freedom 1 + 2."""
    total, squares, trials = np.array([4.0, 15]), np.array([10.0, 75]), np.array([2.0, 3])
    assert credibility.mean_variance(total, squares, trials) == pytest.approx(2 / 3)
    assert credibility.rate_variance(np.array([3, 1]), np.array([10.0, 30])) == pytest.approx(0.1)
    # parts 1 and 0 of wholes 2 and 2: ratio 1/4, residuals 1/2 and -1/2, squares 1/2 over 8
    assert credibility.ratio_variance(
        np.array([1.0]), np.array([2.0]), np.array([8.0]), np.array([0.25])
    ) == pytest.approx(0.5 / 8)


def test_chance_is_told_from_members_by_how_figures_scatter_at_few_trials():
    rng = np.random.default_rng(4)
    n = rng.integers(1, 50, 20_000).astype(float)
    observed = rng.normal(0, 1, len(n)) + rng.normal(0, 2, len(n)) / np.sqrt(n)
    assert credibility.size_variance(observed, n) == pytest.approx(4, rel=0.1)
    assert credibility.shrink(observed, n, 4.0).spread == pytest.approx(1, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 100)), min_size=2, max_size=20), st.floats(0, 1))
def test_a_figure_moves_towards_the_mean_and_never_past_it(members, within):
    y, n = (np.array(column, float) for column in zip(*members, strict=True))
    found = credibility.shrink(y, n, within)
    low, high = np.minimum(y, found.mean), np.maximum(y, found.mean)
    if np.ptp(y) > 0:
        assert (found.figures >= low - 1e-9).all()
        assert (found.figures <= high + 1e-9).all()
    assert 0 <= found.reliability <= 1
