"""The plan of the live test: how many members and weeks it takes, what is watched, and when it stops.

A member enters with the first basket after the start, and counts with the mean over all baskets until the end. More
weeks bring more members, until all have come, and more precise means. Variance and pace are those of the past; a live
test may meet others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.data import purchases
from membership.evaluate import metrics
from membership.evaluate.arms import BEFORE, CONTROL
from membership.evaluate.guardrails import KEY
from membership.evaluate.hits import DAYS
from membership.evaluate.randomised import ADJUSTED, PLAIN
from membership.recommend.baskets import Baskets
from membership.settings.decide import Guardrail
from membership.settings.evaluate import Evaluate
from membership.stats import power, sequential


@dataclass(frozen=True)
class Plan:
    """What a live test of `metric` takes.

    `spread` is the standard deviation of one basket between members, `correlation` that of a member's baskets a window
    apart (champion now, reference before), `factor` times the members are needed for looking every week.
    `sizes`: one row a difference worth finding and method: worth, relative, method, weeks (NaN: more than were seen),
    members_per_arm (needed in that week, or in the last one), weeks_watched (if read every week). `detectable`: one
    row a week: week, members (cumulated), and the difference found by each method, and by CUPED if watched.
    `watched`: one row a guardrail: metric, margin, higher_is_better, and, to rule the margin out if nothing changes,
    members_per_arm (NaN: no member has the metric alone) and weeks, read every week (NaN: more than were seen).
    """

    metric: str
    spread: float
    correlation: float
    factor: float
    sizes: pd.DataFrame
    detectable: pd.DataFrame
    watched: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Return what stages decide and report are told: the sizes by CUPED, and the last week."""
        last, sizes = self.detectable.iloc[-1], self.sizes[self.sizes["method"] == ADJUSTED].sort_values("worth")
        found = {"metric": self.metric, "correlation": self.correlation, "factor": self.factor}
        found |= {"weeks": len(self.detectable), "members": last["members"], "detectable": last[ADJUSTED]}
        found |= {"detectable_plain": last[PLAIN], "detectable_watched": last["watched"]}
        sizes = sizes[["worth", "weeks", "members_per_arm"]].astype(object).where(sizes.notna(), None)
        return found | {"sizes": sizes.to_dict("records")}


@dataclass(frozen=True)
class Stated:
    """What was known before any result: members and standard deviation in the window before, smallest difference."""

    members: int
    spread: float
    detectable: float


def plan(observed: pd.DataFrame, entrants: pd.DataFrame, guardrails: Iterable[Guardrail], knobs: Evaluate) -> Plan:
    """Plan a test of the primary metric for differences `knobs.worth`, from what was `observed` (by `arms.observe`).

    `entrants` is that of `entrants`. The variance of a member's mean
    over m baskets is that of one basket, times r + (1 - r) / m, with r the correlation of a member's baskets; CUPED
    takes r squared off it. Needed members: noncentral t (`stats.power`). Raises ParamError for an unknown guardrail.
    """
    metric = knobs.primary_metric
    live = observed[observed["arm"] == CONTROL].dropna(subset=[metric])
    spread, correlation = float(live[metric].std()), _correlation(live, metric)
    factor = sequential.price_of_watching(knobs.confidence, knobs.power)
    rows = []
    for worth in knobs.worth:
        for method in (PLAIN, ADJUSTED):
            row = {"worth": worth, "relative": worth / live[metric].mean(), "method": method}
            deviation = _deviation(spread, correlation, entrants, method)
            row["weeks"], row["members_per_arm"] = _weeks(worth, deviation, entrants, knobs)
            row["weeks_watched"], _ = _weeks(worth, deviation, entrants, knobs, factor)
            rows.append(row)
    found = entrants[["week", "members"]].copy()
    for method in (PLAIN, ADJUSTED):
        found[method] = detectable(entrants["members"], _deviation(spread, correlation, entrants, method), knobs)
    found["watched"] = found[ADJUSTED] * np.sqrt(factor)
    watched = [_guarded(live, guardrail, entrants, knobs, factor) for guardrail in guardrails]
    watched = pd.DataFrame(watched, columns=["metric", "margin", "higher_is_better", "members_per_arm", "weeks"])
    return Plan(metric, spread, correlation, factor, pd.DataFrame(rows), found, watched)


def entrants(events: ir.Table, known: Baskets, end: date, weeks: int) -> pd.DataFrame:
    """Return how many members of `known` had a basket by each week since `weeks` before `end`, and how many they had.

    Columns: week, members (counted once, so the number never falls), inverse (the mean over them of one over their
    baskets so far: by what a member's mean over baskets varies less than a single one).
    """
    start = end - timedelta(days=DAYS * weeks)
    seen = engine.before(events, end).filter(ibis._.local_at >= ibis.timestamp(start.isoformat()))
    bought = purchases.basket_lines(seen)
    bought = bought.semi_join(ibis.memtable({"member_id": known.members.tolist()}), "member_id")
    days = bought.select("member_id", day=ibis._.local_at.truncate("D")).distinct().to_pandas()
    week = (days["day"] - pd.Timestamp(start)).dt.days // DAYS + 1
    so_far = pd.crosstab(days["member_id"], week).reindex(columns=range(1, weeks + 1), fill_value=0).cumsum(axis=1)
    members = (so_far > 0).sum().to_numpy()
    inverse = (1 / so_far.where(so_far > 0)).mean().fillna(1.0).to_numpy()
    return pd.DataFrame({"week": range(1, weeks + 1), "members": members, "inverse": inverse})


def detectable(members: pd.Series | np.ndarray, deviation: np.ndarray | float, knobs: Evaluate) -> np.ndarray:
    """Return the smallest difference that two arms of half of `members` find with the asked power.

    See `stats.power.detectable`.
    """
    return np.atleast_1d(
        power.detectable(deviation, np.asarray(members, dtype=float) / 2, knobs.power, knobs.confidence)
    )


def stated(before: pd.DataFrame, knobs: Evaluate) -> Stated | None:
    """Return which difference could be found, from the window before alone; None where that says nothing."""
    values = before[knobs.primary_metric].dropna() if knobs.primary_metric in before else pd.Series(dtype=float)
    if len(values) < 4:
        return None
    spread = float(values.std())
    return Stated(len(values), spread, float(detectable(np.array([len(values)]), spread, knobs)[0]))


def _deviation(spread: float, correlation: float, entrants: pd.DataFrame, method: str) -> np.ndarray:
    """Return the standard deviation of members' means by week, (weeks,)."""
    share = correlation + (1 - correlation) * entrants["inverse"].to_numpy(dtype=float)
    return spread * np.sqrt(share - correlation**2 * (method == ADJUSTED))


def _weeks(
    worth: float, deviation: np.ndarray, entrants: pd.DataFrame, knobs: Evaluate, factor: float = 1.0
) -> tuple[float, float]:
    """Return the first week in which as many came as are needed (NaN: none), and that number an arm."""
    needed = np.array([factor * _needed(worth, one, knobs) for one in deviation])
    enough = np.flatnonzero(entrants["members"].to_numpy() >= 2 * needed)
    return (float(entrants["week"].iloc[enough[0]]), needed[enough[0]]) if len(enough) else (np.nan, needed[-1])


def _needed(worth: float, deviation: float, knobs: Evaluate) -> float:
    """Return members an arm; two where nothing varies."""
    return np.ceil(power.members_per_arm(worth / deviation, knobs.power, knobs.confidence)) if deviation > 0 else 2.0


def _guarded(
    live: pd.DataFrame, guardrail: Guardrail, entrants: pd.DataFrame, knobs: Evaluate, factor: float
) -> dict[str, Any]:
    better = metrics.of(guardrail.metric, KEY).higher_is_better
    values = live[guardrail.metric].dropna() if guardrail.metric in live else pd.Series(dtype=float)
    margin = guardrail.allowed(float(values.mean()))
    row = {"metric": guardrail.metric, "margin": margin, "higher_is_better": better}
    row |= {"members_per_arm": np.nan, "weeks": np.nan}
    if len(values) > 1 and margin > 0:
        deviation = _deviation(float(values.std()), _correlation(live, guardrail.metric), entrants, ADJUSTED)
        row["weeks"], row["members_per_arm"] = _weeks(margin, deviation, entrants, knobs, factor)
    return row


def _correlation(live: pd.DataFrame, metric: str) -> float:
    """Return the correlation of a metric with itself in the window before, 0 where it is unknown or below 0."""
    covariate = metric + BEFORE
    if covariate not in live or not min(live[metric].std(), live[covariate].std()) > 0:
        return 0.0
    return max(float(live[metric].corr(live[covariate])), 0.0)
