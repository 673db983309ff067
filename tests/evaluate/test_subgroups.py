import numpy as np
import pandas as pd
import pytest
import scipy.stats

from membership.base import tables
from membership.base.errors import DataError
from membership.evaluate import experiment, subgroups


@pytest.fixture
def profile(tiers):
    stages = np.tile(["active", "loyal"], 20)
    return pd.DataFrame({"member_id": tiers["member_id"], "persona": "Cook", "stage": stages})


@pytest.fixture
def run(world, tiers, profile):
    def go():
        champion, challenger = experiment.arms(world.outcomes)
        groups = subgroups.groups(tiers, profile)
        return subgroups.run(champion, challenger, "recall_at_10", groups, world.knobs.evaluate, 1)

    return go


def test_subgroups_come_in_the_order_of_tiers_personas_and_stages(run):
    found = run().effects
    named = (found["by"] + " " + found["subgroup"]).tolist()
    assert named[:3] == ["tier Member", "tier Gold", "persona Cook"]
    assert named[3:] == [f"stage {name}" for name in subgroups.STAGES]


def test_a_subgroups_effect_is_the_paired_t_of_its_members(world, run):
    row = run().effects.iloc[1]
    champion, challenger = world.values("champion")[20:], world.values("challenger")[20:]
    assert row["members"] == 20
    assert row["p_value"] == pytest.approx(scipy.stats.ttest_rel(challenger, champion).pvalue)


def test_q_is_benjamini_hochberg_over_all_subgroups_that_can_be_tested(run):
    found = run().effects
    tested = found[found["members"] > 1]
    assert len(tested) == 5
    assert tested["q_value"].to_numpy() == pytest.approx(scipy.stats.false_discovery_control(tested["p_value"]))
    assert (found.loc[found["members"] == 0, "q_value"] == 1).all()


def test_an_effect_in_one_stage_alone_is_an_interaction_of_stages_and_not_of_tiers(world, run):
    loyal = world.outcomes["member_id"].str[1:].astype(int) % 2 == 1
    world.outcomes.loc[loyal & (world.outcomes["policy"] == "challenger"), "recall_at_10"] += 0.3
    found = run().interactions.set_index("by")
    assert found["compared"].to_dict() == {"tier": 2, "persona": 1, "stage": 2}
    assert found.loc["stage", "q_value"] < 0.001
    assert found.loc["tier", "p_value"] > 0.05
    assert np.isnan(found.loc["persona", "p_value"])


def test_welchs_analysis_of_variance_of_two_groups_is_welchs_t():
    rng = np.random.default_rng(1)
    values = pd.Series(np.r_[rng.normal(0, 1, 20), rng.normal(0.5, 3, 30)])
    compared, p_value = subgroups.welch_anova(values, pd.Series(["a"] * 20 + ["b"] * 30))
    assert compared == 2
    assert p_value == pytest.approx(scipy.stats.ttest_ind(values[:20], values[20:], equal_var=False).pvalue)


def test_groups_without_variance_or_of_few_members_are_not_compared():
    values = pd.Series(np.r_[np.full(12, 0.1), np.linspace(0, 1, 9), np.linspace(0, 0.3, 12)])
    compared, p_value = subgroups.welch_anova(values, pd.Series(list("a" * 12 + "b" * 9 + "c" * 12)))
    assert compared == 1
    assert np.isnan(p_value)


def test_two_members_who_are_alike_show_nothing(world, tiers, profile, run):
    profile.loc[:1, "stage"] = "new"
    first = world.outcomes["member_id"].isin(["m00", "m01"]) & (world.outcomes["policy"] == "challenger")
    world.outcomes.loc[first, "recall_at_10"] = world.values("champion")[:2] + 0.9
    found = run()
    assert found.effects.set_index("subgroup").loc["new", ["members", "q_value"]].tolist() == [2, 1.0]
    shown = subgroups.shown(found.effects, 0.95)
    assert "new" not in [*shown.gains["subgroup"], *shown.losses["subgroup"]]
    assert found.interactions.set_index("by").loc["stage", "compared"] == 2


def test_gains_and_losses_are_told_apart(world, run):
    shown = subgroups.shown(run().effects, 0.95)
    assert (shown.tested, len(shown.gains), len(shown.losses)) == (5, 5, 0)
    world.change("challenger", world.values("champion"))
    nothing = subgroups.shown(run().effects, 0.95)
    assert (nothing.tested, len(nothing.gains), len(nothing.losses)) == (5, 0, 0)


def test_the_effect_in_tiers_is_at_hand(run):
    found = run()
    assert found.by_tier["subgroup"].tolist() == ["Member", "Gold"]
    assert found.tier_p == found.interactions.set_index("by").loc["tier", "p_value"]


def test_an_empty_tier_has_a_defined_row(world, tiers, run):
    tiers.loc[len(tiers)] = ["unseen", "Platinum", 2]
    row = run().by_tier.iloc[-1]
    assert (row["subgroup"], row["members"], row["p_value"]) == ("Platinum", 0, 1.0)
    assert (row["low"], row["high"]) == (-np.inf, np.inf)


def test_the_table_holds_all_metrics_over_all_members_and_one_by_subgroup(world, run):
    found = run()
    tables.write("effects", subgroups.table(world.run().effects, found))
    stored = tables.read("effects")
    assert set(stored.loc[stored["by"] == "all", "metric"]) == set(world.run().effects["metric"])
    assert stored.loc[stored["by"] != "all", "metric"].unique().tolist() == ["recall_at_10"]
    assert len(stored) == len(world.run().effects) + len(found.effects)


def test_a_judged_member_without_a_profile_is_named(world, tiers, profile):
    champion, challenger = experiment.arms(world.outcomes)
    for groups in (subgroups.groups(tiers, profile).iloc[1:], subgroups.groups(tiers, profile.iloc[1:])):
        with pytest.raises(DataError, match=r"1 members who are judged have no tier or no profile, e\.g\. 'm00'"):
            subgroups.run(champion, challenger, "recall_at_10", groups, world.knobs.evaluate, 1)
