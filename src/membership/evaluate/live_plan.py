"""The plan of the live test: how many members and weeks it takes, what is watched, and when it stops.

Members enter with their first basket after the start, once each, and there are only so many of them: a test that needs
more than ever come cannot be bought with time. Variance and pace are those seen before; a live test may meet others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.policy_knobs import Evaluate
from membership.base.results import markdown
from membership.evaluate.arms import BEFORE, CONTROL
from membership.evaluate.randomised import ADJUSTED, PLAIN
from membership.stats import power, sequential

NEVER = "never with these members"


@dataclass(frozen=True)
class Plan:
    """`sizes`: one row a difference worth finding and method: worth, relative, method, members_per_arm, weeks (NaN:
    more members than came in all weeks seen), weeks_watched (the same if it is read every week). `reach`: one row a
    week: week, members (cumulated), and the difference found with the asked power by each method and if watched.
    `watched`: one row a guardrail: metric, margin, members_per_arm (to rule the margin out if nothing changes), weeks.
    """

    metric: str
    spread: float  # standard deviation between members
    correlation: float  # of the outcome and its covariate
    factor: float  # times the members, for looking every week
    sizes: pd.DataFrame
    reach: pd.DataFrame
    watched: pd.DataFrame


def plan(observed: pd.DataFrame, entrants: pd.DataFrame, guardrails: Iterable, knobs: Evaluate) -> Plan:
    """Plan a test of the primary metric for differences `knobs.worth`, from what was `observed` (by `arms.observe`).

    `entrants` has week and members, the cumulated number who had a basket since the first of these weeks; `guardrails`
    have a metric and a margin. Variance is the champion's, and CUPED cuts it by the square of the correlation.
    """
    metric = knobs.primary_metric
    live = observed[observed["arm"] == CONTROL].dropna(subset=[metric])
    spread, correlation = float(live[metric].std()), _correlation(live, metric)
    methods = {PLAIN: spread, ADJUSTED: spread * np.sqrt(1 - correlation**2)}
    factor = price_of_watching(knobs.confidence)
    rows = []
    for worth in knobs.worth:
        for method, deviation in methods.items():
            needed = _needed(worth, deviation, knobs)
            row = {"worth": worth, "relative": worth / live[metric].mean(), "method": method, "members_per_arm": needed}
            row["weeks"], row["weeks_watched"] = (_weeks(entrants, 2 * needed * times) for times in (1, factor))
            rows.append(row)
    reach = entrants.copy()
    for method, deviation in methods.items():
        reach[method] = _found(entrants["members"], deviation, knobs)
    reach["watched"] = reach[ADJUSTED] * np.sqrt(factor)
    watched = [_guarded(live, guardrail, entrants, knobs) for guardrail in guardrails]
    columns = ["metric", "margin", "members_per_arm", "weeks"]
    return Plan(metric, spread, correlation, factor, pd.DataFrame(rows), reach, pd.DataFrame(watched, columns=columns))


def price_of_watching(confidence: float) -> float:
    """Return how many times the members an always-valid interval needs to be as narrow as one that is read once."""
    mixture = sequential.spread(1.0, confidence)
    at_plan = sequential.bounds(np.zeros(1), np.ones(1), mixture, confidence)
    once = scipy.stats.norm.ppf((1 + confidence) / 2)
    return float((at_plan.high[0] / once) ** 2)


def size_table(found: Plan) -> str:
    """Return `sizes` as a Markdown table."""
    return markdown(
        {
            "worth finding": f"{row.worth:+.4f} ({row.relative:+.1%})",
            "method": row.method,
            "members an arm": f"{row.members_per_arm:,.0f}",
            "weeks, read once": _in_weeks(row.weeks),
            "weeks, read every week": _in_weeks(row.weeks_watched),
        }
        for row in found.sizes.itertuples()
    )


def watch_table(found: Plan, knobs: Evaluate) -> str:
    """Return what to watch, and when to stop for it, as a Markdown table."""
    alpha = 1 - knobs.confidence
    rows = [
        {
            "watched every week": f"members by arm (planned {found.reach['members'].iloc[0] / 2:,.0f} each in week 1)",
            "stop if": f"sample-ratio p below {knobs.sample_ratio_p:g}: the split is broken, and nothing is read",
            "members an arm to be sure": "-",
        },
        {
            "watched every week": found.metric,
            "stop if": f"always-valid p below {alpha:.2g}: decided, either way",
            "members an arm to be sure": f"{_smallest(found):,.0f}",
        },
    ]
    for row in found.watched.itertuples():
        needed = "-" if np.isnan(row.members_per_arm) else f"{row.members_per_arm:,.0f}"
        worse = f"always-valid interval below -{row.margin:g}: roll back"
        rows.append({"watched every week": row.metric, "stop if": worse, "members an arm to be sure": needed})
    return markdown(rows)


def in_words(found: Plan, knobs: Evaluate) -> str:
    """Say what a live test of the largest difference worth finding takes, and what it cannot find."""
    last, weeks = found.reach.iloc[-1], len(found.reach)
    rows = found.sizes[found.sizes["method"] == ADJUSTED]
    can = rows.dropna(subset=["weeks"])
    out_of_reach = ", ".join(f"{worth:+.4f}" for worth in rows.loc[rows["weeks"].isna(), "worth"])
    cut = found.correlation**2
    if can.empty:
        first = f"None of the differences worth finding is found within {weeks} weeks"
    else:
        row = can.iloc[0]
        first = (
            f"A difference of {row['worth']:+.4f} in {found.metric} is found with power {knobs.power:.0%} by "
            f"{row['members_per_arm']:,.0f} members an arm with CUPED, in {row['weeks']:.0f} weeks"
        )
    rest = f"; {out_of_reach} would take more members than there are" if out_of_reach and len(can) else ""
    return (
        f"{first}{rest}. In {weeks} weeks {last['members']:,.0f} members come, and {last[ADJUSTED]:+.4f} is the "
        f"smallest difference found ({last[PLAIN]:+.4f} without CUPED, which cuts the variance by {cut:.1%}). Reading "
        f"it every week costs {found.factor:.2f} times the members. Without a decision the test ends after the weeks "
        f"planned, and the champion stays."
    )


def _needed(worth: float, deviation: float, knobs: Evaluate) -> float:
    return np.ceil(power.members_per_arm(worth / deviation, knobs.power, knobs.confidence)) if deviation > 0 else 2.0


def _found(members: pd.Series, deviation: float, knobs: Evaluate) -> np.ndarray:
    """Return the smallest difference that two arms of half of `members` find: Bloom (1995)."""
    freedom = np.maximum(members.to_numpy(dtype=float) - 2, 1)
    quantiles = sum(scipy.stats.t.ppf(level, freedom) for level in ((1 + knobs.confidence) / 2, knobs.power))
    return quantiles * deviation * np.sqrt(4 / np.maximum(members.to_numpy(dtype=float), 1))


def _weeks(entrants: pd.DataFrame, members: float) -> float:
    enough = entrants.loc[entrants["members"] >= members, "week"]
    return float(enough.iloc[0]) if len(enough) else np.nan


def _guarded(live: pd.DataFrame, guardrail, entrants: pd.DataFrame, knobs: Evaluate) -> dict:
    values = live[guardrail.metric].dropna() if guardrail.metric in live else pd.Series(dtype=float)
    needed = _needed(guardrail.margin, values.std(), knobs) if len(values) > 1 and guardrail.margin > 0 else np.nan
    weeks = np.nan if np.isnan(needed) else _weeks(entrants, 2 * needed)
    return {"metric": guardrail.metric, "margin": guardrail.margin, "members_per_arm": needed, "weeks": weeks}


def _correlation(live: pd.DataFrame, metric: str) -> float:
    covariate = metric + BEFORE
    if covariate not in live or not min(live[metric].std(), live[covariate].std()) > 0:
        return 0.0
    return float(live[metric].corr(live[covariate]))


def _smallest(found: Plan) -> float:
    reached = found.sizes[found.sizes["method"] == ADJUSTED].dropna(subset=["weeks_watched"])
    return (reached if len(reached) else found.sizes).iloc[0]["members_per_arm"] * found.factor


def _in_weeks(weeks: float) -> str:
    return NEVER if np.isnan(weeks) else f"{weeks:.0f}"
