"""What the programme is expected to cost and bring, by tier."""

import pandas as pd


def by_tier(value: pd.DataFrame, tiers: pd.DataFrame, allocations: pd.DataFrame) -> pd.DataFrame:
    """Return table `programme`: one row a tier, from the entry tier up; money in cents over the horizon.

    Columns: tier, tier_rank, members, value (margin forecast, summed), repurchasing (expected members with an order
    within economics.repurchase_days), with_benefits (members who get one), cost, gain (assumed), net (gain less cost).
    """
    spent = allocations.groupby("member_id")[["cost", "gain"]].sum()
    members = tiers[["member_id", "tier", "tier_rank"]].merge(value[["member_id", "value", "p_repurchase"]])
    members = members.sort_values("member_id").join(spent, on="member_id")
    members["with_benefits"] = members["cost"].notna()
    sums = {
        "members": ("member_id", "count"),
        "value": ("value", "sum"),
        "repurchasing": ("p_repurchase", "sum"),
        "with_benefits": ("with_benefits", "sum"),
        "cost": ("cost", "sum"),
        "gain": ("gain", "sum"),
    }
    table = members.groupby(["tier_rank", "tier"]).agg(**sums).reset_index()
    table = table.astype({"members": int, "with_benefits": int})
    return table.assign(net=table["gain"] - table["cost"])


def total(programme: pd.DataFrame) -> pd.Series:
    """Return the sums over all tiers of `by_tier`."""
    sums = programme.sort_values("tier_rank").drop(columns=["tier", "tier_rank"]).sum()
    return pd.Series({**sums, "members": int(sums["members"]), "net": sums["gain"] - sums["cost"]}, dtype=object)


def flat(programme: pd.DataFrame, budget: float) -> dict[str, float]:
    """Return the programme's totals as flat metrics; `budget` is of benefits, in cents."""
    whole = total(programme)
    found = {f"programme_{name}": whole[name] for name in ("members", "value", "repurchasing", "cost", "gain", "net")}
    return found | {"programme_budget_used": whole["cost"] / budget if budget else 0.0}
