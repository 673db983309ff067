"""What one more trial is worth: of which benefit, on whom, and with how many members.

Before a trial its posterior is known in part: how much narrower the belief becomes, not where it will lie (Raiffa and
Schlaifer, 1961, preposterior analysis). Half of n members get the benefit at random; with p' the chance of an order
with it and x the covariates, they tell sum of p' (1 - p') x x' of the coefficients, since the forecast gives the chance
without. A member's net at the bid prices, against the best without the benefit, is then believed to become normal
around today's d with sd s, and deciding afterwards brings E max(d, 0) - max(d, 0) more, which is
s phi(d / s) + d Phi(d / s) - max(d, 0). The value is that of one horizon; what is learned serves later ones too.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from membership.benefits.allocation import Allocation
from membership.benefits.payoff import Setting
from membership.campaigns import ceiling

EVERYBODY = "all"


def table(setting: Setting, found: Allocation, groups: pd.Series, sizes: Sequence[int]) -> pd.DataFrame:
    """Return the value of trials of each benefit: one row for each benefit, group and size; money in cents.

    `found`: today's allocation; `groups` (members,): on whom, e.g. the lifecycle stage; "all": anybody who may have the
    benefit. Columns benefit, group, members (in the trial, half of whom get the benefit), value (more worth over the
    horizon, by deciding anew for all who may have it), cost (worth lost in the trial, against what each would be given
    else), net (value less cost). Sizes above the number of members in the group are left out.
    """
    rows = []
    for at, name in enumerate(setting.names):
        may = np.flatnonzero(setting.allowed[:, at])
        if not len(may):
            continue
        with_it, without = _reduced(found, at, may)
        slope = _slope(setting, found, at, may)
        x, told = setting.lift.x[at][may], _told(setting, at, may)
        lost = (np.maximum(with_it, without) - np.c_[with_it, without].T).sum(axis=0) / 2  # a trial member, on average
        own = groups.to_numpy()[may]
        for group in [EVERYBODY, *sorted(set(own))]:
            those = np.ones(len(may), dtype=bool) if group == EVERYBODY else own == group
            each = (x[those] * told[those, None]).T @ x[those] / those.sum()
            for size in (one for one in sizes if one <= those.sum()):
                sd = np.abs(slope) * _moved(setting.lift.reaction.cov[at], size / 2 * each, x)
                value = _gained(with_it - without, sd).sum()
                rows.append((name, group, size, value, size * lost[those].mean()))
    frame = pd.DataFrame(rows, columns=["benefit", "group", "members", "value", "cost"])
    return frame.assign(net=frame["value"] - frame["cost"])


def best(trials: pd.DataFrame) -> pd.DataFrame:
    """Return of `table` the trial of each benefit that brings most, by net, the largest first."""
    first = trials.sort_values("net", ascending=False, kind="stable").drop_duplicates("benefit")
    return first.set_index("benefit")


def _reduced(found: Allocation, at: int, may: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best worth at the prices of `found` with the benefit and without it, for the members `may`."""
    options = found.options
    price, toll = np.zeros(len(may)), np.zeros(len(options.sets))
    if found.within is not None:
        cents, each = found.within.split(found.prices)
        price, toll = np.maximum(cents[found.within.cell[may]], 0.0), options.sets[:, found.within.capped] @ each
    with_it, without = np.full(len(may), -np.inf), np.zeros(len(may))
    for number, row in enumerate(options.sets):
        reduced = options.worth(number)[may] - price * options.cost[may, number] - toll[number]
        reduced = np.where(options.allowed[may][:, row].all(axis=1), reduced, -np.inf)
        into = with_it if row[at] else without
        np.maximum(into, reduced, out=into)
    return with_it, without


def _slope(setting: Setting, found: Allocation, at: int, may: np.ndarray) -> np.ndarray:
    """Return the cents of worth that one more log-odds of the benefit's shift brings, (may,)."""
    options = found.options
    orders = options.usual[may] * options.order_worth + options.by_orders[may, at]
    cents = options.margin[may] + options.by_spend[may, at] + orders
    return cents * ceiling.slope(setting.lift.chance[may], setting.lift.mean[may, at])


def _told(setting: Setting, at: int, may: np.ndarray) -> np.ndarray:
    """Return what one member with the benefit tells of its shift: p' (1 - p')."""
    chance = setting.lift.chance[may]
    with_it = chance * (1 + ceiling.uplift(chance, setting.lift.mean[may, at]))
    return with_it * (1 - with_it)


def _moved(cov: np.ndarray, information: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sd by which data with this information are expected to move the belief about each row of `x`."""
    after = np.linalg.solve(np.eye(len(cov)) + cov @ information, cov)
    return np.sqrt(np.maximum(((x @ (cov - after)) * x).sum(axis=1), 0.0))


def _gained(difference: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return E max(d, 0) - max(d, 0) for d ~ N(difference, sd^2)."""
    known = np.where(np.isfinite(difference), difference, -1e12)
    safe = np.where(sd > 0, sd, 1.0)
    z = known / safe
    expected = safe * scipy.stats.norm.pdf(z) + known * scipy.stats.norm.cdf(z)
    return np.where(sd > 0, np.maximum(expected - np.maximum(known, 0.0), 0.0), 0.0)
