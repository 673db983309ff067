"""Who comes back, and when: repurchase rate, retention since joining, time to the next purchase.

Intervals count members, so each member gives one spell: the one under way on a stated day, the origin. It began with
the last purchase before the origin and is followed to the next purchase, or censored on the day of scoring.

      last purchase      origin                    as_of
    ------x----------------|--------x-----------------|
          |---- entry -----|-waited-|
          |---- exit, ended --------|
On the clock "origin" the time is that waited: every member counts once, from the clock's start, and how long the data
go back does not matter. On the clock "purchase" it is the gap since the last purchase; gaps that ended before the
origin are not seen, so a spell enters late (left truncation). Of two gaps at random, frequent buyers' come more often:
that clock speaks of gaps, the other of members; groups that are made by recency (stages) only make sense on the other.
"""

from datetime import date
from typing import Literal

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.data import purchases
from membership.profile import alive, lifecycle
from membership.settings.windows import Windows
from membership.stats import resample, survival

BEFORE = "before the data began"
FEWEST = 20  # members without whom a group has no curve
_AT_RISK = 10  # members without whom a curve with delayed entry tells nothing

Clock = Literal["origin", "purchase"]


def origin(windows: Windows, follow_days: int) -> date:
    """Return the last first of a month that lies `follow_days` before `windows.as_of`, or else the first one there is.

    Raises DataError where history holds no first of a month before `windows.as_of`.
    """
    months = lifecycle.month_starts(windows)
    if len(months) < 2:
        raise DataError(
            f"windows.start = {windows.start}: no month begins between it and {windows.as_of}, so no next purchase can "
            "be followed; allowed: an earlier start."
        )
    early = months[months <= pd.Timestamp(windows.as_of) - pd.Timedelta(days=follow_days)]
    return (early[-1] if len(early) else months[0]).date()


def spells(events: ir.Table, origin: date, as_of: date) -> pd.DataFrame:
    """Return for members who bought before `origin` the spell that was under way then, by member_id.

    Columns: ended (bool, whether the next purchase was seen); in whole days: waited, from `origin` on, which is day 1,
    to the day of the next purchase, or to the last one before `as_of`; exit, the same from the last purchase on (the
    gap); entry, how much of it was over when day 1 began.
    """
    seen = engine.before(events, as_of).filter(purchases.is_purchase)
    day = seen.local_at.date().epoch_days()
    start, end = ((pd.Timestamp(one) - pd.Timestamp(0)).days for one in (origin, as_of))
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
    """Return the repurchase rate of each group: the share of members who buy within `days` of the origin.

    `groups`: member_id -> label; members without one are left out. Columns, index group: members, rate, low, high
    (Wilson). Raises DataError where members were not followed for `days`.
    """
    if (~spells["ended"] & (spells["waited"] < days)).any():
        raise DataError(
            f"repurchase rate within {days} days: members were followed for {spells['waited'].max()}; raise "
            "lifecycle.follow_days, or give a longer history."
        )
    label = groups.reindex(spells.index)
    back = (spells["ended"] & (spells["waited"] <= days)).groupby(label).agg(["size", "sum"])
    low, high = resample.wilson(back["sum"], back["size"], confidence)
    table = pd.DataFrame({"members": back["size"], "rate": back["sum"] / back["size"], "low": low, "high": high})
    return table.rename_axis("group")


def curves(
    spells: pd.DataFrame, groups: pd.Series, confidence: float, clock: Clock = "origin"
) -> dict[str, survival.Curve]:
    """Return the Kaplan-Meier curve of the time to the next purchase of each group, the largest first.

    Groups of fewer than 20 members are left out. `groups`: member_id -> label. On the clock "purchase" the curve ends
    where fewer than 10 are at risk, and a group has none where they are as few on the first day.
    """
    label = groups.reindex(spells.index)
    counts = label.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    found = {}
    for name in counts.index[counts >= FEWEST]:
        own = spells[label == name]
        curve = survival.kaplan_meier(*_times(own, clock), confidence, _AT_RISK if clock == "purchase" else 1)
        if clock == "origin" or (own["entry"] == 0).sum() >= _AT_RISK:
            found[name] = curve
    return found


def compare(spells: pd.DataFrame, groups: pd.Series, days: int, until: int, confidence: float) -> pd.DataFrame:
    """Return `rates` within `days` of each group with two figures of its curve on the clock "origin", in days.

    Further columns: median, median_low, median_high (infinite where half never came back); mean, mean_low, mean_high
    (where a longer wait counts as `until`); null for groups without a curve that goes so far.
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


def difference(spells: pd.DataFrame, groups: pd.Series, clock: Clock = "origin") -> float:
    """Return the p-value of "all groups have the same curve" (log-rank), without the groups that have no curve."""
    label = groups.reindex(spells.index)
    kept = label.map(label.value_counts()).ge(FEWEST)
    exit, ended, entry = _times(spells[kept], clock)
    return survival.log_rank(exit, ended, label[kept], entry)


def cohorts(events: ir.Table, members: pd.DataFrame, windows: Windows, startup_days: int) -> pd.Series:
    """Return the month of the first purchase, e.g. 2017-05, of members who have bought, by member_id.

    Who may have bought before (`alive.first_known`: no known joining after the first day, and a first purchase within
    `startup_days` of it) belongs to no month but to those of "before the data began".
    """
    seen = engine.before(events, windows.as_of).filter(purchases.is_purchase)
    table = seen.group_by("member_id").agg(first=seen.local_at.date().min()).order_by("member_id").to_pandas()
    table = table[table["member_id"].isin(members["member_id"])]
    first = pd.to_datetime(table["first"])
    facts = table.assign(as_of=pd.Timestamp(windows.as_of), age=(pd.Timestamp(windows.as_of) - first).dt.days)
    joined = members.set_index("member_id")["joined_at"]
    known = alive.first_known(facts, joined, windows.start, startup_days)
    label = np.where(known, first.dt.strftime("%Y-%m"), BEFORE)
    return pd.Series(label, index=pd.Index(table["member_id"]), name="cohort", dtype="str")


def retention(events: ir.Table, cohort: pd.Series, windows: Windows, confidence: float) -> pd.DataFrame:
    """Return the share of each cohort that buys in each whole calendar month since its first.

    Columns: cohort, month (0 is the cohort's own; that of the data's first month for those of before), members,
    bought, share, low, high (Wilson). Cohorts of the month that `windows.as_of` breaks off are left out.
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
    """Return `retention` by month since joining over all cohorts whose first month is known."""
    known = retention[(retention["cohort"] != BEFORE) & (retention["month"] > 0)]
    return _shares(known.groupby("month")[["members", "bought"]].sum().reset_index(), confidence)


def _times(spells: pd.DataFrame, clock: Clock) -> tuple[pd.Series, pd.Series, pd.Series | None]:
    if clock == "purchase":
        return spells["exit"], spells["ended"], spells["entry"]
    return spells["waited"], spells["ended"], None


def _shares(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    low, high = resample.wilson(table["bought"], table["members"], confidence)
    return table.assign(
        bought=table["bought"].astype(int), share=table["bought"] / table["members"], low=low, high=high
    )
