"""Survival curves: published figures, a case by hand with delayed entry, the empirical curve, scipy, a known truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from membership.base.errors import DataError
from membership.stats import survival

# weeks of remission of leukaemia: Freireich et al. (1963), as in Gehan (1965); negative: censored
MERCAPTOPURINE = np.array([6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35])
PLACEBO = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])
BOTH = np.concatenate([MERCAPTOPURINE, PLACEBO])
ARM = np.repeat(["drug", "placebo"], 21)
DRUG = survival.kaplan_meier(abs(MERCAPTOPURINE), MERCAPTOPURINE > 0)

times = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def test_the_curve_of_the_leukaemia_trial_is_the_published_one():
    assert DRUG.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert DRUG.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    np.testing.assert_allclose(DRUG.survival, [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=5e-4)


def test_its_log_log_intervals_are_the_published_ones():
    np.testing.assert_allclose(DRUG.low, [0.6197, 0.5631, 0.5032, 0.4316, 0.3675, 0.2678, 0.1881], atol=1e-4)
    np.testing.assert_allclose(DRUG.high, [0.9516, 0.9228, 0.8894, 0.8491, 0.8049, 0.7468, 0.6801], atol=1e-4)


def test_its_medians_are_the_published_ones():
    assert DRUG.quantile().value == 23
    assert DRUG.quantile().high == np.inf  # the band never falls to a half
    assert survival.kaplan_meier(PLACEBO, PLACEBO > 0).quantile().value == 8


def test_its_log_rank_statistic_is_the_published_one():
    p_value = survival.log_rank(abs(BOTH), BOTH > 0, ARM)
    assert stats.chi2.isf(p_value, 1) == pytest.approx(16.79, abs=0.01)


def test_delayed_entry_by_hand():
    # at 3: the second and third spell are in sight; at 5: the third and fourth; at 7: the fourth alone
    curve = survival.kaplan_meier([2, 3, 5, 7], [False, True, True, False], entry=[0, 1, 2, 4])
    assert curve.times.tolist() == [3, 5]
    assert curve.at_risk.tolist() == [2, 2]
    assert curve.survival.tolist() == [0.5, 0.25]
    assert curve.risk_at(np.array([0, 2, 5, 7])).tolist() == [1, 3, 2, 1]


def test_a_spell_that_enters_when_another_ends_is_not_at_risk_of_that_end():
    assert survival.kaplan_meier([3, 5], [True, True], entry=[0, 3]).at_risk.tolist() == [1, 1]


def test_ends_among_too_few_are_left_out():
    entry, exit = [0, 2, 2, 2, 2], [1, 3, 4, 5, 6]
    assert survival.kaplan_meier(exit, [True] * 5, entry).survival.max() == 0
    curve = survival.kaplan_meier(exit, [True] * 5, entry, fewest=2)
    np.testing.assert_allclose(curve.survival, [3 / 4, 1 / 2, 1 / 4])
    assert curve.last == 5


def test_restricted_mean_by_hand():
    # S is 1 until 1, 2/3 until 2, 1/3 until 4: area to 3 is 1 + 2/3 + 1/3
    curve = survival.kaplan_meier([1, 2, 4], [True] * 3)
    mean = curve.restricted_mean(3)
    assert mean.value == pytest.approx(2)
    variance = 1**2 / (3 * 2) + (1 / 3) ** 2 / (2 * 1)
    assert mean.value - mean.low == pytest.approx(1.96 * variance**0.5, abs=1e-3)
    with pytest.raises(DataError, match=r"longest spell was seen for 35; allowed: up to that"):
        DRUG.restricted_mean(40)


def test_what_is_not_known_is_not_said():
    assert DRUG.at(3).value == 1
    assert DRUG.at(23).value == pytest.approx(0.448, abs=5e-4)
    assert np.isnan(DRUG.at(36).value)
    assert survival.kaplan_meier([2, 4], [True, True]).at(9).value == 0


@given(times)
def test_without_censoring_or_delay_it_is_the_empirical_curve(exit):
    curve = survival.kaplan_meier(exit, [True] * len(exit))
    for time in range(32):
        assert curve.at(time).value == pytest.approx(np.mean(np.array(exit) > time))
    assert curve.restricted_mean(40).value == pytest.approx(np.mean(exit))


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=40).filter(
        lambda rows: any(e for _, e in rows)
    )
)
def test_with_censoring_it_is_scipys_and_the_band_holds_it(rows):
    exit, ended = (np.array(column) for column in zip(*rows, strict=True))
    curve = survival.kaplan_meier(exit, ended)
    theirs = stats.ecdf(stats.CensoredData(uncensored=exit[ended], right=exit[~ended])).sf
    np.testing.assert_allclose(curve.survival, theirs.evaluate(curve.times), atol=1e-12)
    assert ((curve.low <= curve.survival + 1e-12) & (curve.survival <= curve.high + 1e-12)).all()
    assert (curve.low >= 0).all()
    assert (curve.high <= 1).all()
    assert (np.diff(curve.survival) <= 0).all()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # scipy's, where nothing can differ
@given(times, times)
def test_log_rank_of_two_groups_is_scipys(one, other):
    exit, group = np.array(one + other), np.repeat([0, 1], [len(one), len(other)])
    theirs = stats.logrank(np.array(one, float), np.array(other, float)).pvalue
    ours = survival.log_rank(exit, np.ones(len(exit), bool), group)
    assert ours == pytest.approx(1.0 if np.isnan(theirs) else theirs, abs=1e-9)


def test_log_rank_is_honest_for_three_groups_with_delayed_entry():
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(300):
        exit, entry = rng.exponential(10, 400), rng.uniform(0, 10, 400)
        seen = exit > entry
        lost = rng.exponential(20, 400) + entry
        exit, ended = np.minimum(exit, lost)[seen], (exit < lost)[seen]
        p_values.append(survival.log_rank(exit, ended, rng.integers(3, size=seen.sum()), entry[seen]))
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_delayed_entry_recovers_the_true_curve_where_ignoring_it_does_not():
    rng = np.random.default_rng(2)
    exit, entry = rng.exponential(10, 40_000), rng.uniform(0, 20, 40_000)
    seen = exit > entry
    honest = survival.kaplan_meier(exit[seen], np.ones(seen.sum(), bool), entry[seen])
    naive = survival.kaplan_meier(exit[seen], np.ones(seen.sum(), bool))
    assert honest.at(10).value == pytest.approx(np.exp(-1), abs=0.02)
    assert naive.at(10).value > 0.6


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held = []
    for _ in range(400):
        exit, lost = rng.exponential(10, 80), rng.exponential(20, 80)
        found = survival.kaplan_meier(np.minimum(exit, lost), exit < lost).at(8)
        held.append(found.low <= np.exp(-0.8) <= found.high)
    assert 0.92 < np.mean(held) < 0.98


def test_one_group_or_nothing_ended_is_no_difference():
    assert survival.log_rank([1, 2], [True, True], ["a", "a"]) == 1
    assert survival.log_rank([1, 2], [False, False], ["a", "b"]) == 1
    empty = survival.kaplan_meier([], [])
    assert np.isnan(empty.at(1).value)
    assert empty.quantile().value == np.inf


@pytest.mark.parametrize(("entry", "exit"), [(3, 3), (5, 4), (-1, 2), (0, np.nan)])
def test_an_impossible_spell_is_refused(entry, exit):
    with pytest.raises(DataError, match=r"1 of 2 spells have an impossible time, e\.g\. row 1"):
        survival.kaplan_meier([1, exit], [True, True], [0, entry])
