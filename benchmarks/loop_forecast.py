"""What is forecast of each member's next month without benefits, from the days on which they bought."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.loop_market import BEGINS, DAYS, NAMES, Market, World
from membership.repurchase import rhythm
from membership.repurchase.logistic import Logistic

_USUAL = 2.0  # orders, or months, of the mean member that each member's own are shrunk by
_RECENT = 6  # months from which a member's own orders a month are taken
_EVERY = 3  # members of whom one is learned from: a handful of weights ask for no more
_TAUGHT = 3  # months that the orders of who comes are learned from
_COUNTS = ["days_14", "days_28", "days_60", "days_90", "days_180", "since"]


@dataclass(frozen=True)
class Forecast:
    """The chance of coming, by the logistic candidate, and the orders of who comes, by Poisson regression."""

    coming: Logistic
    orders: Pipeline

    @classmethod
    def fit(cls, world) -> "Forecast":
        """Fit both to the months before `world.month`."""
        month = world.month
        history = world.market.history(world.came, month).every(_EVERY)
        taught, some = range(month - _TAUGHT, month), slice(None, None, _EVERY)
        inputs = [_inputs(world, rhythm.at(history.until(day(at)), day(at)), at, some) for at in taught]
        came, orders = (np.concatenate([one[some, at] for at in taught]) for one in (world.came, world.market.orders))
        inputs = np.vstack(inputs)
        regression = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-4)).fit(inputs[came], orders[came] - 1)
        return cls(Logistic.fit(history, day(month), [DAYS]), regression)

    def facts(self, world) -> pd.DataFrame:
        """Return what is known of the members before the month: the columns that `reaction` and allocation ask for."""
        market, month = world.market, world.month
        history = market.history(world.came, month)
        rows = rhythm.at(history, day(month))
        chance = np.clip(self.coming.chances(rows, day(month), [DAYS])[:, 0], 1e-4, 1 - 1e-4)
        orders = chance * (1 + self.orders.predict(_inputs(world, rows, month)))
        columns = {
            "member_id": history.members,
            "tier": "Member",
            "tier_rank": 0,
            "persona": market.persona,
            "stage": "active",
            "chance": chance,
            "days_since_last": rows["since"].to_numpy(),
            "expected_orders": orders,
            "expected_spend": orders * _shrunk(_own(world, market.spent, 0), _own(world, market.orders, 0)),
        }
        return pd.DataFrame(columns).assign(
            **{f"had_{name}": had for name, had in zip(NAMES, world.had.T, strict=True)}
        )


@lru_cache(maxsize=1)
def first(market: Market) -> Forecast:
    """Return the forecast before the first month, which is the same for all policies."""
    return Forecast.fit(World.begin(market))


def day(month: int) -> int:
    """Return the first day of a month, in days since 1970."""
    return BEGINS + month * DAYS


def _inputs(world, rows: pd.DataFrame, month: int, some: slice = slice(None)) -> np.ndarray:
    """Return logarithms of orders a month of who came, of late and ever, and of counts of days, (n, 8)."""
    each = [
        _shrunk(_own(world, world.market.orders, start, month), _own(world, np.ones(world.came.shape), start, month))
        for start in (month - _RECENT, 0)
    ]
    return np.column_stack([*(np.log(one)[some] for one in each), np.log1p(rows[_COUNTS])])


def _own(world, amounts: np.ndarray, start: int, end: int | None = None) -> np.ndarray:
    """Return the sum of `amounts` (n, M) over the months in which members came, (n,)."""
    months = slice(start, world.month if end is None else end)
    return np.where(world.came[:, months], amounts[:, months], 0).sum(axis=1)


def _shrunk(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return (total + _USUAL * total.sum() / max(count.sum(), 1)) / (count + _USUAL)
