"""What lasts of a difference: the slope of later on shrunk figures is 1, whatever lines and tastes do."""

import numpy as np
import pytest

from membership.stats import credibility, lasting

MEMBERS = 1500


def half(rng, taste, orders, basket, drift):
    """Return share and lines of members in one half: baskets of 1 to 14 lines that share a deviation of sd `basket`."""
    taste = taste + rng.normal(0, drift, len(taste))
    number = rng.poisson(orders)
    who = np.repeat(np.arange(len(taste)), number)
    lines = rng.integers(1, 15, len(who))
    hits = rng.binomial(lines, (taste[who] + rng.normal(0, basket, len(who))).clip(0, 1))
    total = np.bincount(who, lines, len(taste))
    return np.divide(np.bincount(who, hits, len(taste)), total, np.full(len(taste), np.nan), where=total > 0), total


def market(seed, basket=0.0, drift=0.0):
    """Return two halves, the whole of them, and what comes later."""
    rng = np.random.default_rng(seed)
    taste, orders = rng.normal(0.4, 0.1, MEMBERS), rng.gamma(1.5, 20, MEMBERS) + 2
    first, second, later = (half(rng, taste, orders, basket, drift) for _ in range(3))
    trials = first[1] + second[1]
    total = np.nan_to_num(first[0]) * first[1] + np.nan_to_num(second[0]) * second[1]
    return first, second, (np.divide(total, trials, np.full(MEMBERS, np.nan), where=trials > 0), trials), later


@pytest.mark.parametrize(("basket", "drift"), [(0, 0), (0.25, 0), (0, 0.06), (0.25, 0.06)])
def test_later_figures_differ_by_what_is_expected_of_them(basket, drift):
    slopes, claimed, sure = [], [], 0
    for seed in range(6):
        first, second, (observed, trials), later = market(seed, basket, drift)
        found = lasting.parts(first, second)
        shrunk = lasting.shrink(observed, trials, np.full(MEMBERS, 2.0), found)
        row = lasting.slope(shrunk.figures, *later, found, 0.95)
        slopes.append(row.slope)
        sure += row.low <= 1 <= row.high
        lines = credibility.shrink(observed, trials, credibility.share_variance(observed, trials))
        claimed.append(lasting.slope(lines.figures, *later, found, 0.95).slope)
    assert np.mean(slopes) == pytest.approx(1, abs=0.03)
    assert sure >= 4  # .95 of 6; fewer would come once in 500 times, but for what is estimated
    if basket or drift:
        assert np.mean(claimed) < 0.92  # lines that count as independent claim too much
    else:
        assert np.mean(claimed) == pytest.approx(1, abs=0.03)


def test_the_parts_of_variance_are_recovered():
    found = [lasting.parts(*market(seed, drift=0.06)[:2]) for seed in range(6)]
    assert np.mean([one.taste for one in found]) == pytest.approx(0.1**2, rel=0.1)
    assert np.mean([one.drift for one in found]) == pytest.approx(0.06**2, rel=0.15)
    assert np.mean([one.within for one in found]) == pytest.approx(0.4 * 0.6 - 0.1**2, rel=0.15)


def test_drift_averages_out_over_halves_and_a_figure_of_many_trials_keeps_it():
    found = lasting.Lasting(taste=0.03, drift=0.01, within=0.0)
    figures = np.array([0.0, 1.0, 0.5, 0.5])
    short = lasting.shrink(figures, np.full(4, 1e6), np.array([0.2, 0.2, 1, 1]), found)
    long = lasting.shrink(figures, np.full(4, 1e6), np.full(4, 2.0), found)
    assert short.figures == pytest.approx([0.5 - 0.75 / 2, 0.5 + 0.75 / 2, 0.5, 0.5])
    assert long.reliability == pytest.approx(0.03 / 0.035)
    assert long.spread == pytest.approx(np.sqrt(0.03))


def test_where_members_do_not_differ_everybody_is_the_mean():
    rng = np.random.default_rng(3)
    n = np.full(400, 30.0)
    halves = [(rng.binomial(30, 0.3, 400) / 30, n) for _ in range(2)]
    found = lasting.parts(*halves)
    assert found.taste < 1e-3
    nothing = lasting.Lasting(0.0, 0.0, found.within)
    shrunk = lasting.shrink(halves[0][0], n, np.ones(400), nothing)
    assert np.ptp(shrunk.figures) == 0 and shrunk.reliability == 0
    assert np.isnan(lasting.slope(shrunk.figures, *halves[1], nothing, 0.95).slope)


def test_figures_that_never_vary_have_no_parts_and_few_members_say_nothing():
    same = np.full(50, 0.5), np.full(50, 10)
    assert lasting.parts(same, same) == lasting.Lasting(0.0, 0.0, 0.0)
    few = np.linspace(0, 1, 20), np.full(20, 10)
    assert lasting.parts(few, few) is None
    unknown = lasting.shrink(np.array([np.nan, 0.2]), np.array([5, 0]), np.ones(2), lasting.Lasting(1.0, 0.0, 1.0))
    assert np.isnan(unknown.figures).all() and unknown.reliability == 0


def test_the_slope_is_that_of_weighted_least_squares():
    x, n = np.tile([1.0, 2, 4], 20), np.tile([10, 20, 5], 20)
    found = lasting.slope(x, 2 + 0.5 * x, n, None, 0.95)
    assert found.members == 60
    assert [found.slope, found.low, found.high] == pytest.approx([0.5, 0.5, 0.5])
