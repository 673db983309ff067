"""Where each member stands in the life of a membership, by the member's own rhythm, month by month."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.knobs import Windows
from membership.base.profile_knobs import Lifecycle


def month_starts(windows: Windows) -> pd.DatetimeIndex:
    """Return the first day of each month after `windows.start`, up to and always with `windows.as_of`."""
    first = pd.Timestamp(windows.start) + pd.Timedelta(days=1)
    months = pd.date_range(first.normalize(), windows.as_of, freq="MS")
    return months.union([pd.Timestamp(windows.as_of)]).as_unit("us").rename("as_of")


def rhythm(events: ir.Table, months: pd.DatetimeIndex, settings: Lifecycle) -> pd.DataFrame:
    """Return what is known of each member's rhythm at each month start, from earlier purchases only.

    Columns: member_id, as_of; purchase_days; recent_days (purchase days in the last `loyal_days`); age, since (days
    since the first and the last purchase day); usual_gap (days, the `rhythm_quantile` of the member's gaps between
    purchase days; null below two purchase days); broken_gap (days, the longest gap that ended within the last
    `new_days`; 0 if none). Members without an earlier purchase have no row.
    """
    days = _purchase_days(engine.before(events, months[-1].date()))
    grid = ibis.memtable(pd.DataFrame({"as_of": months, "now": (months - pd.Timestamp(0)).days}))
    seen = days.join(grid, days.day < grid.now)
    ago = seen.now - seen.day
    facts = seen.group_by("member_id", "as_of").agg(
        purchase_days=seen.count(),
        recent_days=(ago <= settings.loyal_days).sum(),
        age=ago.max(),
        since=ago.min(),
        usual_gap=seen.gap.quantile(settings.rhythm_quantile),
        broken_gap=seen.gap.max(where=ago <= settings.new_days).fill_null(0),
    )
    return facts.order_by("member_id", "as_of").execute()


def stages(rhythm: pd.DataFrame, settings: Lifecycle, min_purchase_days: int) -> pd.Series:
    """Return the stage of each row of `rhythm`; the first rule that holds decides.

    new: first purchase within `new_days`; lapsed: silent for more than `lapsed_gaps` usual gaps, or `lapsed_days`;
    at_risk: silent for more than `at_risk_gaps` usual gaps; won_back: back within `new_days` after a silence that
    counts as lapsed; loyal: at least `loyal_orders` purchase days in `loyal_days`; else active. Members with fewer
    than `min_purchase_days` purchase days have no rhythm of their own yet and are given the median member's.
    """
    own = rhythm["usual_gap"].where(rhythm["purchase_days"] >= min_purchase_days)
    usual = own.fillna(own.groupby(rhythm["as_of"]).transform("median")).fillna(settings.lapsed_days)
    silence = np.minimum(settings.lapsed_gaps * usual, settings.lapsed_days)
    rules = [
        ("new", rhythm["age"] <= settings.new_days),
        ("lapsed", rhythm["since"] > silence),
        ("at_risk", rhythm["since"] > settings.at_risk_gaps * usual),
        ("won_back", rhythm["broken_gap"] > silence),
        ("loyal", rhythm["recent_days"] >= settings.loyal_orders),
    ]
    chosen = np.select([holds for _, holds in rules], [name for name, _ in rules], "active")
    return pd.Series(chosen, index=rhythm.index, name="stage", dtype="str")


def history(
    events: ir.Table, members: pd.Series, windows: Windows, settings: Lifecycle, min_purchase_days: int
) -> pd.DataFrame:
    """Return the stage of every member at every month start: member_id, as_of, stage. Without purchases: prospect."""
    months = month_starts(windows)
    facts = rhythm(events, months, settings)
    facts["stage"] = stages(facts, settings, min_purchase_days)
    everybody = pd.MultiIndex.from_product([members, months], names=["member_id", "as_of"]).to_frame(index=False)
    known = facts[["member_id", "as_of", "stage"]].astype({"as_of": everybody["as_of"].dtype})
    return everybody.merge(known, how="left").fillna({"stage": "prospect"})


def current(history: pd.DataFrame) -> pd.Series:
    """Return the stage of every member at the last month of `history`, by member_id."""
    last = history[history["as_of"] == history["as_of"].max()]
    return last.set_index("member_id")["stage"]


def shares(history: pd.DataFrame, column: str, levels: list[str]) -> pd.DataFrame:
    """Return the share of members in each of `levels` of `column`: index as_of; rows add up to 1."""
    counts = pd.crosstab(history["as_of"], history[column]).reindex(columns=levels, fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0)


def transitions(history: pd.DataFrame, column: str, levels: list[str]) -> pd.DataFrame:
    """Return from one month (rows) to the next (columns) the number of moves between `levels` of `column`."""
    ordered = history.sort_values(["member_id", "as_of"])
    following = ordered.groupby("member_id")[column].shift(-1)
    moves = pd.crosstab(ordered[column], following)
    return moves.reindex(index=levels, columns=levels, fill_value=0).rename_axis(index="from", columns="to")


def rates(moves: pd.DataFrame) -> pd.DataFrame:
    """Return `moves` as shares of each row; NaN where nobody was."""
    return moves.div(moves.sum(axis=1).where(lambda total: total > 0), axis=0)


def _purchase_days(events: ir.Table) -> ir.Table:
    """Distinct purchase days (days since 1970) of each member, each with the gap in days since the one before."""
    purchases = events.filter(events.kind == "purchase")
    days = purchases.select(purchases.member_id, day=purchases.local_at.date().epoch_days()).distinct()
    before = days.day.lag().over(ibis.window(group_by=days.member_id, order_by=days.day))
    return days.mutate(gap=days.day - before)
