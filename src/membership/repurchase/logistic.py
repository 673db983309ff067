"""Logistic regression on recency, the own gap and counts in four windows: the floor for all that is used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from membership.base.errors import DataError
from membership.repurchase import curves, lessons, rules
from membership.repurchase.purchase_days import PurchaseDays

COUNTS = ("days_14", "days_28", "days_60", "days_90")
EARLIER = 4  # windows, one after the other, that it learns from
_SAMPLE = 30_000  # members that it learns from at most, evenly spread: seven weights ask for no more


@dataclass(frozen=True)
class Logistic:
    """Log-odds of an order within each of `horizons`: `intercept` (h,) + inputs x `weights` (k, h).

    Of who has never bought nothing enters; their chance is `first` a day.
    """

    horizons: tuple[int, ...]
    intercept: np.ndarray
    weights: np.ndarray
    first: float

    @classmethod
    def fit(cls, history: PurchaseDays, day: int, horizons: Sequence[int]) -> "Logistic":
        """Fit each horizon on the four windows of its length before `day`, or as many as there are.

        Horizons with no such window, or after which all or none came back, are left out; raises DataError where that
        leaves none.
        """
        sample = history.every(max(-(-len(history.members) // _SAMPLE), 1)).until(day)
        fits = {horizon: fit for horizon in horizons if (fit := _one(sample, day, horizon))}
        if not fits:
            raise DataError(
                f"logistic: history teaches none of repurchase.horizons, {list(horizons)} days: it takes twice as "
                "many, and that some come back and others not. Give a longer history, or shorter horizons."
            )
        intercept, weights = zip(*fits.values(), strict=True)
        return cls(tuple(fits), np.array(intercept), np.stack(weights, axis=1), rules.first_orders(history, day))

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        found = special.expit(self.intercept + _inputs(rhythm) @ self.weights)
        never = rhythm["bought"].to_numpy() == 0
        return np.where(never[:, None], curves.steady(self.first, days), curves.within(found, self.horizons, days))


def _one(history: PurchaseDays, day: int, horizon: int) -> tuple[float, np.ndarray] | None:
    from sklearn.linear_model import LogisticRegression

    begins = int(history.joined.min())
    cutoffs = [day - step * horizon for step in range(1, EARLIER + 1)]
    cutoffs = [cutoff for cutoff in cutoffs if cutoff - begins >= horizon]
    if not cutoffs:
        return None
    past = lessons.lessons(history, cutoffs, day)
    _, came = past.rows(horizon)
    bought = past.rhythm["bought"].to_numpy() > 0
    inputs, came = _inputs(past.rhythm[bought]), came[bought]
    if len(np.unique(came)) < 2:
        return None
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    fitted = LogisticRegression().fit((inputs - centre) / spread, came)
    weights = fitted.coef_[0] / spread
    return float(fitted.intercept_[0] - centre @ weights), weights


def _inputs(rhythm: pd.DataFrame) -> np.ndarray:
    """Return the inputs, (rows, 7); a gap that is not known is as long as the member was observed."""
    since, gap = rhythm["since"].to_numpy(), rhythm["gap_mean"].fillna(rhythm["observed"]).to_numpy()
    counts = [np.log1p(rhythm[name].to_numpy()) for name in COUNTS]
    return np.stack([np.log(since), np.log(gap), since / gap, *counts], axis=1)
