"""What events mean in this field: decided once, at ingest, by the settings of `economics`, and stored in `events`.

Four columns say it, so that no later stage has to know the field: `comes_back` (what an order is here), `pays` (the
amount adds to net spend), `interest` and `effort`. Amounts are what was paid: 0 for events that do not pay, and for
those without an amount what `economics.event_value` and `measure_value` say they are worth.
"""

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.data import purchases
from membership.settings.economics import Economics


def meant(events, settings: Economics):
    """Return `events`, a frame or an Ibis table with the column `kind`, with the columns of `marks`."""
    found = marks(events["kind"], settings)
    return events.assign(**found) if isinstance(events, pd.DataFrame) else events.mutate(**found)


def marks(kind, settings: Economics) -> dict[str, Any]:
    """Return what each of the kinds `kind`, a column, means: name -> column of true and false."""
    back = kind.isin(settings.comes_back)
    return {
        "comes_back": back,
        "pays": kind.isin([*settings.pays, *settings.event_value, *settings.measure_value]),
        "interest": kind.isin(settings.interest) & ~back,
        "effort": kind.isin(settings.effort),
    }


def paid(events, settings: Economics):
    """Return `events`, a frame or table, marked, with amounts that are what was paid, or what the event is worth.

    Parts of a cent are carried on from a member's event to the next of its kind, so that their sum is exact.
    """
    if not isinstance(events, pd.DataFrame):
        return _paid_there(events, settings)
    amount = events["amount"].where(purchases.is_paid(events), 0)
    free = amount == 0
    for kind, units in settings.event_value.items():
        rows = events[(events["kind"] == kind) & free].sort_values("local_at", kind="stable")
        before = rows.groupby("member_id").cumcount()
        amount[rows.index] = (np.rint(100 * units * (before + 1)) - np.rint(100 * units * before)).astype("int64")
    for kind, units in settings.measure_value.items() if "measure" in events else ():
        measured = events.loc[(events["kind"] == kind) & free, "measure"].dropna().astype(float)
        amount[measured.index] += np.rint(100 * units * measured).astype("int64")
    return events.assign(amount=amount)


def _paid_there(events: ir.Table, settings: Economics) -> ir.Table:
    """Return the same of a table; a frame is that of a request, which asking an engine would slow down."""
    events = events.mutate(amount=purchases.is_paid(events).ifelse(events.amount, 0))
    amount = events.amount
    for kind, units in settings.event_value.items():
        rows = (events.kind == kind) & (events.amount == 0)
        order = [events.local_at, events.event_id]
        before = ibis.row_number().over(group_by=[events.member_id, events.kind, events.amount == 0], order_by=order)
        worth = _rint(100 * units * (before + 1)) - _rint(100 * units * before)
        amount = rows.ifelse(worth.cast("int64"), amount)
    for kind, units in settings.measure_value.items() if "measure" in events.columns else ():
        worth = _rint(100 * units * events.measure.cast("float64").fill_null(0.0)).cast("int64")
        amount = ((events.kind == kind) & (events.amount == 0)).ifelse(amount + worth, amount)
    return events.mutate(amount=amount)


def _rint(number: ir.NumericValue) -> ir.NumericValue:
    """Return the whole number next to each `number`, of two the even one, as NumPy does."""
    up = (number + 0.5).floor()
    return up - ((up == number + 0.5) & (up % 2 != 0)).ifelse(1, 0)


def ordered(events):
    """Return `events`; where none has an order_id, what a member buys, pays and returns on a day is one order."""
    if isinstance(events, pd.DataFrame):
        return ordered(ibis.memtable(events)).to_pandas()
    if events.order_id.count().to_pyarrow().as_py():
        return events
    day = events.member_id + " " + purchases.day(events).cast("string")
    return events.mutate(order_id=purchases.is_counted(events).ifelse(day, ibis.null("string")))
