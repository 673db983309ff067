"""What a trial can find: members it takes, from the variance that the data themselves have."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.settings.trials import OUTSIDE, Trial, Trials
from membership.stats import power, sequential
from membership.trials.effects import ADJUSTED, PLAIN


@dataclass(frozen=True)
class Plan:
    """One row an arm against the control and method: members (of both), rate (expected without treatment), deviation
    (standard deviation of the outcome, after CUPED where used), needed (members an arm for `worth`), detectable and
    detectable_relative (smallest difference found with the asked power), power (at `worth`). `watched`: times the
    members that a reading at every look takes.
    """

    worth: float
    rows: pd.DataFrame
    watched: float


def plan(assigned: pd.DataFrame, trial: Trial, settings: Trials) -> Plan:
    """Return the plan of `trial` for those `assigned` (rows of table `assignments`), before any outcome.

    The variance of an order is that of a coin with the forecast's chance: p (1 - p) of the mean chance, or, where CUPED
    takes the forecasts off, the mean of their own p (1 - p). Units of several members count as if one each, so that a
    trial of clusters takes at least as many units.
    """
    units = assigned.groupby("unit").agg(arm=("arm", "first"), forecast=("forecast", "mean"))
    rate = float(units["forecast"].mean())
    spreads = {PLAIN: rate * (1 - rate), ADJUSTED: float(np.mean(units["forecast"] * (1 - units["forecast"])))}
    rows = []
    for arm in [arm for arm in trial.arms if arm not in (trial.control, OUTSIDE)]:
        sizes = [int((units["arm"] == one).sum()) for one in (trial.control, arm)]
        even = 2 / sum(1 / max(size, 1) for size in sizes)  # the equal arms that say as much
        for method, variance in spreads.items():
            row = {"arm": arm, "method": method, "members": sum(sizes), "rate": rate, "deviation": np.sqrt(variance)}
            rows.append(row | _power(trial.worth * rate, np.sqrt(variance), even, settings))
    frame = pd.DataFrame(rows).assign(detectable_relative=lambda table: table["detectable"] / table["rate"])
    return Plan(trial.worth, frame, sequential.price_of_watching(settings.confidence, settings.power))


def _power(difference: float, deviation: float, members: float, settings: Trials) -> dict:
    if not (difference > 0 and deviation > 0):
        return {"needed": np.nan, "detectable": np.nan, "power": np.nan}
    needed = power.members_per_arm(difference / deviation, settings.power, settings.confidence)
    alone = power.power_of_two_arms(max(members, 2), difference / deviation, settings.confidence)
    return {"needed": float(np.ceil(needed)), "detectable": _detectable(deviation, members, settings), "power": alone}


def _detectable(deviation: float, members: float, settings: Trials) -> float:
    return float(power.detectable(deviation, members, settings.power, settings.confidence))
