"""Points: earned on spend, used up oldest first, expired after a while."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.programme_knobs import Tiers

CENTS = 100  # points are earned on whole units of currency


@dataclass(frozen=True)
class Ledger:
    """What happened to points, month by month: frames of whole points, one row a member, one column a month."""

    earned: pd.DataFrame
    redeemed: pd.DataFrame  # also what is taken back for returns
    expired: pd.DataFrame

    @property
    def balance(self) -> pd.DataFrame:
        """Points left at each month: earned less redeemed less expired, so far; never negative."""
        return (self.earned - self.redeemed - self.expired).cumsum(axis=1)


def points_on(spend: pd.DataFrame, ranks: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return the points that each month's `spend` (cents, net) brings, negative where more was returned than bought.

    `ranks` are the tiers at the end of each month; spend is multiplied by the tier in which the month began.
    """
    multiplier = np.array([level.points_multiplier for level in settings.levels])
    began = ranks.shift(1, axis=1, fill_value=0).to_numpy()
    exact = spend.to_numpy() / CENTS * settings.points_per_unit * multiplier[began]
    return pd.DataFrame(np.trunc(np.round(exact, 6)).astype("int64"), index=spend.index, columns=spend.columns)


def ledger(earned: pd.DataFrame, claimed: pd.DataFrame, expire_days: int) -> Ledger:
    """Keep the books of points `earned` and `claimed` (redeemed or taken back), both not negative, by month.

    Columns are the days at which months end: points count from that day and expire `expire_days` later. The oldest
    points are used first, and no more can be claimed than there are.
    """
    days = pd.DatetimeIndex(earned.columns)
    total = earned.to_numpy().cumsum(axis=1)
    used = np.zeros(len(earned), dtype="int64")
    redeemed, expired = np.zeros_like(total), np.zeros_like(total)
    for month, day in enumerate(days):
        old = int((days + pd.Timedelta(days=expire_days) <= day).sum())
        if old:
            expired[:, month] = np.maximum(total[:, old - 1] - used, 0)
        used = used + expired[:, month]
        redeemed[:, month] = np.minimum(claimed.iloc[:, month].to_numpy(), total[:, month] - used)
        used = used + redeemed[:, month]
    return Ledger(earned, _like(earned, redeemed), _like(earned, expired))


def replay(spend: pd.DataFrame, ranks: pd.DataFrame, settings: Tiers) -> Ledger:
    """Return the books that this programme would have kept on `spend` (cents by month) with the tiers in `ranks`."""
    points = points_on(spend, ranks, settings)
    return ledger(points.clip(lower=0), (-points).clip(lower=0), settings.points_expire_days)


def _like(frame: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, index=frame.index, columns=frame.columns)
