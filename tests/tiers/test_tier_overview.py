"""What the tiers come to: tables and metrics that add up."""

import numpy as np
import pandas as pd
import pytest
import small_programme
from small_programme import MONTHS, TERMS, TIERS

from membership.base import files
from membership.tiers import beliefs, overview, rules, worth


@pytest.fixture(scope="module")
def found():
    return small_programme.tiers()


def test_the_rule_says_what_it_takes_to_reach_and_to_keep_a_tier():
    rule = rules.rule(TIERS, [100_000, 200_000, 300_050])
    levels = pd.DataFrame(
        {"threshold": rule.thresholds, "members": 1, "gain": 5.0, "cost": 2.0, "net": 3.0}, index=list(rule.names)
    ).assign(own_spread=[0.0, 3, 0, 0], pull_spread=[0.0, 4, 1, 0])
    table = overview.rule_table(worth.Appraisal(rule, levels, 0.1), TIERS, 0.6827)
    assert table["threshold"].tolist() == [0, 100_000, 200_000, 300_050]
    assert table["safe"].tolist() == [0, 80_000, 160_000, 240_040]
    assert table["net"].tolist() == [3.0] * 4
    assert table["net_low"].tolist() == pytest.approx([3, -2, 2, 3], abs=1e-3)  # one standard deviation: 0, 5, 1, 0
    assert table["net_high"].tolist() == pytest.approx([3, 8, 4, 3], abs=1e-3)
    assert table["p_pays"].tolist() == pytest.approx([1, 0.7257, 0.9987, 1], abs=1e-4)  # 3 over 0, 5, 1 and 0
    assert (TIERS.unit, TIERS.model_copy(update={"qualify_by": "points"}).unit) == (100, 1)


def test_tiers_by_hand():
    standing = pd.DataFrame(
        {
            "member_id": list("abcd"),
            "tier": ["Member", "Member", "Silver", "Silver"],
            "tier_rank": [0, 0, 1, 1],
            "points": [1, 2, 3, 4],
            "qualifying": [950, 0, 1500, 1000],
            "next_tier": ["Silver", "Silver", "Gold", "Gold"],
            "to_next": [50, 1000, 500, 1000],
            "grace_left": [np.nan, np.nan, 0, np.nan],
            "about_to_drop": [False, False, True, False],
            "to_keep": [0, 0, 40_000, 0],
        }
    )
    value = pd.DataFrame({"member_id": list("abcd"), "value": [100.0, 100, 300, 500]})
    value.loc[0, "value"] = 400.0
    table = overview.by_tier(standing, value, TIERS)
    assert table.loc["Silver", ["members", "share", "value", "points", "near_next"]].tolist() == [2, 0.5, 400, 7, 0]
    assert table["near_next"].to_dict() == {"Member": 1, "Silver": 0, "Gold": 0, "Platinum": 0}
    assert table.loc["Gold", ["members", "share", "value_share"]].tolist() == [0, 0, 0]
    assert table["value_share"].sum() == pytest.approx(1)
    agreement = overview.agreement(standing, value, TIERS)  # the best two by value are d and a
    assert agreement.loc["Silver"].tolist() == [1, 1, 0, 0]
    assert agreement.to_numpy().sum() == 4
    drops = overview.dropping(standing, TIERS)
    assert drops.loc["Silver"].tolist() == [2, 1, 1, 40_000]
    assert drops.loc["Gold"].iloc[:3].tolist() == [0, 0, 0] and np.isnan(drops.loc["Gold", "to_keep"])
    missing = overview.distances(standing, rules.rule(TIERS, [1000, 2000, 3000]))
    assert missing["missing"].tolist() == [0.05, 1, 0.25, 0.5]


def test_months_add_up_to_all_members_all_margin_and_all_points(found):
    monthly = found["monthly"]
    assert (monthly.groupby("as_of")["members"].sum() == 120).all()
    margin = monthly.groupby("as_of")["value"].sum()
    pd.testing.assert_series_equal(margin, found["amounts"].sum() * 0.25, check_names=False, check_freq=False)
    earned = found["books"].earned.sum() * TERMS.point_cost
    pd.testing.assert_series_equal(
        monthly.groupby("as_of")["points"].sum(), earned, check_names=False, check_freq=False
    )
    first = monthly[monthly["as_of"] == MONTHS[0]]
    assert first["members"].tolist() == [120, 0, 0, 0]  # everybody begins in the entry tier
    last = monthly[monthly["as_of"] == MONTHS[-1]].set_index("tier")
    began = np.bincount(found["ranks"].iloc[:, -2], minlength=4)
    assert last["running"].tolist() == (began * TERMS.levels("cost")).tolist()


def test_points_outstanding_are_those_of_the_books_and_the_liability_is_what_will_be_redeemed(found):
    owed, metrics = found["owed"], found["metrics"]
    assert metrics["points_outstanding"] == owed.by_lot["points"].sum() == found["books"].last.sum()
    assert metrics["points_liability"] == pytest.approx(owed.by_lot["redeemed"].sum() * TIERS.point_value)
    ends = [metrics[f"points_liability{end}"] for end in ("_low", "", "_high", "_most")]
    assert ends == sorted(ends) and 0 < ends[1] < metrics["points_outstanding"] * TIERS.point_value


def test_metrics_are_those_of_the_tables(found):
    metrics, appraisal = found["metrics"], found["search"].appraisal
    assert sum(metrics[f"member_share_{name.lower()}"] for name in TIERS.names) == pytest.approx(1)
    assert metrics["tiers_net"] == pytest.approx(metrics["tiers_gain"] - metrics["tiers_cost"]) == appraisal.net
    assert metrics["tiers_net_all_lower"] == pytest.approx(found["sensitivity"].loc["lower", "net"])
    assert (metrics["tiers_net_low"], metrics["tiers_net_high"]) == appraisal.range(0.95)
    assert metrics["tiers_p_pays"] == appraisal.p_pays
    assert metrics["members"] == 120
    assert metrics["threshold_silver"] == found["search"].rule.thresholds[1]


def test_metrics_of_groups_come_with_the_members_that_they_tell_of(found):
    moves = pd.DataFrame({"up": [7, 3], "down": [0, 2]})
    members, value, *single = overview.sizes(found["by_tier"], moves)
    assert list(members.values()) == list(value.values()) == found["by_tier"]["members"].tolist()
    assert {name for one in (members, value, *single) for name in one} - {"others"} <= set(found["metrics"])
    assert single[:2] == [{"promoted_last_month": 3, "others": 117}, {"demoted_last_month": 2, "others": 118}]


def test_later_stages_use_the_breakage_that_the_tiers_have_stored(workspace):
    (workspace / "models").mkdir()
    (workspace / "models" / "points.json").write_text('{"breakage": 0.2}')
    assert worth.known_terms(TIERS, 0.25, 90) == TERMS
    step = {"tier": TIERS.names[1], "effect": 0.5, "sd": 0.01, "low": 0.48, "high": 0.52}
    learned = beliefs.learned(beliefs.assumed(TIERS), pd.DataFrame([step]))
    files.write_json(workspace / "models" / "points.json", {"breakage": 0.2, "learned": learned.to_json()})
    known = worth.known_terms(TIERS, 0.25, 90)
    assert known.levels("uplift") == pytest.approx(learned.mean[:-1])
    assert known.levels("uplift_sd") == pytest.approx(learned.sd[:-1])
    assert pytest.approx(0.5 * 0.8 * TIERS.points_per_unit / 100) == TERMS.points_share
