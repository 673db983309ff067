"""The randomised reading: Welch, ratios and CUPED as textbooks and scipy have them, the gate, what is not defined."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.evaluate import randomised
from membership.evaluate.randomised import Measure
from membership.settings import params

MEAN, RATIO = Measure("y", "y"), Measure("ratio", "y", "n")


@pytest.fixture
def knobs(workspace):
    return params.load("evaluate").evaluate


def arm(n, mean=0.3, seed=1, together=0.6):
    """Members whose outcome correlates with what was known before."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=n)
    y = mean + together * before + np.sqrt(1 - together**2) * rng.normal(size=n)
    return pd.DataFrame({"y": y, "y_before": before, "n": 1.0 + rng.poisson(3, n), "n_before": 1.0 + rng.poisson(3, n)})


def observed(control, treatment):
    both = pd.concat([control.assign(arm="champion"), treatment.assign(arm="challenger")], ignore_index=True)
    return both.assign(member_id=[f"m{number}" for number in range(len(both))])


def test_welch_is_scipys():
    control, treatment = arm(40), arm(60, 0.7, seed=2)
    found = randomised.contrast(control, treatment, MEAN, False, 0.9)
    expected = scipy.stats.ttest_ind(treatment["y"], control["y"], equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.9)), rel=1e-10)
    assert (found.control, found.treatment) == pytest.approx((control["y"].mean(), treatment["y"].mean()))
    assert found.members == 100


def test_a_ratio_to_nothing_is_not_read(knobs):
    both = observed(arm(40), arm(40, seed=2)).assign(spend=0.0, spend_hit=0.0)
    trial = randomised.analyse(both, [MEAN], knobs)
    assert trial.known("y", randomised.PLAIN) and not trial.known("spend_hit_share", randomised.PLAIN)


def test_cuped_by_hand():
    """The treatment's covariate is higher by chance: what it foretells is taken off the difference."""
    control, treatment = arm(500), arm(500, seed=2)
    found = randomised.contrast(control, treatment, MEAN, True, 0.95)
    everybody = pd.concat([control, treatment])
    theta = everybody["y"].cov(everybody["y_before"]) / everybody["y_before"].var()
    gaps = treatment.mean() - control.mean()
    assert found.difference == pytest.approx(gaps["y"] - theta * gaps["y_before"])


@pytest.mark.parametrize("together", [0.0, 0.3, 0.605, 0.9])
def test_cuped_cuts_the_variance_by_the_square_of_the_correlation(together):
    control, treatment = arm(20_000, together=together), arm(20_000, seed=2, together=together)
    plain, adjusted = (randomised.contrast(control, treatment, MEAN, way, 0.95) for way in (False, True))
    cut = 1 - ((adjusted.high - adjusted.low) / (plain.high - plain.low)) ** 2
    assert cut == pytest.approx(together**2, abs=0.02)
    measured = randomised.correlation(observed(control, treatment), MEAN)
    assert cut == pytest.approx(measured**2, abs=0.002)


def test_a_ratio_of_means_by_the_delta_method():
    control, treatment = arm(50), arm(50, seed=2)
    found = randomised.contrast(control, treatment, RATIO, False, 0.95)
    ratios, variances = [], []
    for side in (control, treatment):
        ratio = side["y"].mean() / side["n"].mean()
        linear = (side["y"] - ratio * side["n"]) / side["n"].mean()
        ratios.append(ratio)
        variances.append(linear.var() / len(side))
    assert (found.control, found.treatment) == pytest.approx(tuple(ratios))
    error = np.sqrt(sum(variances))
    assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(abs(np.diff(ratios)[0]) / error, 98), rel=0.02)


def test_the_intervals_hold_a_known_difference_as_often_as_they_say():
    rng = np.random.default_rng(3)
    covered = {False: 0, True: 0}
    for _ in range(300):
        control, treatment = (arm(60, mean, seed=int(rng.integers(2**31))) for mean in (0.0, 0.25))
        for adjusted in covered:
            found = randomised.contrast(control, treatment, MEAN, adjusted, 0.95)
            covered[adjusted] += found.low <= 0.25 <= found.high
    for count in covered.values():
        assert scipy.stats.binom.ppf(0.001, 300, 0.95) <= count <= 299


@settings(max_examples=15, deadline=None)
@given(shift=st.floats(-3, 3), seed=st.integers(0, 99))
def test_swapping_the_arms_turns_the_sign(shift, seed):
    control, treatment = arm(20, seed=seed), arm(25, shift, seed=seed + 1)
    for adjusted in (False, True):
        there = randomised.contrast(control, treatment, MEAN, adjusted, 0.95)
        back = randomised.contrast(treatment, control, MEAN, adjusted, 0.95)
        assert there.difference == pytest.approx(-back.difference, abs=1e-12)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
        assert there.p_value == pytest.approx(back.p_value)


def test_a_mean_of_nearly_nothing_is_compared_like_any_other():
    """tea-tasting alone overflows there, because it gives relative effects as well."""
    control, treatment = arm(40), arm(40, seed=2)
    control["y"] -= control["y"].mean() - 1e-9
    found = randomised.contrast(control, treatment, MEAN, False, 0.95)
    assert found.p_value == pytest.approx(scipy.stats.ttest_ind(treatment["y"], control["y"], equal_var=False).pvalue)


@pytest.mark.parametrize("apart", [0.0, 1e-5, 1e-4])
def test_a_ratio_of_which_one_arm_has_nothing_is_compared_like_any_other(apart):
    """Adjusted, the control's ratio is next to 0: as far off as the two arms were `apart` before."""
    rng = np.random.default_rng(3)
    before = pd.DataFrame({"hits_before": rng.random(80), "listed_before": 10.0})
    hits = 1 + 5 * before["hits_before"] + rng.random(80)
    control = before.assign(hits=0.0, listed=10.0)
    treatment = before.assign(hits=hits, listed=10.0, hits_before=before["hits_before"] + apart)
    found = randomised.contrast(control, treatment, randomised.RATIOS[0], True, 0.95)
    assert found.difference == pytest.approx(hits.mean() / 10, rel=1e-3)
    assert 0 < found.low < found.difference < found.high < 1


def test_what_was_known_wholly_before_is_not_adjusted():
    """One member of all had anything, before and after: nothing but rounding is left of the variance."""
    nothing = pd.DataFrame({"y": np.zeros(10), "y_before": np.zeros(10)})
    one = pd.DataFrame({"y": np.r_[0.3, np.zeros(9)], "y_before": np.r_[0.1, np.zeros(9)]})
    plain, adjusted = (randomised.contrast(one, nothing, MEAN, way, 0.95) for way in (False, True))
    assert adjusted == plain and plain.low < 0 < plain.high


def test_a_metric_without_variance_is_certain_and_a_single_member_of_nothing():
    same = pd.DataFrame({"y": [0.5, 0.5], "n": 1.0})
    found = randomised.contrast(same, same + 0.25, MEAN, False, 0.95)
    assert (found.difference, found.low, found.high, found.p_value) == (0.25, 0.25, 0.25, 0.0)
    assert randomised.contrast(same, same, MEAN, False, 0.95).p_value == 1.0
    one = randomised.contrast(same, same.iloc[:1], MEAN, False, 0.95)
    assert (one.low, one.high, one.p_value) == (-np.inf, np.inf, 1.0)
    nothing_to_divide = randomised.contrast(same, same.assign(n=0.0), RATIO, False, 0.95)
    assert (nothing_to_divide.low, nothing_to_divide.high, nothing_to_divide.p_value) == (-np.inf, np.inf, 1.0)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_ratio_that_is_the_same_for_all_is_certain_though_its_parts_vary(share):
    """Nobody's list, or everybody's, holds all that was bought."""
    bought = arm(20)[["n"]].assign(y=lambda frame: share * frame["n"])
    found = randomised.contrast(bought, bought.iloc[:15], RATIO, False, 0.95)
    assert (found.difference, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_members_without_the_metric_are_left_out():
    control, treatment = arm(20), arm(20, seed=2)
    gaps = pd.concat([control, pd.DataFrame({"y": [np.nan] * 3})])
    assert randomised.contrast(gaps, treatment, MEAN, False, 0.95) == randomised.contrast(
        control, treatment, MEAN, False, 0.95
    )


def test_a_trial_has_both_methods_where_the_window_before_tells_something(knobs):
    members = observed(arm(80), arm(80, seed=2)).assign(z=lambda frame: frame["y"] + 1, z_before=0.0)
    trial = randomised.analyse(members, [Measure("y", "y"), Measure("z", "z")], knobs)
    methods = trial.effects.groupby("measure", sort=False)["method"].agg(list).to_dict()
    assert methods == {"y": ["Welch", "CUPED"], "z": ["Welch"]}  # what was the same for all tells nothing
    assert trial.readable
    assert trial.of("y", "CUPED")["correlation"] == pytest.approx(0.6, abs=0.15)
    assert trial.of("y", "CUPED")["detectable"] < trial.of("y")["detectable"]


def test_ratios_come_with_the_counts_they_are_made_of(knobs):
    members = observed(arm(80), arm(80, seed=2)).rename(columns={"y": "hits", "n": "listed"})
    trial = randomised.analyse(members, [Measure("hits", "hits")], knobs)
    assert trial.effects["measure"].tolist() == ["hits", "hits_per_listed"]


def test_the_detectable_difference_is_found_as_often_as_asked(knobs):
    trial = randomised.analyse(observed(arm(100), arm(100, seed=2)), [Measure("y", "y")], knobs)
    smallest = trial.of("y")["detectable"]
    rng = np.random.default_rng(4)
    p_values = [scipy.stats.ttest_ind(rng.normal(0, 1, 100), rng.normal(smallest, 1, 100)).pvalue for _ in range(400)]
    assert 0.7 <= np.mean(np.array(p_values) < 0.05) <= 0.9


def test_a_broken_split_is_not_read(knobs):
    trial = randomised.analyse(observed(arm(100), arm(200, seed=2)), [Measure("y", "y")], knobs)
    assert trial.sample_ratio_p < 0.001
    assert not trial.readable
    assert trial.effects[["control", "treatment", "difference", "low", "high", "p_value"]].isna().all(axis=None)


def test_an_empty_arm_has_a_defined_answer(knobs):
    trial = randomised.analyse(observed(arm(5), arm(0)), [Measure("y", "y")], knobs)
    assert trial.readable  # five to none happens once in sixteen
    assert (trial.of("y")["low"], trial.of("y")["high"], trial.of("y")["p_value"]) == (-np.inf, np.inf, 1.0)
