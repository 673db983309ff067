"""Table `repurchase`: for every member the chance and the time of the next order, and what moves the chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from membership.base import batches
from membership.repurchase import curves
from membership.repurchase import rhythm as rhythms
from membership.repurchase.purchase_days import PurchaseDays, date_of
from membership.repurchase.rhythm import WEEKDAYS

AHEAD = 90  # days ahead in which the median of the next order is looked for
MOVES = {  # what moves a chance, besides silence: columns of the rhythm that are made the typical member's
    "pace": ("purchase_days", "frequency", "days_14", "days_28", "days_60", "days_90", "days_180", "gap_mean",
             "gap_last", "gap_three", "gap_recent", "gap_median", "age_days", "recency_days", "observed"),
    "latest": ("days_3", "days_7", "trend", "visits_7", "visits_28", "visit_since"),
    "regularity": ("gap_spread", "ended_7", "ended_14", "ended_28"),
    "spend": ("spend_7", "spend_28", "spend_90", "last_basket"),
    "weekdays": WEEKDAYS,
}  # fmt: skip


@dataclass(frozen=True)
class Forecast:
    """The model that stands: any candidate, and who is typical."""

    model: Any  # with `chances(rhythm, day, days)`
    typical: dict[str, float]  # the median of each column of the rhythm over members who had bought

    @classmethod
    def of(cls, model: Any, history: PurchaseDays, day: int) -> "Forecast":
        """Return the `model` that was fitted to what was known on `day`."""
        known = rhythms.at(history, day)[~history.gone(day)]
        return cls(model, known[known["bought"] > 0].median(numeric_only=True).fillna(0.0).to_dict())

    def chances(self, history: PurchaseDays, day: int, days: Sequence[int]) -> pd.DataFrame:
        """Return P(order within each of `days` from `day` on), whatever day it is: members, columns `days`."""
        blocks = (rhythms.at(history.rows(block), day) for block in batches.blocks(len(history.members)))
        found = np.concatenate([self.model.chances(known, day, days) for known in blocks])
        return pd.DataFrame(found, index=history.members, columns=list(days))


def table(
    forecast: Forecast, history: PurchaseDays, day: int, repurchase_days: int, horizons: Sequence[int]
) -> pd.DataFrame:
    """Return table `repurchase` of everybody who is a member on `day`, from what `history` shows before it.

    p_repurchase: an order within `repurchase_days`; p_<n>_days: within each of `horizons`; next_order_days: the day by
    which an order is as likely as not, null beyond 90; expected_orders: purchase days within `repurchase_days`;
    moved_...: log-odds of p_repurchase above what they would be had the member bought yesterday (silence), or been like
    the typical one (the others of MOVES); due_at: the day of the next payment, where there are contracts.

    Members are scored some at a time: each row is a function of that member's own days.
    """
    blocks = batches.blocks(len(history.members))
    parts = [_rows(forecast, history.rows(block).until(day), day, repurchase_days, horizons) for block in blocks]
    return pd.concat(parts).rename_axis("member_id").reset_index()


def _rows(
    forecast: Forecast, history: PurchaseDays, day: int, repurchase_days: int, horizons: Sequence[int]
) -> pd.DataFrame:
    known = rhythms.at(history, day)
    steps = np.arange(1, max(AHEAD, repurchase_days, *horizons) + 1)
    curve = forecast.model.chances(known, day, steps)
    at = {"p_repurchase": repurchase_days} | {f"p_{days}_days": days for days in horizons}
    columns = {name: curve[:, days - 1] for name, days in at.items()}
    columns["next_order_days"] = next_order_days(curve[:, :AHEAD])
    again = _just_bought(forecast, history, day, steps[:repurchase_days])
    columns["expected_orders"] = expected_orders(curve[:, :repurchase_days], again)
    columns |= moves(forecast, known, day, repurchase_days, again[:, -1])
    if history.contracts:
        columns["due_at"] = history.contracts.due_at(date_of(day), history.members).to_numpy()
    return pd.DataFrame(columns, index=history.members)[~history.gone(day)]


def chances(table: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return p_repurchase and p_horizon, P(order within `days`), by member_id, from table `repurchase`.

    Between the horizons of the table the hazard is constant, and after the last it stays as it was before it.
    """
    known = table.set_index("member_id")
    horizons = {int(name[2:-5]): name for name in known if name.startswith("p_") and name.endswith("_days")}
    at = known[[horizons[one] for one in sorted(horizons)]].to_numpy()
    return known[["p_repurchase"]].assign(p_horizon=curves.within(at, sorted(horizons), [days])[:, 0])


def next_order_days(curve: np.ndarray) -> np.ndarray:
    """Return the day by which an order is as likely as not, (n,), from P(order within 1, 2, ... days), (n, days).

    It is null where none of the days is.
    """
    likely = curve >= 0.5
    return np.where(likely.any(axis=1), likely.argmax(axis=1) + 1.0, np.nan)


def expected_orders(first: np.ndarray, again: np.ndarray) -> np.ndarray:
    """Return the purchase days to be expected, (n,), by the renewal equation.

    `first`: P(order within 1, 2, ... days), (n, days); `again`: the same from the day after an order. The first order
    on day d is followed by those that a member who has just bought places in the days that are left.
    """
    days = first.shape[1]
    soon, later = (np.diff(curve, axis=1, prepend=0.0) for curve in (first, again))
    renewed = np.zeros((len(first), days + 1))  # orders within 0, 1, ... days after an order
    for day in range(1, days + 1):
        renewed[:, day] = (later[:, :day] * (1 + renewed[:, day - 1 :: -1][:, :day])).sum(axis=1)
    return (soon * (1 + renewed[:, days - 1 :: -1][:, :days])).sum(axis=1)


def moves(forecast: Forecast, known: pd.DataFrame, day: int, days: int, just_bought: np.ndarray) -> dict:
    """Return moved_silence and moved_... of MOVES: log-odds, (members,) each; 0 for who has never bought."""
    bought = known["bought"].to_numpy() > 0

    def odds(rows: pd.DataFrame) -> np.ndarray:
        return special.logit(forecast.model.chances(rows, day, [days])[:, 0])

    here = odds(known)
    found = {"moved_silence": here - special.logit(curves.bounded(just_bought))}
    for name, columns in MOVES.items():
        typical = {column: forecast.typical[column] for column in columns}
        found[f"moved_{name}"] = here - odds(known.assign(**typical))
    return {name: np.where(bought, column, 0.0) for name, column in found.items()}


def _just_bought(forecast: Forecast, history: PurchaseDays, day: int, steps: np.ndarray) -> np.ndarray:
    """Return P(order within each of `steps`), (members, steps), had everybody bought the day before."""
    return forecast.model.chances(rhythms.at(history.bought_on(day - 1), day), day, steps)
