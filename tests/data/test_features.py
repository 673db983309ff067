"""Features: hand-computed members, cut-offs that see nothing of the future, and data that are hardly there."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meaning import meant

from membership.base import engine, schemas, tables
from membership.data import features
from membership.data.sources import simulate
from membership.settings.dataset import Simulate

CUTOFF = date(2017, 3, 1)


def event(local_at: str, kind: str = "purchase", amount: int = 100, **columns) -> dict:
    """Return one event of member a; further columns as given."""
    defaults = {"member_id": "a", "item_id": "milk", "quantity": 1, "discount": 0, "currency": "USD"}
    at = pd.Timestamp(local_at)
    return {**defaults, "order_id": None, "channel": "store", "kind": kind, "amount": amount, "local_at": at} | columns


def events_table(rows: list[dict]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(tables.ALL["events"].columns))
    frame["event_id"] = [f"e{number:04d}" for number in range(len(frame))]
    frame["at"] = frame["local_at"] = pd.to_datetime(frame["local_at"])
    return tables.check("events", meant(frame))


def known(rows: list[dict], *members: str, cutoff: date = CUTOFF) -> pd.DataFrame:
    """Return the features of `members` (by default a) at `cutoff`, by member."""
    frame = pd.DataFrame({"member_id": list(members or "a"), "joined_at": pd.NaT, "left_at": pd.NaT})
    found = features.at(ibis.memtable(events_table(rows)), ibis.memtable(tables.check("members", frame)), cutoff)
    return tables.check("features", found.to_pandas()).set_index("member_id")


def shares(rows: list[dict], min_share: float = 0.0) -> pd.DataFrame:
    items = pd.DataFrame({"item_id": ["milk", "pear", "odd"], "category": ["dairy", "fruit", None]})
    found = features.category_shares(ibis.memtable(events_table(rows)), ibis.memtable(items), CUTOFF, min_share)
    return tables.check("category_shares", found.to_pandas())


BY_HAND = [
    event("2017-01-01 09:00", amount=300, discount=100, order_id="1", item_id="milk"),  # a Sunday
    event("2017-01-01 09:00", amount=500, order_id="1", item_id="pear"),
    event("2017-01-01 19:30", amount=100, order_id="2", item_id="milk", channel="web"),
    event("2017-01-05 12:00", amount=400, order_id="3", item_id="milk"),  # a Thursday
    event("2017-01-08 11:00", "return", amount=-400, order_id="3", item_id="milk"),
    event("2017-02-04 17:00", amount=600, order_id="4", item_id="plum"),  # a Saturday
    event("2017-01-04 10:00", "view", amount=0, item_id="milk", channel="web"),
    event("2017-01-04 10:00", "view", amount=0, item_id="soap", channel="web"),
    event("2017-01-06 10:00", "view", amount=0, item_id="pear", channel="web"),  # bought before, not after
    event("2017-01-04 10:02", "cart", amount=0, item_id="milk", channel="web"),
    event("2017-02-10 10:00", "contact", amount=0, item_id=None, channel="phone"),
]


def test_a_member_computed_by_hand():
    member = known(BY_HAND).loc["a"]
    expected = {
        "orders": 4,
        "purchase_days": 3,
        "frequency": 2,
        "recency_days": 34.0,
        "age_days": 59.0,
        "days_since_last": 25.0,
        "spend": 300 + 500 + 100 + 400 - 400 + 600,
        "first_spend": 300 + 500 + 100,
        "repeat_spend_mean": (400 + 600) / 2,
        "median_gap_days": 17.0,
        "gap_spread": np.std([4, 30], ddof=1) / 17,
        "items_distinct": 3,
        "basket_items": 5 / 4,
        "orders_30d": 1,
        "orders_90d": 4,
        "spend_30d": 600,
        "spend_90d": 1500,
        "discount_share": 100 / 2000,
        "return_share": 1 / 5,
        "weekend_share": 3 / 4,
        "evening_share": 2 / 4,
        "channels": 2,
        "main_channel_share": 3 / 4,
        "views": 3,
        "carts": 1,
        "browse_to_buy": 1 / 3,
        "contacts": 1,
    }
    assert {*expected, "as_of"} == set(member.index)
    for name, value in expected.items():
        assert member[name] == pytest.approx(value), name
    assert member["as_of"] == pd.Timestamp(CUTOFF)


def test_a_member_without_events_has_zeros_and_nulls():
    idle = known(BY_HAND, "a", "idle").loc["idle"]
    counts = ["orders", "purchase_days", "frequency", "spend", "spend_90d", "views"]
    assert (idle[[*counts, "first_spend", "recency_days", "age_days"]] == 0).all()
    assert idle[["days_since_last", "median_gap_days", "gap_spread", "browse_to_buy", "discount_share"]].isna().all()


def test_a_first_day_that_was_sent_back_or_cost_nothing_is_what_was_paid_on_it():
    returned = [event("2017-02-01", amount=700), event("2017-02-01", "return", amount=-700), event("2017-02-09")]
    assert known(returned).loc["a", "first_spend"] == 700
    assert known([event("2017-02-01", amount=0), event("2017-02-09")]).loc["a", "first_spend"] == 0


def test_no_events_at_all_still_give_every_member_a_row():
    assert known([], "a", "b")["orders"].tolist() == [0, 0]
    assert shares([]).empty


def test_all_purchases_on_one_day_are_one_purchase_day_without_gaps():
    member = known([event("2017-02-01 10:00", order_id="1"), event("2017-02-01 11:00", order_id="2")]).loc["a"]
    assert (member["orders"], member["purchase_days"], member["frequency"]) == (2, 1, 0)
    assert (member["recency_days"], member["age_days"]) == (0, 28)
    assert member[["median_gap_days", "gap_spread", "repeat_spend_mean"]].isna().all()


def test_purchases_without_order_ids_count_as_one_order_a_day():
    rows = [event("2017-02-01 10:00"), event("2017-02-01 20:00", item_id="pear"), event("2017-02-02 10:00")]
    member = known(rows).loc["a"]
    assert (member["orders"], member["basket_items"]) == (2, 1.5)


def test_an_order_id_that_two_members_share_is_two_orders():
    rows = [event("2017-02-01 10:00", order_id="1"), event("2017-02-01 10:00", order_id="1", member_id="b")]
    assert known(rows, "a", "b")["orders"].tolist() == [1, 1]


def test_days_are_local_so_an_evening_in_new_york_is_not_the_next_day():
    evening = event("2017-02-28 21:00", at=pd.Timestamp("2017-03-01 02:00"))
    member = known([evening]).loc["a"]
    assert (member["purchase_days"], member["days_since_last"]) == (1, 1)
    assert known([evening], cutoff=date(2017, 2, 28)).loc["a", "purchase_days"] == 0


@pytest.mark.parametrize(
    ("first_day_of_30", "orders"), [("2017-01-30 00:00", 1), ("2017-01-29 23:59:59", 0)], ids=["in", "out"]
)
def test_the_last_30_days_start_at_midnight_30_days_before_the_cutoff(first_day_of_30, orders):
    assert known([event(first_day_of_30)]).loc["a", "orders_30d"] == orders


def test_category_shares_add_up_and_name_what_has_no_category():
    rows = [event("2017-02-01", amount=600), event("2017-02-01", amount=300, item_id="pear")]
    rows += [event("2017-02-02", amount=60, item_id="odd"), event("2017-02-02", amount=40, item_id="not listed")]
    rows += [event("2017-02-03", "return", amount=-600), event("2017-02-03", amount=0, member_id="b")]
    found = shares(rows).set_index("category")
    assert found["spend"].to_dict() == {"dairy": 600, "fruit": 300, "unknown": 100}
    assert found["share"].to_dict() == pytest.approx({"dairy": 0.6, "fruit": 0.3, "unknown": 0.1})
    assert (found["member_id"] == "a").all()


def test_small_category_shares_are_left_out_without_changing_the_others():
    rows = [event("2017-02-01", amount=900), event("2017-02-01", amount=100, item_id="pear")]
    found = shares(rows, min_share=0.2)
    assert found[["category", "share"]].to_numpy().tolist() == [["dairy", 0.9]]


future = st.builds(
    event,
    st.datetimes(pd.Timestamp(CUTOFF).to_pydatetime(), pd.Timestamp("2018-01-01").to_pydatetime()).map(str),
    kind=st.sampled_from(schemas.KINDS),
    amount=st.integers(-10_000, 10_000),
    member_id=st.sampled_from(["a", "b", "new"]),
    item_id=st.sampled_from(["milk", "pear", "new", None]),
    order_id=st.sampled_from(["1", "4", "new", None]),
    channel=st.sampled_from(["store", "new", None]),
)


@pytest.fixture(scope="module")
def present():
    return known(BY_HAND, "a", "b"), shares(BY_HAND)


@settings(max_examples=15, deadline=None)
@given(later=st.lists(future, min_size=1, max_size=20))
def test_nothing_at_or_after_the_cutoff_changes_a_feature(present, later):
    rows = BY_HAND + [event(str(CUTOFF), kind) for kind in schemas.KINDS] + later
    pd.testing.assert_frame_equal(known(rows, "a", "b"), present[0])
    pd.testing.assert_frame_equal(shares(rows), present[1])


def _bought(row: dict) -> bool:
    return row["kind"] == "purchase" and row["local_at"] < pd.Timestamp(CUTOFF)


past = st.builds(
    event,
    st.datetimes(pd.Timestamp("2017-01-01").to_pydatetime(), pd.Timestamp(CUTOFF).to_pydatetime()).map(str),
    kind=st.sampled_from(["purchase", "view", "return", "contact"]),
    amount=st.integers(1, 10_000),
    discount=st.integers(0, 500),
    item_id=st.sampled_from(["milk", "pear"]),
    order_id=st.sampled_from(["1", "2", "3", None]),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(past, max_size=25))
def test_features_keep_to_what_their_names_say(rows):
    member = known(rows).loc["a"]
    assert member["frequency"] == max(member["purchase_days"] - 1, 0)
    assert member["recency_days"] <= member["age_days"]
    assert member["orders_30d"] <= member["orders_90d"] <= member["orders"]
    assert member["purchase_days"] <= 59
    repeated = member["frequency"] * np.nan_to_num(member["repeat_spend_mean"])
    assert member["first_spend"] + repeated == pytest.approx(sum(row["amount"] for row in rows if _bought(row)))
    if member["frequency"]:
        assert member["frequency"] <= member["recency_days"]
        assert member["median_gap_days"] >= 1


def test_three_cutoffs_of_a_simulated_market_give_the_same_figures_in_any_order_of_rows(workspace):
    knobs = Simulate(members=60)
    simulate.read(knobs, 1, "America/New_York", "USD").save()
    con = engine.connect()
    events, members, items = (engine.load(con, name) for name in ("events", "members", "items"))
    cutoffs = [date(2017, 6, 1), date(2017, 9, 1), date(2018, 1, 1)]
    one = tables.check("features", features.table(events, members, cutoffs))
    shuffled = ibis.memtable(tables.read("events").sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(one, tables.check("features", features.table(shuffled, members, cutoffs)))
    assert len(one) == 3 * 60
    totals = one.groupby("member_id")[["orders", "spend", "views"]]
    assert (totals.diff().dropna()[["orders", "views"]] >= 0).all(axis=None)
    by_category = features.category_table(events, items, cutoffs, 0.0)
    assert by_category.groupby(["member_id", "as_of"])["share"].sum().to_numpy() == pytest.approx(1)
    assert by_category["as_of"].nunique() == 3
