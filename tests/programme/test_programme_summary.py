"""What the tiers stage says adds up."""

import matplotlib
import pandas as pd
import pytest

from membership.base.programme_knobs import Benefit, Benefits, Tier, Tiers
from membership.programme import benefits, plots, summary, tiers

matplotlib.use("Agg")

SETTINGS = Tiers(
    levels=[
        Tier(name=name, share=share, points_multiplier=m) for name, share, m in [("Base", 0.75, 1), ("Top", 0.25, 1.5)]
    ],
    qualifying_days=90,
    grace_share=0.2,
    points_per_unit=1,
    points_expire_days=60,
)
CATALOGUE = [
    Benefit(name="gift", cost=10, cost_share=0, uplift=0.1, min_tier=0),
    Benefit(name="too_dear", cost=9999, cost_share=0, uplift=0.1, min_tier=0),
    Benefit(name="modest", cost=90, cost_share=0, uplift=0.1, min_tier=0),
]
BENEFITS = Benefits(budget=30, max_per_member=1, min_tier_share=0, catalogue=CATALOGUE)
STANDING = pd.DataFrame(
    {
        "member_id": list("abcd"),
        "tier": ["Base", "Base", "Top", "Top"],
        "tier_rank": [0, 0, 1, 1],
        "points": [1, 2, 3, 4],
        "about_to_drop": [False, False, True, False],
    }
)
VALUE = pd.DataFrame({"member_id": list("abcd"), "value": [100.0, 100, 300, 500], "expected_spend": [4000.0] * 4})
MOVES = pd.DataFrame({"up": [3, 1], "down": [0, 2]}, index=pd.to_datetime(["2020-01-01", "2020-02-01"]))


def report():
    by_tier = summary.by_tier(STANDING, VALUE, SETTINGS)
    agreement = summary.agreement(STANDING, tiers.value_tiers(VALUE, SETTINGS.levels), SETTINGS)
    candidates = benefits.economics(STANDING, VALUE, BENEFITS, margin_rate=0.25)
    allocation = benefits.allocate(candidates, BENEFITS)
    return by_tier, agreement, candidates, allocation


def test_tiers_by_hand():
    by_tier, agreement, _, _ = report()
    assert by_tier.loc["Top", ["members", "share", "planned", "value", "value_share"]].tolist() == [
        2,
        0.5,
        0.25,
        400,
        0.8,
    ]
    assert by_tier["points"].to_dict() == {"Base": 3, "Top": 7}
    assert agreement.to_numpy().tolist() == [[2, 1], [0, 1]]  # c is in Top by spend, not by value


def test_an_empty_tier_has_no_members_and_no_value():
    table = summary.by_tier(STANDING[STANDING["tier"] == "Base"], VALUE, SETTINGS)
    assert table.loc["Top", ["members", "share", "value_share"]].tolist() == [0, 0, 0]


def test_the_rule_says_what_it_takes_to_reach_and_to_keep_a_tier():
    table = summary.rule_table(tiers.Rule(("Base", "Top"), (0, 1000), 0.2), SETTINGS)
    assert table.loc["Top"].tolist() == [1000, 800, "x1.5"]


def test_costs_by_tier_and_by_benefit_are_those_of_the_allocation():
    _, _, candidates, allocation = report()
    assert summary.cost_table(allocation, SETTINGS, BENEFITS).to_numpy().sum() == allocation.cost == 30
    table = summary.benefit_table(candidates, allocation, BENEFITS)
    assert table["given"].to_dict() == {"gift": 3, "too_dear": 0, "modest": 0}
    assert table["pays_for"].to_dict() == {"gift": 1, "too_dear": 0, "modest": 1}


def test_metrics_and_conclusion_agree():
    by_tier, agreement, candidates, allocation = report()
    found = summary.metrics(by_tier, agreement, MOVES, allocation, BENEFITS.budget)
    assert found["tier_agreement"] == 0.75
    assert found["benefit_net"] == pytest.approx(3 * (100 - 10))
    assert (found["promoted_last_month"], found["demoted_last_month"], found["points_outstanding"]) == (1, 2, 10)
    text = summary.conclusion(by_tier, summary.benefit_table(candidates, allocation, BENEFITS), found, 90)
    assert "75% of members are in the tier that their predicted value calls for" in text
    assert "would not pay for anybody: too dear." in text
    assert "pays less than others do: modest." in text


def test_figures_are_titled_and_labelled():
    by_tier, _, candidates, allocation = report()
    axes = [
        plots.members_and_value(by_tier),
        plots.monthly_moves(MOVES),
        plots.cost_by_tier(summary.cost_table(allocation, SETTINGS, BENEFITS)),
        plots.budget_sweep(benefits.sweep(candidates, BENEFITS, [0.5, 1, 2]), BENEFITS.budget),
    ]
    assert all(ax.get_title() and ax.get_ylabel() for ax in axes)
    matplotlib.pyplot.close("all")
