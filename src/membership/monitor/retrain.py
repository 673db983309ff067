"""The written rule for training anew: the age of the models, drift, and forecasts that did not come true."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from membership.monitor.monitor import DRIFTED, Compared
from membership.settings.monitor import Retrain


class Reason(StrEnum):
    """What may ask for training anew."""

    AGE = "age"  # days since the models were made
    DRIFT = "drift"  # features and forecasts that have drifted, a count
    SLOPE = "slope"  # how far the calibration slope of repurchase is from 1
    LOG_LOSS = "log_loss"  # how far the log loss of repurchase is above what was expected of it


@dataclass(frozen=True)
class Sign:
    """One part of the rule: what was found, the limit from which it asks, and whether it does.

    `found` is null where it cannot be judged yet. Of slope and log_loss something is asked for only where chance does
    not explain it.
    """

    reason: Reason
    found: float | None
    limit: float
    asks: bool


def signs(age_days: int, drift: pd.DataFrame, compared: Compared, rule: Retrain) -> tuple[Sign, ...]:
    """Return each part of `rule`; models are to be trained anew where any of them asks.

    `drift`: as `monitor.drifted`; `compared`: the last predictions whose period is over.
    """
    moved = int((drift["status"] == DRIFTED).sum())
    rows = compared.calibrated[compared.calibrated["outcome"] == "repurchase"]
    row = rows.iloc[0] if len(rows) else pd.Series(dtype=float)
    row = row.reindex(["slope", "low", "high", "log_loss", "expected", "chance"]).astype(float)
    off, rise = abs(row["slope"] - 1), row["log_loss"] - row["expected"]
    sloped = (row["low"] > 1 or row["high"] < 1) and off >= rule.slope
    return (
        Sign(Reason.AGE, age_days, rule.age_days, age_days >= rule.age_days),
        Sign(Reason.DRIFT, moved, 1, rule.drift and moved >= 1),
        Sign(Reason.SLOPE, _known(off), rule.slope, bool(sloped)),
        Sign(Reason.LOG_LOSS, _known(rise), rule.log_loss, bool(rise > row["chance"] and rise >= rule.log_loss)),
    )


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
