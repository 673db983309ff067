"""Who takes up an offer: redemption, which is no effect."""

import numpy as np
import pandas as pd

from membership.campaigns.audience import Audience
from membership.campaigns.effects import persona
from membership.stats import causal, resample


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


def _redeemed(hits: np.ndarray, clusters: np.ndarray, confidence: float) -> tuple[float, float]:
    """Wilson's interval of the rate of `hits`, of as many independent rows as its clustered error is worth."""
    rate, error = hits.mean(), causal.clustered_error(hits, clusters)
    size = rate * (1 - rate) / error**2 if error > 0 else len(np.unique(clusters))
    low, high = resample.wilson(rate * size, size, confidence)
    return float(low), float(high)
