"""What each member adds to totals by month, cut so that no member moves them by more than a limit."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from membership.data import purchases
from membership.settings.windows import Windows

MONTHS = 12
ORDERS, SPEND = "orders", "spend"


def months(windows: Windows) -> pd.DatetimeIndex:
    """Return the firsts of the last whole months before `as_of`, at most MONTHS, none before `windows.start`."""
    firsts = pd.date_range(windows.start, windows.as_of, freq="MS")
    return firsts[:-1][-MONTHS:]  # the last one begins what is not whole, or is `as_of`


def by_month(events: ir.Table, firsts: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    """Return ORDERS and SPEND (net, cents, not below 0) of each member with any: members x `firsts`, int64."""
    if firsts.empty:
        return {ORDERS: pd.DataFrame(), SPEND: pd.DataFrame()}
    end = firsts[-1] + pd.offsets.MonthBegin(1)
    month = _.local_at.truncate("M").cast("date")
    inside = events.filter(_.local_at >= firsts[0], _.local_at < end).mutate(month=month)
    placed = inside.filter(purchases.is_purchase).mutate(order=purchases.order)
    orders = placed.group_by("member_id", "order").agg(month=_.month.min()).group_by("member_id", "month")
    paid = inside.filter(purchases.is_paid).group_by("member_id", "month")
    found = {ORDERS: orders.agg(value=_.count()), SPEND: paid.agg(value=ibis.greatest(_.amount.sum(), 0))}
    return {name: _table(rows.to_pandas(), firsts) for name, rows in found.items()}


def one_each(groups: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """Return 1 where a member (index) is in the group, else 0: members x `names`."""
    return pd.DataFrame({name: (groups == name).astype("int64") for name in names}, index=groups.index)


def limited(each: np.ndarray, most: int) -> np.ndarray:
    """Return `each` (members, groups), not below 0: who adds more than `most` in all is cut to it, in proportion.

    Keeping the first ones instead would let every total fall from month to month.

    >>> limited(np.array([[10, 40, 50], [0, 1, 0]]), 10).tolist()
    [[1, 4, 5], [0, 1, 0]]
    """
    up_to = np.cumsum(each, axis=1)
    kept = np.minimum(most / np.maximum(each.sum(axis=1, keepdims=True), 1), 1.0)
    whole = np.minimum(np.floor(up_to * kept), most).astype("int64")
    return np.diff(whole, axis=1, prepend=0)


def _table(rows: pd.DataFrame, firsts: pd.DatetimeIndex) -> pd.DataFrame:
    dated = rows.assign(month=pd.to_datetime(rows["month"]))
    table = dated.pivot_table("value", "member_id", "month", aggfunc="sum")
    return table.reindex(columns=firsts).fillna(0).astype("int64")
