"""What counts towards a tier: spend or base points in a rolling window, month by month, and orders' points.

An order's base points are whole: `points_per_unit` for each unit of currency of what was kept of it (rounded down), and
`points_per_order` as long as anything was kept. Purchases of one day without an order id are one order.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.data import purchases
from membership.settings.tiers import Tiers

CENTS = 100  # points are earned on whole units of currency
_TINY = 1e-9  # a product that is whole but for floating point is not rounded down below it


@dataclass(frozen=True)
class Earning:
    """The points that orders bring and returns take back, before it is known which tier their member was in.

    One entry for each member, month and month of the order: `row` (of `members`), `month` and `ordered` (columns of
    `months`: the month that ends there), each (n,); `earned` and `reversed`, (n, levels): points at each level's
    multiplier, none negative.
    """

    members: pd.Index
    months: pd.DatetimeIndex
    row: np.ndarray
    month: np.ndarray
    ordered: np.ndarray
    earned: np.ndarray
    reversed: np.ndarray


def spend(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, days: int | None = None) -> pd.DataFrame:
    """Return net spend (cents, returns subtracted): index member_id, one column for each of `months`.

    Summed over the `days` before the month; without `days`, since the month before (the first column: since ever).
    """
    ends = _days(months)
    starts = ends - days if days else np.r_[np.iinfo(np.int32).min, ends[:-1]]
    return _frame(_windows(_paid(events, months), members, starts, ends), members, months)


def amounts(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, settings: Tiers) -> pd.DataFrame:
    """Return what qualifies at each of `months`, of `settings.qualifying_days`: whole numbers.

    Cents of net spend, base points, orders, units or the measure of events, as `settings.qualify_by` says. Index
    member_id, one column a month, which sees what was before it.
    """
    ends = _days(months)
    return _frame(
        _windows(_daily(events, months, settings), members, ends - settings.qualifying_days, ends), members, months
    )


def counted(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, settings: Tiers, until) -> pd.DataFrame:
    """Return what counts at each of `months`, as it stood on the days `until` (an index as long): see `amounts`."""
    if months.empty:  # history is too short for one
        return _frame(np.zeros((len(members), 0)), members, months)
    starts = _days(months) - settings.qualifying_days
    ends = np.maximum(_days(pd.DatetimeIndex(until)), starts)
    return _frame(_windows(_daily(events, months, settings), members, starts, ends), members, months)


def after(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, days: int) -> dict[str, pd.DataFrame]:
    """Return what members do in the `days` days from each of `months` but the last on, all before the last.

    `orders`: purchase days; `spend`: cents of net spend. Index member_id, one column a month.
    """
    bought = engine.before(events, months[-1].date()).filter(purchases.is_purchase)
    visits = bought.group_by("member_id", day=bought.local_at.date().epoch_days()).agg(amount=1)
    starts = _days(months[:-1])
    ends = np.minimum(starts + days, _days(months[-1:]))
    parts = {"orders": visits, "spend": _paid(events, months)}
    return {name: _frame(_windows(daily, members, starts, ends), members, months[:-1]) for name, daily in parts.items()}


def ahead(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, settings: Tiers) -> pd.Series:
    """Return what still qualifies at the month start after the last of `months` if nothing more is bought by then."""
    found = _windows(_daily(events, months, settings), members, *_coming(months, settings))
    return _frame(found, members, months[-1:]).iloc[:, 0].rename("ahead")


def earning(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, settings: Tiers) -> Earning:
    """Return the points that `events` before the last of `months` bring and take back, by month and month of order.

    A return takes back what its order earned on what is returned, at the order's own multiplier, and never more; of an
    order that is not known, base points on the amount returned.
    """
    found = _placed(_points_by_month(events, months, settings), members).order_by("row", "period", "ordered").execute()
    return _earning(found, _index(members), months, settings)


class Replayed:
    """`amounts`, `ahead` and `earning` of few members at a time: the same sums, in two queries that are made once.

    `events` is a table whose rows may change; `prepare` makes of an Ibis table a function that returns its rows now.
    """

    def __init__(self, events: ir.Table, months: pd.DatetimeIndex, settings: Tiers, prepare: Callable):
        self.months, self.settings = months, settings
        ends, (start, end) = _days(months), _coming(months, settings)
        self._starts, self._ends = np.r_[ends - settings.qualifying_days, start], np.r_[ends, end]
        self._sums = prepare(_by_period(_daily(events, months, settings), self._starts, self._ends))
        self._points = prepare(_points_by_month(events, months, settings).order_by("member_id", "period", "ordered"))

    def of(self, members: pd.Series) -> tuple[pd.DataFrame, pd.Series, Earning]:
        """Return `amounts`, `ahead` and `earning` of `members`, who are all that there are in the table now."""
        index = _index(members)
        sums, found = (part.assign(row=index.get_indexer(part["member_id"])) for part in (self._sums(), self._points()))
        windows = _summed(sums, len(index), self._starts, self._ends)
        amounts = _frame(windows[:, :-1], members, self.months)
        coming = pd.Series(windows[:, -1], index=index, name="ahead")
        return amounts, coming, _earning(found, index, self.months, self.settings)


def _coming(months: pd.DatetimeIndex, settings: Tiers) -> tuple[np.ndarray, np.ndarray]:
    """Return where what qualifies at the month start after the last of `months` begins, and where it ends now."""
    coming, ends = _days(pd.DatetimeIndex([months[-1] + pd.offsets.MonthBegin()])), _days(months[-1:])
    return np.minimum(coming - settings.qualifying_days, ends), ends


def _points_by_month(events: ir.Table, months: pd.DatetimeIndex, settings: Tiers) -> ir.Table:
    """Sums of points at each level's multiplier by member_id, `period` and `ordered` (columns of `months`)."""
    multipliers = [level.points_multiplier for level in settings.levels]
    orders = _order_points(events, months, settings, multipliers, _days(months))
    wanted = {
        f"{kind}_{level}": orders[f"{kind}_{level}"].sum()
        for kind in ("earned", "reversed")
        for level in range(len(multipliers))
    }
    return orders.group_by("member_id", "period", "ordered").agg(**wanted)


def _earning(found: pd.DataFrame, index: pd.Index, months: pd.DatetimeIndex, settings: Tiers) -> Earning:
    points = {
        kind: found[[f"{kind}_{level}" for level in range(len(settings.levels))]].to_numpy("int32")
        for kind in ("earned", "reversed")
    }
    row, month, ordered = (found[column].to_numpy("int32") for column in ("row", "period", "ordered"))
    return Earning(index, months, row, month, ordered, **points)


def _paid(events: ir.Table, months: pd.DatetimeIndex) -> ir.Table:
    """Net spend by member and day before the last of `months`: member_id, day (since 1970), amount."""
    paid = engine.before(events, months[-1].date()).filter(purchases.is_paid)
    return paid.group_by("member_id", day=paid.local_at.date().epoch_days()).agg(amount=paid.amount.sum())


def _daily(events: ir.Table, months: pd.DatetimeIndex, settings: Tiers) -> ir.Table:
    """What qualifies, by member and day before the last of `months`: member_id, day, amount."""
    if settings.qualify_by == "spend":
        return _paid(events, months)
    if settings.qualify_by != "points":
        return _counted(events, months, settings.qualify_by)
    orders = _order_points(events, months, settings, [1.0])
    return orders.group_by("member_id", day=orders.period).agg(amount=(orders.earned_0 - orders.reversed_0).sum())


def _counted(events: ir.Table, months: pd.DatetimeIndex, what: str) -> ir.Table:
    """Orders, units or the measure by member and day, as `_paid` has spend; parts of a measure are rounded by day."""
    counted = engine.before(events, months[-1].date()).filter(purchases.is_counted)
    counted = counted.mutate(order=purchases.order)
    orders = counted.order.nunique(where=purchases.is_purchase(counted))
    amount = orders if what == "orders" else counted[what].sum().fill_null(0).round()
    daily = counted.group_by("member_id", day=counted.local_at.date().epoch_days()).agg(amount=amount)
    return daily.mutate(amount=daily.amount.cast("int64"))


def _order_points(
    events, months, settings: Tiers, multipliers: list[float], bounds: np.ndarray | None = None
) -> ir.Table:
    """Return for each order and period in which something happened to it the points at each of `multipliers`.

    Columns member_id, period (day, or with `bounds` the number of bounds passed), ordered (period of the first
    purchase), earned_0, ..., reversed_0, ...: the points of what was kept after purchases less those before, and
    after returns; so that the points of all periods add up to the points of what was kept in the end.
    """
    lines = engine.before(events, months[-1].date()).filter(purchases.is_paid)
    day = lines.local_at.date().epoch_days()
    order = purchases.order(lines)
    period = day if bounds is None else _passed(day, bounds)
    returned = purchases.is_return(lines)
    by_period = lines.group_by("member_id", order=order, period=period).agg(
        bought=lines.amount.clip(lower=0).sum(where=~returned).fill_null(0),
        returned=(-lines.amount).sum(where=returned).fill_null(0),
    )
    so_far = ibis.cumulative_window(group_by=["member_id", "order"], order_by="period")
    ordered = by_period.period.min(where=by_period.bought > 0).over(so_far)
    # what came back before anything was bought is of an order that is not known
    known = by_period.mutate(ordered=ordered, known=by_period.bought.sum().over(so_far) > 0)
    change = known.known.ifelse(known.bought - known.returned, 0)
    placed = known.mutate(kept=change.sum().over(so_far), change=change)
    before = placed.kept - placed.change
    unknown = _points(placed.returned, settings)
    columns = {}
    for level, multiplier in enumerate(multipliers):
        start, full, left = (
            _times(_base(kept, settings), multiplier) for kept in (before, before + placed.bought, placed.kept)
        )
        columns[f"earned_{level}"] = full - start
        columns[f"reversed_{level}"] = placed.known.ifelse(full - left, unknown)
    return placed.select("member_id", "period", ordered=placed.ordered.fill_null(placed.period), **columns)


def _base(kept: ir.Value, settings: Tiers) -> ir.Value:
    """Whole base points of an order of which `kept` cents were kept; none for nothing."""
    return (kept > 0).ifelse(_points(kept, settings) + settings.points_per_order, 0)


def _points(cents: ir.Value, settings: Tiers) -> ir.Value:
    return (cents * settings.points_per_unit / CENTS + _TINY).floor().cast("int64")


def _times(points: ir.Value, multiplier: float) -> ir.Value:
    return (points * multiplier + _TINY).floor().cast("int64")


def _windows(daily: ir.Table, members: pd.Series, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return (members, windows) sums of `amount` over the days from `starts` (in) to `ends` (out)."""
    if not len(ends):  # history is too short for a window
        return np.zeros((len(members), 0), dtype="int64")
    found = _placed(_by_period(daily, starts, ends), members).execute()
    return _summed(found, len(_index(members)), starts, ends)


def _by_period(daily: ir.Table, starts: np.ndarray, ends: np.ndarray) -> ir.Table:
    """Sums of `amount` by member_id and `period`, the number of distinct starts and ends that have passed."""
    bounds = np.unique(np.r_[starts, ends])
    sums = daily.filter(daily.day < int(bounds[-1]))
    return sums.group_by("member_id", period=_passed(sums.day, bounds)).agg(amount=sums.amount.sum())


def _summed(found: pd.DataFrame, members: int, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return (members, windows) sums from what `_by_period` found, with the place of each member in `row`."""
    bounds = np.unique(np.r_[starts, ends])
    total = np.zeros((members, len(bounds)), dtype="int64", order="F")  # a month is read at a time
    total[found["row"].to_numpy(), found["period"].to_numpy()] = found["amount"].to_numpy()
    for bound in range(1, len(bounds)):
        total[:, bound] += total[:, bound - 1]
    windows = np.empty((len(total), len(ends)), dtype="int64", order="F")
    for column, (start, end) in enumerate(
        zip(np.searchsorted(bounds, starts), np.searchsorted(bounds, ends), strict=True)
    ):
        np.subtract(total[:, end], total[:, start], out=windows[:, column])
    return windows


def _passed(day: ir.IntegerValue, bounds: np.ndarray) -> ir.IntegerValue:
    """How many of `bounds` (rising) are not after `day`, which is before the last."""
    return day.bucket([int(bound) for bound in bounds], include_under=True, include_over=True).cast("int32")


def _placed(sums: ir.Table, members: pd.Series) -> ir.Table:
    """Return `sums` with the place of each member in `row` instead of member_id; of unknown members, nothing."""
    index = _index(members)
    rows = ibis.memtable(pd.DataFrame({"member_id": index.astype("str"), "row": np.arange(len(index), dtype="int32")}))
    return sums.join(rows, "member_id").drop("member_id")


def _index(members: pd.Series) -> pd.Index:
    return pd.Index(members, name="member_id").sort_values()


def _days(months: pd.DatetimeIndex) -> np.ndarray:
    return (months - pd.Timestamp(0)).days.to_numpy()


def _frame(values: np.ndarray, members: pd.Series, months: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame(values, index=_index(members), columns=months, copy=False)
