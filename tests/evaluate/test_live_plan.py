import numpy as np
import pandas as pd
import pytest
import scipy.stats

from membership.base.errors import ParamError
from membership.evaluate import live_plan
from membership.settings import params
from membership.settings.decide import Guardrail
from membership.stats import power, sequential

GUARDRAIL = Guardrail(metric="hit_at_10", margin=0.5)


@pytest.fixture
def knobs(workspace):
    return params.load(
        "evaluate", {"evaluate.primary_metric": "y", "evaluate.worth": [0.001, 0.5], "evaluate.plan_weeks": 3}
    ).evaluate


def entrants(members=(40, 100, 130), inverse=(1.0, 1.0, 1.0)):
    return pd.DataFrame({"week": range(1, len(members) + 1), "members": members, "inverse": inverse})


def observed(n=400, together=0.0, seed=1):
    """Outcomes of standard deviation 1 and mean 2, with a covariate that correlates by `together`."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=n)
    y = together * before + np.sqrt(1 - together**2) * rng.normal(size=n)
    y = 2 + (y - y.mean()) / y.std(ddof=1)
    return pd.DataFrame({"arm": "champion", "y": y, "y_before": before, "hit_at_10": y})


def test_textbook_members_of_a_medium_effect(knobs):
    """d = .5 at power .8 takes 63.77 members an arm: 128 in all, who have come by week 3."""
    found = live_plan.plan(observed().drop(columns="y_before"), entrants(), [], knobs).sizes
    row = found[(found["worth"] == 0.5) & (found["method"] == "Welch")].iloc[0]
    assert row["members_per_arm"] == 64
    assert row["weeks"] == 3
    assert row["relative"] == pytest.approx(0.25)


def test_what_takes_more_members_than_come_is_said(knobs):
    found = live_plan.plan(observed(), entrants(), [], knobs)
    assert found.sizes.loc[found.sizes["worth"] == 0.001, "weeks"].isna().all()
    told = found.to_json()
    assert told["sizes"][0] == {"worth": 0.001, "weeks": None, "members_per_arm": pytest.approx(1.57e7, rel=0.01)}
    assert (told["weeks"], told["members"]) == (3, 130)


def test_where_too_few_come_no_difference_is_found(knobs):
    sizes = live_plan.plan(observed(), entrants((2, 3, 4)), [], knobs).to_json()["sizes"]
    assert [row["weeks"] for row in sizes] == [None, None]


def test_cuped_saves_members_by_the_square_of_the_correlation(knobs):
    found = live_plan.plan(observed(4000, 0.8), entrants(), [], knobs)
    welch, cuped = found.sizes.loc[found.sizes["worth"] == 0.001, "members_per_arm"]
    assert cuped / welch == pytest.approx(1 - found.correlation**2, rel=1e-3)
    assert found.correlation == pytest.approx(0.8, abs=0.03)


def test_more_baskets_make_a_members_mean_steadier_but_never_than_the_member(knobs):
    """Over four baskets each, with baskets that correlate by r, the variance is r + (1 - r) / 4 of that of one."""
    members = observed(4000, 0.3)
    one, four = (
        live_plan.plan(members, entrants((10, 10, 10), (share,) * 3), [], knobs).sizes["members_per_arm"].iloc[0]
        for share in (1.0, 0.25)
    )
    r = members["y"].corr(members["y_before"])
    assert four / one == pytest.approx(r + (1 - r) / 4, rel=1e-3)


def test_the_detectable_difference_agrees_with_the_power_of_t(knobs):
    smallest = live_plan.detectable(np.array([200]), 1.5, knobs)[0]
    assert power.power_of_two_arms(100, smallest / 1.5, 0.95) == pytest.approx(0.8, abs=0.005)


def test_the_price_of_watching_buys_the_power_of_one_look_back():
    factor = sequential.price_of_watching(0.95, 0.8)
    error, effect = 1 / np.sqrt(factor), scipy.stats.norm.ppf([0.975, 0.8]).sum()
    half = sequential.bounds([0.0], [error], sequential.spread(error, 0.95), 0.95).high[0]
    assert scipy.stats.norm.cdf((effect - half) / error) == pytest.approx(0.8)
    assert factor == pytest.approx(1.915, abs=1e-3)


def test_guardrails_say_how_long_it_takes_to_rule_their_margin_out(knobs):
    counted = Guardrail(metric="catalogue_coverage", margin=0.01)
    cost = Guardrail(metric="discount_per_item_at_10", margin=2.0)
    found = live_plan.plan(observed(), entrants((100, 200, 300)), [GUARDRAIL, counted, cost], knobs)
    assert found.watched["members_per_arm"].iloc[0] == pytest.approx(64 * found.factor)
    assert found.watched["members_per_arm"].iloc[1:].isna().all()
    assert found.watched["higher_is_better"].tolist() == [True, True, False]
    with pytest.raises(ParamError, match="'profit' is unknown"):
        live_plan.plan(observed(), entrants(), [Guardrail(metric="profit", margin=1)], knobs)


def test_an_outcome_without_variance_takes_two_members(knobs):
    members = observed().assign(y=0.5)
    found = live_plan.plan(members, entrants(), [], knobs)
    assert (found.sizes["members_per_arm"] == 2).all()
    assert (found.sizes["weeks"] == 1).all()


def test_only_what_the_champion_showed_is_used(knobs):
    both = pd.concat([observed(), observed(seed=2).assign(arm="challenger", y=99.0)])
    pd.testing.assert_frame_equal(
        live_plan.plan(both, entrants(), [], knobs).sizes, live_plan.plan(observed(), entrants(), [], knobs).sizes
    )


def test_what_is_stated_first_comes_from_the_window_before(knobs):
    stated = live_plan.stated(pd.DataFrame({"y": np.tile([0.0, 1.0], 100)}), knobs)
    assert (stated.members, stated.spread) == (200, pytest.approx(0.50125, abs=1e-5))
    assert stated.detectable == live_plan.detectable(np.array([200]), stated.spread, knobs)[0]
    assert live_plan.stated(pd.DataFrame({"member_id": []}), knobs) is None
