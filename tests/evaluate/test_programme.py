"""What the programme costs and brings by tier, by hand."""

import pandas as pd
import pytest

from membership.base import tables
from membership.evaluate import programme


@pytest.fixture
def value(tiers):
    return tiers[["member_id"]].assign(value=1000.0, p_repurchase=0.25)


@pytest.fixture
def table(tiers, value):
    allocations = pd.DataFrame({"member_id": ["m00", "m39", "m39"], "cost": [100.0, 50, 50], "gain": [300.0, 100, 0]})
    return programme.by_tier(value, tiers, allocations)


def test_the_programme_adds_up_by_tier_and_in_all(table):
    assert table["tier"].tolist() == ["Member", "Gold"]
    found = pd.concat([table.T, programme.total(table)], axis=1).T
    assert found["members"].tolist() == [20, 20, 40]
    assert found["value"].tolist() == [20_000, 20_000, 40_000]
    assert found["repurchasing"].tolist() == [5, 5, 10]
    assert found["with_benefits"].tolist() == [1, 1, 2]
    assert found["cost"].tolist() == [100, 100, 200]
    assert found["net"].tolist() == [200, 0, 200]


def test_the_programme_without_benefits_costs_and_gains_nothing(tiers, value):
    nothing = programme.by_tier(value, tiers, pd.DataFrame({"member_id": [], "cost": [], "gain": []}))
    assert nothing[["cost", "gain", "net", "with_benefits"]].to_numpy().sum() == 0
    assert programme.flat(nothing, 0)["programme_budget_used"] == 0


def test_programme_metrics_are_the_totals(table):
    flat = programme.flat(table, 400)
    assert (flat["programme_net"], flat["programme_budget_used"], flat["programme_value"]) == (200, 0.5, 40_000)


def test_the_table_is_stored_and_read_in_any_order_with_the_same_totals(workspace, table):
    tables.write("programme", table)
    pd.testing.assert_series_equal(programme.total(tables.read("programme")), programme.total(table))
