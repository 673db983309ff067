"""What qualifies for a tier and what orders earn: windows, returns, and nothing from after the cut-off."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.settings import params
from membership.tiers import points, qualifying

KNOBS = params.parse(params.read()).tiers
MONTHS = pd.date_range("2020-02-01", periods=4, freq="MS").as_unit("us")
DAILY = [
    ("a", "o1", "purchase", "2020-01-31 23:59", 100),
    ("a", "o2", "purchase", "2020-02-01 00:00", 1000),
    ("a", "o2", "return", "2020-02-10 10:00", -300),
    ("a", "o2", "view", "2020-02-10 10:00", 7777),
    ("b", "o3", "purchase", "2020-02-20 10:00", 50),
]


def events(rows):
    columns = ["member_id", "order_id", "kind", "local_at", "amount"]
    return ibis.memtable(
        meant(pd.DataFrame(rows, columns=columns).astype({"local_at": "datetime64[us]", "order_id": "str"}))
    )


def knobs(**update):
    return KNOBS.model_copy(update=update)


def booked(rows, rank, **update):
    """Return points earned and reversed by month for one member who is always in tier `rank`."""
    settings = knobs(**{"points_per_unit": 1.0, **update})
    earning = qualifying.earning(events(rows), pd.Series(["a"]), MONTHS, settings)
    ranks = pd.DataFrame(np.full((1, len(MONTHS)), rank), index=["a"], columns=MONTHS)
    earned, reversed_ = points.earned(earning, ranks)
    return earned.loc["a"].tolist(), reversed_.loc["a"].tolist()


MEASURED = [  # order, kind, time, units, miles
    ("o1", "trip", "2020-01-05 08:00", 1, 500.4), ("o1", "trip", "2020-01-05 18:00", 1, 499.8),
    ("o2", "trip", "2020-01-20 08:00", 2, None), ("o2", "return", "2020-01-21 08:00", -1, None),
    ("o3", "view", "2020-01-22 08:00", 1, 7000.0),
]  # fmt: skip


@pytest.mark.parametrize(("what", "amount"), [("orders", 2), ("quantity", 3), ("measure", 1000)])
def test_orders_units_or_a_measure_qualify_where_the_settings_say_so(what, amount):
    rows = pd.DataFrame(MEASURED, columns=["order_id", "kind", "local_at", "quantity", "measure"])
    rows = meant(rows.assign(member_id="a", amount=0, local_at=pd.to_datetime(rows["local_at"])), comes_back=["trip"])
    found = qualifying.amounts(ibis.memtable(rows), pd.Series(["a", "none"]), MONTHS[:1], knobs(qualify_by=what))
    assert found.iloc[:, 0].to_dict() == {"a": amount, "none": 0}


def test_spend_is_net_of_returns_within_the_days_before_the_month():
    found = qualifying.spend(events(DAILY), pd.Series(["b", "a", "none"]), MONTHS[:3], days=29)
    assert found.loc["a"].tolist() == [100, 700, 0]  # 1 March less 29 days is 1 February, and 31 March is too late
    assert found.loc["b"].tolist() == [0, 50, 0]
    assert found.loc["none"].tolist() == [0, 0, 0]
    assert found.index.tolist() == ["a", "b", "none"]


def test_spend_by_month_adds_up_to_all_spend_before_the_last_month():
    found = qualifying.spend(events(DAILY), pd.Series(["a", "b"]), MONTHS[:2])
    assert found.to_numpy().tolist() == [[100, 700], [0, 50]]
    last = MONTHS[:1].union([pd.Timestamp(date(2020, 2, 5))])
    assert qualifying.spend(events(DAILY), pd.Series(["a", "b"]), last).sum(axis=1).tolist() == [1100, 0]


def test_a_member_unknown_to_the_programme_counts_nowhere():
    assert qualifying.spend(events(DAILY), pd.Series(["b"]), MONTHS[:2]).to_numpy().tolist() == [[0, 50]]


def test_by_points_an_order_counts_in_whole_points_and_a_return_takes_its_points_back():
    rows = [
        ("a", "o1", "purchase", "2020-01-10 10:00", 199),  # 1 point on spend, 10 for the order
        ("a", "o2", "purchase", "2020-01-20 10:00", 1000),
        ("a", "o2", "return", "2020-02-03 10:00", -150),  # 8.50 kept: 2 points back
        ("a", "o1", "return", "2020-03-03 10:00", -199),  # nothing kept: all of its points back
    ]
    settings = knobs(qualify_by="points", qualifying_days=366, points_per_unit=1.0, points_per_order=10)
    found = qualifying.amounts(events(rows), pd.Series(["a"]), MONTHS, settings)
    assert found.loc["a"].tolist() == [31, 29, 18, 18]


def test_ahead_is_what_still_counts_a_month_later_without_another_purchase():
    settings = knobs(qualify_by="spend", qualifying_days=40)
    found = qualifying.ahead(
        events(DAILY), pd.Series(["a", "b"]), MONTHS[:2], settings
    )  # 1 April less 40 days: 21 February
    assert found.to_dict() == {"a": 0, "b": 0}
    longer = knobs(qualify_by="spend", qualifying_days=41)
    assert qualifying.ahead(events(DAILY), pd.Series(["a", "b"]), MONTHS[:2], longer)["b"] == 50
    brief = knobs(qualify_by="spend", qualifying_days=5)
    assert qualifying.ahead(events(DAILY), pd.Series(["a", "b"]), MONTHS[:2], brief).tolist() == [0, 0]


def test_an_order_earns_whole_points_at_the_multiplier_of_its_tier():
    rows = [("a", "o1", "purchase", "2020-02-10 10:00", 199), ("a", "o2", "purchase", "2020-02-11 10:00", 599)]
    multiplier = KNOBS.levels[1].points_multiplier
    expected = int(1 * multiplier) + int(5 * multiplier)
    assert booked(rows, 1) == ([0, expected, 0, 0], [0, 0, 0, 0])


def test_a_returned_order_takes_back_what_it_earned_at_its_own_multiplier():
    rows = [
        ("a", "o1", "purchase", "2020-01-10 10:00", 1000),  # before the programme has any tiers: multiplier 1
        ("a", "o2", "purchase", "2020-02-10 10:00", 1000),
        ("a", "o1", "return", "2020-03-10 10:00", -1000),
        ("a", "o2", "return", "2020-03-12 10:00", -1000),
    ]
    top = int(10 * KNOBS.levels[3].points_multiplier)
    assert booked(rows, 3) == ([10, top, 0, 0], [0, 0, 10 + top, 0])


def test_a_return_never_takes_back_more_than_its_order_earned():
    rows = [("a", "o1", "purchase", "2020-01-10 10:00", 1000), ("a", "o1", "return", "2020-02-10 10:00", -9000)]
    assert booked(rows, 0, points_per_order=5) == ([15, 0, 0, 0], [0, 15, 0, 0])


@pytest.mark.parametrize("order", [None, "unheard of"])
def test_a_return_of_an_unknown_order_takes_back_base_points_on_its_amount(order):
    rows = [("a", None, "purchase", "2020-02-10 10:00", 1000), ("a", order, "return", "2020-02-10 11:00", -350)]
    top = int(10 * KNOBS.levels[3].points_multiplier)
    assert booked(rows, 3) == ([0, top, 0, 0], [0, 3, 0, 0])


def test_purchases_of_one_day_without_order_ids_are_one_order():
    rows = [("a", None, "purchase", f"2020-02-10 1{hour}:00", 60) for hour in range(5)]
    assert booked(rows, 0, points_per_order=1)[0] == [0, 4, 0, 0]


def test_nothing_on_or_after_the_last_month_is_seen():
    later = [("a", "o9", "purchase", "2020-05-01 00:00", 100_000), ("a", "o1", "return", "2020-05-02 00:00", -100)]
    members = pd.Series(["a", "b"])
    for function in (qualifying.amounts, qualifying.ahead):
        before, after = (function(events(rows), members, MONTHS, KNOBS) for rows in (DAILY, DAILY + later))
        assert before.to_numpy().tolist() == after.to_numpy().tolist()
    assert booked(DAILY[:4], 0) == booked(DAILY[:4] + later, 0)
