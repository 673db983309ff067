"""Thresholds chosen on the default data before a date and judged on what was spent after it, against the same grid.

What is expected of a member is the spend of the qualifying period before the date, at the same rate. A rule is judged
by `backtest` to the end of the data: realised spend, tiers as they would have been month by month, the uplifts that
`params.yaml` assumes. So it is judged whether thresholds fit the members who came; not whether tiers change anybody.
Rules of the grid must keep the budget and the limit of moves at the date, as the search must. Two of them are compared
with the search: the one that looked best at the date, and the one that was best in hindsight, which nobody could know.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from benchmarks import goals
from benchmarks.programme_oracle import QUANTILES, ROUND
from membership.base import engine, seeds, tables
from membership.settings import params
from membership.stats import resample
from membership.tiers import qualifying, rules, thresholds, worth
from membership.tiers.qualifying import CENTS
from membership.tiers.rules import Rule
from membership.tiers.worth import Terms

DATES = (date(2017, 8, 1), date(2017, 9, 1))  # a whole qualifying period lies before each


def run(seed: int, dates: tuple[date, ...] = DATES, draws: int = 10_000) -> dict:
    """Return `rows`, one a date and grid rule compared with, and as goals their differences, whatever they are.

    Reads the tables of the default data that the pipeline has made. Raises DataError where there are none.
    """
    p = params.parse(params.read())
    members = tables.read("members")["member_id"]
    events = engine.load(engine.connect(), "events")
    months = pd.date_range(p.windows.start, p.windows.holdout_end, freq="MS")[1:]
    amounts = qualifying.amounts(events, members, months, p.tiers)
    spend = qualifying.spend(events, members, months)
    terms = Terms(p.tiers, p.economics.margin_rate, p.value.horizon_days, 1 - p.tiers.redeem_share)
    found = [row for at in dates for row in compared(at, amounts, spend, terms, p.windows.start, seed, draws)]
    told = [
        goals.told(f"{row['date']}: cents a member over the grid's {row['grid']}, {side}", row[side])
        for row in found
        for side in ("difference", "low", "high")
    ]
    return {"rows": found, "quantiles": QUANTILES, "round": ROUND, "goals": told}


def compared(
    at: date, amounts: pd.DataFrame, spend: pd.DataFrame, terms: Terms, start: date, seed: int, draws: int
) -> list[dict]:
    """Return how the thresholds searched on what was before `at` did after it, beside two rules of the grid."""
    seen = amounts.loc[:, amounts.columns <= pd.Timestamp(at)]
    rate = terms.horizon_days / terms.settings.qualifying_days
    value = pd.DataFrame({"member_id": seen.index, "expected_spend": rate * seen.iloc[:, -1].clip(lower=0).to_numpy()})
    value["expected_orders"] = 0.0
    settled = rules.settled(seen.columns, start, terms.settings)
    mine = thresholds.search(
        seen, value, replace(terms, settings=terms.settings.model_copy(update={"thresholds": None})), settled
    )
    limits = terms.settings.search
    looked = {rule: worth.appraise(rule, seen, value, terms, settled) for rule in grid(seen.iloc[:, -1], terms)}
    allowed = {
        rule: found.net
        for rule, found in looked.items()
        if found.cost <= limits.budget and found.moves <= limits.max_moves_per_year
    }
    after = {rule: backtest(rule, amounts, spend, terms, at) for rule in (mine.rule, *allowed)}
    chosen = {
        "best at the date": max(allowed, key=allowed.get),
        "best in hindsight": max(allowed, key=lambda rule: after[rule]["net"].sum()),
    }
    return [_row(at, name, mine.rule, rule, after, len(allowed), seed, draws) for name, rule in chosen.items()]


def backtest(rule: Rule, amounts: pd.DataFrame, spend: pd.DataFrame, terms: Terms, since: date) -> pd.DataFrame:
    """Return what `rule` would have brought on the spend that came after `since`, had the assumed uplifts held.

    `amounts` (what qualifies) and `spend` (cents in the month that ends there) have the same members and months; a
    month counts if it began on or after `since`, with the tier in which it began. One row a member: gain, cost, net
    (cents), moves (levels).
    """
    ranks = rules.replay(amounts, rule).to_numpy()
    months, values = amounts.columns, amounts.to_numpy()
    total = {name: np.zeros(len(amounts)) for name in ("gain", "cost", "moves")}
    for month in range(1, len(months)):
        if months[month - 1] < pd.Timestamp(since):
            continue
        rank, paid = ranks[:, month - 1], spend.iloc[:, month].to_numpy()
        lasting = replace(terms, horizon_days=(months[month] - months[month - 1]).days)
        pulled = worth.near(rank, values[:, month - 1], rule, terms)
        base = paid * terms.settings.points_per_unit / CENTS
        gain, cost = worth.gain_and_cost(rank, pulled, paid, base, lasting)
        total["gain"] += gain
        total["cost"] += cost
        total["moves"] += np.abs(ranks[:, month] - rank)
    table = pd.DataFrame(total, index=amounts.index)
    return table.assign(net=table["gain"] - table["cost"])[["gain", "cost", "net", "moves"]]


def grid(last: pd.Series, terms: Terms) -> list[Rule]:
    """Return the rules of the stated grid: quantiles of the positive amounts at the date, and round amounts."""
    amounts = [np.quantile(last[last > 0], shares).round() for shares in QUANTILES]
    amounts += [CENTS * np.array(units) for units in ROUND]
    return [rules.rule(terms.settings, each) for each in amounts]


def _row(at: date, name: str, mine: Rule, theirs: Rule, after: dict, count: int, seed: int, draws: int) -> dict:
    ours, grid_ = (after[rule] for rule in (mine, theirs))
    rng = seeds.rng(seed, f"journey-{at}-{name}")
    pair = resample.paired(grid_["net"].to_numpy(), ours["net"].to_numpy(), 0.95, draws, 0.8, rng)
    return {
        "date": str(at),
        "grid": name,
        "members": pair.members,
        "rules": count,
        "ours": ours["net"].sum(),
        "theirs": grid_["net"].sum(),
        "difference": pair.difference,
        "low": pair.bootstrap_low,
        "high": pair.bootstrap_high,
        "cost_ours": ours["cost"].sum(),
        "cost_theirs": grid_["cost"].sum(),
        "moves_ours": ours["moves"].mean(),
        "moves_theirs": grid_["moves"].mean(),
        "thresholds": mine.thresholds[1:],
        "grid_thresholds": theirs.thresholds[1:],
    }
