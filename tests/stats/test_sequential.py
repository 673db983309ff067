"""Always-valid tests: what they promise under the null, what they cost in power, and looks that say nothing."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError, ParamError
from membership.stats import sequential

WEEKS, A_WEEK, CONFIDENCE = 12, 60, 0.95
LOOK = np.repeat(np.arange(WEEKS), A_WEEK)


def experiment(rng, effect=0.0, draw=None):
    treated = rng.random(len(LOOK)) < 0.5
    outcome = (rng.normal(size=len(LOOK)) if draw is None else draw(rng, len(LOOK))) + effect * treated
    mixture = sequential.spread(2 * outcome[:A_WEEK].std() / np.sqrt(len(LOOK)), CONFIDENCE)
    return sequential.watch(outcome, treated, LOOK, mixture, CONFIDENCE, minimum=20)


@pytest.mark.parametrize("draw", [None, lambda rng, n: rng.exponential(size=n)], ids=["normal", "exponential"])
def test_under_the_null_any_of_many_looks_rejects_at_most_as_often_as_promised(draw):
    rng, watched, fixed = np.random.default_rng(1), 0, 0
    for _ in range(600):
        found = experiment(rng, draw=draw)
        watched += found["p_value"].min() <= 1 - CONFIDENCE
        fixed += found["fixed_p_value"].min() <= 1 - CONFIDENCE
    assert watched <= 0.05 * 600
    assert fixed > 0.15 * 600  # what reading a fixed test every week would do


def test_all_intervals_of_a_run_hold_the_truth_as_often_as_promised():
    rng, held = np.random.default_rng(2), 0
    for _ in range(400):
        found = experiment(rng, effect=0.3)
        held += ((found["low"] <= 0.3) & (found["high"] >= 0.3)).all()
    assert held >= 0.95 * 400


def test_power_is_less_than_at_a_fixed_horizon_but_most_of_it_and_half_is_found_earlier():
    rng, watched, fixed, weeks = np.random.default_rng(3), 0, 0, []
    effect = (1.96 + 1.2816) * 2 / np.sqrt(len(LOOK))  # power .9 for a fixed test of all members
    for _ in range(400):
        found = experiment(rng, effect)
        reached = found["p_value"] <= 1 - CONFIDENCE
        watched += reached.any()
        fixed += found["fixed_p_value"].iloc[-1] <= 1 - CONFIDENCE
        weeks.append(reached.idxmax() if reached.any() else WEEKS)
    assert 0.6 * 400 < watched < fixed
    assert np.median(weeks) < WEEKS - 1


def test_p_value_and_interval_worked_by_hand():
    found = sequential.bounds([3.0], [1.0], mixture=2.0, confidence=0.95)
    ratio = np.exp(9 * 4 / (2 * 1 * 5)) / np.sqrt(5)
    assert found.p_value[0] == pytest.approx(1 / ratio)
    half = np.sqrt(2 * 5 / 4 * np.log(np.sqrt(5) / 0.05))
    assert (found.low[0], found.high[0]) == pytest.approx((3 - half, 3 + half))


@given(st.floats(-5, 5), st.floats(0.1, 3), st.floats(0.1, 3), st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=100, deadline=None)
def test_a_difference_is_significant_just_where_its_interval_excludes_zero(difference, error, mixture, confidence):
    found = sequential.bounds([difference], [error], mixture, confidence)
    excluded = found.low[0] > 0 or found.high[0] < 0
    assert excluded == (found.p_value[0] < 1 - confidence) or abs(found.p_value[0] - (1 - confidence)) < 1e-9


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_spread_makes_the_interval_tightest_where_it_was_planned(confidence):
    def width(mixture):
        return sequential.bounds([0.0], [0.2], mixture, confidence).high[0]

    best = scipy.optimize.minimize_scalar(width, bounds=(0.05, 5), method="bounded", options={"xatol": 1e-8}).x
    assert sequential.spread(0.2, confidence) == pytest.approx(best, rel=1e-3)


def test_the_p_value_never_rises_and_looks_see_everybody_so_far():
    found = experiment(np.random.default_rng(4), effect=0.2)
    assert (found["p_value"].diff().dropna() <= 0).all()
    assert (found["control"] + found["treated"]).tolist() == [A_WEEK * (week + 1) for week in range(WEEKS)]


def test_a_look_is_the_comparison_of_everybody_up_to_it():
    rng = np.random.default_rng(5)
    outcome, treated = rng.normal(1e6, 1, len(LOOK)), rng.random(len(LOOK)) < 0.3
    found = sequential.watch(outcome, treated, LOOK, 0.1, CONFIDENCE).iloc[4]
    arms = [outcome[(LOOK <= 4) & (treated == arm)] for arm in (True, False)]
    assert found["difference"] == pytest.approx(arms[0].mean() - arms[1].mean())
    assert found["error"] == pytest.approx(np.sqrt(sum(arm.var(ddof=1) / len(arm) for arm in arms)), rel=1e-6)


def test_looks_with_too_few_members_or_no_variance_say_nothing():
    treated = np.arange(len(LOOK)) % 2 == 1
    found = sequential.watch(np.zeros(len(LOOK)), treated, LOOK, 0.1, CONFIDENCE, minimum=100)
    assert (found["p_value"] == 1).all() and (found["low"] == -np.inf).all() and (found["high"] == np.inf).all()
    few = sequential.watch(np.arange(len(LOOK)) % 7.0, treated, LOOK, 0.1, CONFIDENCE, minimum=100)
    assert np.isinf(few["high"]).tolist() == [True] * 3 + [False] * 9  # 30 more in an arm each week
    empty = sequential.watch(np.arange(5.0), np.zeros(5), np.arange(5), 0.1, CONFIDENCE)
    assert (empty["p_value"] == 1).all()


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="2 outcomes, 3 arms, 2 looks"):
        sequential.watch([1.0, 2.0], [True, False, True], [0, 1], 0.1, CONFIDENCE)
    with pytest.raises(DataError, match="1 of 2 members have no outcome"):
        sequential.watch([1.0, np.nan], [True, False], [0, 1], 0.1, CONFIDENCE)
    with pytest.raises(DataError, match="2 differences, but 1 errors"):
        sequential.bounds([1.0, 2.0], [1.0], 0.1, CONFIDENCE)
    with pytest.raises(ParamError, match="planned error 0"):
        sequential.spread(0.0, CONFIDENCE)
