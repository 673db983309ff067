import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError, ParamError
from membership.evaluate import experiment
from membership.stats.resample import AACheck


def test_effects_are_those_of_the_paired_t_test(world):
    row = world.run().overall("recall_at_10")
    champion, challenger = world.values("champion"), world.values("challenger")
    expected = scipy.stats.ttest_rel(challenger, champion)
    assert row["members"] == 40
    assert row["difference"] == pytest.approx((challenger - champion).mean())
    assert row["p_value"] == pytest.approx(expected.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_the_order_of_rows_does_not_matter(world):
    before = world.run()
    world.outcomes = world.outcomes.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(world.run().effects, before.effects)


def test_coverage_counts_the_items_that_anybody_is_recommended(world):
    row = world.run().overall("catalogue_coverage")
    assert (row["control"], row["treatment"], row["difference"]) == (0.25, 0.5, 0.25)
    assert (row["low"], row["high"]) == (0.25, 0.25)
    assert np.isnan(row["p_value"])


def test_members_without_the_metric_are_left_out_of_it_alone(world):
    world.outcomes.loc[world.outcomes["member_id"] == "m00", "explore_recall_at_10"] = np.nan
    found = world.run()
    assert found.overall("explore_recall_at_10")["members"] == 39
    assert found.overall("recall_at_10")["members"] == 40


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shift=st.floats(-0.25, 0.25), seed=st.integers(0, 1000))
def test_swapping_the_policies_turns_every_sign(world, shift, seed):
    noise = np.random.default_rng(seed).normal(shift, 0.1, len(world.outcomes))
    world.outcomes["recall_at_10"] = noise
    there = world.run().overall("recall_at_10")
    world.outcomes["policy"] = world.outcomes["policy"].map({"champion": "challenger", "challenger": "champion"})
    back = world.run().overall("recall_at_10")
    assert there["difference"] == -back["difference"]
    assert (there["low"], there["high"]) == (-back["high"], -back["low"])
    assert there["p_value"] == back["p_value"]


def test_a_member_twice_in_an_arm_is_refused(world):
    world.outcomes = pd.concat([world.outcomes, world.outcomes.iloc[[3]]])
    with pytest.raises(DataError, match=r"1 rows of policy 'champion' repeat a member, e.g. 'm03'"):
        world.run()


def test_a_member_in_one_arm_only_is_refused(world):
    world.outcomes = world.outcomes.iloc[1:]
    with pytest.raises(DataError, match=r"1 members have only one of the policies .* e.g. m00"):
        world.run()


def test_no_outcome_at_all_is_said(world):
    world.outcomes = world.outcomes.iloc[:0]
    with pytest.raises(DataError, match="no member bought in the holdout window"):
        world.run()


def test_an_unknown_primary_metric_is_said_with_those_there_are(world):
    world.outcomes = world.outcomes.drop(columns="recall_at_10")
    with pytest.raises(ParamError, match="'recall_at_10' is unknown; there are: hit_at_10, explore_recall_at_10"):
        world.run()


def test_metric_names_are_flat_and_stable(world):
    by_tier = pd.DataFrame({"subgroup": ["Gold"], "difference": [0.1], "low": [0.05], "high": [0.15]})
    flat = experiment.flat(world.run(), by_tier, 0.5)
    for name in ("champion_recall_at_10", "challenger_recall_at_10", "aa_rejection_share", "p_value"):
        assert np.isfinite(flat[name])
    assert flat["difference_recall_at_10_low"] < flat["difference_recall_at_10"] < flat["difference_recall_at_10_high"]
    assert (flat["difference_recall_at_10_gold_low"], flat["heterogeneity_p"]) == (0.05, 0.5)
    assert flat["difference_catalogue_coverage"] == 0.25


def test_the_aa_check_sees_the_champion_only(world):
    before = world.run().aa
    world.change("challenger", np.zeros(40))
    after = world.run().aa
    assert isinstance(after, AACheck)
    np.testing.assert_array_equal(after.p_values, before.p_values)


@pytest.mark.parametrize("metric", ["discount_per_item_at_10", "margin_at_10"])
def test_a_primary_metric_that_loses_by_rising_or_is_money_is_refused(world, metric):
    world.outcomes[metric] = 50.0
    world.knobs.evaluate = world.knobs.evaluate.model_copy(update={"primary_metric": metric})
    with pytest.raises(ParamError, match=rf"'{metric}': a rise of it is a loss, or it is in cents"):
        world.run()
