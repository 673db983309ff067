"""Signs of abuse, by hand: who shows one is named with the reason, who does what others do is not."""

import pandas as pd
import pytest

from membership.base import tables
from membership.data import abuse
from membership.data.canonical import Canonical, empty


def events(*rows) -> pd.DataFrame:
    """Events of (member, time, kind, item, amount in cents); each time of a member is an order."""
    names = ["member_id", "local_at", "kind", "item_id", "amount"]
    found = pd.DataFrame(rows, columns=names).assign(quantity=1, channel=None, discount=0, currency="EUR")
    found["local_at"] = pd.to_datetime(found["local_at"], format="ISO8601")
    return found.assign(
        order_id=found["local_at"].astype(str), comes_back=found["kind"] == "purchase", pays=True, at=found["local_at"]
    )


def signs(bought: pd.DataFrame, points: pd.DataFrame | None = None) -> pd.DataFrame:
    members = pd.DataFrame({"member_id": sorted(bought["member_id"].unique()), "joined_at": pd.NaT})
    others = {name: empty(name) for name in ("items", "survey", "offers", "exposures")}
    points = empty("points") if points is None else points
    return abuse.signs(Canonical(members=members, events=bought, points=points, **others))


def days(member: str, kind: str, amount: int, count: int) -> list[tuple]:
    return [
        (member, f"2024-0{2 if kind == 'return' else 1}-{n + 1:02d} 10:00", kind, "i1", amount) for n in range(count)
    ]


def test_who_sends_back_most_of_what_was_bought_and_often_is_named():
    bought = days("a", "purchase", 100, 4) + days("b", "purchase", 100, 4) + days("c", "purchase", 100, 4)
    back = days("a", "return", -100, 3) + days("b", "return", -100, 1) + days("c", "return", -10, 3)
    found = signs(events(*bought, *back))
    assert found[["member_id", "sign", "found"]].to_numpy().tolist() == [["a", "returned", 0.75]]
    assert found["usual"].tolist() == pytest.approx([430 / 1200])


@pytest.mark.parametrize(("accounts", "named"), [(3, ["a", "b", "c"]), (2, [])])
def test_accounts_that_buy_the_same_in_the_same_minute_are_named(accounts, named):
    same = [(one, f"2024-01-01 10:00:{n:02d}", "purchase", item, 5)
            for n, one in enumerate("abc"[:accounts]) for item in ("i1", "i2")]  # fmt: skip
    other = [("d", "2024-01-01 10:00", "purchase", item, 5) for item in ("i1", "i3")]
    late = [("e", "2024-01-01 10:01", "purchase", item, 5) for item in ("i1", "i2")]
    found = signs(events(*same, *other, *late))
    assert found["member_id"].tolist() == named and set(found["sign"]) <= {"same_basket"}
    assert set(found["found"]) <= {3.0}


def test_days_without_a_clock_and_baskets_of_one_item_say_nothing():
    dates = [(one, "2024-01-01", "purchase", item, 5) for one in "abc" for item in ("i1", "i2")]
    single = [(one, "2024-01-02 10:00", "purchase", "i1", 5) for one in "abc"]
    assert signs(events(*dates, *single)).empty


def test_who_redeemed_before_earning_is_named_with_the_points_that_lacked():
    at = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"] * 2)
    points = pd.DataFrame({"member_id": list("aaabbb"), "at": at, "earned": [10.0, 0, 50, 10, 50, 0]})
    points = points.assign(redeemed=[0.0, 30, 0, 0, 0, 60], expired=0.0)
    found = signs(events(*days("a", "purchase", 5, 1), *days("b", "purchase", 5, 1)), points)
    assert found[["member_id", "sign", "found"]].to_numpy().tolist() == [["a", "beyond_earned", 20.0]]


def test_without_a_sign_the_table_is_empty_and_valid_and_the_counts_name_nobody():
    found = signs(events(*days("a", "purchase", 100, 2)))
    pd.testing.assert_frame_equal(found, tables.empty("signs"))
    assert abuse.by_sign(found)["members"].tolist() == [0, 0, 0]
