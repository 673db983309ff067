"""What the programme is expected to cost and bring, by tier."""

import pandas as pd

from membership.stats import ranges

_TOTALS = ("members", "value", "repurchasing", "cost", "gain", "net", "net_low", "net_high")
ALL = "all"  # the tier of the row that sums over all


def by_tier(value: pd.DataFrame, tiers: pd.DataFrame, allocations: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return table `programme`: one row a tier, from the entry tier up, then `ALL`; money in cents over the horizon.

    Columns: tier, tier_rank, members, value (margin forecast, summed), repurchasing (expected members with an order
    within economics.repurchase_days), with_benefits (members who get one), cost, gain (assumed), net (gain less cost),
    net_low and net_high (from how uncertain the responses are, which are off by the same for everybody: a tier's range
    is its part of that of all).
    """
    spent = allocations.groupby("member_id")[["cost", "gain"]].sum()
    members = tiers[["member_id", "tier", "tier_rank"]].merge(value[["member_id", "value", "p_repurchase"]])
    members = members.sort_values("member_id").join(spent, on="member_id")
    members["with_benefits"] = members["cost"].notna()
    whole = members.assign(tier=ALL, tier_rank=int(members["tier_rank"].max()) + 1)
    sums = {
        "members": ("member_id", "count"),
        "value": ("value", "sum"),
        "repurchasing": ("p_repurchase", "sum"),
        "with_benefits": ("with_benefits", "sum"),
        "cost": ("cost", "sum"),
        "gain": ("gain", "sum"),
    }
    both = pd.concat([members, whole], ignore_index=True)
    table = both.groupby(["tier_rank", "tier"]).agg(**sums).reset_index()
    table = table.astype({"members": int, "with_benefits": int}).assign(net=table["gain"] - table["cost"])
    spread = both[["member_id", "tier"]].merge(allocations[["member_id", "spread"]])
    sd = spread.groupby("tier")["spread"].sum().reindex(table["tier"], fill_value=0.0).abs().to_numpy()
    low, high = ranges.normal(table["net"], sd, confidence)
    return table.assign(net_low=low, net_high=high)


def total(programme: pd.DataFrame) -> pd.Series:
    """Return the row of `by_tier` that sums over all tiers."""
    return programme[programme["tier"] == ALL].iloc[0].drop("tier")


def flat(programme: pd.DataFrame, budget: float) -> dict[str, float]:
    """Return the programme's totals as flat metrics; `budget` is of benefits, in cents."""
    whole = total(programme)
    found = {f"programme_{name}": whole[name] for name in _TOTALS}
    return found | {"programme_budget_used": whole["cost"] / budget if budget else 0.0}
