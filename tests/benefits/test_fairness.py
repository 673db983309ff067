"""Fairness: shares and ratios by group by hand, a limit that holds, and what it costs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from membership.benefits import allocation, fairness, sweeps
from membership.benefits.options import additive
from membership.settings.benefits import Benefit, Benefits, Fairness

ANY = [Benefit(name="any", kind="discount", uplift=0, uplift_sd=0)]


def knobs(budget, ratio=0.0, group=1, attributes=("age",), tier=0.0):
    fair = Fairness(attributes=list(attributes), min_ratio=ratio, min_group=group)
    return Benefits(budget=budget, max_per_member=1, min_tier_share=tier, fairness=fair, catalogue=ANY)


def two_groups(rich=60, poor=60, unknown=20):
    """Members who cost 10 each and bring 60 (rich), 20 (poor), 40 (unknown)."""
    sizes, gains = [rich, poor, unknown], [60.0, 20.0, 40.0]
    age = np.repeat(["rich", "poor", "unknown"], sizes)
    gain = np.repeat(gains, sizes)[:, None]
    ids = np.array([f"m{i:04d}" for i in range(len(age))], dtype=object)
    rank = np.zeros(len(age), dtype=int)
    cost = np.full(gain.shape, 10.0)
    options = additive(ids, rank, ("any",), np.ones(gain.shape, bool), cost, gain, 1)
    facts = pd.DataFrame({"member_id": ids, "tier_rank": rank, "age": age, "expected_spend": 10 * gain[:, 0]})
    return options, facts


def test_shares_and_wilson_intervals_by_hand():
    table = fairness.shares([True, False, False, False, True], pd.Series(list("aaaab")), 0.95)
    assert table["share"].to_dict() == {"a": 0.25, "b": 1.0}
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx(
        [0.0456, 0.6994], abs=1e-4
    )  # Wilson (1927), 1 of 4
    assert table["high"]["b"] == 1


def test_a_ratio_is_of_sums_and_a_mean_has_students_interval():
    groups = pd.Series(list("aaabb"))
    table = fairness.ratios([2, 4, 6, 1, np.nan], groups, 0.95, np.array([1, 2, 6, 2, 5]))
    assert table["ratio"].to_dict() == pytest.approx({"a": 12 / 9, "b": 0.5})
    assert table["members"].to_dict() == {"a": 3, "b": 1}
    assert np.isinf(table.loc["b", "high"])
    mean = fairness.ratios([2, 4, 6, 1, 3], groups, 0.95).loc["a"]
    expected = ttest_1samp([2, 4, 6], 0).confidence_interval(0.95)
    assert [mean["low"], mean["high"]] == pytest.approx(list(expected))


def test_intervals_of_ratios_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(2)
    held = []
    for _ in range(400):
        below = random.lognormal(0, 0.7, 200)
        above = 1.3 * below * random.lognormal(-0.08, 0.4, 200)
        row = fairness.ratios(above, pd.Series(["a"] * 200), 0.9, below).iloc[0]
        held.append(row["low"] <= 1.3 <= row["high"])
    assert 0.85 <= np.mean(held) <= 0.95


def test_a_model_that_says_too_little_of_a_group_is_seen():
    facts = pd.DataFrame({"age": ["x"] * 50 + ["y"] * 50})
    realised = np.random.default_rng(1).gamma(2, 10, 100)
    table = fairness.error_table(facts, realised, ["age"], 0.95, realised * np.repeat([0.5, 1], 50)).set_index("group")
    assert table["ratio"].to_dict() == pytest.approx({"x": 2, "y": 1})


def test_without_a_limit_the_group_of_lower_value_gets_nothing_and_the_limit_mends_it():
    options, facts = two_groups()
    free = fairness.benefit_table(facts, allocation.allocate(options, facts, knobs(600)), knobs(600), 0.95)
    assert free.set_index("group")["benefit_share"].to_dict() == {"rich": 1, "poor": 0, "unknown": 0}
    assert fairness.smallest_ratio(free) == 0
    wanted = knobs(600, ratio=0.8)
    found = allocation.allocate(options, facts, wanted)
    table = fairness.benefit_table(facts, found, wanted, 0.95).set_index("group")
    assert table.loc["poor", "cost"] >= 0.8 * table.loc["rich", "cost"]
    assert not table.loc["unknown", "limited"]
    assert found.net == best_by_hand(60, 0.8)


def best_by_hand(count, ratio):
    """Return the best net of `count` benefits: rich bring 50, unknown (20 of them) 30, poor 10."""
    pairs = [(r, p) for r in range(61) for p in range(61) if min(r, p) >= ratio * max(r, p) and r + p <= count]
    return max(50 * r + 10 * p + 30 * min(20, count - r - p) for r, p in pairs)


@given(st.integers(0, 10**6), st.floats(0.1, 0.97), st.floats(0.05, 1))
@settings(max_examples=15, deadline=None)
def test_the_limit_holds_exactly_whatever_it_is(seed, ratio, part):
    random = np.random.default_rng(seed)
    worth = random.lognormal(4, 1, (400, 1))
    cost, gain = np.ceil(worth * random.uniform(0.1, 1, (400, 2))), worth * random.uniform(0.5, 3, (400, 2))
    ids = np.array([f"m{i:04d}" for i in range(400)], dtype=object)
    rank = random.integers(0, 3, 400)
    groups = {name: random.choice(["a", "b", "c", "unknown"], 400) for name in ("age", "income")}
    options = additive(ids, rank, ("x", "y"), np.ones((400, 2), bool), cost, gain, 1)
    facts = pd.DataFrame({"member_id": ids, "tier_rank": rank, "expected_spend": worth[:, 0]} | groups)
    wanted = knobs(part * cost[options.pays[:, :2]].sum(), ratio, group=20, attributes=groups)
    found = allocation.allocate(options, facts, wanted)
    spent = np.where(found.given, cost, 0).sum(axis=1)
    for name in groups:
        means = pd.Series(spent).groupby(facts[name].to_numpy()).mean().drop("unknown")
        assert means.min() >= ratio * means.max()
    assert found.cost <= wanted.budget


def test_a_stricter_limit_never_brings_more_and_what_it_costs_is_told():
    options, facts = two_groups()
    table = sweeps.ratio(options, facts, knobs(600, ratio=0.8), [0.2, 0.5, 0.8, 0.95])
    assert table["min_ratio"].tolist() == [0, 0.2, 0.5, 0.8, 0.95]
    assert (table["net"].diff().dropna() <= 1e-6).all()
    assert table["lost"].iloc[0] == 0
    assert (table["smallest_ratio"] >= table["min_ratio"] - 1e-6).all()
    with_it, without = (allocation.allocate(options, facts, knobs(600, ratio)).net for ratio in (0.8, 0.0))
    assert table.set_index("min_ratio")["lost"][0.8] == pytest.approx(1 - with_it / without, abs=0.01)


def test_a_group_below_the_smallest_size_is_shown_and_not_limited():
    options, facts = two_groups(poor=9)
    found = allocation.allocate(options, facts, knobs(600, ratio=0.9, group=10))
    table = fairness.benefit_table(facts, found, knobs(600, 0.9, 10), 0.95).set_index("group")
    assert table["members"].to_dict() == {"poor": 9, "rich": 60, "unknown": 20}
    assert table["limited"].to_dict() == {"poor": False, "rich": True, "unknown": False}
    assert table.loc["poor", "cost"] == 0


def test_a_group_for_whom_nothing_pays_takes_nothing_from_the_others_and_is_named():
    options, facts = two_groups()
    options.gain[facts["age"] == "poor"] = 5
    found = allocation.allocate(options, facts, knobs(600, 0.8))
    assert found.cost == allocation.allocate(options, facts, knobs(600, 0.0)).cost == 600
    assert found.gave_way == (allocation.GaveWay("min_ratio: age poor", 0.8, 0.0),)


def test_groups_stand_in_the_order_that_people_expect():
    answers = ["250K+", "100-124K", "Under 15K", "15-24K", "unknown", "No answer wanted"]
    facts = pd.DataFrame({"income": answers, "tier_rank": [0, 1, 0, 1, 0, 1]})
    table = fairness.tier_table(facts, ["income"], 0.95)
    assert table["group"].tolist() == ["Under 15K", "15-24K", "100-124K", "250K+", "No answer wanted", "unknown"]
    assert table["share"].tolist() == [0, 1, 1, 0, 1, 0]


def test_without_attributes_tables_are_empty():
    options, facts = two_groups()
    wanted = knobs(600, ratio=0.8, attributes=())
    table = fairness.benefit_table(facts, allocation.allocate(options, facts, wanted), wanted, 0.95)
    assert table.empty
    assert fairness.smallest_ratio(table) == 1
    assert fairness.tier_table(facts, [], 0.95).empty
