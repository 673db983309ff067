"""Members who buy on each day with a chance of their own, whatever they did before: the truth is known for any span."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.repurchase import Repurchase

BEGINS = 17_000  # days since 1970
QUICK = Repurchase(
    candidates=["own_rate", "mbgnbd", "logistic", "boosted", "hazard", "stack"],
    horizons=[7, 14, 30],
    origins=2,
    network={"epochs": 6},
    boosting={"iterations": 30},
)


@dataclass(frozen=True)
class Market:
    """What members did, and their chance of an order a day."""

    history: PurchaseDays
    daily: np.ndarray

    @property
    def end(self) -> int:
        """The day after the last."""
        return BEGINS + 240


def market(members: int, days: int, seed: int, weekend: float = 1.0) -> Market:
    """Draw members whose daily chances are Beta(1.2, 12); on Saturdays and Sundays they are `weekend` times that."""
    rng = np.random.default_rng(seed)
    daily = rng.beta(1.2, 12, members)
    weekday = (BEGINS + np.arange(days) + 3) % 7
    came = rng.random((members, days)) < np.minimum(daily[:, None] * np.where(weekday >= 5, weekend, 1.0), 1)
    return Market(of(came, rng.integers(100, 5000, came.shape)), daily)


def of(came: np.ndarray, spend: np.ndarray) -> PurchaseDays:
    """Return the purchase days of a table of members and days."""
    rows, days = np.nonzero(came)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(came)))])
    names = pd.Index([f"m{number:05d}" for number in range(len(came))], name="member_id")
    return PurchaseDays(names, np.full(len(came), BEGINS), starts, BEGINS + days, spend[rows, days])
