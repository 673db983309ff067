"""Baskets before a cut-off, and the next one after it."""

from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant
from small_market import market, purchases, table

from membership.base.errors import DataError
from membership.base.timeline import Window
from membership.recommend import baskets
from membership.settings.recommend import Rules

CUTOFF = date(2024, 2, 1)
ROWS = [
    ("ann", "milk", "2024-01-01 09:00"),
    ("ann", "milk", "2024-01-01 18:00"),
    ("ann", "bread", "2024-01-01 18:00"),
    ("ann", "milk", "2024-01-31 23:59:59"),
    ("ann", "soap", "2024-02-01 00:00"),
    ("bob", "bread", "2024-01-20 10:00"),
    ("bob", "milk", "2024-02-03 10:00"),
    ("bob", "soap", "2024-02-04 10:00"),
]


def lines(found):
    names = zip(found.members[found.member], found.items[found.item], found.basket, found.age, strict=True)
    return [(str(member), str(item), int(basket), int(age)) for member, item, basket, age in names]


def test_a_basket_is_a_local_day_and_nothing_from_the_cutoff_on_is_seen(knobs):
    found = baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)
    ann = [("ann", "milk", 0, 1), ("ann", "bread", 1, 31), ("ann", "milk", 1, 31)]
    assert lines(found) == [*ann, ("bob", "bread", 0, 12)]
    assert found.sizes.tolist() == [2, 1]
    assert found.matrix().toarray().tolist() == [[1, 2], [1, 0]]


def test_returns_zero_quantities_and_events_without_an_item_are_no_purchases(knobs):
    frame = purchases([*ROWS, ("ann", "a", "2024-01-05"), ("ann", "b", "2024-01-06"), ("ann", "c", "2024-01-07")])
    frame.loc[frame["item_id"] == "a", "kind"] = "return"
    frame.loc[frame["item_id"] == "b", "quantity"] = 0
    frame.loc[frame["item_id"] == "c", "item_id"] = None
    found = baskets.history(ibis.memtable(meant(frame)), CUTOFF, knobs)
    assert lines(found) == lines(baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs))


def test_what_is_no_product_is_neither_history_nor_target(knobs):
    items = pd.DataFrame({"item_id": ["bread", "milk", "soap"], "is_product": [True, False, True]})
    events = baskets.of_products(ibis.memtable(purchases(ROWS)), items)
    known = baskets.history(events, CUTOFF, knobs)
    assert known.items.tolist() == ["bread"]
    assert "milk" not in set(events.item_id.to_pandas())


def test_rare_items_go_first_then_members_with_few_baskets_then_old_baskets(knobs):
    knobs.min_item_purchases, knobs.min_baskets = 3, 2
    found = baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)
    assert lines(found) == [("ann", "milk", 0, 1), ("ann", "milk", 1, 31)]
    knobs.max_baskets = 1
    assert lines(baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)) == [("ann", "milk", 0, 1)]


@pytest.mark.parametrize(("members", "least"), [(1, 2), (60, 2), (301, 3), (2469, 17), (10**6, 20)])
def test_without_a_limit_items_must_be_bought_as_often_as_fits_the_number_of_members(members, least):
    assert baskets.least_purchases(members) == least


def test_the_derived_limit_takes_rare_items_away(knobs):
    knobs.min_item_purchases = None
    found = baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)
    counts = pd.DataFrame(purchases(ROWS))["item_id"].value_counts()
    assert set(found.items) <= set(counts.index[counts >= 2])


def test_the_target_is_the_first_basket_of_known_items_in_the_half_open_window(knobs):
    events = ibis.memtable(purchases(ROWS))
    known = baskets.history(events, CUTOFF, knobs)
    target = baskets.targets(events, Window(CUTOFF, date(2024, 3, 1)), known)
    assert target.members.tolist() == ["bob"]  # ann buys nothing but soap, which nobody bought before
    assert target.matrix.toarray().tolist() == [[0, 1]]
    assert len(baskets.targets(events, Window(CUTOFF, date(2024, 2, 3)), known).members) == 0


def test_a_window_that_overlaps_the_history_is_refused(knobs):
    events = ibis.memtable(purchases(ROWS))
    known = baskets.history(events, CUTOFF, knobs)
    with pytest.raises(ValueError, match=r"\[2024-01-31, 2024-03-01\) starts before the cut-off 2024-02-01"):
        baskets.targets(events, Window(date(2024, 1, 31), date(2024, 3, 1)), known)


def test_too_little_history_says_which_knobs_ask_too_much(knobs):
    knobs.min_baskets = 7
    with pytest.raises(DataError, match=r"before 2024-02-01 no member has 7 baskets \(recommend.min_baskets\)"):
        baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)


def test_bought_tells_repeat_from_explore_and_unknown_from_both(knobs):
    found = baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)
    asked = np.array([["milk", "bread"], ["milk", "bread"], ["milk", ""]])
    repeat = found.bought(np.array(["ann", "bob", "eve"]), asked)
    assert repeat.tolist() == [[True, True], [False, True], [False, False]]
    none = replace(found, member=found.member[:0], item=found.item[:0])
    assert not none.bought(np.array(["ann", "bob", "eve"]), asked).any()


def test_the_histories_of_some_members_are_their_own_lines(knobs):
    known = baskets.history(table(market(members=10)), date(2024, 6, 1), knobs)
    known = replace(known, discount=np.arange(len(known.item), dtype=np.float32))
    rows = np.arange(0, len(known.members), 3)
    part = known.only(rows)
    assert part.members.tolist() == known.members[rows].tolist() and part.items is known.items
    assert np.array_equal(part.matrix().toarray(), known.matrix().toarray()[rows])
    mine = np.isin(known.member, rows)
    assert np.array_equal(rows[part.member], known.member[mine])
    for name in ("item", "basket", "age", "discount"):
        assert np.array_equal(getattr(part, name), getattr(known, name)[mine]), name
    assert len(known.only(rows[:0]).item) == 0


def test_members_are_thinned_out_evenly_and_only_where_there_are_more(knobs):
    known = baskets.history(table(market(members=10)), date(2024, 6, 1), knobs)
    members = len(known.members)
    assert known.evenly(members) is known
    few = known.evenly(3)
    assert few.members.tolist() == known.members[[0, (members - 1) // 2, members - 1]].tolist()


def test_a_cart_holds_what_was_put_in_lately_and_not_bought_since_the_newest_first():
    put = [
        ("ann", "tea", "2024-01-25 00:00"),
        ("ann", "jam", "2024-01-30 10:00"),
        ("ann", "milk", "2024-01-31 20:00"),  # bought at 23:59:59
        ("ann", "old", "2024-01-24 23:59:59"),
        ("ann", "late", "2024-02-01 00:00"),
        ("ann", "jam", "2024-01-26 10:00"),
        ("bob", "bread", "2024-01-30 10:00"),  # bought before
    ]
    carts = purchases(put).assign(kind="cart", comes_back=False, interest=True)
    events = ibis.memtable(pd.concat([purchases(ROWS), carts], ignore_index=True))
    found = baskets.in_carts(events, CUTOFF, 7).to_pandas()
    assert found.to_numpy().tolist() == [["ann", "jam"], ["ann", "tea"], ["bob", "bread"]]


def test_carts_are_looked_up_where_a_rule_asks(knobs):
    events = ibis.memtable(purchases(ROWS))
    assert baskets.history(events, CUTOFF, knobs).carts is None
    knobs.rules = Rules(in_cart={"days": 7})
    assert baskets.history(events, CUTOFF, knobs).carts.empty
