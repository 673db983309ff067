"""What the benefits come to: tables and metrics."""

import numpy as np
import pandas as pd

from membership.benefits import fairness
from membership.benefits.allocation import Allocation
from membership.benefits.explore import Explored
from membership.benefits.lift import lift
from membership.benefits.options import NOTHING
from membership.benefits.payoff import Outlook, Setting
from membership.campaigns.reaction import Reaction
from membership.settings.benefits import Benefits
from membership.settings.tiers import Tiers
from membership.stats import ranges

PARTS = ("held_out", "exploring", "allocated")
BANDS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.0)  # of the chance of an order


def benefit_table(allocation: Allocation, break_even: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return `by_benefit`, and of `payoff.break_even` (of giving it to all who may have it) break_even, uplift,
    uplift_sd and p_pays.
    """
    overall = break_even[break_even["tier"] == "all"].set_index("benefit")
    return by_benefit(allocation, confidence).join(overall[["break_even", "uplift", "uplift_sd", "p_pays"]])


def by_benefit(allocation: Allocation, confidence: float) -> pd.DataFrame:
    """Return one row a benefit: may_have (members), pays_for (share of them), given (members), cost, gain and net
    (cents), net_low and net_high (from how uncertain the response is), orders (extra), deadweight (cents of the cost on
    orders that would have come anyway).
    """
    options, choice = allocation.options, allocation.choice
    may, count = options.allowed.sum(axis=0), len(options.benefits)
    cost, gain, orders = (options.split(values, choice) for values in (options.cost, options.gain, options.orders))
    table = pd.DataFrame(
        {
            "may_have": may,
            "pays_for": options.pays[:, :count].sum(axis=0) / may.clip(min=1),
            "given": allocation.given.sum(axis=0),
            "cost": cost.sum(axis=0),
            "gain": gain.sum(axis=0),
            "orders": orders.sum(axis=0),
            "deadweight": (cost * options.anyway(choice)[:, None]).sum(axis=0),
        },
        index=pd.Index(options.benefits, name="benefit"),
    )
    table["net"] = table["gain"] - table["cost"]
    off = ranges.sd(options.doubts(choice)[:count], axis=1)
    table["net_low"], table["net_high"] = ranges.normal(table["net"], off, confidence)
    return table


def cost_table(allocation: Allocation, settings: Tiers) -> pd.DataFrame:
    """Return expected cost (cents) by tier (rows) and benefit of the catalogue (columns)."""
    options = allocation.options
    spent = pd.DataFrame(options.split(options.cost, allocation.choice), columns=list(options.benefits))
    names = [level.name for level in settings.levels]
    table = spent.groupby(options.tier_rank).sum().reindex(range(len(names)), fill_value=0.0)
    return table.set_axis(pd.Index(names, name="tier"))


def where(allocation: Allocation, groups: pd.Series, confidence: float) -> pd.DataFrame:
    """Return where the money goes, by group of members, e.g. `chance_bands` or the lifecycle stage.

    Index group; columns members, with_benefits, cost (cents), share (of all cost), orders (extra), deadweight (cents of
    the cost on orders that would have come anyway), net with net_low and net_high (cents).
    """
    options, choice = allocation.options, allocation.choice
    cost, gain, orders = (options.taken(values, choice) for values in (options.cost, options.gain, options.orders))
    told = {"members": 1, "with_benefits": choice != NOTHING, "cost": cost, "orders": orders}
    frame = pd.DataFrame(told | {"deadweight": cost * options.anyway(choice), "net": gain - cost})
    table = frame.groupby(groups.to_numpy(), observed=False).sum().rename_axis("group")
    table.insert(3, "share", table["cost"] / max(table["cost"].sum(), 1e-12))
    each = [options.doubts(np.where((groups == name).to_numpy(), choice, NOTHING)) for name in table.index]
    sd = np.array([ranges.sd(doubts.sum(axis=0)) for doubts in each])
    table["net_low"], table["net_high"] = ranges.normal(table["net"], sd, confidence)
    return table.astype({"members": int, "with_benefits": int})


def chance_bands(facts: pd.DataFrame) -> pd.Series:
    """Return the band of each member's chance of an order, as ordered categories."""
    return pd.cut(facts["chance"], BANDS, include_lowest=True)


def assumed_and_learned(before: Reaction, after: Reaction, facts: pd.DataFrame, allowed: np.ndarray) -> pd.DataFrame:
    """Return each benefit's response as assumed and as believed now, over those `allowed`, weighted by expected spend.

    Index benefit; columns assumed, assumed_sd, uplift, uplift_sd (of the mean; errors are shared by members), source.
    """
    rows, spend = [], facts["expected_spend"].to_numpy(dtype=float)
    told = [lift(facts, one, after.benefits) for one in (before, after)]
    for at in range(len(after.benefits)):
        who = np.flatnonzero(allowed[:, at])
        weight = spend[who] / max(spend[who].sum(), 1e-12)
        means = [float(weight @ one.of([at])[1][who]) for one in told]
        sds = [ranges.sd(one.doubts([at], who, np.zeros(len(who)), weight).sum(axis=(0, 1))) for one in told]
        rows.append((means[0], sds[0], means[1], sds[1], after.source[at]))
    columns = ["assumed", "assumed_sd", "uplift", "uplift_sd", "source"]
    return pd.DataFrame(rows, index=pd.Index(after.benefits, name="benefit"), columns=columns)


def exploring(made: Explored) -> pd.DataFrame:
    """Return what is given to members held out, exploring and all others.

    Index part (held_out, exploring, allocated); columns members, with_benefits, cost, orders (extra) and net (cents).
    """
    allocation = made.allocation
    options, choice = allocation.options, allocation.choice
    part = np.select([made.held_out, made.exploring], PARTS[:2], PARTS[2])
    cost, gain, orders = (options.taken(values, choice) for values in (options.cost, options.gain, options.orders))
    told = {"members": 1, "with_benefits": choice != NOTHING, "cost": cost, "orders": orders, "net": gain - cost}
    return pd.DataFrame(told).groupby(part).sum().reindex(PARTS, fill_value=0).rename_axis("part")


def exploring_metrics(parts: pd.DataFrame) -> dict[str, float]:
    """Return the metrics of `exploring`: shares of members and of the cost."""
    members, cost = parts["members"] / max(parts["members"].sum(), 1), parts["cost"] / max(parts["cost"].sum(), 1e-12)
    return {
        "benefit_held_out_share": float(members["held_out"]),
        "benefit_explored_share": float(members["exploring"]),
        "benefit_explored_cost_share": float(cost["exploring"]),
    }


def learned_metrics(told: pd.DataFrame) -> dict[str, float]:
    """Return the mean uplift of every benefit for which there is evidence, from `assumed_and_learned`."""
    some = told[told["source"] != "assumed"]["uplift"]
    return {f"response_{benefit}": float(uplift) for benefit, uplift in some.items()}


def uplifts(setting: Setting) -> pd.DataFrame:
    """Return table `uplifts`: one row a member and benefit that the member may have, by member and benefit."""
    chance, told = setting.lift.chance, setting.lift.reaction
    uplift, sd = told.uplifts(setting.facts)
    member, benefit = np.nonzero(setting.allowed)
    return pd.DataFrame(
        {
            "member_id": setting.facts["member_id"].to_numpy()[member],
            "benefit": np.array(told.benefits)[benefit],
            "chance": chance[member],
            "chance_with": told.chances(setting.facts)[member, benefit],
            "uplift": uplift[member, benefit],
            "uplift_sd": sd[member, benefit],
            "source": np.array(told.source)[benefit],
        }
    ).sort_values(["member_id", "benefit"], ignore_index=True)


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
    members, cost, orders = max(len(allocation.given), 1), allocation.cost, allocation.orders
    return {
        "benefit_budget": budget,
        "benefit_cost": cost,
        "benefit_net": allocation.net,
        "benefit_net_low": outlook.low,
        "benefit_net_high": outlook.high,
        "benefit_p_pays": outlook.p_pays,
        "benefit_orders": orders,
        "benefit_cost_per_order": cost / orders if orders > 0 else 0.0,
        "benefit_deadweight_share": allocation.deadweight / cost if cost else 0.0,
        "benefit_gap": allocation.gap,
        "benefit_shadow_price": allocation.shadow_price,
        "benefit_shadow_price_low": prices[0],
        "benefit_shadow_price_high": prices[1],
        "benefit_member_share": float((allocation.choice != NOTHING).sum() / members),
        "fairness_smallest_ratio": fairness.smallest_ratio(fair),
        "fairness_lost_share": lost,
    }


def lost_to_fairness(ratios: pd.DataFrame, settings: Benefits) -> float:
    """Return the share of the net that `min_ratio` costs, from `sweeps.ratio`."""
    row = ratios.loc[ratios["min_ratio"] == settings.fairness.min_ratio, "lost"]
    return float(row.iloc[0]) if len(row) else 0.0
