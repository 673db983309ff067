"""Who is a member on a day: everybody who has not left before it. Stated here, and nowhere else.

`left_at` of table `members` is when a membership ended (cancelled, closed, died): wall clock, null for who is a member
still. Who left during a day is gone from the next day on. Nobody is scored, invited or given anything after that, and
nothing is learned from days on which a member was gone; what members did before stays in the data.
"""

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.schemas import CANCEL
from membership.data import purchases

FOREVER = 1 << 31  # after any day


def on(members: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rows of table `members` of those who are members on `day`."""
    return members[left_days(members).to_numpy() >= (pd.Timestamp(day) - pd.Timestamp(0)).days]


def among(rows: ir.Table, members: ir.Table, day: date) -> ir.Table:
    """Return the `rows` (with member_id) of those who are members on `day`."""
    gone = members.filter(members.left_at < ibis.timestamp(day.isoformat()))
    return rows.anti_join(gone, "member_id")


def left_days(members: pd.DataFrame) -> pd.Series:
    """Return the day on which each member left, in days since 1970, by member_id; FOREVER for who has not left."""
    index = pd.Index(members["member_id"], name="member_id")
    if "left_at" not in members:
        return pd.Series(FOREVER, index, dtype="int64")
    days = (members["left_at"].dt.normalize() - pd.Timestamp(0)).dt.days
    return pd.Series(days.fillna(FOREVER).to_numpy(np.int64), index)


def settled(members: pd.DataFrame, events: pd.DataFrame | ir.Table) -> pd.DataFrame:
    """Return table `members` with `left_at` as `events`, marked, bear it out.

    Where it is not known, the last event of kind cancel says it; who came back on a later day is a member again.
    """
    known = members["left_at"] if "left_at" in members else pd.Series(pd.NaT, members.index)
    left, events = pd.to_datetime(known).astype("datetime64[us]"), engine.table(events)

    def last(rows: ir.Table) -> pd.Series:
        latest = rows.group_by("member_id").agg(last=rows.local_at.max()).to_pandas().set_index("member_id")["last"]
        return latest.reindex(members["member_id"]).set_axis(members.index).astype("datetime64[us]")

    left = left.fillna(last(events.filter(events.kind == CANCEL)))
    back = last(events.filter(purchases.is_purchase))
    return members.assign(left_at=left.mask(back.dt.normalize() > left.dt.normalize()))
