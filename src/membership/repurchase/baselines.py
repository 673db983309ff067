"""What is known without a model: as many come as last time, or the same members do. Nothing worse than that is used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.repurchase import curves
from membership.repurchase.purchase_days import PurchaseDays


@dataclass(frozen=True)
class BaseRate:
    """Everybody comes within each of `horizons` with the chance `share`, (h,): that of the days just before."""

    horizons: tuple[int, ...]
    share: np.ndarray

    @classmethod
    def fit(cls, history: PurchaseDays, day: int, horizons: Sequence[int]) -> "BaseRate":
        """Count who came in the last days before `day`, as many as each horizon has.

        Raises DataError where history is shorter than the shortest of them.
        """
        known, seen = history.until(day), _seen("base_rate", history, day, horizons, windows=1)
        return cls(seen, np.array([_share(_came(known, day - days, days)) for days in seen]))

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        return np.tile(curves.within(self.share[None], self.horizons, days), (len(rhythm), 1))


@dataclass(frozen=True)
class LastTime:
    """Who came in the last so many days comes `again` within as many, and others `anew`, (h,) each."""

    horizons: tuple[int, ...]
    again: np.ndarray
    anew: np.ndarray

    @classmethod
    def fit(cls, history: PurchaseDays, day: int, horizons: Sequence[int]) -> "LastTime":
        """Count who came in the last days before `day`, as many as each horizon has, by who had in those before.

        Raises DataError where history is shorter than twice the shortest of them.
        """
        known, seen = history.until(day), _seen("last_time", history, day, horizons, windows=2)
        again, anew = [], []
        for days in seen:
            since = day - days
            came, had = _came(known, since, days), (known.last(since) >= since - days)[known.present(since)]
            again.append(_share(came[had]))
            anew.append(_share(came[~had]))
        return cls(seen, np.array(again), np.array(anew))

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        last = np.where(rhythm["bought"] > 0, rhythm["since"], np.inf)[:, None]
        found = np.where(last <= np.array(self.horizons), self.again, self.anew)
        return curves.within(found, self.horizons, days)


ALL = {"base_rate": BaseRate, "last_time": LastTime}


def _came(known: PurchaseDays, day: int, days: int) -> np.ndarray:
    """Return whether each member who was there on `day` came within `days`."""
    waited = known.since(day)[known.present(day)]
    return (waited >= 0) & (waited < days)


def _share(came: np.ndarray) -> float:
    return (came.sum() + 0.5) / (len(came) + 1)


def _seen(name: str, history: PurchaseDays, day: int, horizons: Sequence[int], windows: int) -> tuple[int, ...]:
    """Return the `horizons` of which history holds so many `windows` before `day`."""
    begins = int(history.joined.min())
    seen = tuple(days for days in horizons if day - windows * days > begins)
    if not seen:
        raise DataError(
            f"{name}: {day - begins} days of history; more than {windows * min(horizons)} are needed to say how many "
            f"came last time. Give an earlier windows.start, or shorter repurchase.horizons than {list(horizons)}."
        )
    return seen
