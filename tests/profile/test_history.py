"""What members did in a window, by hand."""

from datetime import date

import ibis
import pandas as pd
from meaning import meant

from membership.base.timeline import Window
from membership.profile import history

ROWS = [
    ("ann", "2020-01-01 10:00", "bread", 200), ("ann", "2020-01-11 10:00", "bread", 200),
    ("ann", "2020-01-11 11:00", "wine", 600), ("ben", "2020-01-15 09:00", "wine", 500),
    ("ben", "2020-01-21 00:00", "bread", 100),
]  # fmt: skip


def tables():
    events = pd.DataFrame(ROWS, columns=["member_id", "local_at", "item_id", "amount"])
    events["local_at"] = pd.to_datetime(events["local_at"]).astype("datetime64[us]")
    events = events.assign(kind="purchase", discount=0, quantity=1, order_id=None, channel="web", event_id=range(5))
    events = events.astype({"order_id": "string"})
    items = pd.DataFrame({"item_id": ["bread", "wine"], "category": ["FOOD", "DRINK"]})
    return ibis.memtable(meant(events)), ibis.memtable(items.assign(subcategory=items["category"], brand="x"))


def test_a_window_holds_its_own_days_alone_and_everybody_known_by_its_end():
    found = history.seen(*tables(), Window(date(2020, 1, 11), date(2020, 1, 21)))
    assert found.facts.loc["ann"].to_dict() == {"purchase_days": 1, "items_distinct": 2, "age_days": 10}
    assert found.facts.loc["ben"].to_dict() == {"purchase_days": 1, "items_distinct": 1, "age_days": 6}
    assert found.counts["items"].to_dict() == {"ann": 2, "ben": 1}
    shares = found.shares.set_index(["member_id", "category"])["share"]
    assert shares.to_dict() == {("ann", "DRINK"): 0.75, ("ann", "FOOD"): 0.25, ("ben", "DRINK"): 1.0}
    assert set(found.levels["member_id"]) == {"ann", "ben"}


def test_who_did_nothing_in_a_window_has_counts_of_zero_and_who_is_not_known_is_not_there():
    first, second = history.halves(*tables(), Window(date(2020, 1, 1), date(2020, 1, 21)))
    assert (first.window.end, second.window.start) == (date(2020, 1, 11), date(2020, 1, 11))
    assert first.facts.index.tolist() == ["ann"] and first.facts.loc["ann", "age_days"] == 10
    later = history.seen(*tables(), Window(date(2020, 1, 21), date(2020, 1, 31)))
    assert later.facts.loc["ann", ["purchase_days", "age_days"]].tolist() == [0, 10]
    assert later.counts.loc["ann"].eq(0).all()
