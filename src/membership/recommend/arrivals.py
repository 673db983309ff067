"""Arrivals: since when an item is known, so that new ones can be candidates and none is before its time.

first event of anybody, or `available_from` of table `items`, whichever is earlier
--------|------------------------------------------)[ cut-off
        |<-- days since the item is known: at least 0 -->|
"""

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError

FROM, UNTIL = "available_from", "available_until"  # columns of table `items`, where known; the day of `until` counts


def available(described: pd.DataFrame, day: date) -> np.ndarray:
    """Say which of the items `described` (n rows of table `items`) may be had on `day`: unknown dates limit nothing.

    Raises DataError where one of FROM and UNTIL holds something that is no date.
    """
    found, at = np.ones(len(described), dtype=bool), pd.Timestamp(day)
    if FROM in described:
        starts = _dates(described[FROM])
        found &= (starts.isna() | (starts <= at)).to_numpy()
    if UNTIL in described:
        ends = _dates(described[UNTIL])
        found &= (ends.isna() | (ends >= at)).to_numpy()
    return found


def arrived(events: ir.Table, items: pd.DataFrame | None, cutoff: date) -> pd.Series:
    """Return for how many days each item has been known at the start of `cutoff`, by item_id.

    An item is known by an event of any member before `cutoff`, or by an `available_from` in `items` (the canonical
    table, None where there is none) that is not after it. One with neither may be from later, and is left out; so is
    one of which there is no event and whose `available_until` is over. Errors as of `available`.
    """
    before = engine.before(events, cutoff).drop_null("item_id")
    seen = before.group_by("item_id").agg(first=ibis._.local_at.min()).to_pandas().set_index("item_id")["first"]
    first = pd.concat([seen.dt.normalize().astype("datetime64[us]"), _announced(items, cutoff)])
    days = (pd.Timestamp(cutoff) - first.groupby(level=0).min()).dt.days
    return days.sort_index()


def _announced(items: pd.DataFrame | None, cutoff: date) -> pd.Series:
    """Return the `available_from` of the products that may be had on `cutoff` by it."""
    if items is None or FROM not in items:
        return pd.Series(dtype="datetime64[us]")
    items = items.drop_duplicates("item_id")
    items = items[items["is_product"].astype(bool)] if "is_product" in items else items
    dates = _dates(items[FROM]).astype("datetime64[us]").dt.normalize().set_axis(items["item_id"])
    return dates[dates.notna().to_numpy() & available(items, cutoff)]


def _dates(column: pd.Series) -> pd.Series:
    found = pd.to_datetime(column, errors="coerce", format="mixed" if column.dtype.kind in "OUT" else None)
    wrong = column[found.isna() & column.notna()]
    if len(wrong):
        raise DataError(
            f"items.{column.name}: no date in {len(wrong)} rows, e.g. {str(wrong.iloc[0])!r}; write dates such as "
            "2024-02-01, and nothing where it is unknown."
        )
    return found
