"""What events mean in this field: decided once, at ingest, by the settings of `economics`, and stored in `events`.

Four columns say it, so that no later stage has to know the field: `comes_back` (what an order is here), `pays` (the
amount adds to net spend), `interest` and `effort`. Amounts are what was paid: 0 for events that do not pay, and for
those without an amount what `economics.event_value` and `measure_value` say they are worth.
"""

from typing import Any

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


def paid(events: pd.DataFrame, settings: Economics) -> pd.DataFrame:
    """Return `events`, marked, with amounts that are what was paid, or what the event is worth.

    Parts of a cent are carried on from a member's event to the next of its kind, so that their sum is exact.
    """
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


def ordered(events: pd.DataFrame) -> pd.DataFrame:
    """Return `events`; where none has an order_id, what a member buys, pays and returns on a day is one order."""
    if events["order_id"].notna().any():
        return events
    day = events["member_id"] + " " + events["local_at"].dt.strftime("%Y-%m-%d")
    return events.assign(order_id=day.where(purchases.is_counted(events)).astype("str"))
