"""What is known of days rather than of members: the season, promotions, the price level, and days with a name.

Learned models take it beside the rhythm. It is a function of the cut-off and of what was known on it: offers and named
days are planned, so those ahead count; of prices only those before the cut-off do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.data import purchases
from membership.settings.repurchase import Named, Repurchase

SEASON, PRICE = ("season_sine", "season_cosine"), ("price_level",)
_AHEAD = (7, 14, 30)  # days ahead in which offers are counted
_SOON, _JUST = (1, 3, 7, 14), 3  # days ahead, and before, in which named days are counted
_RECENT, _USUAL = 7, 28  # days whose paid over list price is compared
_YEAR = 365.25
_CYCLES = 2  # years of history from which a season can be told from a trend
_KEPT = 365  # days after the last known one for which a row is kept: models are not asked later


@dataclass(frozen=True)
class Dated:
    """Inputs by cut-off: row 0 is of the day `begins` (days since 1970), the first of the data."""

    begins: int
    names: tuple[str, ...]  # (k,)
    values: np.ndarray  # (days, k)

    def at(self, day: int | np.ndarray) -> np.ndarray:
        """Return the inputs at the cut-off or cut-offs `day`, (k,) or (n, k); beyond the ends those at the end."""
        return self.values[np.clip(day - self.begins, 0, len(self.values) - 1)]

    def until(self, day: int) -> "Dated":
        """Return what was known on `day`: prices stay as they were then, a season takes two years of history."""
        seen = (day - self.begins) >= _CYCLES * _YEAR
        kept = [at for at, name in enumerate(self.names) if seen or name not in SEASON]
        values = self.values.copy()
        for name in set(PRICE) & set(self.names):
            at = self.names.index(name)
            values[max(day - self.begins, 0) :, at] = self.at(day)[at]
        return replace(self, names=tuple(self.names[at] for at in kept), values=values[:, kept])


def read(events: ir.Table, offers: pd.DataFrame, settings: Repurchase, start: date, until: date) -> Dated | None:
    """Return the inputs of `settings.dated` from `events` and table `offers`; None where none is asked for.

    `start`: the first day of the data; nothing that happened on `until` or later is used.
    """
    if not settings.dated:
        return None
    begins, days = _number(start), (until - start).days + _KEPT
    parts = {
        "season": lambda: _season(begins, days),
        "promotions": lambda: _promotions(offers, begins, days),
        "price": lambda: _price(_paid(events, start, until), days),
        "calendar": lambda: _named(settings.calendar, start, days),
    }
    found = {name: column for kind in settings.dated for name, column in parts[kind]().items()}
    return Dated(begins, tuple(found), np.stack(list(found.values()), axis=1))


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _season(begins: int, days: int) -> dict[str, np.ndarray]:
    turn = 2 * np.pi * (begins + np.arange(days)) / _YEAR
    return dict(zip(SEASON, (np.sin(turn), np.cos(turn)), strict=True))


def _promotions(offers: pd.DataFrame, begins: int, days: int) -> dict[str, np.ndarray]:
    """Return promotions_7 ...: the mean number of offers that run on each of the days ahead."""
    dated = offers.dropna(subset=["starts_at", "ends_at"])
    # times are in UTC, where a local midnight is up to half a day off
    first, last = (
        ((dated[name] + pd.Timedelta(hours=12)).dt.normalize() - pd.Timestamp(0)).dt.days.to_numpy() - begins
        for name in ("starts_at", "ends_at")
    )
    day = np.arange(days + max(_AHEAD))
    running = ((first[:, None] <= day) & (day <= last[:, None])).sum(axis=0)
    return {f"promotions_{ahead}": _ahead(running, ahead)[:days] / ahead for ahead in _AHEAD}


def _paid(events: ir.Table, start: date, until: date) -> np.ndarray:
    """Return what was paid and what the list price was, cents, of the purchases of each day, (days, 2)."""
    bought = engine.before(events, until).filter(purchases.is_purchase)
    daily = bought.group_by(day=purchases.day(bought).epoch_days()).agg(
        paid=bought.amount.sum(), full=(bought.amount + bought.discount).sum()
    )
    index = _number(start) + np.arange((until - start).days)
    return daily.to_pandas().set_index("day").reindex(index).fillna(0.0)[["paid", "full"]].to_numpy(float)


def _price(daily: np.ndarray, days: int) -> dict[str, np.ndarray]:
    """Return price_level: the logarithm of paid over list price in the week before, over that of the four weeks."""
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(daily, axis=0)])
    day = np.minimum(np.arange(days), len(daily))

    def level(back: int) -> np.ndarray:
        paid, full = (total[day] - total[np.maximum(day - back, 0)]).T
        return np.where((paid > 0) & (full > 0), np.log(np.maximum(paid, 1) / np.maximum(full, 1)), np.nan)

    return {PRICE[0]: np.nan_to_num(level(_RECENT) - level(_USUAL))}


def _named(calendar: Sequence[Named], start: date, days: int) -> dict[str, np.ndarray]:
    """Return named_1 ... (days with a name among those ahead) and named_before (among the last ones)."""
    ours = {one.day for one in calendar}
    every = np.array([start + timedelta(int(at)) in ours for at in range(-_JUST, days + max(_SOON))], float)
    found = {f"named_{ahead}": _ahead(every[_JUST:], ahead)[:days] for ahead in _SOON}
    return found | {"named_before": _ahead(every, _JUST)[:days]}


def _ahead(values: np.ndarray, ahead: int) -> np.ndarray:
    """Return the sum of each value and those that follow, `ahead` in all."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return total[ahead:] - total[:-ahead]
