"""Members whose chances are known, for tests of trials: what was forecast, and what they do under an arm."""

from datetime import date

import numpy as np
import pandas as pd

from membership.settings.trials import Trial

DAY = date(2024, 3, 1)


def trial(**changed) -> Trial:
    """Return a trial of two even arms of the list."""
    return Trial(
        **{"name": "spring", "what": "list", "arms": {"control": 0.5, "treatment": 0.5}, "start": DAY} | changed
    )


def members(number: int, seed: int = 1) -> pd.DataFrame:
    """Return what is known of `number` members, with a calibrated forecast."""
    rng = np.random.default_rng(seed)
    columns = {"member_id": [f"m{place:06d}" for place in range(number)], "p_repurchase": rng.beta(1.2, 1.8, number)}
    for name, values in (
        ("stage", ["active", "loyal", "lapsed"]),
        ("tier", ["Member", "Gold"]),
        ("persona", ["A", "B"]),
    ):
        columns[name] = rng.choice(values, number)
    return pd.DataFrame(columns).astype({"stage": "str", "tier": "str", "persona": "str"})


def happened(rows: pd.DataFrame, lift: float = 0.0, seed: int = 2) -> pd.DataFrame:
    """Return what those assigned did: `lift` is the relative change of a treated member's chance."""
    rng = np.random.default_rng(seed)
    chance = np.minimum(rows["forecast"] * np.where(rows["arm"] == "treatment", 1 + lift, 1.0), 1.0)
    ordered = (rng.random(len(rows)) < chance).astype("int64")
    spend = ordered * rng.integers(500, 9000, len(rows))
    done = rows.assign(ordered=ordered, orders=ordered, spend=spend, returned=0)
    return done.assign(complete_at=rows["at"] + pd.Timedelta(days=14))
