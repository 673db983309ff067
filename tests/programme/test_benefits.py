"""Benefits: the allocation is the best there is, never above budget, fair where told to be."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import tables
from membership.base.errors import ParamError
from membership.base.programme_knobs import Benefit, Benefits
from membership.programme import benefits

CATALOGUE = [
    Benefit(name="cheap", cost=10, cost_share=0.0, uplift=0.1, min_tier=0),
    Benefit(name="share", cost=0, cost_share=0.01, uplift=0.2, min_tier=0),
    Benefit(name="service", cost=100, cost_share=0.0, uplift=0.5, min_tier=1),
]


def limits(budget, per_member=2, fair=0.0, catalogue=CATALOGUE):
    return Benefits(budget=budget, max_per_member=per_member, min_tier_share=fair, catalogue=catalogue)


def candidates(rows):
    return pd.DataFrame(rows, columns=["member_id", "tier_rank", "benefit", "cost", "gain"]).astype(
        {"cost": float, "gain": float}
    )


def brute_force(table, settings):
    """Return the best net of all subsets within budget and number a member."""
    best = 0.0
    for taken in product([False, True], repeat=len(table)):
        chosen = table[list(taken)]
        few = chosen.empty or chosen.groupby("member_id").size().max() <= settings.max_per_member
        if few and chosen["cost"].sum() <= settings.budget:
            best = max(best, float((chosen["gain"] - chosen["cost"]).sum()))
    return best


small_tables = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 150)), min_size=1, max_size=8).map(
    lambda pairs: candidates([(f"m{i // 3}", i // 6, f"b{i % 3}", cost, gain) for i, (cost, gain) in enumerate(pairs)])
)


def test_cost_and_gain_by_hand_and_only_from_the_tier_on():
    tiers = pd.DataFrame({"member_id": ["a", "b"], "tier_rank": [0, 1]})
    value = pd.DataFrame({"member_id": ["a", "b"], "expected_spend": [1000.0, 2000.0]})
    table = benefits.economics(tiers, value, limits(1), margin_rate=0.25).set_index(["member_id", "benefit"])
    assert table["cost"].to_dict() == {
        ("a", "cheap"): 10,
        ("a", "share"): 12,  # 1 % of spend and of the 20 % more
        ("b", "cheap"): 10,
        ("b", "service"): 100,
        ("b", "share"): 24,
    }
    assert table.loc[("b", "service"), "gain"] == 250
    assert table.loc[("a", "share"), "gain"] == 50


@given(small_tables, st.integers(0, 250), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_allocation_equals_brute_force_and_keeps_every_limit(table, budget, per_member):
    wanted = limits(budget, per_member)
    found = benefits.allocate(table, wanted)
    best = brute_force(table, wanted)
    if budget:
        assert found.net == pytest.approx(best, rel=2e-4, abs=1e-6)
        assert found.bound >= best - 1e-6
    assert found.cost <= budget
    assert found.chosen.empty or found.chosen.groupby("member_id").size().max() <= per_member


@given(st.integers(0, 2**31), st.floats(0.5, 50_000), st.sampled_from([0.0, 0.05, 0.2]))
@settings(max_examples=15, deadline=None)
def test_the_budget_is_never_exceeded(seed, budget, fair):
    random = np.random.default_rng(seed)
    tiers = pd.DataFrame({"member_id": [f"{i:02d}" for i in range(40)], "tier_rank": random.integers(0, 2, 40)})
    value = tiers[["member_id"]].assign(expected_spend=random.lognormal(8, 1, 40))
    table = benefits.economics(tiers, value, limits(budget), margin_rate=0.3)
    try:
        found = benefits.allocate(table, limits(budget, fair=fair))
    except ParamError:
        assert fair > 0  # only fairness can ask for what a small budget cannot give
    else:
        assert found.cost <= budget
        assert (found.chosen["gain"] > found.chosen["cost"]).all()
        assert 0 <= found.gap <= 1


def test_a_budget_of_zero_gives_nobody_anything_and_says_what_the_first_cent_would_bring(workspace):
    table = candidates([("a", 0, "x", 10, 40), ("b", 0, "x", 10, 30)])
    found = benefits.allocate(table, limits(0))
    assert (found.cost, found.net, found.gap) == (0, 0, 0)
    assert found.shadow_price == pytest.approx(3)
    tables.write("allocations", found.chosen)
    assert tables.read("allocations").empty


def test_nothing_is_given_that_does_not_pay_for_itself():
    found = benefits.allocate(candidates([("a", 0, "x", 10, 9), ("b", 0, "x", 10, 10)]), limits(100))
    assert found.chosen.empty
    assert found.shadow_price == 0


def test_shadow_price_is_what_one_more_cent_brings():
    table = candidates([("a", 0, "x", 10, 40), ("b", 0, "x", 10, 30), ("c", 0, "x", 10, 15)])
    assert benefits.allocate(table, limits(15)).shadow_price == pytest.approx(2)  # b: 20 net for 10
    assert benefits.allocate(table, limits(25)).shadow_price == pytest.approx(0.5)
    assert benefits.allocate(table, limits(1000)).shadow_price == pytest.approx(0)


def test_fairness_gives_every_tier_its_share_or_all_that_it_can_use():
    rich = [(f"r{i}", 1, "x", 10, 100) for i in range(10)]
    poor = [(f"p{i}", 0, "x", 10, 12) for i in range(3)]
    greedy = benefits.allocate(candidates(rich + poor), limits(100)).chosen
    assert set(greedy["tier_rank"]) == {1}
    fair = benefits.allocate(candidates(rich + poor), limits(100, fair=0.2)).chosen
    assert fair.groupby("tier_rank")["cost"].sum().to_dict() == {0: 20, 1: 80}
    all_of_it = benefits.allocate(candidates(rich + poor), limits(100, fair=0.5)).chosen
    assert all_of_it.groupby("tier_rank")["cost"].sum().to_dict() == {0: 30, 1: 70}


def test_fairness_that_the_budget_cannot_give_is_one_clear_message():
    table = candidates([(f"m{i}", i % 2, "x", 10, 100) for i in range(40)])
    with pytest.raises(ParamError, match=r"benefits.min_tier_share = 0.6: no allocation gives each of 2 tiers"):
        benefits.allocate(table, limits(100, fair=0.6))


def test_more_budget_never_brings_less_and_each_cent_brings_less_than_the_last():
    random = np.random.default_rng(3)
    rows = [(f"m{i}", 0, "x", 1 + random.integers(50), 1 + random.integers(200)) for i in range(60)]
    found = benefits.sweep(candidates(rows), limits(400), [0.25, 0.5, 1, 2, 4])
    assert found["budget"].tolist() == [100, 200, 400, 800, 1600]
    assert (found["net"].diff().dropna() >= -1e-9).all()
    assert (found["shadow_price"].diff().dropna() <= 1e-9).all()


def test_one_member_only():
    found = benefits.allocate(candidates([("a", 0, "x", 10, 40), ("a", 0, "y", 10, 30)]), limits(100, per_member=1))
    assert found.chosen["benefit"].tolist() == ["x"]
