"""Fairness: who gets benefits and tiers, and for whom models err, by demographic group where it is known.

Equal shares and equal need conflict. Groups differ in spend, so equal benefits per member are unequal benefits per unit
spent, and the most profitable allocation is neither. The tables show both; `benefits.fairness.min_ratio` limits the
first. Groups are members' own answers; members who did not answer are shown as "unknown" and never guessed.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.benefits.allocation import Allocation
from membership.benefits.facts import UNKNOWN
from membership.benefits.limits import limited
from membership.settings.benefits import Benefits, Fairness
from membership.stats import resample


def shares(flags: np.ndarray, groups: pd.Series, confidence: float) -> pd.DataFrame:
    """Return the share of members with the flag in each group: members, share, low, high; index the groups, sorted.

    Source: Wilson (1927), the score interval.
    """
    table = pd.Series(np.asarray(flags, dtype=bool)).groupby(groups.to_numpy()).agg(["size", "sum"])
    low, high = resample.wilson(table["sum"], table["size"], confidence)
    found = {"members": table["size"], "share": table["sum"] / table["size"], "low": low, "high": high}
    return pd.DataFrame(found).rename_axis("group")


def ratios(above: np.ndarray, groups: pd.Series, confidence: float, below: np.ndarray | None = None) -> pd.DataFrame:
    """Return sum of `above` over sum of `below` in each group, with t intervals over members; `below`: 1 a member.

    Works for any number a member: cost of benefits (a mean), realised over predicted spend (a model's calibration),
    recall of recommendations (NaN: not judged, left out). Columns members, ratio, low, high; index the groups, sorted.
    A group of one member has an infinite interval.

    Source: Cochran (1977), Sampling Techniques, section 6.4: the ratio estimator, linearised.
    """
    above = np.asarray(above, dtype=float)
    below = np.ones(len(above)) if below is None else np.asarray(below, dtype=float)
    known = ~(np.isnan(above) | np.isnan(below))
    frame = pd.DataFrame({"above": above, "below": below, "group": groups.to_numpy()})[known]
    rows, names = [], []
    for name, part in frame.groupby("group"):
        count, total = len(part), part["below"].sum()
        ratio = part["above"].sum() / total if total else np.nan
        residual = part["above"] - ratio * part["below"]
        error = np.sqrt(count * residual.var(ddof=1)) / total if count > 1 and total else np.inf
        half = scipy.stats.t.ppf((1 + confidence) / 2, max(count - 1, 1)) * error
        rows.append((count, ratio, ratio - half, ratio + half))
        names.append(name)
    return pd.DataFrame(rows, index=pd.Index(names, name="group"), columns=["members", "ratio", "low", "high"])


def benefit_table(facts: pd.DataFrame, allocation: Allocation, settings: Benefits, confidence: float) -> pd.DataFrame:
    """Return who gets benefits, by group of each attribute of `benefits.fairness`, whose members are those of `facts`.

    Columns attribute, group, members, limited (whether min_ratio speaks of the group), benefit_share (members with any
    benefit), share_low, share_high (Wilson); cost (mean cents a member), cost_low, cost_high; of_largest (cost over
    that of the limited group with the largest); cost_of_spend (cost over expected spend); expected_spend (mean cents).
    """
    given = allocation.given
    cost = allocation.options.taken(allocation.options.cost, allocation.choice)
    parts = []
    for attribute in settings.fairness.attributes:
        groups, spend = facts[attribute], facts["expected_spend"].to_numpy(dtype=float)
        share = shares(given.any(axis=1), groups, confidence)
        mean = ratios(cost, groups, confidence)
        table = share.rename(columns={"share": "benefit_share", "low": "share_low", "high": "share_high"})
        table = table.assign(cost=mean["ratio"], cost_low=mean["low"], cost_high=mean["high"])
        table["limited"] = table.index.isin(limited(facts, attribute, settings.fairness.min_group))
        largest = table.loc[table["limited"], "cost"].max()
        table["of_largest"] = table["cost"] / largest if largest else np.nan
        table["cost_of_spend"] = ratios(cost, groups, confidence, spend)["ratio"]
        table["expected_spend"] = ratios(spend, groups, confidence)["ratio"]
        parts.append(_ordered(table).assign(attribute=attribute))
    columns = ["attribute", "group", "members", "limited", "benefit_share", "share_low", "share_high", "cost"]
    columns += ["cost_low", "cost_high", "of_largest", "cost_of_spend", "expected_spend"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def tier_table(facts: pd.DataFrame, attributes: list[str], confidence: float) -> pd.DataFrame:
    """Return the share of each group above the entry tier: attribute, group, members, share, low, high (Wilson)."""
    parts = [
        _ordered(shares((facts["tier_rank"] > 0).to_numpy(), facts[attribute], confidence)).assign(attribute=attribute)
        for attribute in attributes
    ]
    columns = ["attribute", "group", "members", "share", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def error_table(
    facts: pd.DataFrame,
    realised: np.ndarray,
    attributes: list[str],
    confidence: float,
    predicted: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return realised over predicted in each group: above 1, the model predicts too little for its members.

    Without `predicted`, the mean of `realised`, such as recall. Columns attribute, group, members, ratio, low, high.
    Realised outcomes must lie before the caller's cut-off.
    """
    parts = [
        _ordered(ratios(realised, facts[attribute], confidence, predicted)).assign(attribute=attribute)
        for attribute in attributes
    ]
    columns = ["attribute", "group", "members", "ratio", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Return the groups as rows in the order that people expect: by the first number in the name, unknown last."""

    def place(name: str) -> tuple:
        number = re.search(r"\d+", name)
        first = float(number.group()) - (0.5 if number.start() else 0.0) if number else np.inf  # "Under 15K", "15-24K"
        return name == UNKNOWN, first, name

    return table.loc[sorted(table.index, key=place)].reset_index()


@dataclass(frozen=True)
class Evenness:
    """How evenly benefits are spread over groups. Rows are those of `benefit_table`; money in cents a member."""

    known: dict[str, float]  # attribute -> share of members whose group is known
    least: pd.Series | None = None  # the limited group that gets least; None, as what follows, where none is limited
    largest_cost: float = np.nan  # of the limited groups
    unknown_cost: float = np.nan  # of members who did not answer that attribute
    highest_spend: pd.Series | None = None  # the limited group that spends most
    of_spend: tuple[float, float] = (np.nan, np.nan)  # smallest and largest cost over expected spend


def evenness(benefits: pd.DataFrame, facts: pd.DataFrame, settings: Fairness) -> Evenness:
    """Return how evenly the benefits of `benefit_table` are spread over the groups of `facts`."""
    known = {name: known_share(facts, name) for name in settings.attributes}
    limits = benefits[benefits["limited"].astype(bool)]
    if limits.empty:
        return Evenness(known)
    least = limits.loc[limits["of_largest"].idxmin()]
    silent = benefits.loc[(benefits["group"] == UNKNOWN) & (benefits["attribute"] == least["attribute"]), "cost"]
    return Evenness(
        known=known,
        least=least,
        largest_cost=float(limits["cost"].max()),
        unknown_cost=float(silent.iloc[0]) if len(silent) else np.nan,
        highest_spend=limits.loc[limits["expected_spend"].idxmax()],
        of_spend=(float(limits["cost_of_spend"].min()), float(limits["cost_of_spend"].max())),
    )


def smallest_ratio(benefits: pd.DataFrame) -> float:
    """Return how much the limited group that gets least has of the one that gets most, over all attributes of
    `benefit_table`; 1 where none is limited.
    """
    return float(benefits.loc[benefits["limited"], "of_largest"].min()) if benefits["limited"].any() else 1.0


def known_share(facts: pd.DataFrame, attribute: str) -> float:
    """Return the share of members whose group is known."""
    return float((facts[attribute] != UNKNOWN).mean())
