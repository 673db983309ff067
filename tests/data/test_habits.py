"""Habits: whole numbers computed by hand, blind to the future, and the same in any order of rows."""

from datetime import date

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meaning import meant

from membership.base import tables
from membership.data import habits

CUTOFF = date(2017, 3, 1)
ITEMS = pd.DataFrame(
    [
        ("milk", "dairy", "milk", "Own", True),
        ("oatmilk", "dairy", "milk", "Big", True),
        ("pear", "fruit", "pears", None, True),
        ("odd", None, None, "Big", True),
        ("fuel", "fuel", "fuel", "Own", False),
    ],
    columns=["item_id", "category", "subcategory", "brand", "is_product"],
)


def event(local_at, item_id="milk", amount=100, kind="purchase", **columns):
    row = {"member_id": "a", "quantity": 1, "discount": 0, "currency": "USD", "order_id": None, "channel": "store"}
    return row | {"local_at": pd.Timestamp(local_at), "item_id": item_id, "amount": amount, "kind": kind} | columns


def expression(rows):
    frame = pd.DataFrame(rows, columns=list(tables.ALL["events"].columns))
    frame["event_id"] = [f"e{number}" for number in range(len(frame))]
    frame["at"] = frame["local_at"] = pd.to_datetime(frame["local_at"])
    return ibis.memtable(tables.check("events", meant(frame)))


def at(rows, items=ITEMS):
    return habits.at(expression(rows), ibis.memtable(items), CUTOFF)


def levels(rows, items=ITEMS):
    return habits.levels(expression(rows), ibis.memtable(items), CUTOFF)


BY_HAND = [
    event("2017-01-01 09:00", "milk", 90, discount=10, order_id="1"),  # a Sunday
    event("2017-01-01 09:00", "milk", 200, quantity=2, order_id="1"),
    event("2017-01-01 09:00", "pear", 300, order_id="1"),
    event("2017-01-05 19:00", "oatmilk", 300, order_id="2", channel="web"),  # a Thursday
    event("2017-01-06 10:00", "odd", 50, order_id="3", channel=None),
    event("2017-01-06 10:00", "fuel", 500, order_id="3", channel=None),
    event("2017-01-07 10:00", "milk", 600, quantity=2, order_id="4", member_id="b"),  # a Saturday
    event("2017-01-02 10:00", "milk", 0, "view"),
    event("2017-01-02 10:00", "oatmilk", 0, "view"),
    event("2017-01-02 10:00", "soap", 0, "view"),
    event("2017-01-02 10:00", "soap", 0, "view", member_id="looks"),
]


def test_a_member_computed_by_hand():
    found = at(BY_HAND)
    # milk: 100 + 200 + 300 + 600 cents of list price for 1 + 2 + 1 + 2 units: usually 200 a unit; pears 300
    a = {
        "orders": 3,
        "weekend_orders": 1,
        "evening_orders": 1,
        "channel_orders": 2,
        "channel_repeats": 0,
        "items": 2 + 1 + 2,
        "item_squares": 4 + 1 + 4,
        "paid": 90 + 200 + 300 + 300 + 50 + 500,
        "line_squares": 90**2 + 200**2 + 300**2 + 300**2 + 50**2 + 500**2,
        "list_price": 1450,
        "list_squares": 100**2 + 200**2 + 300**2 + 300**2 + 50**2 + 500**2,
        "discount": 10,
        "discount_squares": 100,
        "discount_products": 10 * 100,
        "shelf_price": 100 + 200 + 300 + 300,
        "shelf_squares": 100**2 + 200**2 + 300**2 + 300**2,
        "usual_price": 200 + 400 + 300 + 200,
        "usual_squares": 200**2 + 400**2 + 300**2 + 200**2,
        "price_products": 100 * 200 + 200 * 400 + 300 * 300 + 300 * 200,
        "brand_lines": 3,
        "brand_pairs": 6,
        "brand_repeats": 2,  # own brand twice, of three lines of milk
        "items_viewed": 3,
        "items_viewed_bought": 1,  # oat milk; milk was bought before it was viewed
    }
    assert found.loc["a"].to_dict() == a
    assert list(found.columns) == list(habits.COLUMNS)
    assert (found.dtypes == "int64").all()


def test_a_member_who_only_looked_has_nothing_but_views():
    row = at(BY_HAND).loc["looks"]
    assert row["items_viewed"] == 1
    assert row.drop("items_viewed").eq(0).all()


def test_what_all_pay_is_what_is_usual():
    found = at(BY_HAND)
    assert found["shelf_price"].sum() == found["usual_price"].sum()


def test_levels_by_hand():
    found = levels(BY_HAND).query("member_id == 'a'").set_index(["habit", "level"])["amount"]
    assert found.to_dict() == {
        ("brand", "Own"): 290,  # fuel is no product
        ("brand", "Big"): 350,
        ("category", "dairy"): 2,
        ("category", "fruit"): 1,
        ("category", "unknown"): 1,
        ("channel", "store"): 1,
        ("channel", "web"): 1,
    }


def test_a_source_that_does_not_say_what_is_a_product_counts_all():
    found = levels(BY_HAND, ITEMS.drop(columns="is_product")).query("habit == 'category'")
    assert "fuel" in set(found["level"])


def test_no_events_give_no_rows():
    assert at([]).empty
    assert levels([]).empty
    assert list(levels([]).columns) == ["member_id", "habit", "level", "amount"]


def test_no_brands_and_no_subcategories_are_nothing_known_not_an_error():
    bare = ITEMS.assign(brand=pd.Series([None] * 5, dtype="str"), subcategory=pd.Series([None] * 5, dtype="str"))
    found = at(BY_HAND, bare).loc["a"]
    assert found[["brand_lines", "shelf_price", "usual_price"]].eq(0).all()
    assert "brand" not in set(levels(BY_HAND, bare)["habit"])


later = st.builds(
    event,
    st.datetimes(pd.Timestamp(CUTOFF).to_pydatetime(), pd.Timestamp("2018-01-01").to_pydatetime()).map(str),
    item_id=st.sampled_from(["milk", "pear", "odd", None]),
    amount=st.integers(-1000, 1000),
    kind=st.sampled_from(["purchase", "view", "return"]),
    member_id=st.sampled_from(["a", "b", "new"]),
    order_id=st.sampled_from(["1", "9", None]),
)


@pytest.fixture(scope="module")
def present():
    return at(BY_HAND), levels(BY_HAND)


@settings(max_examples=6, deadline=None)
@given(st.lists(later, min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_nothing_at_or_after_the_cutoff_and_no_order_of_rows_changes_a_number(present, future, random):
    rows = [*BY_HAND, event(str(CUTOFF)), *future]
    random.shuffle(rows)
    pd.testing.assert_frame_equal(at(rows), present[0])
    pd.testing.assert_frame_equal(levels(rows), present[1])
