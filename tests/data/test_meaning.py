"""What events mean: decided by the settings, stored with the events, the same for the batch run and a request."""

from datetime import date

import ibis
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from meaning import meant

from membership.base.schemas import KINDS, MEANING
from membership.data import features, meaning, purchases
from membership.repurchase import purchase_days
from membership.settings.economics import Economics


def events(*rows: tuple, **settings) -> pd.DataFrame:
    """Return events of (member, kind, local time, amount), marked and with what was paid."""
    frame = pd.DataFrame(rows, columns=["member_id", "kind", "local_at", "amount"]).astype({"kind": "str"})
    frame["local_at"] = pd.to_datetime(frame["local_at"], format="ISO8601").astype("datetime64[us]")
    frame = frame.assign(order_id=pd.Series([None] * len(frame), dtype="str"), discount=0, item_id="i", channel="web")
    return meaning.paid(meant(frame, **settings), Economics(**settings))


def said(**settings) -> dict[str, set[str]]:
    """Return the kinds that each column of meaning marks."""
    every = meant(pd.DataFrame({"kind": KINDS}), **settings)
    return {name: set(every.loc[every[name], "kind"]) for name in MEANING}


def test_by_default_purchases_and_renewals_come_back_and_returns_take_back_what_was_paid():
    assert said() == {
        "comes_back": {"purchase", "renewal"},
        "pays": {"purchase", "return", "renewal"},
        "interest": {"view", "cart", "favourite", "rating"},
        "effort": {"contact"},
    }


def test_what_comes_back_is_more_than_interest_and_what_has_a_value_pays():
    found = said(comes_back=["view", "play"], pays=[], event_value={"view": 0.02, "contact": -5})
    assert found["comes_back"] == {"view", "play"} and found["interest"] == {"cart", "favourite", "rating"}
    assert found["pays"] == {"view", "contact"}


def test_a_table_and_a_frame_are_marked_alike():
    frame = pd.DataFrame({"kind": KINDS})
    table = meaning.meant(ibis.memtable(frame), Economics(comes_back=["trip"], effort=[])).to_pandas()
    pd.testing.assert_frame_equal(table, meant(frame, comes_back=["trip"], effort=[]), check_dtype=False)


def test_amounts_are_what_was_paid_or_what_the_event_is_worth():
    rows = [("a", "view", "2020-01-01", 0), ("a", "cart", "2020-01-01", 900), ("a", "purchase", "2020-01-02", 500)]
    rows += [("a", "contact", "2020-01-03", 0), ("b", "contact", "2020-01-03", 70)]
    found = events(*rows, event_value={"view": 0.02, "contact": -5})
    assert found["amount"].tolist() == [2, 0, 500, -500, 70]


def test_a_balance_is_worth_its_margin_where_no_amount_is_known():
    rows = [("a", kind, "2020-01-31", paid) for kind, paid in (("purchase", 0), ("renewal", 700), ("view", 0))]
    frame = events(*rows).assign(measure=[1250.4, 9000.0, 5.0])
    found = meaning.paid(frame, Economics(measure_value={"purchase": 0.001, "renewal": 0.001}))
    assert found["amount"].tolist() == [125, 700, 0]
    assert said(pays=[], measure_value={"visit": 1})["pays"] == {"visit"}


@pytest.mark.parametrize("units", [0.004, 0.0125, 1 / 3, -0.017])
def test_parts_of_a_cent_add_up_for_each_member_in_the_order_of_time(units):
    days = pd.date_range("2020-01-01", periods=60)
    rows = [(member, "view", day, 0) for day in days[::-1] for member in "ab"]
    found = events(*rows, event_value={"view": units}).sort_values("local_at")
    for _, own in found.groupby("member_id"):
        assert own["amount"].cumsum().iloc[-1] == pytest.approx(100 * units * len(days), abs=0.5)
        assert own["amount"].between(*sorted([int(100 * units) - 1, int(100 * units) + 1])).all()


def test_where_no_event_has_an_order_id_what_is_bought_and_returned_on_a_day_is_one_order():
    rows = [("a", "purchase", "2020-01-01 08:00", 5), ("a", "return", "2020-01-01 09:00", -5)]
    rows += [("a", "view", "2020-01-01 10:00", 0), ("a", "renewal", "2020-01-02 08:00", 5)]
    found = meaning.ordered(events(*rows))
    assert found["order_id"].fillna("").tolist() == ["a 2020-01-01", "a 2020-01-01", "", "a 2020-01-02"]
    given = events(*rows).assign(order_id=["7", None, None, None])
    assert meaning.ordered(given)["order_id"].isna().sum() == 3


@pytest.mark.parametrize("convert", [ibis.memtable, lambda frame: frame], ids=["table", "frame"])
def test_whatever_comes_back_on_a_day_is_one_order_where_there_is_no_order_id(convert):
    rows = [("a", "view", "2020-01-01 08:00", 0), ("a", "play", "2020-01-01 09:00", 0), ("a", "play", "2020-01-02", 0)]
    found = purchases.order(convert(events(*rows, comes_back=["view", "play"])))
    assert len(set((found.to_pandas() if convert is ibis.memtable else found).tolist())) == 2


def test_features_follow_the_field():
    rows = [("a", "visit", "2020-01-01 08:00", 0), ("a", "visit", "2020-01-11 08:00", 0)]
    rows += [("a", "contact", "2020-01-12", 0), ("a", "purchase", "2020-01-12", 700), ("a", "view", "2020-01-13", 0)]
    settings = {"comes_back": ["visit"], "effort": ["contact", "view"], "interest": []}
    people = ibis.memtable(pd.DataFrame({"member_id": ["a"]}))
    found = features.at(ibis.memtable(events(*rows, **settings)), people, date(2020, 2, 1)).to_pandas().iloc[0]
    assert (found["purchase_days"], found["recency_days"], found["spend"]) == (2, 10, 700)
    assert (found["contacts"], found["views"]) == (2, 0)


def test_a_purchase_day_is_worth_what_was_paid_on_it_by_whatever_kind():
    rows = [("a", "visit", "2020-01-01 08:00", 0), ("a", "purchase", "2020-01-01 08:30", 300)]
    rows += [("a", "visit", "2020-01-11 08:00", 0), ("a", "purchase", "2020-01-11 09:00", 700)]
    rows += [("a", "return", "2020-01-11 10:00", -200), ("a", "contact", "2020-01-11 11:00", 0)]
    table = ibis.memtable(events(*rows, comes_back=["visit"], event_value={"contact": -5}))
    people = pd.DataFrame({"member_id": ["a"], "joined_at": pd.Series([pd.NaT], dtype="datetime64[us]")})
    found = features.at(table, ibis.memtable(people[["member_id"]]), date(2020, 2, 1)).to_pandas().iloc[0]
    assert (found["first_spend"], found["repeat_spend_mean"], found["spend"]) == (300, 700, 300)
    days = purchase_days.read(table, people, date(2020, 1, 1), date(2020, 2, 1))
    assert days.spend.tolist() == [300, 700]


MEASURE = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False))
ROW = st.tuples(st.sampled_from("ab"), st.sampled_from(["view", "purchase"]), st.sampled_from([0, 250]), MEASURE)
VALUES = st.dictionaries(st.sampled_from(["view", "purchase"]), st.sampled_from([0.005, 0.0125, 1 / 3, -0.017]))


@hypothesis(max_examples=20, deadline=None)
@given(st.lists(ROW, min_size=1), VALUES, VALUES)
def test_a_table_means_what_its_frame_means(rows, event_value, measure_value):
    frame = pd.DataFrame(rows, columns=["member_id", "kind", "amount", "measure"])
    frame = frame.astype({"amount": "int64", "kind": "str", "measure": "float64"})
    frame = frame.assign(event_id=[f"e{n:03d}" for n in range(len(frame))], local_at=pd.Timestamp("2020-01-01"))
    settings = Economics(event_value=event_value, measure_value=measure_value)
    marked = meaning.meant(frame.astype({"member_id": "str", "event_id": "str"}), settings)
    there = meaning.paid(ibis.memtable(marked), settings).order_by("event_id").to_pandas()
    assert there["amount"].tolist() == meaning.paid(marked, settings)["amount"].tolist()
