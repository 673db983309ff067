"""What lists hit of the next basket, in items and in money, and the week in which that basket came."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.timeline import Window
from membership.data import purchases
from membership.recommend.baskets import Baskets, Targets

DAYS = 7


def bought(events: ir.Table, targets: Targets, known: Baskets, window: Window) -> pd.DataFrame:
    """Return the lines of the baskets of `targets`, the first one in `window` of each of their members.

    Columns: member_id, item_id, day, week (1 is the first of `window`), spend (cents, of an item in that basket).
    """
    lines = _lines(events, window)
    lines = lines.semi_join(ibis.memtable({"item_id": known.items.tolist()}), "item_id")
    lines = lines.semi_join(ibis.memtable({"member_id": targets.members.tolist()}), "member_id")
    first = lines.mutate(first=lines.day.min().over(group_by=lines.member_id)).filter(ibis._.day == ibis._.first)
    frame = first.group_by("member_id", "item_id", "day").agg(spend=ibis._.amount.sum())
    frame = frame.order_by("member_id", "item_id").to_pandas()
    week = (frame["day"] - pd.Timestamp(window.start)).dt.days // DAYS + 1
    return frame.assign(week=week.astype(int))[["member_id", "item_id", "day", "week", "spend"]]


def whole(events: ir.Table, bought: pd.DataFrame, window: Window) -> pd.Series:
    """Return how many items each basket of `bought` holds, also those that cannot be recommended, by member_id."""
    day = bought[["member_id", "day"]].drop_duplicates()
    lines = _lines(events, window).semi_join(ibis.memtable(day), ["member_id", "day"])
    return lines.group_by("member_id").agg(items=lines.item_id.nunique()).to_pandas().set_index("member_id")["items"]


def _lines(events: ir.Table, window: Window) -> ir.Table:
    after = events.filter(events.local_at >= ibis.timestamp(window.start.isoformat()))
    lines = purchases.basket_lines(engine.before(after, window.end))
    return lines.mutate(day=lines.local_at.truncate("D"))


def of(ids: np.ndarray, members: np.ndarray, bought: pd.DataFrame) -> pd.DataFrame:
    """Return what the lists `ids` (n, k) of `members` (n,) hit of what they `bought`: one row a member.

    Columns: member_id, listed and hits (items), spend and spend_hit (cents, of the basket and of its listed items),
    week.
    """
    lists = pd.DataFrame({"member_id": np.repeat(members, ids.shape[1]), "item_id": ids.ravel()})
    listed = lists[lists["item_id"] != ""].assign(listed=1)
    lines = bought.merge(listed, on=["member_id", "item_id"], how="left").fillna({"listed": 0})
    lines["spend_hit"] = lines["spend"] * lines["listed"]
    sums = {"hits": ("listed", "sum"), "spend": ("spend", "sum"), "spend_hit": ("spend_hit", "sum")}
    found = lines.groupby("member_id").agg(**sums, week=("week", "first")).reindex(members)
    found.insert(0, "listed", listed.groupby("member_id")["listed"].sum().reindex(members, fill_value=0))
    return found.rename_axis("member_id").reset_index()


def of_policies(recommendations: pd.DataFrame, bought: pd.DataFrame) -> pd.DataFrame:
    """Return `of` for each policy of table `recommendations`, with a column policy, of the members who `bought`."""
    members = bought["member_id"].unique()
    parts = []
    for policy, rows in recommendations[recommendations["member_id"].isin(members)].groupby("policy"):
        ids = rows.pivot_table(index="member_id", columns="rank", values="item_id", aggfunc="first").reindex(members)
        parts.append(of(ids.fillna("").to_numpy(dtype=str), members, bought).assign(policy=policy))
    return pd.concat(parts, ignore_index=True)
