"""What the tiers come to, for people: tables, metrics and words."""

import numpy as np
import pandas as pd

from membership.settings.tiers import Tiers
from membership.tiers import rules
from membership.tiers.points import Books
from membership.tiers.rules import Rule
from membership.tiers.thresholds import Search
from membership.tiers.worth import MONTH, Appraisal, Terms

NEAR = (0.05, 0.1, 0.2)  # shares of the next threshold


def amount(value: float, settings: Tiers) -> str:
    """Return a qualifying amount in words: units of currency, or points."""
    return f"{value / 100:,.0f}" if settings.qualify_by == "spend" else f"{value:,.0f} points"


def rule_table(appraisal: Appraisal, settings: Tiers) -> pd.DataFrame:
    """Return the rule as a member reads it and what it is expected to bring; index tier, money in cents.

    reach, keep (in words), points_multiplier, cost_month (a member), uplift (assumed), members (in the last month of
    the replay), gain, cost, net (over the horizon, beyond everybody's being in the entry tier).
    """
    rule = appraisal.rule
    keep = [rules.safe(threshold, rule.grace_share) for threshold in rule.thresholds]
    table = pd.DataFrame(
        {
            "reach": [amount(threshold, settings) for threshold in rule.thresholds],
            "keep": [amount(threshold, settings) for threshold in keep],
            "points_multiplier": [f"x{level.points_multiplier:g}" for level in settings.levels],
            "cost_month": [level.cost for level in settings.levels],
            "uplift": [level.uplift for level in settings.levels],
        },
        index=appraisal.levels.index,
    )
    return table.join(appraisal.levels.drop(columns="threshold"))


def by_tier(standing: pd.DataFrame, value: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return one row a tier: members, share, value (mean, cents), value_share, points (sum), near_next, about_to_drop.

    near_next: members who lack less than a tenth of the next threshold.
    """
    facts = standing.merge(value[["member_id", "value"]], on="member_id", how="left")
    facts["near_next"] = _distance(facts) < NEAR[1]
    table = facts.groupby("tier").agg(
        members=("member_id", "size"),
        value=("value", "mean"),
        worth=("value", "sum"),
        points=("points", "sum"),
        near_next=("near_next", "sum"),
        about_to_drop=("about_to_drop", "sum"),
    )
    table = table.reindex(pd.Index(settings.names, name="tier"))
    counts = ["members", "worth", "points", "near_next", "about_to_drop"]
    table[counts] = table[counts].fillna(0)
    table["share"] = table["members"] / max(len(facts), 1)
    table["value_share"] = table["worth"] / max(table["worth"].sum(), 1e-9)
    columns = ["members", "share", "value", "value_share", "points", "near_next", "about_to_drop"]
    return table[columns].astype(dict.fromkeys(["members", "points", "near_next", "about_to_drop"], int))


def agreement(standing: pd.DataFrame, value: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return members by the tier that their value calls for (rows) and the tier they are in (columns).

    Value calls for the top tier for as many of the best members by value as are in it, and so on; ties by member_id.
    """
    facts = standing.merge(value[["member_id", "value"]], on="member_id", how="left")
    best = facts.sort_values(["value", "member_id"], ascending=[False, True])
    called = pd.Series(np.sort(facts["tier_rank"].to_numpy())[::-1], index=best.index).reindex(facts.index)
    ranks = range(len(settings.levels))
    table = pd.crosstab(called, facts["tier_rank"]).reindex(index=ranks, columns=ranks, fill_value=0)
    return table.set_axis(settings.names).set_axis(settings.names, axis=1).rename_axis(index="by value", columns="tier")


def by_month(ranks: pd.DataFrame, spend: pd.DataFrame, books: Books, terms: Terms) -> pd.DataFrame:
    """Return what each tier held and cost in each month, by the tier in which members began it.

    Columns as_of (month end), tier, members, value (cents of margin on the month's spend), running (cents of cost a
    member-month) and points (cents: points earned less reversed, at `terms.point_cost`).
    """
    names, months, cost = ranks.columns, terms.settings.names, terms.levels("cost")
    parts = []
    for month, day in enumerate(names):
        rank = ranks.iloc[:, month - 1].to_numpy() if month else np.zeros(len(ranks), dtype="int8")
        net = books.earned.iloc[:, month].to_numpy() - books.reversed.iloc[:, month].to_numpy()
        sums = [np.bincount(rank, weights, len(months)) for weights in (None, spend.iloc[:, month].to_numpy(), net)]
        parts.append(
            pd.DataFrame(
                {
                    "as_of": day,
                    "tier": months,
                    "members": sums[0],
                    "value": sums[1] * terms.margin_rate,
                    "running": sums[0] * cost,
                    "points": sums[2] * terms.point_cost,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def shares(monthly: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return each tier's share of `column` of `by_month`: index as_of, one column a tier; rows add up to 1."""
    wide = monthly.pivot_table(index="as_of", columns="tier", values=column)[monthly["tier"].unique()]
    return wide.div(wide.sum(axis=1).where(lambda total: total > 0), axis=0).rename_axis(columns=None)


def distances(standing: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return how far members below the top tier are from the next one: next_tier, missing (share of its threshold)."""
    below = standing[standing["tier_rank"] < len(rule.names) - 1]
    next_tier = pd.Categorical(below["next_tier"], categories=list(rule.names[1:]), ordered=True)
    return pd.DataFrame({"next_tier": next_tier, "missing": _distance(below)})


def near_next(standing: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return how many members lack less than 5, 10 and 20 % of the next tier's threshold: index next_tier."""
    found = distances(standing, rule)
    columns = {
        f"within {share:.0%}": (found["missing"] < share).groupby(found["next_tier"], observed=False).sum()
        for share in NEAR
    }
    return pd.DataFrame(columns).astype(int)


def dropping(standing: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return by tier above the entry tier: members, in_grace, about_to_drop, to_keep (median, in words)."""
    held = standing[standing["tier_rank"] > 0]
    names = pd.Index(settings.names[1:], name="tier")
    drops = held[held["about_to_drop"]]
    table = pd.DataFrame(
        {
            "members": held.groupby("tier").size(),
            "in_grace": held["grace_left"].notna().groupby(held["tier"]).sum(),
            "about_to_drop": drops.groupby("tier").size(),
        }
    )
    keep = drops.groupby("tier")["to_keep"].median().reindex(names)
    words = [amount(value, settings) if value == value else "-" for value in keep]
    return table.reindex(names).fillna(0).astype(int).assign(to_keep=words)


def owed(liability: pd.DataFrame, lots: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    """Return the points outstanding by the month of earning: months (to expiry, from now), points, cost (cents).

    Cost is what is expected to be redeemed of them: at `terms.point_cost`.
    """
    months = (lots["expires_at"] - liability.index[-1]).dt.days / MONTH
    table = pd.DataFrame({"months": months.clip(lower=0), "points": lots["points"]})
    return table.assign(cost=table["points"] * terms.point_cost)


def metrics(
    search: Search, by_tier: pd.DataFrame, agreement: pd.DataFrame, moves: pd.DataFrame, owed: pd.DataFrame
) -> dict[str, float]:
    """Return the metrics of the tiers. Money in cents; shares 0 to 1."""
    members, found = max(int(by_tier["members"].sum()), 1), search.appraisal
    names = found.rule.names[1:]
    return {
        "members": members,
        **{f"member_share_{name.lower()}": float(share) for name, share in by_tier["share"].items()},
        **{f"value_share_{name.lower()}": float(share) for name, share in by_tier["value_share"].items()},
        **{f"threshold_{name.lower()}": at for name, at in zip(names, found.rule.thresholds[1:], strict=True)},
        "tiers_gain": found.gain,
        "tiers_cost": found.cost,
        "tiers_net": found.net,
        "tiers_moves_per_year": float(found.moves),
        "tier_agreement": float(np.trace(agreement) / members),
        "promoted_last_month": int(moves["up"].iloc[-1]),
        "demoted_last_month": int(moves["down"].iloc[-1]),
        "near_next_share": float(by_tier["near_next"].sum() / members),
        "about_to_drop_share": float(by_tier["about_to_drop"].sum() / members),
        "points_outstanding": int(owed["points"].sum()),
        "points_liability": float(owed["cost"].sum()),
    }


def conclusion(search: Search, by_tier: pd.DataFrame, metrics: dict[str, float], sensitivity: pd.DataFrame) -> str:
    """Say in words, as Markdown, what was found of the tiers."""
    terms, top = search.choices.terms, by_tier.iloc[-1]
    settings, limits, rule = terms.settings, terms.settings.search, search.rule
    at = [f"{name} from {amount(t, settings)}" for name, t in zip(rule.names[1:], rule.thresholds[1:], strict=True)]
    origin = "listed in `params.yaml`" if settings.thresholds else "of those tried, none bring more"
    return (
        f"**{', '.join(at)}** in {settings.qualifying_days} days: {origin}. Over the next {terms.horizon_days} days "
        f"the tiers are expected to cost {metrics['tiers_cost'] / 100:,.0f} of a budget of {limits.budget / 100:,.0f}, "
        f"with {metrics['tiers_moves_per_year']:.2f} moves a member and year of at most {limits.max_moves_per_year:g}, "
        f"and to bring {metrics['tiers_net'] / 100:,.0f} more margin than that **if members respond as assumed**; were "
        f"every uplift one standard deviation lower, {sensitivity.loc['lower', 'net'] / 100:,.0f}. The top tier, "
        f"*{by_tier.index[-1]}*, holds {top['share']:.1%} of members and {top['value_share']:.0%} of value; "
        f"{metrics['tier_agreement']:.0%} of members are in the tier that their value calls for. "
        f"{metrics['near_next_share']:.1%} lack less than a tenth of the next threshold, and "
        f"{metrics['about_to_drop_share']:.1%} lose their tier at the next month end unless they buy. "
        f"{metrics['points_outstanding']:,} points are outstanding, expected to cost "
        f"{metrics['points_liability'] / 100:,.0f}. The replay does not show how members would have changed."
    )


def _distance(standing: pd.DataFrame) -> pd.Series:
    """Return what is missing to the next tier as a share of its threshold; infinite in the top tier."""
    threshold = standing["qualifying"] + standing["to_next"]
    return (standing["to_next"] / threshold).where(standing["next_tier"].notna(), np.inf)
