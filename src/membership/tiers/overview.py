"""What the tiers come to: tables and metrics."""

import numpy as np
import pandas as pd

from membership.base import keys
from membership.settings.tiers import Tiers
from membership.tiers import rules
from membership.tiers.liability import Owed
from membership.tiers.points import Books
from membership.tiers.rules import Rule
from membership.tiers.thresholds import Search
from membership.tiers.worth import Appraisal, Terms

NEAR = 0.1  # share of the next threshold that is missing, below which a member is near it


def rule_table(appraisal: Appraisal, settings: Tiers, confidence: float) -> pd.DataFrame:
    """Return the rule and what it is expected to bring; index tier, money in cents.

    threshold (what it takes to rise), safe (what it takes to stay), points_multiplier, cost_month (a member), uplift
    (as used), members (in the last month of the replay), gain, cost, net (over the horizon, compared with everybody in
    the entry tier), net_low, net_high and p_pays (chance of a net above 0), from how uncertain the uplifts are.
    """
    rule = appraisal.rule
    table = pd.DataFrame(
        {
            "threshold": rule.thresholds,
            "safe": [rules.safe(threshold, rule.grace_share) for threshold in rule.thresholds],
            "points_multiplier": [level.points_multiplier for level in settings.levels],
            "cost_month": [level.cost for level in settings.levels],
            "uplift": [level.uplift for level in settings.levels],
        },
        index=appraisal.levels.index,
    )
    return table.join(appraisal.by_level(confidence).drop(columns="threshold"))


def by_tier(standing: pd.DataFrame, value: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return one row a tier: members, share, value (mean, cents), value_share, points (sum), near_next, about_to_drop.

    near_next: members who lack less than a tenth of the next threshold.
    """
    facts = standing.merge(value[["member_id", "value"]], on="member_id", how="left")
    facts["near_next"] = _distance(facts) < NEAR
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


def distances(standing: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return how far members below the top tier are from the next one: next_tier, missing (share of its threshold)."""
    below = standing[standing["tier_rank"] < len(rule.names) - 1]
    next_tier = pd.Categorical(below["next_tier"], categories=list(rule.names[1:]), ordered=True)
    return pd.DataFrame({"next_tier": next_tier, "missing": _distance(below)})


def dropping(standing: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return by tier above the entry tier: members, in_grace, about_to_drop, to_keep.

    to_keep is the median of what those about to drop need to stay, in the unit of `qualifying`; NaN where there are
    none.
    """
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
    return table.reindex(names).fillna(0).astype(int).assign(to_keep=keep)


def metrics(
    search: Search,
    by_tier: pd.DataFrame,
    agreement: pd.DataFrame,
    moves: pd.DataFrame,
    owed: Owed,
    knowing: float,
    confidence: float,
) -> dict[str, float]:
    """Return the metrics of the tiers. Money in cents; shares 0 to 1; `confidence` is of the net's range.

    `knowing`: see `risk.value_of_knowing`.
    """
    members, found = max(int(by_tier["members"].sum()), 1), search.appraisal
    low, high = found.range(confidence)
    names, key = found.rule.names[1:], keys.of(found.rule.names)
    return {
        "members": members,
        **{f"member_share_{key[name]}": float(share) for name, share in by_tier["share"].items()},
        **{f"value_share_{key[name]}": float(share) for name, share in by_tier["value_share"].items()},
        **{f"threshold_{key[name]}": at for name, at in zip(names, found.rule.thresholds[1:], strict=True)},
        "tiers_gain": found.gain,
        "tiers_cost": found.cost,
        "tiers_net": found.net,
        "tiers_net_low": low,
        "tiers_net_high": high,
        "tiers_net_all_lower": found.net - float(found.spread.sum()),  # every uplift one standard deviation lower
        "tiers_p_pays": found.p_pays,
        "tiers_value_of_knowing": knowing,  # what it would add to know the uplifts before choosing
        "tiers_moves_per_year": float(found.moves),
        "tier_agreement": float(np.trace(agreement) / members),
        "promoted_last_month": int(moves["up"].iloc[-1]),
        "demoted_last_month": int(moves["down"].iloc[-1]),
        "near_next_share": float(by_tier["near_next"].sum() / members),
        "about_to_drop_share": float(by_tier["about_to_drop"].sum() / members),
        "points_outstanding": int(owed.by_lot["points"].sum()),
        "points_liability": owed.cents,
        "points_liability_low": owed.low,
        "points_liability_high": owed.high,
        "points_liability_most": owed.most,
    }


def sizes(by_tier: pd.DataFrame, moves: pd.DataFrame) -> list[dict[str, int]]:
    """Return how many members the `metrics` of groups tell of: metric -> members, of the same arguments."""
    key, whole = keys.of(by_tier.index), by_tier["members"].sum()
    told = {"promoted_last_month": moves["up"].iloc[-1], "demoted_last_month": moves["down"].iloc[-1]}
    told |= {f"{name}_share": by_tier[name].sum() for name in ("near_next", "about_to_drop")}
    parts = [{f"{name}_share_{key[tier]}": n for tier, n in by_tier["members"].items()} for name in ("member", "value")]
    return [*parts, *({name: int(n), "others": int(whole - n)} for name, n in told.items())]


def _distance(standing: pd.DataFrame) -> pd.Series:
    """Return what is missing to the next tier as a share of its threshold; infinite in the top tier."""
    threshold = standing["qualifying"] + standing["to_next"]
    return (standing["to_next"] / threshold).where(standing["next_tier"].notna(), np.inf)
