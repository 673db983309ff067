"""Logistic regression moved by the season: how many came in the same days a year before, against those just before.

A regression learns the level of the last windows, and rows of it hold no season. Of a year ago it is known how the
windows before such a day and the one after it differed; that difference, in log-odds, is added for everybody. It is
drawn towards 0 by as much of it as chance explains, so that a market without seasons stays as it is. Horizons longer
than half a year are not moved: they hold most seasons whenever they begin.

Source: shrinkage: James & Stein (1961), positive part, of one number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from membership.base.errors import DataError
from membership.repurchase import curves
from membership.repurchase.logistic import EARLIER, Logistic
from membership.repurchase.purchase_days import PurchaseDays

_YEAR = 365  # days
_STEP = 14  # days between the cut-offs for which it is counted; between them it is linear
_SAMPLE = 30_000  # members that are counted at most, evenly spread


@dataclass(frozen=True)
class Season:
    """`part`, whose log-odds within each of `horizons`, (h,), are moved by `by`, (k, h), at the cut-offs `at`, (k,)."""

    part: Logistic
    horizons: tuple[int, ...]
    at: np.ndarray
    by: np.ndarray

    @classmethod
    def fit(cls, history: PurchaseDays, day: int, horizons: Sequence[int]) -> "Season":
        """Fit to what was known on `day`. Raises DataError where that is less than a year and its windows."""
        begins = int(history.joined.min())
        seen = tuple(days for days in horizons if 2 * days <= _YEAR and day - _YEAR - EARLIER * days >= begins)
        if not seen:
            raise DataError(
                f"season: {day - begins} days of history; {_YEAR + EARLIER * min(horizons)} are needed to tell one, of "
                "horizons up to half a year. Give an earlier windows.start."
            )
        part = Logistic.fit(history, day, horizons)
        seen = tuple(days for days in seen if days in part.horizons)
        some = history.every(max(-(-len(history.members) // _SAMPLE), 1)).until(day)
        at = np.arange(day, day + _YEAR, _STEP)
        by = [[_moved(some, min(cutoff - _YEAR, day - days), days) for days in seen] for cutoff in at]
        return cls(part, seen, at, np.array(by))

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        moved = {step: np.interp(day, self.at, by) for step, by in zip(self.horizons, self.by.T, strict=True)}
        by = np.array([moved.get(step, 0.0) for step in self.part.horizons])
        found = special.expit(special.logit(self.part.chances(rhythm, day, self.part.horizons)) + by)
        return curves.within(found, self.part.horizons, days)


def _moved(known: PurchaseDays, day: int, days: int) -> float:
    """Return the log-odds of an order within `days` of `day` above those of the windows before it, shrunk."""
    after, noise = _log_odds(known, day, days)
    before = [_log_odds(known, day - step * days, days) for step in range(1, EARLIER + 1)]
    moved = after - np.mean([odds for odds, _ in before])
    variance = noise + sum(one for _, one in before) / EARLIER**2
    return float(moved * max(1 - variance / moved**2, 0)) if moved else 0.0


def _log_odds(known: PurchaseDays, day: int, days: int) -> tuple[float, float]:
    """Return the log-odds of who was there on `day` and came within `days`, and their variance."""
    waited = known.since(day)[known.present(day)]
    came = ((waited >= 0) & (waited < days)).sum() + 0.5
    stayed = len(waited) + 1 - came
    return float(np.log(came / stayed)), float(1 / came + 1 / stayed)
