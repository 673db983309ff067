"""Candidates that are known by a formula: a member's own rate, and models of buying until a member stops."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.mbg_cnbd import MbgCnbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.renewals import Renewals
from membership.repurchase import curves
from membership.repurchase.purchase_days import PurchaseDays, date_of

LIFETIME = {"bgnbd": BgNbd, "mbgnbd": MbgNbd, "pareto_nbd": ParetoNbd, "mbg_cnbd": MbgCnbd}
_RECENT = 90  # days in which first purchases are counted


@dataclass(frozen=True)
class OwnRate:
    """Each day is like those so far: half a purchase day more than there were, over the days since joining."""

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        rate = (rhythm["purchase_days"] + 0.5) / (rhythm["observed"] + 1)
        return curves.bounded(-np.expm1(-rate.to_numpy()[:, None] * np.asarray(days, float)))


@dataclass(frozen=True)
class TillGone:
    """A model of buying until a member stops; who has never bought begins at the chance `first` a day."""

    buying: BgNbd | MbgNbd | ParetoNbd | MbgCnbd
    first: float

    @classmethod
    def fit(cls, name: str, history: PurchaseDays, rhythm: pd.DataFrame, day: int) -> "TillGone":
        """Fit the model `name` of LIFETIME to the `rhythm` on `day`. Raises DataError where it refuses the data."""
        exact = {"whole_days": True} if name == "mbg_cnbd" else {}
        return cls(LIFETIME[name].fit(rhythm, **exact), first_orders(history, day))

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m), also of rows in which some columns are made typical."""
        possible = _possible(rhythm)
        if isinstance(self.buying, MbgCnbd):  # days share most of its work
            found = self.buying.p_within(possible, days)
        else:
            found = np.stack([self.buying.p_purchase(possible, one) for one in days], axis=1)
        never = rhythm["bought"].to_numpy() == 0
        return np.where(never[:, None], curves.steady(self.first, days), curves.bounded(found))


def _possible(rhythm: pd.DataFrame) -> pd.DataFrame:
    """Return histories that there can be: whole numbers of orders, the last of them before today; real ones stay."""
    frequency = rhythm["frequency"].round()
    recency = rhythm["recency_days"].where(frequency > 0, 0.0)
    return rhythm.assign(frequency=frequency, recency_days=recency, age_days=rhythm["age_days"].clip(lower=recency))


@dataclass(frozen=True)
class Due:
    """Who has a contract orders on its next due date if it is renewed, or before by a change of plan; others come back.

    Who never had one begins at the chance `first` a day.
    """

    renewals: Renewals
    first: float

    @classmethod
    def fit(cls, history: PurchaseDays, day: int) -> "Due":
        """Fit to what was known on `day`. Raises DataError where nobody has a contract, or none came up for renewal."""
        if history.contracts is None:
            raise DataError(
                "renewals: nobody has a contract, so none can be renewed; map contracts, or name other candidates."
            )
        return cls(Renewals.fit(history.contracts.lives(date_of(day))), first_orders(history, day))

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        asked, due = np.asarray(days, float), rhythm["due_in"].to_numpy()[:, None]
        running, ended = rhythm["plan"].notna().to_numpy(), rhythm["ended_days"].notna().to_numpy()
        daily = np.where(running, self.renewals.switch(rhythm), np.where(ended, self.renewals.returns, self.first))
        before = np.where(running[:, None], np.minimum(asked, np.nan_to_num(due)), asked)
        pays = self.renewals.pays(rhythm)[:, None] * (due < asked)
        return curves.bounded(1 - np.exp(before * np.log1p(-daily)[:, None]) * (1 - pays))


def first_orders(history: PurchaseDays, day: int) -> float:
    """Return the chance a day that a member who had joined and never bought did, in the last 90 days before `day`.

    Half an order and a day are added, so that it is above 0 where nobody did.
    """
    from_day = np.maximum(history.joined, day - _RECENT)
    never = (history.before(day - _RECENT) == history.starts[:-1]) & (history.joined < day)
    waited = history.since(day - _RECENT)
    until = np.where((waited >= 0) & (waited < _RECENT), day - _RECENT + waited + 1, day)
    bought = never & (waited >= 0) & (waited < _RECENT)
    exposed = (until - from_day)[never].clip(min=0).sum()
    return float((bought.sum() + 0.5) / (exposed + 1))
