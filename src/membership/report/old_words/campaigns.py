"""What campaigns say of whom to reach, in words: no figure without what it rests on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from membership.campaigns.log import Costs
from membership.campaigns.policy import CHOSEN, DRAWS, POLICIES, Judged

NOTHING = (
    "The data hold no campaigns that can be judged (over, with members reached and members who might as well have "
    "been, `campaigns.min_ess` of each), so nothing is said about other choices of members."
)

_OFF = "which should hold 1 but does not, so the chances are wrong somewhere"


def compared(judged: Judged | None) -> str:
    """Return how the decisions were made, how many can be compared, and what their weights are worth."""
    if judged is None:
        return NOTHING
    rows, every = judged.decisions.rows, judged.decisions.propensities
    lots = (rows["source"] == "randomised").mean()
    how = (
        "Who was reached was drawn by lot, with known chances."
        if lots == 1
        else "**Who was reached was not drawn by lot**: the chances are estimated from what was known before, and what "
        "follows is observational. It holds only as far as nothing else decided who was reached; how far such "
        "comparisons are off, the placebo tells: the same, just before each campaign, where every gain is 0."
        if lots == 0
        else f"{lots:.0%} of decisions were drawn by lot; of the others the chances are estimated (observational)."
    )
    weights = judged.weights
    mean = "which holds 1, as it should" if weights.mean_is_one else _OFF
    spread = ", ".join(f"{share:.0%} are at most {weight:.3g}" for share, weight in weights.quantiles.items())
    size = (
        f"{len(rows):,} of {len(every):,} decisions ({len(rows) / len(every):.0%}; a member and a campaign each) can "
        f"be compared, of {weights.units:,} members; nothing is said of the others. Under the policy they are worth "
        f"{weights.effective_rows:,.0f} equally weighted ones, and their members {weights.effective_units:,.0f}. "
        f"The mean weight is {weights.mean:.3f} ({weights.low:.3f} to {weights.high:.3f}), {mean}; {spread}, the "
        f"largest is {weights.largest:.3g}."
    )
    return f"{how} {size}"


def gain_table(judged: Judged | None, currency: str) -> str:
    """Return a table of what the policy is worth beyond each other one, in units of currency a decision."""
    if judged is None:
        return ""
    rows = [
        f"| {gain.over} | {gain.value / 100:+.2f} "
        f"| {gain.bootstrap_low / 100:+.2f} to {gain.bootstrap_high / 100:+.2f} "
        f"| {'-' if np.isnan(gain.placebo) else f'{gain.placebo / 100:+.2f}'} |"
        for gain in judged.gains.itertuples()
    ]
    return "\n".join([f"| beyond | {currency} a decision | interval | placebo |", "|:--|--:|--:|--:|", *rows])


def tier_table(judged: Judged | None, currency: str, order: Sequence[str]) -> str:
    """Return the doubly robust value of each policy in each tier, with intervals, in units of currency a decision.

    Tiers come in `order`; others, such as those not known, after them.
    """
    if judged is None:
        return ""
    table = judged.by_tier
    names = [*POLICIES, "what was done"]
    lines = [f"| tier ({currency}) | decisions | {' | '.join(names)} |", "|:--|--:" + "|--:" * len(names) + "|"]
    tiers = dict.fromkeys([*(tier for tier in order if (table["group"] == tier).any()), *table["group"]])
    for tier in tiers:
        part = table[table["group"] == tier]
        cells = [_cell(part[part["policy"] == name].iloc[0]) for name in names]
        lines.append(f"| {tier} | {part['rows'].iloc[0]:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def learner_table(judged: Judged | None, currency: str) -> str:
    """Return how well each learner ranks members by what reaching them brings, in units of currency a decision."""
    if judged is None:
        return ""
    rows = [
        f"| {name} | {found.auuc / 100:.2f} | {found.qini / 100:.2f} | {found.low / 100:.2f} to {found.high / 100:.2f} "
        f"| {found.null_high / 100:.2f} | {found.p_value:.2f} |"
        for name, found in judged.rankings.items()
    ]
    head = f"| learner ({currency}) | area under the uplift curve | Qini | interval | shuffled stay below | p |"
    return "\n".join([head, "|:--|--:|--:|--:|--:|--:|", *rows])


def in_words(judged: Judged | None, currency: str, confidence: float) -> str:
    """Return the answer: would choosing by belief have paid, and is there anything to choose by."""
    if judged is None:
        return NOTHING
    gains, found = judged.gains.set_index("over"), judged.ranking
    sentences = [
        f"At {_cost(judged.costs, currency)}, it is believed to pay to reach {judged.reach:.0%} of those compared. "
        f"{' '.join(_against(gains.loc[name], currency) for name in gains.index)}",
        f"The ranking by believed effect ({CHOSEN}-learner) {_ranks(found.low, found.p_value, confidence)} (Qini "
        f"{found.qini / 100:.2f} {currency}, interval {found.low / 100:.2f} to {found.high / 100:.2f}; shuffled "
        f"rankings do as well with p = {found.p_value:.2f}). Intervals are drawn by member, {DRAWS} times each.",
        _swept(judged.sweep, currency),
        "These are values of other choices in the campaigns that were, as their logs predict them; whether a benefit "
        "pays in a programme is another claim, and so is what the recommender is worth."
        + (" Only a test by lot can settle it." if (judged.decisions.rows["source"] != "randomised").any() else ""),
    ]
    return " ".join(sentences)


def _cell(row: pd.Series) -> str:
    return f"{row['value'] / 100:.2f} ({row['bootstrap_low'] / 100:.2f} to {row['bootstrap_high'] / 100:.2f})"


def _cost(cost: Costs, currency: str) -> str:
    money = f"{cost.judged / 100:.2f} {currency} a member reached"
    if cost.known:
        return f"{money} (the offers' cost times how often they were redeemed)"
    return f"an assumed {money} (`evaluate.reach_costs`: not every offer tells its cost)"


def _against(gain: pd.Series, currency: str) -> str:
    low, high = gain["bootstrap_low"], gain["bootstrap_high"]
    sure = "more" if low > 0 else "less" if high < 0 else "not clearly more or less"
    return (
        f"Beyond {gain.name} that is {sure}: {gain['value'] / 100:+.2f} {currency} a decision "
        f"({low / 100:+.2f} to {high / 100:+.2f})."
    )


def _ranks(low: float, p_value: float, confidence: float) -> str:
    if p_value < 1 - confidence and low > 0:
        return "finds members whom campaigns move more than others"
    return "is no better than chance as far as can be told: there is nothing yet to choose members by"


def _swept(sweep: pd.DataFrame, currency: str) -> str:
    pays = sweep[sweep["low"] > 0]
    asked = f"Over costs of {sweep['cost'].min() / 100:.2f} to {sweep['cost'].max() / 100:.2f} {currency} choosing"
    if pays.empty:
        return f"{asked} is nowhere clearly better than the better of everybody and nobody."
    return (
        f"{asked} is clearly better than everybody and nobody at {', '.join(f'{c / 100:.2f}' for c in pays['cost'])}."
    )
