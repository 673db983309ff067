"""Guardrails by hand: prices, fairness between groups, and how far margins were used up."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.base.errors import ParamError
from membership.evaluate import guardrails
from membership.settings.decide import Guardrail


@pytest.fixture
def events():
    """Bread bought twice before December (once with 40 cents off) and once after; apples brought back; one view."""
    frame = pd.DataFrame(
        [
            ("e1", "bread", "purchase", "2017-11-01", 200, 0),
            ("e2", "bread", "purchase", "2017-11-30", 160, 40),
            ("e3", "bread", "purchase", "2017-12-01", 1, 199),
            ("e4", "apples", "purchase", "2017-11-02", 300, 30),
            ("e5", "apples", "return", "2017-11-03", -300, 0),
            ("e6", None, "purchase", "2017-11-03", 900, 0),
        ],
        columns=["event_id", "item_id", "kind", "local_at", "amount", "discount"],
    )
    frame = frame.assign(quantity=1, member_id="a", local_at=pd.to_datetime(frame["local_at"]))
    return ibis.memtable(meant(frame))


PRICES = pd.DataFrame({"item_id": ["apples", "bread"], "price": [300.0, 180.0], "discount": [30.0, 20.0]})


def test_prices_are_what_purchases_came_to_before_the_cutoff(events):
    pd.testing.assert_frame_equal(guardrails.prices(events, date(2017, 12, 1)), PRICES)


def frames(control, treatment, **attributes):
    """Return two arms of metric x and the groups of their members."""
    ids = pd.Index([f"m{number:03d}" for number in range(len(control))], name="member_id")
    arms = [pd.DataFrame({"x": np.asarray(values, dtype=float)}, index=ids) for values in (control, treatment)]
    return *arms, "x", pd.DataFrame({"member_id": ids, **attributes})


def test_the_gap_is_by_hand_the_best_group_over_the_worst():
    # means 2 and 4 become 2.5 and 5.5: the gap grows from 2 to 3; differences 0, 1 and 1, 2 have variance 0.5 each
    young, old = ["young"] * 2, ["old"] * 2
    found = guardrails.fairness(*frames([1, 3, 3, 5], [1, 4, 4, 7], age=young + old), 2, 0.95).set_index("metric")
    row = found.loc["fairness_gap"]
    assert (row["members"], row["control"], row["treatment"], row["difference"]) == (4, 2, 3, 1)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(4.302652729911275 * np.sqrt(0.5))  # Welch, 2 degrees
    assert (row["attribute"], row["best"], row["worst"]) == ("age", "old", "young")


def test_the_spread_is_by_hand_the_weighted_deviation_of_groups():
    # three of ten, one of twenty: levels 10 and 20, mean 12.5, deviation sqrt(.75 * 2.5^2 + .25 * 7.5^2)
    groups = ["a"] * 30 + ["b"] * 10
    arm = [10.0] * 30 + [20.0] * 10
    row = guardrails.fairness(*frames(arm, arm, age=groups), 2, 0.95).set_index("metric").loc["fairness_spread"]
    assert row["control"] == pytest.approx(np.sqrt(0.75 * 2.5**2 + 0.25 * 7.5**2))
    assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)  # no variance: the interval is the difference


def test_the_attribute_that_sets_members_furthest_apart_is_the_one_judged():
    near, far = ["p", "q"] * 4, ["r"] * 4 + ["s"] * 4
    values = [0.0, 0.1] * 2 + [1.0, 1.1] * 2
    found = guardrails.fairness(*frames(values, values, hair=near, age=far), 2, 0.95)
    assert found[["attribute", "best", "worst"]].to_numpy().tolist() == [["age", "s", "r"], ["age", "", ""]]


def test_small_groups_and_those_who_did_not_answer_are_left_out():
    groups = ["a", "a", "b", "b", "c", "unknown", "unknown"]
    values = [0.0, 1.0, 2.0, 3.0, 90.0, 80.0, 70.0]
    row = guardrails.fairness(*frames(values, values, age=groups), 2, 0.95).iloc[0]
    assert (row["members"], row["treatment"]) == (4, 2.0)


def test_members_without_the_metric_are_left_out():
    values = [0.0, 1.0, np.nan, 2.0, 3.0]
    row = guardrails.fairness(*frames(values, values, age=["a", "a", "a", "b", "b"]), 2, 0.95).iloc[0]
    assert (row["members"], row["treatment"]) == (4, 2.0)


@pytest.mark.parametrize("groups", [{}, {"age": ["unknown"] * 4}, {"age": ["a"] * 4}, {"age": list("abcd")}])
def test_without_two_groups_nothing_is_claimed(groups):
    found = guardrails.fairness(*frames([1, 2, 3, 4], [4, 3, 2, 1], **groups), 2, 0.95)
    assert found["members"].tolist() == [0, 0]
    assert (found["low"].tolist(), found["high"].tolist()) == ([-np.inf] * 2, [np.inf] * 2)
    assert guardrails.flat(found) == {}


def test_groups_that_are_served_alike_have_no_gap():
    row = guardrails.fairness(*frames([1, 2, 1, 2], [2, 1, 1, 2], age=list("aabb")), 2, 0.95).iloc[0]
    assert (row["control"], row["treatment"]) == (0, 0)


def test_the_intervals_of_fairness_hold_the_truth_as_often_as_they_say():
    """Nine groups served .13 to .25; a challenger that adds .02 to everybody changes neither gap nor spread."""
    rng, sizes = np.random.default_rng(5), [33, 35, 71, 30, 75, 169, 190, 92, 57]
    groups = np.repeat([f"g{number}" for number in range(9)], sizes)
    level = np.repeat(np.linspace(0.13, 0.25, 9), sizes)
    covered = np.zeros(2)
    for _ in range(200):
        own = level + rng.normal(0, 0.2, len(level))
        noise = rng.normal(0, 0.1, (2, len(level)))
        found = guardrails.fairness(*frames(own + noise[0], own + noise[1] + 0.02, age=groups), 30, 0.95)
        covered += ((found["low"] <= 0) & (found["high"] >= 0)).to_numpy()
    assert ((covered >= 181) & (covered <= 197)).all()  # 99 % band of 200 at .95


def rows(**ends):
    return pd.DataFrame.from_dict(ends, orient="index", columns=["difference", "low", "high"]).assign(control=1.0)


def test_moves_are_in_margins_with_better_to_the_right():
    found = guardrails.in_margins(
        rows(hit_at_10=(0.01, -0.02, 0.04), discount_per_item_at_10=(2.0, -1.0, 5.0)),
        [Guardrail(metric="hit_at_10", margin=0.02), Guardrail(metric="discount_per_item_at_10", margin=5)],
    )
    assert found[["difference", "low", "high"]].to_numpy().tolist() == [[0.5, -1.0, 2.0], [-0.4, -1.0, 0.2]]


def test_a_guardrail_that_allows_no_loss_has_no_unit():
    assert guardrails.in_margins(rows(hit_at_10=(0, 0, 0)), [Guardrail(metric="hit_at_10", margin=0)]).empty


def test_an_unknown_metric_is_said_with_those_there_are():
    with pytest.raises(ParamError, match=r"decide.guardrails: metric 'profit' is unknown; there are: hit_at_10"):
        guardrails.in_margins(rows(hit_at_10=(0, 0, 0)), [Guardrail(metric="profit", margin=1)])


def test_the_gap_counts_the_members_of_its_two_groups_alone():
    values = [0.0, 1.0, 4.0, 5.0, 8.0, 9.0]
    found = guardrails.fairness(*frames(values, values, age=list("aabbcc")), 2, 0.95)
    assert found["members"].tolist() == [4, 6]
