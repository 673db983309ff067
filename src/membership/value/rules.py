"""What candidates predict with: fitted rules as values, so that they can be stored and loaded.

Every rule has `orders` (purchase days) and `spend` (cents, net of returns): both take `features` at a cut-off and days
ahead, and return (members,), 0 or more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from membership.lifetimes.renewals import Renewals
from membership.value.rfm import Rfm

_RECENT_DAYS = 90  # of the columns orders_90d and spend_90d


class Rule(Protocol):
    """What can predict."""

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""


@dataclass(frozen=True)
class SameRate:
    """A member's own rate since the first purchase; what is younger than the horizon counts as that old."""

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        return _rate(features["purchase_days"], features, days)

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return _rate(features["spend"], features, days)


@dataclass(frozen=True)
class RecentRate:
    """A member's own rate of the last 90 days, in which only orders are counted, several a day or not."""

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        share = features["purchase_days"].to_numpy(float) / np.maximum(features["orders"].to_numpy(float), 1)
        return share * features["orders_90d"].to_numpy(float) / _RECENT_DAYS * days

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return _positive(features["spend_90d"]) / _RECENT_DAYS * days


@dataclass(frozen=True)
class Constant:
    """The same for everybody: purchase days and cents a day."""

    orders_a_day: float
    spend_a_day: float

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        return np.full(len(features), self.orders_a_day * days)

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return np.full(len(features), self.spend_a_day * days)


@dataclass(frozen=True)
class Linear:
    """The weighted RFM model, of purchase days and of spend."""

    of_orders: Rfm
    of_spend: Rfm

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        return self.of_orders.predict(features, days)

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return self.of_spend.predict(features, days)


@dataclass(frozen=True)
class Lifetime:
    """A model of buying until a member stops, times a model of spend; see `candidate_models.lifetime`."""

    buying: object
    spending: object

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        return self.buying.expected_purchases(features, days)

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return self.both(features, days)[:, 1]

    def both(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days and spend, (members, 2)."""
        orders = self.buying.expected_purchases(features, days)
        return np.column_stack([orders, orders * self.spending.expected_spend(features)])


@dataclass(frozen=True)
class Paying:
    """What running contracts will bring; features have the columns of `data.standing.Book.standing`."""

    renewals: Renewals

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected payments, (members,)."""
        return self.renewals.payments(features, days)[:, 0]

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return self.renewals.payments(features, days)[:, 1]


@dataclass(frozen=True)
class Mixture:
    """A weighted sum of `parts`; weights by name, those of purchase days and those of spend."""

    of_orders: Mapping[str, float]
    of_spend: Mapping[str, float]
    parts: Mapping[str, Rule]

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        return self._mixed("orders", self.of_orders, features, days)

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return self._mixed("spend", self.of_spend, features, days)

    def _mixed(self, what: str, weights: Mapping[str, float], features: pd.DataFrame, days: float) -> np.ndarray:
        return np.sum([weight * getattr(self.parts[name], what)(features, days) for name, weight in weights.items()], 0)


def _rate(total: pd.Series, features: pd.DataFrame, days: float) -> np.ndarray:
    return _positive(total) / np.maximum(features["age_days"].to_numpy(float), days) * days


def _positive(amounts: pd.Series) -> np.ndarray:
    return amounts.clip(lower=0).to_numpy(float)
