"""What the tiers and benefits come to, for people."""

import pandas as pd

from membership.base.programme_knobs import Benefits, Tiers
from membership.programme.benefits import Allocation
from membership.programme.tiers import Rule


def rule_table(rule: Rule, settings: Tiers) -> pd.DataFrame:
    """Return the rule as a member would read it: spend to reach and to keep each tier (cents), points multiplier."""
    levels = pd.Index(rule.names, name="tier")
    reach = pd.Series(rule.thresholds, index=levels, dtype=float)
    multiplier = [f"x{level.points_multiplier:g}" for level in settings.levels]
    return pd.DataFrame({"reach": reach, "keep": (1 - rule.grace_share) * reach, "points_multiplier": multiplier})


def by_tier(standing: pd.DataFrame, value: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return one row a tier: members, share, planned (shares of members), value (mean, cents), value_share, points
    (sum), about_to_drop (members).
    """
    names = [level.name for level in settings.levels]
    facts = standing.merge(value[["member_id", "value"]], on="member_id", how="left")
    groups = facts.groupby("tier")
    table = groups.agg(
        members=("member_id", "size"),
        value=("value", "mean"),
        worth=("value", "sum"),
        points=("points", "sum"),
        about_to_drop=("about_to_drop", "sum"),
    ).reindex(names)
    counts = ["members", "worth", "points", "about_to_drop"]
    table[counts] = table[counts].fillna(0)
    table["share"] = table["members"] / max(len(facts), 1)
    table["planned"] = [level.share for level in settings.levels]
    table["value_share"] = table["worth"] / max(table["worth"].sum(), 1e-9)
    columns = ["members", "share", "planned", "value", "value_share", "points", "about_to_drop"]
    return table[columns].astype({"members": int, "points": int, "about_to_drop": int}).rename_axis("tier")


def agreement(standing: pd.DataFrame, value_tier: pd.Series, settings: Tiers) -> pd.DataFrame:
    """Return members by the tier that value calls for (rows) and the tier that spend has given them (columns)."""
    names = [level.name for level in settings.levels]
    table = pd.crosstab(value_tier, standing.set_index("member_id")["tier"])
    return table.reindex(index=names, columns=names, fill_value=0).rename_axis(index="by value", columns="by spend")


def cost_table(allocation: Allocation, settings: Tiers, benefits: Benefits) -> pd.DataFrame:
    """Return expected cost (cents) by tier (rows) and benefit of the catalogue (columns)."""
    names = [level.name for level in settings.levels]
    sums = allocation.chosen.pivot_table(index="tier_rank", columns="benefit", values="cost", aggfunc="sum")
    table = sums.reindex(index=range(len(names)), columns=[benefit.name for benefit in benefits.catalogue])
    return table.fillna(0.0).set_axis(pd.Index(names, name="tier")).rename_axis(columns=None)


def benefit_table(candidates: pd.DataFrame, allocation: Allocation, benefits: Benefits) -> pd.DataFrame:
    """Return one row a benefit: who may have it, for which share of them it pays, who gets it, cost, gain (cents)."""
    names = [benefit.name for benefit in benefits.catalogue]
    pays = candidates["gain"] > candidates["cost"]
    table = pd.DataFrame(
        {
            "may_have": candidates.groupby("benefit").size(),
            "pays_for": pays.groupby(candidates["benefit"]).mean(),
            "given": allocation.chosen.groupby("benefit").size(),
            "cost": allocation.chosen.groupby("benefit")["cost"].sum(),
            "gain": allocation.chosen.groupby("benefit")["gain"].sum(),
        }
    ).reindex(names)
    counts = ["may_have", "given", "cost", "gain"]
    return table.fillna(dict.fromkeys(counts, 0)).astype({"may_have": int, "given": int}).rename_axis("benefit")


def metrics(
    by_tier: pd.DataFrame, agreement: pd.DataFrame, moves: pd.DataFrame, allocation: Allocation, budget: float
) -> dict[str, float]:
    """Return the stage's metrics. Money in cents; shares 0 to 1."""
    members = max(int(by_tier["members"].sum()), 1)
    return {
        "members": members,
        **{f"member_share_{name.lower()}": float(share) for name, share in by_tier["share"].items()},
        **{f"value_share_{name.lower()}": float(share) for name, share in by_tier["value_share"].items()},
        "tier_agreement": float(sum(agreement.iloc[i, i] for i in range(len(agreement))) / members),
        "promoted_last_month": int(moves["up"].iloc[-1]),
        "demoted_last_month": int(moves["down"].iloc[-1]),
        "about_to_drop_share": float(by_tier["about_to_drop"].sum() / members),
        "points_outstanding": int(by_tier["points"].sum()),
        "benefit_budget": budget,
        "benefit_cost": allocation.cost,
        "benefit_net": allocation.net,
        "benefit_gap": allocation.gap,
        "benefit_shadow_price": allocation.shadow_price,
        "benefit_member_share": allocation.chosen["member_id"].nunique() / members,
    }


def conclusion(by_tier: pd.DataFrame, benefits: pd.DataFrame, metrics: dict[str, float], horizon_days: int) -> str:
    """Say in words, as Markdown, what the stage found; `benefits` is `benefit_table`."""
    top = by_tier.iloc[-1]
    idle = benefits[benefits["given"] == 0]
    reasons = {"would not pay for anybody": idle["pays_for"] == 0, "pays less than others do": idle["pays_for"] > 0}
    unused = "".join(
        f" Not given, since it {reason}: {', '.join(idle.index[those]).replace('_', ' ')}."
        for reason, those in reasons.items()
        if those.any()
    )
    return (
        f"The top tier, *{by_tier.index[-1]}*, holds {top['share']:.1%} of members and {top['value_share']:.0%} of "
        f"value. {metrics['tier_agreement']:.0%} of members are in the tier that their predicted value calls for; in "
        f"the last month {metrics['promoted_last_month']} rose and {metrics['demoted_last_month']} fell. Benefits "
        f"for the next {horizon_days} days cost {metrics['benefit_cost'] / 100:,.2f} of a budget of "
        f"{metrics['benefit_budget'] / 100:,.2f} and would bring "
        f"{metrics['benefit_net'] / 100:,.2f} more margin than that, and one more unit of budget "
        f"{metrics['benefit_shadow_price']:.2f} more, **if members respond as `params.yaml` assumes**: the response "
        f"is an assumption, not a finding.{unused}"
    )
