"""The pipeline's own A/A and coverage checks: what is null is null, what is true is known, and a lie is found."""

import numpy as np
import pandas as pd
import pytest

from membership.evaluate import randomised, validity
from membership.evaluate.arms import CONTROL, TREATMENT
from membership.evaluate.verdicts import Kind
from membership.settings import params

NOTHING = pd.DataFrame({"member_id": pd.Series(dtype=str)})


@pytest.fixture
def knobs(workspace):
    repeats = {"evaluate.aa_repeats": 60, "evaluate.coverage_repeats": 40}
    return params.load("evaluate", {"evaluate.primary_metric": "y", **repeats}).evaluate


def outcomes(n=120, effect=0.1, seed=1):
    rng = np.random.default_rng(seed)
    members = [f"m{number:03d}" for number in range(n)]
    y = rng.beta(1, 3, n)
    arms = []
    for policy, values in ((CONTROL, y), (TREATMENT, y + effect + rng.normal(0, 0.05, n))):
        spend = rng.lognormal(3, 1, n)
        counts = {"spend": spend, "spend_hit": spend * rng.uniform(0, 1, n)}
        arms.append(pd.DataFrame({"policy": policy, "member_id": members, "tier": "Gold", "y": values, **counts}))
    return pd.concat(arms, ignore_index=True)


def known(table):
    champion = table[table["policy"] == CONTROL]
    return champion[["member_id", "y", "spend", "spend_hit"]].assign(y=champion["y"] + 0.1)


def test_honest_tests_pass_though_the_policies_differ(knobs):
    table = outcomes()
    found = validity.run(table, known(table), knobs, 2)
    assert found.passed
    names = ["paired t", "y, Welch", "y, CUPED", "spend_hit_share, Welch", "spend_hit_share, CUPED"]
    assert found.aa["contrast"].tolist() == names
    assert found.coverage["contrast"].tolist() == [*names, "paired bootstrap"]


def test_where_nothing_was_paid_the_share_of_spend_is_not_checked(knobs):
    table = outcomes().assign(spend=0.0, spend_hit=0.0)
    found = validity.run(table, known(table), knobs, 2)
    assert found.passed and found.aa["contrast"].tolist() == ["paired t", "y, Welch", "y, CUPED"]


def test_the_truth_is_the_difference_among_all_members(knobs):
    table = outcomes()
    truth = validity.run(table, NOTHING, knobs, 1).coverage.set_index("contrast")["truth"]
    means = table.groupby("policy")[["y", "spend", "spend_hit"]].mean()
    assert truth["paired t"] == truth["y, Welch"] == pytest.approx(means.loc[TREATMENT, "y"] - means.loc[CONTROL, "y"])
    ratios = means["spend_hit"] / means["spend"]
    assert truth["spend_hit_share, Welch"] == pytest.approx(ratios[TREATMENT] - ratios[CONTROL])
    assert "y, CUPED" not in truth  # nothing is known from before


def test_swapping_keeps_each_members_pair_and_leaves_nothing_to_find():
    both = validity.potential(outcomes(effect=5.0), NOTHING, "y")
    control, treatment = validity.swapped(both)(np.random.default_rng(1))
    pairs = {tuple(pair) for pair in np.sort(np.c_[control["y"], treatment["y"]], axis=1).round(9)}
    assert pairs == {tuple(pair) for pair in np.c_[both[CONTROL]["y"], both[TREATMENT]["y"]].round(9)}
    assert abs((treatment["y"] - control["y"]).mean()) < 2  # of five


def test_resampling_keeps_pairs_together():
    both = validity.potential(outcomes(effect=5.0), NOTHING, "y")
    control, treatment = validity.resampled(both)(np.random.default_rng(1))
    assert len(control) == 120
    assert ((treatment["y"] - control["y"]) > 4).all()
    assert control["y"].nunique() < 120


def test_a_randomised_contrast_sees_each_member_once():
    both = validity.potential(outcomes(), NOTHING, "y")
    contrast = validity.contrasts(both[CONTROL], "y", 0.95)["y, Welch"]
    halves = both[CONTROL].iloc[:60], both[TREATMENT].iloc[60:]
    expected = randomised.contrast(*halves, randomised.Measure("y", "y"), False, 0.95)
    assert contrast(both[CONTROL], both[TREATMENT]) == expected


def test_members_without_the_metric_under_either_policy_are_left_out():
    table = outcomes()
    table.loc[0, "y"] = np.nan
    assert [len(frame) for frame in validity.potential(table, NOTHING, "y").values()] == [119, 119]


def test_a_metric_without_variance_never_rejects_and_is_always_covered(knobs):
    found = validity.run(outcomes().assign(y=0.5), NOTHING, knobs, 1)
    assert found.aa.set_index("contrast").loc["paired t", "rejections"] == 0
    assert found.coverage.set_index("contrast").loc["paired t", "share"] == 1
    assert found.passed  # nothing varies, so nothing can go wrong; the rule keeps the champion for want of a gain


def test_checks_are_handed_over_with_their_numbers(knobs):
    table = outcomes()
    found = validity.run(table, NOTHING, knobs, 2)
    arms = pd.concat([table[table["policy"] == CONTROL].head(60), table[table["policy"] == TREATMENT].tail(60)])
    trial = randomised.analyse(arms.assign(arm=arms["policy"]), [randomised.Measure("y", "y")], knobs)
    alone, aa, coverage, ratio = validity.checks(found, trial)
    kinds = [Kind.INDEPENDENCE, Kind.AA, Kind.COVERAGE, Kind.SAMPLE_RATIO]
    assert [each.kind for each in (alone, aa, coverage, ratio)] == kinds
    assert (alone.result, alone.numbers["members"], alone.numbers["twins"]) == ("passed", 120, 0)
    assert (aa.passed, aa.numbers) == (True, {"tests": 3, "repeats": 60, "wrong": [], "idle": []})
    assert (ratio.passed, ratio.numbers) == (True, {"p_value": 1.0, "gate": 0.001})
    wrong = found.coverage.assign(passed=[False] + [True] * (len(found.coverage) - 1))
    coverage = validity.checks(validity.Validity(found.aa, wrong, found.dependence), trial)[2]
    assert (coverage.passed, coverage.numbers) == (
        False,
        {"tests": 4, "repeats": 40, "wrong": ["paired t"], "idle": []},
    )


def test_checks_of_what_does_not_vary_and_of_a_handful_of_members_could_not_fail(knobs):
    table = outcomes(8).assign(y=0.5)
    found = validity.run(table.drop(columns=["spend", "spend_hit"]), NOTHING, knobs, 2)
    arms = table[table["policy"] == CONTROL].assign(arm=np.repeat([CONTROL, TREATMENT], 4))
    trial = randomised.analyse(arms, [randomised.Measure("y", "y")], knobs)
    assert [each.result for each in validity.checks(found, trial)] == ["could not fail"] * 4
