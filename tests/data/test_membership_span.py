"""Who is a member on a day: whoever left before it is not scored, and teaches nothing after it."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.base import tables
from membership.base.member_schemas import LEFT, STAGES
from membership.data import features, membership_span
from membership.profile import lifecycle
from membership.repurchase import lessons, purchase_days, score
from membership.repurchase.rules import OwnRate
from membership.settings import params
from membership.value.panel import Panel

START, AS_OF = date(2020, 1, 1), date(2020, 7, 1)


def times(values):
    return pd.to_datetime(pd.Series(values, dtype="object"), format="ISO8601").astype("datetime64[us]")


def people(**left_at) -> pd.DataFrame:
    """Return table `members` of a, b, ...: name -> when each left."""
    return pd.DataFrame({"member_id": list(left_at), "joined_at": pd.NaT, "left_at": times(list(left_at.values()))})


def events(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["member_id", "kind", "local_at"])
    frame = frame.assign(local_at=times(frame["local_at"].tolist()), amount=100, event_id=range(len(frame)))
    return meant(frame)


def bought(member: str, *months: int) -> list[tuple[str, str, str]]:
    return [(member, "purchase", f"2020-{month:02d}-10 12:00") for month in months]


def test_whoever_left_during_a_day_is_gone_from_the_next_day_on():
    members = people(a="2020-06-30 10:00", b="2020-07-01 00:00", c=None)
    assert membership_span.on(members, AS_OF)["member_id"].tolist() == ["b", "c"]
    assert membership_span.on(members, date(2020, 6, 30))["member_id"].tolist() == ["a", "b", "c"]
    rows = ibis.memtable(pd.DataFrame({"member_id": ["a", "b", "b", "c"]}))
    assert membership_span.among(rows, ibis.memtable(members), AS_OF).to_pandas()["member_id"].tolist() == [*"bbc"]


@pytest.mark.parametrize(
    ("left_at", "rows", "says"),
    [
        (None, [("a", "cancel", "2020-03-01 09:00")], "2020-03-01 09:00"),
        ("2020-02-01", [("a", "cancel", "2020-03-01 09:00")], "2020-02-01"),
        (None, [("a", "cancel", "2020-03-01 09:00"), ("a", "view", "2020-05-01")], "2020-03-01 09:00"),
        (None, [("a", "cancel", "2020-03-01 09:00"), ("a", "purchase", "2020-05-01")], None),
        (None, [("a", "cancel", "2020-03-01 09:00"), ("a", "purchase", "2020-03-01 17:00")], "2020-03-01 09:00"),
        ("2020-02-01", [("a", "renewal", "2020-05-01")], None),
        (None, [("b", "cancel", "2020-03-01 09:00")], None),
        (None, [("a", "cancel", "2020-01"), ("a", "purchase", "2020-02"), ("a", "cancel", "2020-03")], "2020-03"),
    ],
)  # fmt: skip
def test_the_last_cancel_ends_a_membership_unless_the_member_came_back_on_a_later_day(left_at, rows, says):
    found = membership_span.settled(people(a=left_at), events(*rows))["left_at"].iloc[0]
    assert (pd.isna(found) and says is None) or found == pd.Timestamp(says)


@pytest.fixture
def history():
    """a left in May, b leaves after the day of scoring, c stays; all bought every month."""
    rows = events(*bought("a", 1, 2, 3, 4), *bought("b", 1, 2, 3, 4, 5, 6), *bought("c", 1, 2, 3, 4, 5, 6))
    members = people(a="2020-05-20", b="2020-08-01", c=None)
    return purchase_days.read(ibis.memtable(rows), members, START, date(2020, 12, 1))


def day(text: str) -> int:
    return purchase_days.number(date.fromisoformat(text))


def test_members_are_present_until_they_leave_however_history_is_cut(history):
    for one in (history, history.until(day("2020-07-01")), history.bought_on(day("2020-06-30"))):
        assert one.present(day("2020-05-20")).tolist() == [True] * 3
        assert one.present(day("2020-05-21")).tolist() == [False, True, True]
    assert history.only(np.array([True, False, True])).present(day("2020-07-01")).tolist() == [False, True]
    assert history.rows(slice(1, 3)).present(day("2020-07-01")).tolist() == [True, True]
    assert history.present(day("2020-09-01")).tolist() == [False, False, True]
    assert history.until(day("2020-07-01")).present(day("2020-09-01")).tolist() == [False, True, True]  # not yet known


def test_nobody_learns_from_days_on_which_a_member_was_gone_and_nobody_gone_is_scored(history):
    found = lessons.lessons(history, [day("2020-05-01"), day("2020-06-01")], day("2020-07-01"))
    assert len(found.waited) == 3 + 2
    forecast = score.Forecast.of(OwnRate(), history, day("2020-07-01"))
    table = score.table(forecast, history.until(day("2020-07-01")), day("2020-07-01"), 14, [30])
    assert table["member_id"].tolist() == ["b", "c"]


def test_a_member_who_left_has_that_stage_and_none_of_a_member(history):
    settings = params.load("lifecycle").lifecycle
    borders = lifecycle.Borders(OwnRate(), 0.5, 14, day("2020-01-01"))
    days = pd.DatetimeIndex(["2020-05-01", "2020-07-01"])
    parts = [borders.stages(history, purchase_days.number(one.date()), settings).assign(as_of=one) for one in days]
    table = pd.concat(parts).rename_axis("member_id").reset_index()
    assert (table["stage"] == LEFT).tolist() == [False, False, False, True, False, False]
    assert lifecycle.current(table).index.tolist() == ["b", "c"]
    assert lifecycle.levels(table) == [*STAGES, LEFT] and lifecycle.levels(table.head(3)) == list(STAGES)


def test_a_panel_knows_no_member_who_had_left_and_what_leavers_did_before_they_left():
    rows = [*bought("a", 1, 2, 3, 4), *bought("b", 1, 2, 3, 4, 5, 6)]
    plain = events(*rows).assign(order_id=None, item_id="i", channel=None, discount=0, quantity=1)
    plain = plain.astype({"order_id": "str", "channel": "str"})
    members = tables.check("members", people(a="2020-05-20", b=None))
    cutoffs = [date(2020, 4, 1), date(2020, 5, 1), date(2020, 5, 31)]  # 30 days apart
    table = features.table(ibis.memtable(plain), ibis.memtable(members), cutoffs)
    known = Panel.of(table, members=members)
    assert [one.index.tolist() for one in known.snapshots.values()] == [["a", "b"], ["a", "b"], ["b"]]
    assert known.did(cutoffs[0])["orders"].to_dict() == {"a": 1, "b": 1}
    assert known.did(cutoffs[1])["orders"].to_dict() == {"a": 0, "b": 1}
    assert known.until(cutoffs[1]).now.index.tolist() == ["a", "b"]
