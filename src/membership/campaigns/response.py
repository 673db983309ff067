"""The response to benefits: what `params.yaml` assumes, combined with the effects of campaigns by their precision."""

import numpy as np
import pandas as pd

from membership.campaigns.audience import Audience
from membership.campaigns.effects import persona
from membership.settings.benefits import Benefit
from membership.settings.campaigns import Campaigns
from membership.stats import causal, pooling, resample

SOURCES = ("assumed", "randomised", "observational")


def redemption(panel: Audience, personas: pd.Series, confidence: float) -> pd.DataFrame:
    """Return how many of those reached redeemed: kind, by, group, reached, redeemed, rate, low, high.

    Wilson intervals, with the effective number of observations that the clustered error implies. Members choose to
    redeem: the rate shows who takes up an offer, not what the offer changed.
    """
    got = panel.rows[panel.rows["treated"]]
    got = got.assign(persona=persona(got, personas), all="all")
    parts = []
    for by in ("all", "persona", "tier"):
        for (kind, group), part in got.groupby(["kind", by]):
            low, high = _redeemed(part["redeemed"].to_numpy(float), part["member_id"].to_numpy(), confidence)
            counts = {"reached": len(part), "redeemed": int(part["redeemed"].sum()), "rate": part["redeemed"].mean()}
            parts.append({"kind": kind, "by": by, "group": group, **counts, "low": low, "high": high})
    return pd.DataFrame(parts, columns=["kind", "by", "group", "reached", "redeemed", "rate", "low", "high"])


def assumed(catalogue: list[Benefit], personas: list[str], tiers: list[str]) -> pd.DataFrame:
    """Return the uplifts that `params.yaml` assumes: one row for each benefit x persona x tier.

    Columns benefit, persona, tier, uplift (share of expected spend), uplift_sd, source.
    """
    keys = pd.MultiIndex.from_product(
        [[benefit.name for benefit in catalogue], personas, tiers], names=["benefit", "persona", "tier"]
    )
    table = keys.to_frame(index=False)
    for name in ("uplift", "uplift_sd"):
        table[name] = (
            table["benefit"].map({benefit.name: getattr(benefit, name) for benefit in catalogue}).astype(float)
        )
    return table.assign(source="assumed")


def updated(uplifts: pd.DataFrame, effects: pd.DataFrame, settings: Campaigns) -> pd.DataFrame:
    """Return `uplifts` combined with the usable effects of campaigns that are evidence for them (`settings.evidence`).

    For each kind, cells (persona and tier) are first shrunk towards the effect on all (`pooling.shrink`). Then the
    assumption and the kinds, treated as independent, are weighted by precision, with the full systematic error of each.
    Where a kind has randomised campaigns, the others are not used. The result may be 0 or negative. `effects`: table
    `campaign_effects`. `source` is that of the evidence.
    """
    table = uplifts.copy()
    for benefit, kinds in settings.evidence.items():
        rows = table["benefit"] == benefit
        prior = table[rows]
        told = [cells for kind in kinds if (cells := _cells(effects[effects["kind"] == kind], prior)) is not None]
        if told and rows.any():
            means = np.vstack([prior["uplift"], *(cells["uplift"] for cells in told)])
            errors = np.vstack([prior["uplift_sd"], *(cells["uplift_sd"] for cells in told)])
            mean, error = pooling.combine(means, errors)
            sources = {cells["source"].iloc[0] for cells in told}
            table.loc[rows, ["uplift", "uplift_sd"]] = np.column_stack([mean, error])
            table.loc[rows, "source"] = "observational" if "observational" in sources else "randomised"
    return table


def _cells(effects: pd.DataFrame, prior: pd.DataFrame) -> pd.DataFrame | None:
    """Return one kind's uplift, its error with the systematic part, and source, in the rows of `prior`; or None."""
    effects = effects[effects["outcome"] == "spend"]
    whole = effects[(effects["by"] == "all") & effects["usable"]]
    if whole.empty:
        return None
    whole = whole.sort_values("source", key=lambda source: source.map(SOURCES.index)).iloc[0]
    cells = effects[(effects["source"] == whole["source"]) & (effects["by"] == "cell") & effects["usable"]]
    found = prior[["persona", "tier"]].merge(cells, on=["persona", "tier"], how="left")
    errors = np.hypot(found["uplift_sd"], found["systematic"])
    mean, error = pooling.shrink(
        found["uplift"], errors, whole["uplift"], float(np.hypot(whole["uplift_sd"], whole["systematic"]))
    )
    return pd.DataFrame({"uplift": mean, "uplift_sd": error, "source": whole["source"]})


def _redeemed(hits: np.ndarray, clusters: np.ndarray, confidence: float) -> tuple[float, float]:
    """Wilson's interval of the rate of `hits`, of as many independent rows as its clustered error is worth."""
    rate, error = hits.mean(), causal.clustered_error(hits, clusters)
    size = rate * (1 - rate) / error**2 if error > 0 else len(np.unique(clusters))
    low, high = resample.wilson(rate * size, size, confidence)
    return float(low), float(high)
