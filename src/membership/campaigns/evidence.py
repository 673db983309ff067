"""From campaigns to beliefs: randomised ones are learned from row by row, others as effects with their bias.

`campaigns.evidence` says which kinds of campaign speak for which benefit. A campaign is taken to do in the days after
its start what the benefit does at any time. Where a kind has randomised campaigns, its others are not used.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from membership.campaigns import reaction
from membership.campaigns.audience import Audience
from membership.campaigns.effects import Estimates
from membership.campaigns.reaction import Reaction
from membership.settings.campaigns import Campaigns
from membership.stats import pooling

_SURE = 0.999  # chances nearer to 1 say no more of how many orders there will be


def learned(
    prior: Reaction,
    panel: Audience,
    found: Estimates,
    tiers: Sequence[str],
    settings: Campaigns,
) -> Reaction:
    """Return `prior` after the campaigns of `panel` that are evidence for its benefits; `found`: `effects.estimate`.

    `tiers`: names from the entry tier up. Randomised campaigns are learned from one after another, with all their arms.
    Other kinds tell, of all whom they can be compared for, by how much more members order: a level, as unsure as its
    sampling error and the whole bias that placebos reveal, and nothing about who responds more. An estimate with too
    few members in an arm (`settings.min_ess`) is not used, so that benefits with thin data keep their assumption.
    """
    belief, rows = prior, members(panel, found, tiers)
    kinds = {name: settings.evidence[name] for name in prior.benefits if name in settings.evidence}
    for log in logs(rows, kinds):
        belief = reaction.learn(belief, log)
    drawn = set(rows.loc[rows["source"] == "randomised", "kind"])
    for effect in _usable(found.effects).itertuples():
        those = rows[(rows["kind"] == effect.kind) & (rows["source"] == "observational") & rows["kept"]]
        for benefit, evidence in kinds.items():
            if effect.kind in evidence and effect.kind not in drawn and effect.source == "observational":
                error = float(np.hypot(effect.uplift_sd, effect.systematic))
                belief = reaction.told(belief, benefit, _by_orders(those), effect.uplift, error, "observational")
    return belief


def members(panel: Audience, found: Estimates, tiers: Sequence[str]) -> pd.DataFrame:
    """Return the rows of `panel` whose kind could be judged, as members were at each campaign's start.

    Columns campaign, start, kind, source, member_id, treated, given (propensity of the arm got), kept; ordered, spend
    (cents) within `repurchase_days`; and what a reaction may depend on: chance (of an order if not reached, from other
    members), days_since_last, expected_orders (that chance allows, were orders independent), expected_spend (cents: as
    much an order as until then), tier, tier_rank (NaN where unknown), stage.
    """
    rows, x = panel.rows.join(found.chances.drop(columns="kind"), how="inner"), panel.x
    known, ranks = x.loc[rows.index], {tier: rank for rank, tier in enumerate(tiers)}
    orders = -np.log1p(-rows["chance"].clip(0, _SURE))
    rows = rows.assign(
        spend=rows["near"],
        days_since_last=np.exp(known["log days since order"]),
        expected_orders=orders,
        expected_spend=orders * np.expm1(known["log spend a day"]) / np.exp(known["log orders a day"]),
        tier_rank=rows["tier"].map(ranks).astype(float),
    )
    names = ["campaign", "start", "kind", "source", "member_id", "treated", "given", "kept", "ordered", "spend"]
    names += ["chance", "days_since_last", "expected_spend", "expected_orders", "tier", "tier_rank", "stage"]
    return rows[names]


def logs(rows: pd.DataFrame, kinds: dict[str, list[str]]) -> list[pd.DataFrame]:
    """Return one log for each randomised campaign that is evidence, as `reaction.learn` takes it, oldest first.

    rows: `members`; kinds: benefit -> its kinds of campaign. One row a member, with a column of bool for each benefit
    that one of the campaign's arms speaks for; arms that speak for none are left out.
    """
    told, found = {kind for names in kinds.values() for kind in names}, []
    used = rows[(rows["source"] == "randomised") & rows["kind"].isin(told)]
    for _, part in used.groupby(["start", "campaign"], sort=True):
        log = part.sort_values("treated", kind="stable").drop_duplicates("member_id", keep="last")
        given = {name: log["treated"] & log["kind"].isin(names) for name, names in kinds.items()}
        found.append(log.assign(**{name: those for name, those in given.items() if those.any()}))
    return found


def said(found: Estimates, kinds: dict[str, list[str]]) -> pd.DataFrame:
    """Return by how much more members order because of the campaigns that speak for each benefit: index benefit.

    Columns campaigns, campaigns_sd: the share of orders of those whom campaigns could be judged for, kinds pooled by
    precision, with the bias that placebos reveal. They were other members at other times than those who are scored now,
    so what is believed of these need not lie between this and the assumption. kinds: `campaigns.evidence`.
    """
    usable, records = _usable(found.effects), {}
    for benefit, names in kinds.items():
        those = usable[usable["kind"].isin(names)].sort_values("source", ascending=False)
        first = those.drop_duplicates("kind")  # randomised before observational
        if len(first):
            errors = np.hypot(first["uplift_sd"], first["systematic"]).to_numpy()
            mean, error = pooling.combine(first[["uplift"]].to_numpy(), errors[:, None])
            records[benefit] = (mean[0], error[0])
    table = pd.DataFrame.from_dict(records, "index", columns=["campaigns", "campaigns_sd"])
    return table.astype(float).rename_axis("benefit")


def metrics(told: pd.DataFrame) -> dict[str, float]:
    """Return the believed uplift of every benefit for which campaigns are evidence (columns uplift, source)."""
    learned_from = told[told["source"] != "assumed"]
    return {f"response_{name}": float(uplift) for name, uplift in learned_from["uplift"].items()}


def _by_orders(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` weighted by chance of an order, of which the effect is a share; their spend an order stays."""
    spend = rows["expected_spend"]
    scale = rows["chance"] / spend.where(spend > 0)
    return rows.assign(expected_spend=rows["chance"], expected_orders=rows["expected_orders"] * scale)


def _usable(effects: pd.DataFrame) -> pd.DataFrame:
    those = (effects["by"] == "all") & (effects["outcome"] == "ordered")
    return effects[those & effects["usable"].astype(bool)]
