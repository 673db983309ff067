"""Who comes back, and when: repurchase rate, retention since joining, time to the next purchase.

Members are followed from one day on, `follow_from`. Intervals count members, so each member contributes one spell: the
one in progress on that day. It began with the last purchase before the day and ends with the next one, or is censored
on the day of scoring.

      last purchase    follow_from                 as_of
    ------x----------------|--------x-----------------|
          |---- entry -----|-waited-|
          |---- exit, ended --------|
On the clock "member" the time is that waited since `follow_from`: every member counts once and from the start, and how
far back the data go does not matter. On the clock "gap" it is the time since the last purchase; gaps that ended before
`follow_from` are unseen, so a spell enters late (left truncation). Frequent buyers have more gaps, so the second clock
describes gaps and the first one members. Groups defined by recency, such as stages, need the first clock.
"""

from datetime import date, timedelta
from typing import Literal

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.data import purchases
from membership.profile import lifecycle
from membership.settings.windows import Windows
from membership.stats import resample, survival

BEFORE = "before the data began"
FEWEST = 20  # a group with fewer members has no curve
_STILL_WAITING = 10  # a curve with delayed entry ends where fewer members than this still wait

Clock = Literal["member", "gap"]


def follow_from(windows: Windows, follow_days: int) -> date:
    """Return the last month start at least `follow_days` before `windows.as_of`, or else the first one there is.

    Where no month begins before `windows.as_of`, the middle of history.
    """
    months = lifecycle.month_starts(windows)
    if len(months) < 2:
        return windows.as_of - timedelta(days=max((windows.as_of - windows.start).days // 2, 1))
    early = months[months <= pd.Timestamp(windows.as_of) - pd.Timedelta(days=follow_days)]
    return (early[-1] if len(early) else months[0]).date()


def spells(events: ir.Table, follow_from: date, as_of: date) -> pd.DataFrame:
    """Return the spell in progress on `follow_from` of each member who had bought before, by member_id.

    Columns: ended (bool, whether the next purchase was seen); in whole days: waited, from `follow_from` (day 1) to the
    day of the next purchase, or to the last day before `as_of`; exit, the same since the last purchase (the gap);
    entry, how much of that had passed when day 1 began.
    """
    seen = engine.before(events, as_of).filter(purchases.is_purchase)
    day = seen.local_at.date().epoch_days()
    start, end = ((pd.Timestamp(one) - pd.Timestamp(0)).days for one in (follow_from, as_of))
    known = seen.group_by("member_id").agg(last=day.max(where=day < start), next=day.min(where=day >= start))
    table = known.drop_null("last").order_by("member_id").to_pandas().set_index("member_id")
    until = table["next"].fillna(end)
    ended = table["next"].notna()
    return pd.DataFrame(
        {
            "entry": (start - 1 - table["last"]).astype(int),
            "exit": (until - table["last"] - ~ended).astype(int),
            "ended": ended,
            "waited": (until - start + ended).astype(int),
        }
    )


def rates(spells: pd.DataFrame, groups: pd.Series, days: int, confidence: float) -> pd.DataFrame:
    """Return the repurchase rate of each group: the share of members who buy within `days` of `follow_from`.

    `groups`: member_id -> label; members without one are left out. Columns, index group: members, rate, low, high
    (Wilson); null where members were not followed for `days`, as history is shorter.
    """
    label = groups.reindex(spells.index)
    back = (spells["ended"] & (spells["waited"] <= days)).groupby(label).agg(["size", "sum"])
    low, high = resample.wilson(back["sum"], back["size"], confidence)
    table = pd.DataFrame({"members": back["size"], "rate": back["sum"] / back["size"], "low": low, "high": high})
    if (~spells["ended"] & (spells["waited"] < days)).any():
        table[["rate", "low", "high"]] = np.nan
    return table.rename_axis("group")


def extremes(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `rates` with the lowest and the highest rate; groups of fewer than 20 members do not count.

    Empty where fewer than two groups count; ties in the order of their names.
    """
    known = rates[(rates["members"] >= FEWEST) & rates["rate"].notna()].sort_index().sort_values("rate", kind="stable")
    return known.iloc[[0, -1]] if len(known) > 1 else known.iloc[:0]


def curves(
    spells: pd.DataFrame, groups: pd.Series, confidence: float, clock: Clock = "member"
) -> dict[str, survival.Curve]:
    """Return the Kaplan-Meier curve of the time to the next purchase of each group, the largest first.

    Groups of fewer than 20 members are left out. `groups`: member_id -> label. On the clock "gap" a curve ends where
    fewer than 10 members still wait, and a group with fewer than 10 on the first day has none.
    """
    label = groups.reindex(spells.index)
    counts = label.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    found = {}
    for name in counts.index[counts >= FEWEST]:
        own = spells[label == name]
        curve = survival.kaplan_meier(*_times(own, clock), confidence, _STILL_WAITING if clock == "gap" else 1)
        if clock == "member" or (own["entry"] == 0).sum() >= _STILL_WAITING:
            found[name] = curve
    return found


def compare(spells: pd.DataFrame, groups: pd.Series, days: int, until: int, confidence: float) -> pd.DataFrame:
    """Return `rates` within `days` of each group, and the median and mean wait of its curve on the clock "member".

    Further columns, in days: median, median_low, median_high (infinite where half never came back); mean, mean_low,
    mean_high (where a longer wait counts as `until`); null for groups whose curve does not reach that far.
    """
    table = rates(spells, groups, days, confidence)
    for column in ("median", "mean"):
        table[[column, f"{column}_low", f"{column}_high"]] = np.nan
    for name, curve in curves(spells, groups, confidence).items():
        median = curve.quantile()
        table.loc[name, ["median", "median_low", "median_high"]] = [median.value, median.low, median.high]
        if curve.known >= until:
            mean = curve.restricted_mean(until)
            table.loc[name, ["mean", "mean_low", "mean_high"]] = [mean.value, mean.low, mean.high]
    return table


def difference(spells: pd.DataFrame, groups: pd.Series, clock: Clock = "member") -> float:
    """Return the log-rank p-value of "all groups have the same curve"; groups without a curve are left out."""
    label = groups.reindex(spells.index)
    kept = label.map(label.value_counts()).ge(FEWEST)
    exit, ended, entry = _times(spells[kept], clock)
    return survival.log_rank(exit, ended, label[kept], entry)


def cohorts(events: ir.Table, members: pd.DataFrame, windows: Windows, startup_days: int) -> pd.Series:
    """Return the month of the first purchase, e.g. 2017-05, of members who have bought, by member_id.

    Members who may have bought before the data began form one cohort, "before the data began": they did not join later,
    and bought in the first `startup_days`.
    """
    seen = engine.before(events, windows.as_of).filter(purchases.is_purchase)
    table = seen.group_by("member_id").agg(first=seen.local_at.date().min()).order_by("member_id").to_pandas()
    table = table[table["member_id"].isin(members["member_id"])]
    first = pd.to_datetime(table["first"])
    began = pd.Timestamp(windows.start)
    joined = table["member_id"].map(members.set_index("member_id")["joined_at"].dt.normalize()) > began
    known = joined | ((first - began).dt.days >= startup_days)
    label = np.where(known, first.dt.strftime("%Y-%m"), BEFORE)
    return pd.Series(label, index=pd.Index(table["member_id"]), name="cohort", dtype="str")


def retention(events: ir.Table, cohort: pd.Series, windows: Windows, confidence: float) -> pd.DataFrame:
    """Return the share of each cohort that buys in each whole calendar month since its first.

    Columns: cohort, month (0 is the cohort's own month, or the first month of the data for members from before),
    members, bought, share, low, high (Wilson). The month in which `windows.as_of` lies is not whole and left out.
    """
    seen = engine.before(events, windows.as_of).filter(purchases.is_purchase)
    number = seen.local_at.year() * 12 + seen.local_at.month() - 1
    active = seen.select(seen.member_id, number=number).distinct().to_pandas()
    begins = pd.Timestamp(windows.start).year * 12 + pd.Timestamp(windows.start).month - 1
    ends = windows.as_of.year * 12 + windows.as_of.month - 1  # the first month that is not whole
    sizes = cohort.value_counts().sort_index()
    first = {name: begins if name == BEFORE else int(name[:4]) * 12 + int(name[5:]) - 1 for name in sizes.index}
    grid = [(name, month) for name in sizes.index for month in range(max(ends - first[name], 0))]
    table = pd.DataFrame(grid, columns=["cohort", "month"])
    active["cohort"] = active["member_id"].map(cohort)
    active = active.dropna(subset="cohort")
    active["month"] = active["number"] - active["cohort"].map(first).astype(int)
    bought = active.groupby(["cohort", "month"]).size().rename("bought").reset_index()
    table = table.merge(bought, how="left").fillna({"bought": 0})
    table.insert(2, "members", table["cohort"].map(sizes).astype(int))
    return _shares(table, confidence)


def pooled(retention: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return `retention` by month since the first purchase, over all cohorts whose first month is known."""
    known = retention[(retention["cohort"] != BEFORE) & (retention["month"] > 0)]
    return _shares(known.groupby("month")[["members", "bought"]].sum().reset_index(), confidence)


def _times(spells: pd.DataFrame, clock: Clock) -> tuple[pd.Series, pd.Series, pd.Series | None]:
    if clock == "gap":
        return spells["exit"], spells["ended"], spells["entry"]
    return spells["waited"], spells["ended"], None


def _shares(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    low, high = resample.wilson(table["bought"], table["members"], confidence)
    return table.assign(
        bought=table["bought"].astype(int), share=table["bought"] / table["members"], low=low, high=high
    )
