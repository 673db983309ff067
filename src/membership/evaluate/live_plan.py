"""The plan of the live test: how many members and weeks it takes, what is watched, and when it stops.

A member enters with the first basket after the start, and counts with the mean over all baskets until the end: more
weeks bring more members, of whom there are only so many, and steadier means. Variance and pace are those seen before;
a live test may meet others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.results import markdown
from membership.evaluate.arms import BEFORE, CONTROL
from membership.evaluate.guardrails import lower_is_better
from membership.evaluate.randomised import ADJUSTED, PLAIN
from membership.settings.evaluate import Evaluate
from membership.stats import power, sequential


@dataclass(frozen=True)
class Plan:
    """What a live test of `metric` takes.

    `spread` is the standard deviation of one basket between members, `correlation` that of a member's baskets a window
    apart (champion now, reference before), `factor` times the members are needed for looking every week.
    `sizes`: one row a difference worth finding and method: worth, relative, method, weeks (NaN: more than were seen),
    members_per_arm (needed in that week, or in the last one), weeks_watched (if read every week). `reach`: one row a
    week: week, members (cumulated), and the difference found by each method, and by CUPED if watched.
    `watched`: one row a guardrail: metric, margin, members_per_arm and weeks to rule the margin out if nothing changes,
    read every week.
    """

    metric: str
    spread: float
    correlation: float
    factor: float
    sizes: pd.DataFrame
    reach: pd.DataFrame
    watched: pd.DataFrame


def plan(observed: pd.DataFrame, entrants: pd.DataFrame, guardrails: Iterable, knobs: Evaluate) -> Plan:
    """Plan a test of the primary metric for differences `knobs.worth`, from what was `observed` (by `arms.observe`).

    `entrants` is that of `reach.entrants`; `guardrails` have a metric and a margin. The variance of a member's mean
    over m baskets is that of one basket, times r + (1 - r) / m, with r the correlation of a member's baskets; CUPED
    takes r squared off it. Needed members: noncentral t (`stats.power`).
    """
    metric = knobs.primary_metric
    live = observed[observed["arm"] == CONTROL].dropna(subset=[metric])
    spread, correlation = float(live[metric].std()), _correlation(live, metric)
    factor = price_of_watching(knobs.confidence, knobs.power)
    rows = []
    for worth in knobs.worth:
        for method in (PLAIN, ADJUSTED):
            row = {"worth": worth, "relative": worth / live[metric].mean(), "method": method}
            deviation = _deviation(spread, correlation, entrants, method)
            row["weeks"], row["members_per_arm"] = _weeks(worth, deviation, entrants, knobs)
            row["weeks_watched"], _ = _weeks(worth, deviation, entrants, knobs, factor)
            rows.append(row)
    reach = entrants[["week", "members"]].copy()
    for method in (PLAIN, ADJUSTED):
        reach[method] = detectable(entrants["members"], _deviation(spread, correlation, entrants, method), knobs)
    reach["watched"] = reach[ADJUSTED] * np.sqrt(factor)
    watched = [_guarded(live, guardrail, entrants, knobs, factor) for guardrail in guardrails]
    watched = pd.DataFrame(watched, columns=["metric", "margin", "members_per_arm", "weeks"])
    return Plan(metric, spread, correlation, factor, pd.DataFrame(rows), reach, watched)


def price_of_watching(confidence: float, power: float) -> float:
    """Return how many times the members an always-valid interval needs to find with `power` what one read once does.

    At the last look; that it may be found at an earlier one comes on top.
    """
    mixture = sequential.spread(1.0, confidence)
    at_plan = sequential.bounds(np.zeros(1), np.ones(1), mixture, confidence)
    once, beyond = scipy.stats.norm.ppf([(1 + confidence) / 2, power])
    return float(((at_plan.high[0] + beyond) / (once + beyond)) ** 2)


def detectable(members: pd.Series | np.ndarray, deviation: np.ndarray | float, knobs: Evaluate) -> np.ndarray:
    """Return the smallest difference that two arms of half of `members` find with the asked power.

    Source: Bloom (1995): standard error times the sum of the two quantiles of t.
    """
    number = np.maximum(np.asarray(members, dtype=float), 1)
    quantiles = scipy.stats.t.ppf(np.array([[(1 + knobs.confidence) / 2], [knobs.power]]), np.maximum(number - 2, 1))
    return quantiles.sum(axis=0) * deviation * np.sqrt(4 / number)


def stated(before: pd.DataFrame, knobs: Evaluate) -> str:
    """Say before any result which metric decides, and which difference could be found, from the window before."""
    metric = knobs.primary_metric
    first = f"The metric that decides is {metric}; all others are secondary, and none of them decides alone."
    values = before[metric].dropna() if metric in before else pd.Series(dtype=float)
    if len(values) < 4:
        return f"{first} The window before says nothing of it."
    smallest = detectable(np.array([len(values)]), float(values.std()), knobs)[0]
    return (
        f"{first} In the window before, {len(values):,} members had a basket, and it varied between them by a standard "
        f"deviation of {values.std():.3f}: two arms of half of so many find a difference of {smallest:.4f} with power "
        f"{knobs.power:.0%}. The paired comparison finds less; by how much is not known before."
    )


def size_table(found: Plan) -> str:
    """Return `sizes` as a Markdown table."""
    last = len(found.reach)
    return markdown(
        {
            "worth finding": f"{row.worth:+.4f} ({row.relative:+.1%})",
            "method": row.method,
            "members an arm": f"{row.members_per_arm:,.0f}",
            "weeks, read once": _in_weeks(row.weeks, last),
            "weeks, read every week": _in_weeks(row.weeks_watched, last),
        }
        for row in found.sizes.itertuples()
    )


def watch_table(found: Plan, knobs: Evaluate) -> str:
    """Return what to watch, and when to stop for it, as a Markdown table."""
    alpha, sure, stop, to_know = 1 - knobs.confidence, "weeks to be sure", "stop if", "watched every week"
    last = len(found.reach)
    gate = f"sample-ratio p below {knobs.sample_ratio_p:g}: the split is broken, nothing is read"
    soonest = found.sizes["weeks_watched"].min()
    rows = [
        {to_know: "members by arm", stop: gate, sure: "-"},
        {to_know: found.metric, stop: f"always-valid p below {alpha:.2g}: decided", sure: _in_weeks(soonest, last)},
    ]
    for row in found.watched.itertuples():
        known = "counted, no test" if np.isnan(row.members_per_arm) else _in_weeks(row.weeks, last)
        side = f"above +{row.margin:g}" if lower_is_better(row.metric) else f"below -{row.margin:g}"
        worse = f"always-valid interval all {side}: the champion is back"
        rows.append({to_know: row.metric, stop: worse, sure: known})
    return markdown(rows)


def in_words(found: Plan, knobs: Evaluate) -> str:
    """Say what the smallest difference worth finding takes that can be found, and what cannot."""
    last, weeks = found.reach.iloc[-1], len(found.reach)
    rows = found.sizes[found.sizes["method"] == ADJUSTED].sort_values("worth")
    can, cannot = rows.dropna(subset=["weeks"]), rows.loc[rows["weeks"].isna(), "worth"]
    first = f"None of the differences worth finding is found within {weeks} weeks"
    if len(can):
        row = can.iloc[0]
        first = (
            f"A difference of {row['worth']:+.4f} in {found.metric} is found with power {knobs.power:.0%} in "
            f"{row['weeks']:.0f} weeks by {row['members_per_arm']:,.0f} members an arm with CUPED"
        )
    rest = f"; {_listed(cannot)} is not found within {weeks} weeks" if len(cannot) and len(can) else ""
    return (
        f"{first}{rest}. In {weeks} weeks {last['members']:,.0f} members come, and {last[ADJUSTED]:+.4f} is the "
        f"smallest difference found ({last[PLAIN]:+.4f} without CUPED, {last['watched']:+.4f} if read every week, "
        f"which costs {found.factor:.1f} times the members). A member's baskets a window apart correlate by "
        f"{found.correlation:.2f}. Without a decision the test ends after the weeks planned, and the champion stays."
    )


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


def _guarded(live: pd.DataFrame, guardrail, entrants: pd.DataFrame, knobs: Evaluate, factor: float) -> dict:
    row = {"metric": guardrail.metric, "margin": guardrail.margin, "members_per_arm": np.nan, "weeks": np.nan}
    values = live[guardrail.metric].dropna() if guardrail.metric in live else pd.Series(dtype=float)
    if len(values) > 1 and guardrail.margin > 0:
        deviation = _deviation(float(values.std()), _correlation(live, guardrail.metric), entrants, ADJUSTED)
        row["weeks"], row["members_per_arm"] = _weeks(guardrail.margin, deviation, entrants, knobs, factor)
    return row


def _correlation(live: pd.DataFrame, metric: str) -> float:
    """Return the correlation of a metric with itself in the window before, 0 where it is unknown or below 0."""
    covariate = metric + BEFORE
    if covariate not in live or not min(live[metric].std(), live[covariate].std()) > 0:
        return 0.0
    return max(float(live[metric].corr(live[covariate])), 0.0)


def _in_weeks(weeks: float, last: int) -> str:
    return f"not within {last}" if np.isnan(weeks) else f"{weeks:.0f}"


def _listed(worth: pd.Series) -> str:
    return " or ".join(f"{one:+.4f}" for one in worth)
