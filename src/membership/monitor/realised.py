"""What members really did after a day on which predictions were made, up to a later day."""

import json
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.base.timeline import Window
from membership.data import purchases
from membership.recommend import baskets


def since(predictions: pd.DataFrame, events: ir.Table, items: pd.DataFrame, until: date) -> pd.DataFrame:
    """Return `predictions` (of one day) with what happened from that day to `until`, one row a member.

    Further columns: days (of the period, at most the horizon); repurchased (an order within repurchase_days, 0 or 1);
    orders (purchase days) and spend (cents, net of returns) of the period, with predicted_orders and predicted_spend,
    the part of the prediction that falls to the period if it comes evenly over the horizon; hits (listed items in the
    next basket: the first day on which products are bought; null without one) and predicted_hits (null where hits
    are, or where the policy states no probabilities).

    Raises DataError where the period is shorter than repurchase_days.
    """
    start = predictions["as_of"].iloc[0].date()
    horizon = int(predictions["horizon_days"].iloc[0])
    within = int(predictions["repurchase_days"].iloc[0])
    passed = (until - start).days
    if passed < within:
        raise DataError(
            f"predictions of {start} cannot be compared with what happened by {until}: {passed} days have passed, and "
            f"a repurchase is an order within {within}. Wait, or score as of a later day (windows.as_of)."
        )
    days = min(passed, horizon)
    window = Window(start, (pd.Timestamp(start) + pd.Timedelta(days=days)).date())
    happened = did(events, window, within).reindex(predictions["member_id"]).fillna(0.0).reset_index(drop=True)
    part = days / horizon
    table = predictions.reset_index(drop=True).assign(days=days, **happened)
    table["predicted_orders"] = table["expected_orders"] * part
    table["predicted_spend"] = table["expected_spend"] * part
    table["hits"] = _hits(table, baskets.of_products(events, items), window)
    table["predicted_hits"] = table["expected_hits"].where(table["hits"].notna())
    return table


def did(events: ir.Table, window: Window, within: int) -> pd.DataFrame:
    """Return repurchased, orders and spend by member_id, of those with an event in `window`."""
    seen = _in(events, window).filter(purchases.is_counted)
    bought = purchases.is_purchase(seen)
    soon = ibis.timestamp((pd.Timestamp(window.start) + pd.Timedelta(days=within)).isoformat())
    counts = seen.group_by("member_id").agg(
        repurchased=(bought & (seen.local_at < soon)).any().ifelse(1.0, 0.0),
        orders=seen.local_at.date().nunique(where=bought).cast("float64"),
        spend=seen.amount.sum().cast("float64"),
    )
    return counts.to_pandas().set_index("member_id")


def _hits(table: pd.DataFrame, products: ir.Table, window: Window) -> np.ndarray:
    """Return how many listed items are in each member's first basket in `window`; NaN without a list or a basket."""
    seen = purchases.basket_lines(_in(products, window))
    first = seen.mutate(day=seen.local_at.date()).mutate(first=lambda t: t.day.min().over(group_by=t.member_id))
    pairs = first.filter(ibis._.day == ibis._.first).select("member_id", "item_id").distinct().to_pandas()
    lists = pd.Series(table["items"].map(json.loads).to_numpy(), index=table["member_id"]).explode().dropna()
    listed = lists.rename("item_id").reset_index()
    found = listed.merge(pairs, on=["member_id", "item_id"]).groupby("member_id").size()
    judged = table["member_id"].isin(pairs["member_id"]) & table["member_id"].isin(listed["member_id"])
    return table["member_id"].map(found).fillna(0).where(judged).to_numpy(float)


def _in(events: ir.Table, window: Window) -> ir.Table:
    after = events.filter(events.local_at >= ibis.timestamp(window.start.isoformat()))
    return engine.before(after, window.end)
