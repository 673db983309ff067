"""What the programme costs and brings by tier, by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from membership.base import tables
from membership.evaluate import programme


@pytest.fixture
def value(tiers):
    return tiers[["member_id"]].assign(value=1000.0, p_repurchase=0.25)


@pytest.fixture
def table(tiers, value):
    allocations = pd.DataFrame(
        {
            "member_id": ["m00", "m39", "m39"],
            "benefit": ["gift", "gift", "call"],
            "cost": [100.0, 50, 50],
            "gain": [300.0, 100, 0],
            "spread": [30.0, 10, 5],
        }
    )
    return programme.by_tier(value, tiers, allocations, 0.95)


def test_the_programme_adds_up_by_tier_and_in_all(table):
    assert table["tier"].tolist() == ["Member", "Gold", programme.ALL]
    found = table
    assert found["members"].tolist() == [20, 20, 40]
    assert found["value"].tolist() == [20_000, 20_000, 40_000]
    assert found["repurchasing"].tolist() == [5, 5, 10]
    assert found["with_benefits"].tolist() == [1, 1, 2]
    assert found["cost"].tolist() == [100, 100, 200]
    assert found["net"].tolist() == [200, 0, 200]
    half = norm.ppf(0.975) * np.array([30, 15, 45])  # parts of one standard deviation, which add up
    assert (found["net"] - found["net_low"]).tolist() == pytest.approx(half)
    assert (found["net_high"] - found["net"]).tolist() == pytest.approx(half)


def test_the_programme_without_benefits_costs_and_gains_nothing(tiers, value):
    columns = ("member_id", "benefit", "cost", "gain", "spread")
    nothing = programme.by_tier(value, tiers, pd.DataFrame({column: [] for column in columns}), 0.95)
    assert nothing[["cost", "gain", "net", "net_low", "net_high", "with_benefits"]].to_numpy().sum() == 0
    assert programme.flat(nothing, 0)["programme_budget_used"] == 0


def test_programme_metrics_are_the_totals(table):
    flat = programme.flat(table, 400)
    assert flat["programme_net_low"] < 200 < flat["programme_net_high"] and flat["programme_members"] == 40
    assert (flat["programme_net"], flat["programme_budget_used"], flat["programme_value"]) == (200, 0.5, 40_000)


def test_the_table_is_stored_and_read_in_any_order_with_the_same_totals(workspace, table):
    tables.write("programme", table)
    found = programme.total(tables.read("programme"))
    pd.testing.assert_series_equal(found, programme.total(table), check_names=False)
