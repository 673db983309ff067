"""Behaviour over time: weeks and months computed by hand."""

from datetime import date

import ibis
import pandas as pd
import pytest
from meaning import meant

from membership.base import tables
from membership.base.timeline import Window
from membership.data import activity
from membership.report import words

WINDOW = Window(date(2017, 1, 1), date(2017, 3, 1))


def bought(*purchases: tuple[str, str, int]) -> ibis.Table:
    """Return purchases of (member, local day, cents); each day of a member is one order."""
    frame = pd.DataFrame(purchases, columns=["member_id", "local_at", "amount"])
    frame = frame.assign(kind="purchase", order_id=None, item_id="milk", channel=None, quantity=1, discount=0)
    frame = frame.assign(event_id=[f"e{row}" for row in range(len(frame))], currency="EUR", at=frame["local_at"])
    return ibis.memtable(tables.check("events", meant(frame)))


EVENTS = bought(
    ("a", "2017-01-01 08:00", 100),
    ("a", "2017-01-07 23:59", 200),
    ("b", "2017-01-08 00:00", 400),
    ("a", "2017-02-14 12:00", 800),
    ("b", "2017-02-15 00:00", 1600),
    ("c", "2017-02-10 00:00", 3200),
    ("c", "2017-02-26 10:00", 6400),  # in the last week, which is not whole
    ("a", "2017-03-01 00:00", 9999),  # not in the window
)


def test_weeks_start_with_the_window_and_only_whole_ones_are_counted():
    weeks = activity.weekly(EVENTS, WINDOW)
    assert weeks["week"].dt.strftime("%m-%d").tolist() == ["01-01", "01-08", "02-05", "02-12"]
    assert weeks["members"].tolist() == [1, 1, 1, 2]
    assert weeks["orders"].tolist() == [2, 1, 1, 2]


def test_repurchase_counts_members_known_on_the_first_of_the_month_who_buy_within_the_days():
    monthly = activity.repurchase(EVENTS, WINDOW, days=14)
    assert monthly["start"].tolist() == [pd.Timestamp("2017-02-01")]
    assert monthly["members"].tolist() == [2]  # a and b; c was not known
    assert monthly["share"].tolist() == [0.5]  # a on the 14th, b on the 15th is a day late


def test_a_window_too_short_for_a_month_and_the_days_after_it_has_no_repurchase_to_show():
    short = activity.repurchase(EVENTS, Window(date(2017, 1, 1), date(2017, 2, 14)), days=14)
    assert short.empty
    assert list(short.columns) == ["start", "members", "share"]


def test_the_conclusion_says_only_what_is_known():
    nothing = pd.DataFrame({"purchase_days": [0], "orders_90d": [0], "spend_90d": [0]}, index=["a"])
    nothing = nothing.assign(spend=0, median_gap_days=None, days_since_last=None)
    figures = activity.metrics(nothing, pd.DataFrame({"share": pd.Series(dtype=float)}), pd.Index([]))
    assert (figures["share_with_purchases"], figures["share_active_90d"]) == (0, 0)
    sparse = words.render("features", metrics=figures, as_of=WINDOW.end, days=14)
    assert "-" not in sparse.replace(str(WINDOW.end), "")
    regular = figures | {"median_gap_days": 6.0, "median_spend": 12345.0, "median_purchase_days": 9.0}
    text = words.render("features", metrics=regular | {"share_repurchase": 0.734}, as_of=WINDOW.end, days=14)
    assert len(text) > len(sparse)
    assert all(number in text for number in ("9 days", "6 days", "123 ", "73.4%", "14 days"))


@pytest.mark.parametrize("days", [1, 14])
def test_purchases_at_the_very_first_instant_of_the_month_are_within_any_number_of_days(days):
    events = bought(("a", "2017-01-05 10:00", 100), ("a", "2017-02-01 00:00", 100))
    assert activity.repurchase(events, WINDOW, days)["share"].tolist() == [1.0]
