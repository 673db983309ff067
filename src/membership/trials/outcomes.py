"""What every assigned member did within the window, also those who never came: one row an assignment."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.data import purchases
from membership.repurchase.judge import Judged


def observe(events: ir.Table, rows: pd.DataFrame, days: int, known_until: date, name: str) -> pd.DataFrame:
    """Return the rows of a trial (table `assignments`) whose window is over, with what members did in it.

    The window is the `days` from `at` on; `known_until` is the first local day whose events are not complete. Columns
    beside those of `rows`: ordered (0 or 1: an order in the window), orders, spend and returned (cents), complete_at
    (the day on which the outcome was known).

    Raises DataError where no window is over yet.
    """
    ends = rows["at"] + pd.Timedelta(days=days)
    over = rows[ends <= pd.Timestamp(known_until)].reset_index(drop=True)
    if over.empty:
        first = ends.min().date() if len(rows) else "never"
        raise DataError(
            f"trial {name!r}: outcomes are known up to {known_until}, but the first window of {days} days ends on "
            f"{first}; nothing can be read before. Bring newer data, then read it again."
        )
    windows = over[["member_id", "unit", "at"]].rename(columns={"at": "opens"})
    windows = ibis.memtable(windows.assign(closes=over["at"] + pd.Timedelta(days=days)))
    seen = engine.before(events, known_until).filter(purchases.is_counted).mutate(order=purchases.order)
    seen = seen.select("member_id", "local_at", "comes_back", "order", "amount")
    inside = seen.inner_join(windows, "member_id").filter(
        ibis._.local_at >= ibis._.opens, ibis._.local_at < ibis._.closes
    )
    bought = purchases.is_purchase(inside)
    found = inside.group_by("member_id", "unit").agg(
        orders=inside.order.nunique(where=bought),
        spend=inside.amount.sum(),
        returned=(-inside.amount).sum(where=inside.amount < 0),
    )
    numbers = ["orders", "spend", "returned"]
    done = over.merge(found.to_pandas(), on=["member_id", "unit"], how="left", validate="one_to_one")
    done[numbers] = done[numbers].fillna(0).astype("int64")
    return done.assign(ordered=(done["orders"] > 0).astype("int64"), complete_at=done["at"] + pd.Timedelta(days=days))


def judged(observed: pd.DataFrame, days: int) -> Judged:
    """Return the `forecast` of an order within `days` beside whether one came, of rows of `observe`."""
    index = pd.MultiIndex.from_frame(observed[["at", "member_id"]], names=["day", "member_id"])
    chances = pd.DataFrame({"forecast": observed["forecast"].to_numpy()}, index)
    return Judged(days, chances, pd.Series(observed["ordered"].to_numpy(dtype=bool), index, name="came"))
