"""Limits and costs as shares become the same plan in any currency; what is absolute keeps its meaning."""

import pandas as pd
import pytest

from membership.base.errors import ParamError
from membership.settings import params
from membership.settings.decide import Guardrail
from membership.tiers import worth

P = params.load("benefits")
SHARES = {"tiers.search.budget": None, "tiers.search.budget_share": 0.02, "tiers.search.round_to": None}


def market(scale: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten members who are expected to spend 100, 200, ... cents times `scale` on two orders each, and qualify so."""
    spend = pd.Series([100.0 * scale * number for number in range(1, 11)], [f"m{number}" for number in range(10)])
    value = pd.DataFrame({"member_id": spend.index, "expected_spend": spend.to_numpy(), "expected_orders": 2.0})
    return value, spend.to_frame(pd.Timestamp("2020-01-01"))


def test_shares_are_of_the_expected_margin_and_of_the_usual_order():
    levels = [level.model_dump() | {"cost": 0.0, "order_share": 0.1 * at} for at, level in enumerate(P.tiers.levels)]
    tiers = params.load("benefits", SHARES | {"tiers.levels": levels}).tiers
    found = worth.settled(tiers, *market(100), margin_rate=0.25)
    assert found.search.budget == pytest.approx(0.02 * 0.25 * 550_000)
    assert [level.cost for level in found.levels] == pytest.approx([0.1 * at * 27_500 for at in range(4)])
    assert found.search.round_to == 500  # a hundredth of the usual 55,000, rounded down


@pytest.mark.parametrize("scale", [1, 10, 1000])
def test_a_currency_of_other_size_moves_budget_and_steps_with_it(scale):
    tiers = params.load("benefits", SHARES).tiers
    once, more = (worth.settled(tiers, *market(size), margin_rate=0.25).search for size in (100, 100 * scale))
    assert more.budget == pytest.approx(scale * once.budget)
    assert more.round_to == scale * once.round_to


def test_absolute_limits_stay_as_they_are():
    found = worth.settled(P.tiers, *market(100), margin_rate=0.25)
    assert found == P.tiers
    assert P.benefits.settled(1e9, 27_500.0) == P.benefits


def test_without_expected_orders_shares_are_nothing_and_steps_are_one():
    value, amounts = market(1)
    found = worth.settled(params.load("benefits", SHARES).tiers, value.assign(expected_spend=0.0, expected_orders=0.0),
                          0 * amounts, margin_rate=0.25)  # fmt: skip
    assert (found.search.budget, found.search.round_to) == (0.0, 1)


def test_a_benefit_may_cost_a_share_of_the_usual_order():
    catalogue = [{"name": "gift", "kind": "exclusive_products", "cost": 5.0, "order_share": 0.1, "uplift": 0.1}]
    overrides = {"benefits.catalogue": [catalogue[0] | {"uplift_sd": 0.1}], "campaigns.evidence": {}}
    (gift,) = params.load("benefits", overrides).benefits.settled(1e6, 2000.0).catalogue
    assert gift.cost == pytest.approx(205.0)


def test_a_guardrail_has_one_margin_absolute_or_a_share_of_the_champions_own():
    assert Guardrail(metric="margin_at_10", margin=5).allowed(80.0) == 5
    assert Guardrail(metric="margin_at_10", margin_share=0.1).allowed(-80.0) == pytest.approx(8.0)
    for both in ({"margin": 5, "margin_share": 0.1}, {}):
        with pytest.raises(ParamError, match="give one of them"):
            params.load("decide", {"decide.guardrails": [{"metric": "margin_at_10", **both}]})
