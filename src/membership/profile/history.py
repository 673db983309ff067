"""What members did in one window of time, as needs are measured from it, and the halves of history."""

from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from membership.base import engine
from membership.base.timeline import Window
from membership.data import features, habits, purchases


@dataclass(frozen=True)
class Seen:
    """One window, of every member who had bought by its end.

    `facts` (index member_id): purchase_days, items_distinct, age_days (of the window, since the member first bought).
    `shares`, `counts` and `levels` are `features.category_shares`, `habits.at` and `habits.levels` of the window alone.
    """

    window: Window
    facts: pd.DataFrame
    shares: pd.DataFrame
    counts: pd.DataFrame
    levels: pd.DataFrame


def seen(events: ir.Table, items: ir.Table, window: Window) -> Seen:
    """Return what members did in `window`; members who did nothing in it have counts of 0."""
    known = purchases.lines(engine.before(events, window.end))
    first = known.group_by("member_id").agg(first=_.day.min()).order_by("member_id").to_pandas().set_index("member_id")
    within = events.filter(events.local_at >= ibis.timestamp(window.start.isoformat()))
    lines = purchases.lines(engine.before(within, window.end))
    facts = lines.group_by("member_id").agg(purchase_days=_.day.nunique(), items_distinct=_.item_id.nunique())
    facts = facts.to_pandas().set_index("member_id").reindex(first.index, fill_value=0)
    age = (pd.Timestamp(window.end) - pd.to_datetime(first["first"])).dt.days
    return Seen(
        window,
        facts.assign(age_days=age.clip(upper=window.days).astype(float)),
        features.category_shares(within, items, window.end, 0.0).order_by("member_id", "category").to_pandas(),
        habits.at(within, items, window.end).reindex(first.index).fillna(0),
        habits.levels(within, items, window.end),
    )


def halves(events: ir.Table, items: ir.Table, window: Window) -> tuple[Seen, Seen]:
    """Return what members did in the first and in the second half of `window`."""
    middle = window.start + timedelta(days=window.days // 2)
    parts = Window(window.start, middle), Window(middle, window.end)
    return tuple(seen(events, items, part) for part in parts)
