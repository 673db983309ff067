"""Options where a benefit changes spend by a share, whatever the chance of an order, and effects add up."""

import numpy as np
import pandas as pd

from membership.benefits import payoff
from membership.benefits.options import Options, additive
from membership.settings.benefits import Benefit, Benefits
from membership.settings.campaigns import Campaigns
from membership.stats import pooling

SOURCES = ("assumed", "randomised", "observational")


def options(
    facts: pd.DataFrame, settings: Benefits, margin_rate: float, uplift: np.ndarray, points_share: float = 0.0
) -> Options:
    """Return options by `uplift`, shares of expected spend, (members, benefits) or (benefits,)."""
    setting = payoff.Setting(facts, settings, margin_rate, None, points_share)
    fixed, share, per_order = setting.due
    spend, orders = (facts[f"expected_{name}"].to_numpy(dtype=float)[:, None] for name in ("spend", "orders"))
    cost = np.ceil(np.round(fixed + (share * spend + per_order * orders) * (1 + uplift), 6))
    gain = margin_rate * uplift * spend
    who = facts["member_id"].to_numpy(), facts["tier_rank"].to_numpy()
    return additive(*who, setting.names, setting.allowed, cost, gain, settings.max_per_member)


def by_cell(facts: pd.DataFrame, uplifts: pd.DataFrame, settings: Benefits) -> np.ndarray:
    """Return the uplifts (members, benefits) of each member's cell; `uplifts`: benefit, persona, tier, uplift."""
    keys = pd.MultiIndex.from_frame(facts[["persona", "tier"]].astype(str))
    each = [
        uplifts[uplifts["benefit"] == one.name].set_index(["persona", "tier"])["uplift"] for one in settings.catalogue
    ]
    return np.column_stack([one.reindex(keys).to_numpy(dtype=float) for one in each])


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
