"""For whom the models err: value and recommendations on the holdout, by what members told of themselves.

A difference between groups is no proof of harm, and no difference is no proof of fairness: groups are small, members
who did not answer are missing, and what happened has many causes.
"""

from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from membership.base.timeline import Window
from membership.benefits import fairness
from membership.tiers import qualifying

ALL = "all"


def of_value(
    facts: pd.DataFrame, events: ir.Table, holdout: Window, horizon_days: int, attributes: list[str], confidence: float
) -> pd.DataFrame:
    """Return realised over expected spend in `holdout` by group; first row of each attribute: all members.

    Expected is the part of `expected_spend` that falls to the holdout if it comes evenly over the horizon, so that
    the ratio of all is the season's, and what counts is how far a group is from it. Columns attribute, group, members,
    ratio, low, high, apart (whether the interval leaves out the ratio of all).
    """
    spent = qualifying.spend(events, facts["member_id"], pd.DatetimeIndex([holdout.end]), holdout.days).iloc[:, 0]
    expected = facts["expected_spend"].to_numpy() * min(holdout.days / horizon_days, 1)
    return _with_all(facts, spent.reindex(facts["member_id"]).to_numpy(), attributes, confidence, expected)


def of_recommendations(
    facts: pd.DataFrame, outcomes: pd.DataFrame, metric: str, attributes: list[str], confidence: float
) -> pd.DataFrame:
    """Return the mean of `metric` by group, of the members in `outcomes` (one policy's); columns as of `of_value`."""
    found = outcomes.set_index("member_id")[metric].reindex(facts["member_id"])
    return _with_all(facts, found.to_numpy(), attributes, confidence)


@dataclass(frozen=True)
class Apart:
    """How many of `groups` are apart from all members, of whom the ratio is `overall`: rows of `of_value`.

    `by_chance`: how many would be expected if none were.
    """

    overall: float
    groups: int
    rows: pd.DataFrame
    by_chance: float


def apart(table: pd.DataFrame, confidence: float) -> Apart | None:
    """Return which groups are apart from all members, by their intervals; None where no groups are known."""
    groups = table[table["group"] != ALL]
    if groups.empty:
        return None
    overall = table.loc[table["group"] == ALL, "ratio"].iloc[0]
    return Apart(overall, len(groups), groups[groups["apart"].astype(bool)], (1 - confidence) * len(groups))


def _with_all(facts, realised, attributes, confidence, predicted=None) -> pd.DataFrame:
    parts = []
    for attribute in attributes:
        everybody = pd.Series([ALL] * len(facts))
        overall = fairness.ratios(realised, everybody, confidence, predicted).reset_index().assign(attribute=attribute)
        groups = fairness.error_table(facts, realised, [attribute], confidence, predicted)
        ratio = overall["ratio"].iloc[0] if len(overall) else float("nan")
        apart = (groups["low"] > ratio) | (groups["high"] < ratio)
        parts += [overall.assign(apart=False), groups.assign(apart=apart)]
    columns = ["attribute", "group", "members", "ratio", "low", "high", "apart"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
