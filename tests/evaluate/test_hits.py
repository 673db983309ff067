"""What lists hit of the next basket, and what was known before: by hand, and blind to what came later."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant
from scipy import sparse

from membership.base.timeline import Window
from membership.evaluate import before, hits, live_plan
from membership.recommend.baskets import Baskets, Targets
from membership.settings import params

HOLDOUT = Window(date(2020, 3, 1), date(2020, 3, 31))
BOUGHT = [
    ("a", "x", "2020-02-20 10:00", 100),  # before the window
    ("a", "x", "2020-03-01 09:00", 200),
    ("a", "x", "2020-03-01 18:00", 50),  # the same item on the same day: one line
    ("a", "y", "2020-03-01 18:00", 300),
    ("a", "z", "2020-03-02 10:00", 999),  # the second basket
    ("b", "z", "2020-03-08 00:00", 400),  # the first day of the second week
    ("c", "x", "2020-03-31 00:00", 999),  # after the window
    ("d", "x", "2020-03-05 10:00", 999),  # of no member who is judged
]


def events(rows=BOUGHT):
    frame = pd.DataFrame(rows, columns=["member_id", "item_id", "local_at", "amount"])
    frame = frame.assign(kind="purchase", quantity=1, discount=0).astype({"local_at": "datetime64[us]"})
    return ibis.memtable(meant(frame))


@pytest.fixture
def known():
    line = np.arange(3, dtype=np.int32)
    return Baskets(date(2020, 3, 1), np.array(list("abc")), np.array(list("xyz")), line, line, line * 0, line * 0 + 1)


@pytest.fixture
def lines(known):
    targets = Targets(np.array(["a", "b"]), sparse.csr_array(np.array([[1.0, 1, 0], [0, 0, 1]])), np.zeros(2, int))
    return hits.bought(events(), targets, known, HOLDOUT)


def test_the_first_basket_of_the_window_with_its_week_and_its_cost(lines):
    rows = [["a", "x", 1, 250], ["a", "y", 1, 300], ["b", "z", 2, 400]]
    assert lines[["member_id", "item_id", "week", "spend"]].to_numpy().tolist() == rows


def test_a_whole_basket_counts_what_cannot_be_recommended_too(known):
    rows = [*BOUGHT, ("a", "rare", "2020-03-01 18:00", 5), ("a", "rare", "2020-03-04 18:00", 5)]
    rows += [("b", "rare", "2020-03-02 10:00", 5)]  # on a day without anything that can be recommended
    targets = Targets(np.array(["a", "b"]), sparse.csr_array(np.array([[1.0, 1, 0], [0, 0, 1]])), np.zeros(2, int))
    bought = hits.bought(events(rows), targets, known, HOLDOUT)
    assert hits.whole(events(rows), bought, HOLDOUT).to_dict() == {"a": 3, "b": 1}


def test_hits_and_spend_of_a_list(lines):
    found = hits.of(np.array([["y", "z"], ["x", ""]]), np.array(["a", "b"]), lines)
    assert found.to_dict("list") == {
        "member_id": ["a", "b"],
        "listed": [2, 1],
        "hits": [1, 0],
        "spend": [550, 400],
        "spend_hit": [300, 0],
        "week": [1, 2],
    }


def test_both_policies_are_counted_for_those_who_bought(lines):
    rows = {"policy": ["champion"] * 2 + ["challenger"] * 2, "member_id": ["a", "c", "a", "b"], "rank": 1}
    found = hits.of_policies(pd.DataFrame(rows).assign(item_id=["x", "x", "z", "z"]), lines)
    found = found.set_index(["policy", "member_id"])[["listed", "hits"]]
    expected = {("champion", "a"): [1, 1], ("champion", "b"): [0, 0]}
    expected |= {("challenger", "a"): [1, 0], ("challenger", "b"): [1, 1]}
    assert {key: row.tolist() for key, row in found.iterrows()} == expected


def test_entrants_are_counted_once_and_only_before_the_day(known):
    rows = [
        ("a", "x", "2020-02-16 10:00", 1),  # day 1 of week 1 of the last two before 1 March
        ("a", "x", "2020-02-24 10:00", 1),
        ("b", "x", "2020-02-29 23:00", 1),
        ("b", "x", "2020-02-15 23:00", 1),  # before those weeks
        ("c", "x", "2020-03-01 00:00", 1),  # not yet known
        ("d", "x", "2020-02-20 00:00", 1),  # too little history
    ]
    found = live_plan.entrants(events(rows), known, date(2020, 3, 1), 2)
    assert found["members"].tolist() == [1, 2]
    assert found["inverse"].tolist() == [1.0, 0.75]  # a has two baskets by then, b one


def test_weeks_in_which_nobody_comes_are_empty(known):
    found = live_plan.entrants(events(), known, date(2019, 1, 1), 3)
    assert found[["members", "inverse"]].to_numpy().tolist() == [[0, 1.0]] * 3


@pytest.fixture
def knobs(workspace):
    return params.load("evaluate", {"recommend.min_item_purchases": 1, "recommend.min_baskets": 1}).recommend


REGULAR = [(member, item, f"2020-02-{day:02d}", 100) for member, item in ("ax", "by") for day in (1, 5, 9)]


def test_what_was_known_before_is_the_window_before_and_nothing_after(knobs):
    window = Window(date(2020, 2, 15), date(2020, 3, 1))
    inside = [("a", "x", "2020-02-16", 200), ("b", "x", "2020-02-23", 100), ("b", "y", "2020-02-23", 300)]
    found = before.outcomes(events([*REGULAR, *inside]), window, knobs).set_index("member_id")
    assert found["recall_at_10"].to_dict() == {
        "a": 1.0,
        "b": 1.0,
    }  # the list holds all there is: own first, then popular
    assert found["spend"].to_dict() == {"a": 200, "b": 400}
    assert found["week"].to_dict() == {"a": 1, "b": 2}
    later = [("a", "y", "2020-03-01", 900), ("b", "x", "2020-03-15", 900)]
    pd.testing.assert_frame_equal(
        before.outcomes(events([*REGULAR, *inside, *later]), window, knobs), found.reset_index()
    )


def test_without_a_history_before_nothing_is_known(knobs):
    found = before.outcomes(events([("a", "x", "2020-02-16", 200)]), Window(date(2020, 2, 15), date(2020, 3, 1)), knobs)
    assert found.columns.tolist() == ["member_id"]
    assert found.empty


def test_known_numbers_are_those_of_the_day():
    habits = dict.fromkeys(before.HABITS, 1.0)
    features = pd.DataFrame(
        [{"member_id": "a", "as_of": pd.Timestamp(day), **habits} for day in ("2020-02-01", "2020-03-01")]
    )
    features.loc[1, "orders_90d"] = 7.0
    outcomes = pd.DataFrame({"member_id": ["a"], "hit": [0.5], "other": [1.0]})
    row = before.known(features, outcomes, "hit", date(2020, 3, 1)).iloc[0]
    assert (row["orders_90d"], row["hit"]) == (7.0, 0.5)
    assert "hit" not in before.known(features, outcomes[["member_id"]], "hit", date(2020, 3, 1))
