"""What benefits and fairness come to adds up, and other responses bring what they should."""

from dataclasses import replace

import numpy as np
import pytest
import small_programme
from scipy.stats import norm
from small_programme import BENEFITS, FACTS, FAIR, SETTING, TIERS

from membership.benefits import fairness, overview, sweeps


@pytest.fixture(scope="module")
def report():
    return small_programme.benefits()


def test_costs_by_tier_and_by_benefit_are_those_of_the_allocation(report):
    allocation, table = report.allocation, report.table
    by_tier = overview.cost_table(allocation, TIERS)
    assert by_tier.index.tolist() == TIERS.names
    assert by_tier.to_numpy().sum() == table["cost"].sum() == allocation.cost == 30
    assert by_tier.loc[["Silver", "Platinum"]].to_numpy().sum() == 0  # tiers without members


def test_the_table_of_benefits_by_hand(report):
    table = report.table
    assert table["given"].to_dict() == {"gift": 3, "too_dear": 0, "modest": 0}
    assert table["may_have"].to_dict() == {"gift": 6, "too_dear": 6, "modest": 6}
    assert table["pays_for"].to_dict() == pytest.approx({"gift": 4 / 6, "too_dear": 0, "modest": 4 / 6})
    assert table["net"].to_dict() == pytest.approx({"gift": 270, "too_dear": 0, "modest": 0})
    half = norm.ppf(0.975) * 3 * 50  # three members, whose margin of 1000 is uncertain by 5 % of it
    assert (table.loc["gift", "net_low"], table.loc["gift", "net_high"]) == pytest.approx((270 - half, 270 + half))
    assert table.loc["modest", ["net_low", "net_high"]].tolist() == [0, 0]
    assert table.loc["gift", "break_even"] == pytest.approx(60 / (0.25 * 16_200))


def test_the_metrics_by_hand(report):
    metrics = report.metrics
    assert metrics["benefit_net"] == pytest.approx(3 * (100 - 10))
    assert metrics["benefit_member_share"] == 0.5
    assert metrics["benefit_net_low"] < metrics["benefit_net"] < metrics["benefit_net_high"]
    assert metrics["fairness_smallest_ratio"] == 0.5  # two of one group, one of the other


def test_evenness_names_the_group_that_gets_least_and_what_the_others_get(report):
    found = fairness.evenness(report.fair, FACTS, FAIR)
    assert found.known == {"age": pytest.approx(4 / 6)}
    assert (found.least["cost"], found.largest_cost, found.unknown_cost) == (5, 10, 0)
    assert found.highest_spend["expected_spend"] == 4000
    assert found.of_spend == pytest.approx((5 / 4000, 10 / 4000))


def test_evenness_where_no_group_is_limited_or_known(report):
    nobody = fairness.evenness(report.fair.assign(limited=False), FACTS, FAIR)
    assert nobody.least is None and nobody.known == {"age": pytest.approx(4 / 6)}
    assert fairness.evenness(report.fair.iloc[:0], FACTS, FAIR.model_copy(update={"attributes": []})).known == {}


def test_this_allocation_is_never_better_than_the_best_for_the_money_had_one_known(report):
    table = sweeps.response(SETTING, report.allocation.choice, [0.2, 0.5, 1.0, 1.5])
    assert table["net"].tolist() == pytest.approx([30, 120, 270, 420])  # three gifts: 100 each, less 10
    free = BENEFITS.model_copy(update={"fairness": FAIR.model_copy(update={"min_ratio": 0.0})})
    setting = replace(SETTING, settings=free)
    best = sweeps.response(setting, report.allocation.choice, [0.2, 0.5, 1.0, 1.5])["best"]
    assert (best >= table["net"] - 1e-6).all()


def test_one_more_cent_brings_more_with_a_higher_response_and_the_same_with_a_certain_one():
    free = BENEFITS.model_copy(update={"fairness": FAIR.model_copy(update={"min_ratio": 0.0}), "budget": 25})
    setting = replace(SETTING, settings=free)
    # a gift of 10 cents brings 100, or 50 and 150 one standard deviation lower and higher
    assert sweeps.price_range(setting) == pytest.approx((4, 14))
    sure = replace(SETTING.reaction, order_value_sd=np.zeros(3))
    certain = replace(SETTING, settings=free, reaction=sure)
    assert sweeps.price_range(certain) == pytest.approx((9, 9))
    without = replace(SETTING, settings=free.model_copy(update={"budget": 0}))
    assert sweeps.price_range(without) == pytest.approx((4, 14))


def test_the_range_of_another_budget_is_that_of_what_it_would_give():
    free = BENEFITS.model_copy(update={"fairness": FAIR.model_copy(update={"min_ratio": 0.0})})
    table = sweeps.budget(SETTING.options(), FACTS, free, [1 / 3, 0.5, 1.0], 0.95)
    half = norm.ppf(0.975) * 50 * np.array([1, 1.5, 3])  # 10, 15 and 30 cents buy so many gifts, each uncertain by 50
    assert table["net"].tolist() == pytest.approx([90, 135, 270])
    assert (table["net_high"] - table["net"]).tolist() == pytest.approx(half, rel=1e-6)
    assert (table["net"] - table["net_low"]).tolist() == pytest.approx(half, rel=1e-6)


def test_a_response_so_weak_that_nothing_pays_brings_nothing_at_best(report):
    table = sweeps.response(SETTING, report.allocation.choice, [0.05])
    assert table["net"].tolist() == pytest.approx([3 * (5 - 10)])
    assert table["best"].tolist() == [0]
