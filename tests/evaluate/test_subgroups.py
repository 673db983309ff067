import numpy as np
import pandas as pd
import pytest
import scipy.stats

from membership.base.errors import DataError
from membership.evaluate import experiment, segments


@pytest.fixture
def profile(tiers):
    stages = np.tile(["active", "loyal"], 20)
    return pd.DataFrame({"member_id": tiers["member_id"], "persona": "Cook", "stage": stages})


@pytest.fixture
def run(world, tiers, profile):
    def go():
        champion, challenger = experiment.arms(world.outcomes)
        groups = segments.groups(tiers, profile)
        return segments.run(champion, challenger, "recall_at_10", groups, world.knobs.evaluate, 1)

    return go


def test_segments_come_in_the_order_of_tiers_personas_and_stages(run):
    found = run().effects
    named = (found["by"] + " " + found["segment"]).tolist()
    assert named[:3] == ["tier Member", "tier Gold", "persona Cook"]
    assert named[3:] == [f"stage {name}" for name in segments.STAGES]


def test_a_segments_effect_is_the_paired_t_of_its_members(world, run):
    row = run().effects.iloc[1]
    champion, challenger = world.values("champion")[20:], world.values("challenger")[20:]
    assert row["members"] == 20
    assert row["p_value"] == pytest.approx(scipy.stats.ttest_rel(challenger, champion).pvalue)


def test_q_is_benjamini_hochberg_over_all_segments_that_can_be_tested(run):
    found = run().effects
    tested = found[found["members"] > 1]
    assert len(tested) == 5
    assert tested["q_value"].to_numpy() == pytest.approx(scipy.stats.false_discovery_control(tested["p_value"]))
    assert (found.loc[found["members"] == 0, "q_value"] == 1).all()


def test_an_effect_in_one_stage_alone_is_an_interaction_of_stages_and_not_of_tiers(world, run):
    loyal = world.outcomes["member_id"].str[1:].astype(int) % 2 == 1
    world.outcomes.loc[loyal & (world.outcomes["policy"] == "challenger"), "recall_at_10"] += 0.3
    found = run().interactions.set_index("by")
    assert found["segments"].to_dict() == {"tier": 2, "persona": 1, "stage": 2}
    assert found.loc["stage", "q_value"] < 0.001
    assert found.loc["tier", "p_value"] > 0.05
    assert np.isnan(found.loc["persona", "p_value"])


def test_welchs_analysis_of_variance_of_two_groups_is_welchs_t():
    rng = np.random.default_rng(1)
    values = pd.Series(np.r_[rng.normal(0, 1, 20), rng.normal(0.5, 3, 30)])
    compared, p_value = segments.welch_anova(values, pd.Series(["a"] * 20 + ["b"] * 30))
    assert compared == 2
    assert p_value == pytest.approx(scipy.stats.ttest_ind(values[:20], values[20:], equal_var=False).pvalue)


def test_groups_without_variance_or_of_few_members_are_not_compared():
    values = pd.Series(np.r_[np.full(12, 0.1), np.linspace(0, 1, 9), np.linspace(0, 0.3, 12)])
    compared, p_value = segments.welch_anova(values, pd.Series(list("a" * 12 + "b" * 9 + "c" * 12)))
    assert compared == 1
    assert np.isnan(p_value)


def test_two_members_who_are_alike_show_nothing(world, tiers, profile, run):
    profile.loc[:1, "stage"] = "new"
    first = world.outcomes["member_id"].isin(["m00", "m01"]) & (world.outcomes["policy"] == "challenger")
    world.outcomes.loc[first, "recall_at_10"] = world.values("champion")[:2] + 0.9
    found = run()
    assert found.effects.set_index("segment").loc["new", ["members", "q_value"]].tolist() == [2, 1.0]
    assert "stage new" not in segments.in_words(found)
    assert found.interactions.set_index("by").loc["stage", "segments"] == 2


def test_words_name_what_is_shown_and_claim_no_more(run):
    words = segments.in_words(run())
    assert "Of 5 segments, 5 show a gain and 0 a loss in recall_at_10" in words
    assert "between personas it cannot be compared" in words
    assert "between tiers it is not shown to differ" in words


def test_where_nothing_differs_nothing_is_named(world, run):
    world.change("challenger", world.values("champion"))
    assert "Of 5 segments, 0 show a gain and 0 a loss in recall_at_10 with" in segments.in_words(run())


def test_the_table_has_a_line_for_each_segment_and_no_numbers_where_nobody_is(run):
    lines = segments.table(run()).splitlines()
    assert len(lines) == 2 + 3 + len(segments.STAGES)
    assert "| stage | prospect | 0 | - | - | - | - |" in lines


def test_a_judged_member_without_a_profile_is_named(world, tiers, profile):
    champion, challenger = experiment.arms(world.outcomes)
    for groups in (segments.groups(tiers, profile).iloc[1:], segments.groups(tiers, profile.iloc[1:])):
        with pytest.raises(DataError, match=r"1 members who are judged have no tier or no profile, e\.g\. 'm00'"):
            segments.run(champion, challenger, "recall_at_10", groups, world.knobs.evaluate, 1)
