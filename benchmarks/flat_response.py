"""Options where a benefit changes spend by a share, whatever the chance of an order, and effects add up."""

import numpy as np
import pandas as pd

from membership.benefits import payoff
from membership.benefits.options import Options, additive
from membership.settings.benefits import Benefits


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
