"""A challenger watched week by week: what each look may conclude, if one looks every week.

Members enter in the week of their next basket, once each. Those who come first buy more often than those who come
last, so the first weeks are about other members than the last ones.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.special

from membership.evaluate.arms import TREATMENT
from membership.evaluate.randomised import PAIRED, RANDOMISED
from membership.stats import sequential

_LARGEST = 0.5  # standard deviation of a share, where nothing is known from before


@dataclass(frozen=True)
class Watched:
    """What one reading showed: the first `week` in which it could have stopped, or None, and p in the `last` one.

    `naive`: the weeks in which a test made for one look would have rejected.
    """

    reading: str
    week: int | None
    last: int
    p_value: float
    naive: tuple[int, ...]


def planned_error(before: pd.DataFrame, metric: str) -> float:
    """Return the standard error that two arms would have by what was known of `metric` before the test.

    Half of as many members as had a basket in the window before, in each arm.
    """
    values = before[metric].dropna() if metric in before else pd.Series(dtype=float)
    if len(values) < 2:
        return _LARGEST
    return 2 * (float(values.std()) or _LARGEST) / np.sqrt(len(values))


def watch(
    observed: pd.DataFrame,
    differences: pd.DataFrame,
    metric: str,
    error: float,
    confidence: float,
    minimum: int = 30,
    readable: bool = True,
) -> pd.DataFrame:
    """Return both readings cumulated by week: one row a reading and week; the paired one alone unless `readable`.

    `observed` is that of `arms.observe` (with week), `differences` that of the paired experiment; `error` is that of
    `planned_error`, fixed before the first look; `minimum` is of members in an arm. Columns: reading, week, members,
    difference, low, high, p_value (always valid), fixed_p_value (of a test read once, which must not be watched).
    """
    mixture = sequential.spread(error, confidence)
    known = observed.dropna(subset=[metric])
    week = known["week"].to_numpy(dtype=int)
    treated = known["arm"].to_numpy() == TREATMENT
    arms = sequential.watch(known[metric].to_numpy(), treated, week, mixture, confidence, minimum)
    arms = arms.assign(reading=RANDOMISED, members=arms["control"] + arms["treated"]).rename(columns={"look": "week"})
    weeks = observed.set_index("member_id")["week"]
    pairs = _paired(differences.set_index("member_id")[metric].dropna(), weeks, mixture, confidence, minimum)
    columns = ["reading", "week", "members", "difference", "low", "high", "p_value", "fixed_p_value"]
    return pd.concat([arms, pairs] if readable else [pairs], ignore_index=True)[columns]


def summary(watched: pd.DataFrame, confidence: float) -> list[Watched]:
    """Return what each reading of `watch` showed."""
    alpha, found = 1 - confidence, []
    for reading, rows in watched.groupby("reading", sort=False):
        sure, naive = (rows.loc[rows[name] < alpha, "week"].astype(int) for name in ("p_value", "fixed_p_value"))
        last, week = rows.iloc[-1], int(sure.iloc[0]) if len(sure) else None
        found.append(Watched(str(reading), week, int(last["week"]), float(last["p_value"]), tuple(naive)))
    return found


def _paired(values: pd.Series, weeks: pd.Series, mixture: float, confidence: float, minimum: int) -> pd.DataFrame:
    ordered = pd.DataFrame({"value": values, "week": weeks.reindex(values.index).astype(int)}).sort_values("week")
    number = ordered["value"].expanding()
    so_far = pd.DataFrame({"week": ordered["week"], "members": number.count().astype(int), "difference": number.mean()})
    so_far["error"] = (number.std() / np.sqrt(so_far["members"])).where(so_far["members"] >= 2 * minimum)
    looks = so_far.groupby("week", as_index=False).last()
    found = sequential.bounds(looks["difference"].to_numpy(), looks["error"].to_numpy(), mixture, confidence)
    fixed = 2 * scipy.special.ndtr(-(looks["difference"] / looks["error"]).abs())
    return looks.assign(reading=PAIRED, low=found.low, high=found.high, p_value=found.p_value, fixed_p_value=fixed)
