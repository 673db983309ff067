"""How buying and activity develop over time: what a manager looks at before any model."""

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from membership.base import engine
from membership.base.timeline import Window
from membership.data import purchases

RECENT = 90  # days within which a member counts as active


def weekly(events: ir.Table, window: Window) -> pd.DataFrame:
    """Return week (its first day), members who bought and orders, for each whole week of `window`.

    Weeks run from `window.start`. Weeks without purchases are not listed.
    """
    bought = _purchases(events, window.end).filter(_.local_at >= ibis.timestamp(window.start.isoformat()))
    number = bought.day.delta(ibis.date(window.start.isoformat()), unit="day") // 7
    weeks = bought.group_by(number=number).agg(members=_.member_id.nunique(), orders=_.order.nunique())
    weeks = weeks.filter(_.number < window.days // 7).order_by("number").to_pandas()
    weeks.insert(0, "week", pd.Timestamp(window.start) + pd.to_timedelta(weeks.pop("number") * 7, unit="D"))
    return weeks


def repurchase(events: ir.Table, window: Window, days: int) -> pd.DataFrame:
    """Return start, members (who had bought before) and share (who buy again within `days`) for firsts of months.

    Months whose `days` do not end within `window` are left out.
    """
    firsts = pd.date_range(window.start, window.end - timedelta(days=days), freq="MS", inclusive="right")
    columns = ["start", "members", "share"]
    if firsts.empty:
        return pd.DataFrame(columns=columns)
    spans = ibis.memtable(pd.DataFrame({"start": firsts, "end": firsts + pd.Timedelta(days=days)}))
    seen = _purchases(events, window.end).select("member_id", "local_at")
    seen = seen.join(spans, seen.local_at < spans.end)
    members = seen.group_by("start", "member_id").agg(
        known=(_.local_at < _.start).any(), returned=(_.local_at >= _.start).any()
    )
    counted = members.filter(_.known).group_by("start").agg(members=_.count(), share=_.returned.mean())
    return counted.select(*columns).order_by("start").to_pandas()


def active(events: ir.Table, cutoff: date, kinds: Sequence[str]) -> pd.Index:
    """Return the members with activity, an event of one of `kinds`, in the RECENT local days before `cutoff`."""
    start = ibis.timestamp((cutoff - timedelta(days=RECENT)).isoformat())
    recent = engine.before(events, cutoff).filter(purchases.is_activity(events, kinds), events.local_at >= start)
    return pd.Index(recent.group_by("member_id").agg().order_by("member_id").to_pandas()["member_id"])


def metrics(features: pd.DataFrame, monthly: pd.DataFrame, active: pd.Index) -> dict[str, float]:
    """Return the figures of the stage: of `features` at one cut-off, and of `repurchase` and `active` before it."""
    bought = features[features["purchase_days"] > 0]
    return {
        "members": len(features),
        "share_with_purchases": len(bought) / len(features),
        f"share_active_{RECENT}d": features.index.isin(active).mean(),
        "share_repurchase": monthly["share"].mean(),
        "median_purchase_days": bought["purchase_days"].median(),
        "median_gap_days": bought["median_gap_days"].median(),
        "median_days_since_last": bought["days_since_last"].median(),
        "median_spend": bought["spend"].median(),
        "mean_spend_90d": features["spend_90d"].mean(),
    }


def _purchases(events: ir.Table, cutoff: date) -> ir.Table:
    return purchases.lines(engine.before(events, cutoff)).mutate(order=_.member_id + "/" + _.order)
