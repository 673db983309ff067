"""What the benefits come to: tables and metrics."""

import numpy as np
import pandas as pd

from membership.benefits import fairness
from membership.benefits.allocation import Allocation
from membership.benefits.payoff import Outlook
from membership.settings.benefits import Benefits
from membership.settings.tiers import Tiers
from membership.stats import ranges


def benefit_table(allocation: Allocation, break_even: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return one row a benefit: may_have (members), pays_for (share of them), given (members), cost, gain and net
    (cents), net_low and net_high (from how uncertain the response is), break_even, uplift, uplift_sd and p_pays (from
    `payoff.break_even`: of giving it to all who may have it).
    """
    options, given = allocation.options, allocation.given
    may = options.allowed.sum(axis=0)
    table = pd.DataFrame(
        {
            "may_have": may,
            "pays_for": options.pays.sum(axis=0) / may.clip(min=1),
            "given": given.sum(axis=0),
            "cost": (options.cost * given).sum(axis=0),
            "gain": (options.gain * given).sum(axis=0),
        },
        index=pd.Index(options.benefits, name="benefit"),
    )
    table["net"] = table["gain"] - table["cost"]
    off = np.abs((options.spread * given).sum(axis=0))
    table["net_low"], table["net_high"] = ranges.normal(table["net"], off, confidence)
    overall = break_even[break_even["tier"] == "all"].set_index("benefit")
    return table.join(overall[["break_even", "uplift", "uplift_sd", "p_pays"]])


def cost_table(allocation: Allocation, settings: Tiers) -> pd.DataFrame:
    """Return expected cost (cents) by tier (rows) and benefit of the catalogue (columns)."""
    options = allocation.options
    spent = pd.DataFrame(options.cost * allocation.given, columns=list(options.benefits))
    names = [level.name for level in settings.levels]
    table = spent.groupby(options.tier_rank).sum().reindex(range(len(names)), fill_value=0.0)
    return table.set_axis(pd.Index(names, name="tier"))


def metrics(
    allocation: Allocation,
    outlook: Outlook,
    fair: pd.DataFrame,
    lost: float,
    budget: float,
    prices: tuple[float, float],
) -> dict[str, float]:
    """Return the metrics of benefits. Money in cents; shares 0 to 1.

    `fair` is `fairness.benefit_table`; `lost` the share of the net that the limit of fairness costs;
    `prices` are from `sweeps.price_range`.
    """
    members = max(len(allocation.given), 1)
    return {
        "benefit_budget": budget,
        "benefit_cost": allocation.cost,
        "benefit_net": allocation.net,
        "benefit_net_low": outlook.low,
        "benefit_net_high": outlook.high,
        "benefit_p_pays": outlook.p_pays,
        "benefit_gap": allocation.gap,
        "benefit_shadow_price": allocation.shadow_price,
        "benefit_shadow_price_low": prices[0],
        "benefit_shadow_price_high": prices[1],
        "benefit_member_share": float(allocation.given.any(axis=1).sum() / members),
        "fairness_smallest_ratio": fairness.smallest_ratio(fair),
        "fairness_lost_share": lost,
    }


def lost_to_fairness(ratios: pd.DataFrame, settings: Benefits) -> float:
    """Return the share of the net that `min_ratio` costs, from `sweeps.ratio`."""
    row = ratios.loc[ratios["min_ratio"] == settings.fairness.min_ratio, "lost"]
    return float(row.iloc[0]) if len(row) else 0.0
