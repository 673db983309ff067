"""What the stage says of benefits and fairness adds up."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from membership.benefits import fairness, payoff, sweeps
from membership.benefits.allocation import allocate
from membership.report.figures import benefits as plots
from membership.report.figures import fairness as plots_fairness
from membership.report.old_words import benefits as summary
from membership.settings import params
from membership.settings.benefits import Benefit, Benefits, Fairness

matplotlib.use("Agg")

CATALOGUE = [
    Benefit(name="gift", kind="exclusive_products", cost=10, uplift=0.1, uplift_sd=0.05),
    Benefit(name="too_dear", kind="exclusive_products", cost=9999, uplift=0.1, uplift_sd=0.05),
    Benefit(name="modest", kind="discount", cost=90, uplift=0.1, uplift_sd=0.05),
]
FAIR = Fairness(attributes=["age"], min_ratio=0.5, min_group=2)
SETTINGS = Benefits(budget=30, max_per_member=1, min_tier_share=0, fairness=FAIR, catalogue=CATALOGUE)
FACTS = pd.DataFrame(
    {
        "member_id": list("abcdef"),
        "tier": ["Member", "Member", "Gold", "Gold", "Gold", "Gold"],
        "tier_rank": [0, 0, 2, 2, 2, 2],
        "persona": "Cook",
        "stage": "active",
        "expected_spend": [4000.0, 4000.0, 4000.0, 4000.0, 100.0, 100.0],
        "expected_orders": 2.0,
        "age": ["19-24", "19-24", "65+", "65+", "unknown", "unknown"],
    }
)
UPLIFTS = pd.DataFrame(
    [(one.name, "Cook", tier, one.uplift, one.uplift_sd) for one in CATALOGUE for tier in ("Member", "Gold")],
    columns=["benefit", "persona", "tier", "uplift", "uplift_sd"],
)
SETTING = sweeps.Setting(FACTS, SETTINGS, 0.25, UPLIFTS)


@pytest.fixture(scope="module")
def report():
    options = SETTING.options()
    allocation = allocate(options, FACTS, SETTINGS)
    table = summary.benefit_table(allocation, payoff.break_even(FACTS, SETTINGS, 0.25, UPLIFTS))
    fair = fairness.benefit_table(FACTS, allocation, SETTINGS, 0.95)
    ratios = sweeps.ratio(options, FACTS, SETTINGS, [0.2, 0.9])
    outlook = payoff.outlook(options, allocation.given, 0.95)
    lost = summary.lost_to_fairness(ratios, SETTINGS)
    return allocation, table, fair, ratios, summary.metrics(allocation, outlook, fair, lost, SETTINGS.budget)


def test_costs_by_tier_and_by_benefit_are_those_of_the_allocation(report):
    allocation, table, *_ = report
    levels = params.parse(params.read()).tiers
    by_tier = summary.cost_table(allocation, levels)
    assert by_tier.index.tolist() == [level.name for level in levels.levels]
    assert by_tier.to_numpy().sum() == table["cost"].sum() == allocation.cost == 30
    assert by_tier.loc[["Silver", "Platinum"]].to_numpy().sum() == 0  # tiers without members


def test_the_table_of_benefits_by_hand(report):
    _, table, *_ = report
    assert table["given"].to_dict() == {"gift": 3, "too_dear": 0, "modest": 0}
    assert table["may_have"].to_dict() == {"gift": 6, "too_dear": 6, "modest": 6}
    assert table["pays_for"].to_dict() == pytest.approx({"gift": 4 / 6, "too_dear": 0, "modest": 4 / 6})
    assert table.loc["gift", "break_even"] == pytest.approx(60 / (0.25 * 16_200))


def test_metrics_and_words_agree(report):
    _, table, fair, _, metrics = report
    assert metrics["benefit_net"] == pytest.approx(3 * (100 - 10))
    assert metrics["benefit_member_share"] == 0.5
    assert metrics["benefit_net_low"] < metrics["benefit_net"] < metrics["benefit_net_high"]
    assert metrics["fairness_smallest_ratio"] == 0.5  # two of one group, one of the other
    text = summary.conclusion(table, metrics, 90, 0.95)
    assert "go to 50% of members" in text
    assert "pay for nobody: too dear." in text
    assert "pay less than others do: modest." in text
    words = summary.fairness_words(fair, metrics, FACTS, SETTINGS)
    assert "age of 67%" in words
    assert "has 50% of what the one that gets most has" in words


def test_words_for_a_budget_of_zero_and_for_unknown_groups(report):
    _, table, fair, _, metrics = report
    assert "The budget for benefits is 0" in summary.conclusion(table, metrics | {"benefit_budget": 0}, 90, 0.95)
    few = SETTINGS.model_copy(update={"fairness": FAIR.model_copy(update={"min_group": 99})})
    nobody = fair.assign(limited=False)
    assert "none is limited" in summary.fairness_words(nobody, metrics, FACTS, few)
    assert "nothing is known of groups" in summary.fairness_words(fair.iloc[:0], metrics, FACTS, SETTINGS)


def test_this_allocation_is_never_better_than_the_best_for_the_money_had_one_known(report):
    table = sweeps.response(SETTING, report[0].given, [0.2, 0.5, 1.0, 1.5])
    assert table["net"].tolist() == pytest.approx([30, 120, 270, 420])  # three gifts: 100 each, less 10
    free = SETTINGS.model_copy(update={"fairness": FAIR.model_copy(update={"min_ratio": 0.0})})
    best = sweeps.response(sweeps.Setting(FACTS, free, 0.25, UPLIFTS), report[0].given, [0.2, 0.5, 1.0, 1.5])["best"]
    assert (best >= table["net"] - 1e-6).all()


def test_a_response_so_weak_that_nothing_pays_brings_nothing_at_best(report):
    table = sweeps.response(SETTING, report[0].given, [0.05])
    assert table["net"].tolist() == pytest.approx([3 * (5 - 10)])
    assert table["best"].tolist() == [0]


def test_figures_are_titled_and_labelled(report):
    allocation, _, fair, ratios, _ = report
    options = allocation.options
    axes = [
        plots.cost_by_tier(summary.cost_table(allocation, params.parse(params.read()).tiers)),
        plots.break_even(payoff.break_even(FACTS, SETTINGS, 0.25, UPLIFTS)),
        plots.budget_sweep(sweeps.budget(options, FACTS, SETTINGS, [0.5, 1, 2]), SETTINGS.budget),
        plots.response_sweep(sweeps.response(SETTING, allocation.given, [0.5, 1])),
        plots_fairness.price_of_fairness(ratios, 0.5),
        *plots_fairness.by_group(fair, "cost", "cost_low", "cost_high", "Benefits", "cost a member", scale=100),
    ]
    assert all(ax.get_title() and ax.get_xlabel() + ax.get_ylabel() for ax in axes)
    assert np.isfinite(axes[-1].get_xlim()).all()
    matplotlib.pyplot.close("all")


def test_figures_of_nothing_are_empty_and_no_error():
    nothing = allocate(SETTING.options(), FACTS, SETTINGS.model_copy(update={"budget": 0.0}))
    empty = sweeps.budget(nothing.options, FACTS, SETTINGS.model_copy(update={"budget": 0.0}), [1.0])
    assert plots.budget_sweep(empty, 0.0).get_title()
    assert plots_fairness.price_of_fairness(
        sweeps.ratio(nothing.options, FACTS, SETTINGS.model_copy(update={"budget": 0.0}), [0.5]), 0.5
    ).get_title()
    table = fairness.benefit_table(
        FACTS,
        nothing,
        SETTINGS.model_copy(update={"fairness": Fairness(attributes=[], min_ratio=0, min_group=1)}),
        0.95,
    )
    assert plots_fairness.by_group(table, "cost", "cost_low", "cost_high", "Benefits", "cost a member")
    matplotlib.pyplot.close("all")
