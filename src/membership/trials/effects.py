"""Intent to treat: what an arm changes per *assigned* member, also those who never came.

y_i: the outcome of member i, p_i: the forecast made before. CUPED takes off what the forecast knew:

    y_i - theta (p_i - mean p),   theta = cov(y, p) / var(p) within arms

The difference of means has the variance of sums over units, so that members of one household, shop or period, who were
drawn together, do not count as many.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.settings.trials import OUTSIDE
from membership.stats import discovery, sequential

PLAIN, ADJUSTED = "plain", "CUPED"
FEWEST = 30  # units an arm below which nothing is said of a subgroup


@dataclass(frozen=True)
class Effect:
    """One arm against the control; `difference` per assigned member, in the outcome's unit."""

    members: int  # of both arms
    units: int
    control: float
    treated: float
    difference: float
    error: float  # standard error
    low: float
    high: float
    p_value: float
    relative: float  # of the control's mean
    relative_low: float
    relative_high: float


def adjust(outcome: np.ndarray, forecast: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Return `outcome` (n,) without what `forecast` told of it; the mean over all stays what it was.

    Source: Deng, Xu, Kohavi and Walker (2013), CUPED; Freedman (2008) on one slope for all arms.
    """
    within_y, within_p = outcome.astype(float).copy(), forecast.astype(float).copy()
    for one in pd.unique(arm):
        within_y[arm == one] -= within_y[arm == one].mean()
        within_p[arm == one] -= within_p[arm == one].mean()
    squares = within_p @ within_p
    slope = (within_y @ within_p) / squares if squares > 0 else 0.0
    return outcome - slope * (forecast - forecast.mean())


def contrast(
    outcome: np.ndarray,
    treated: np.ndarray,
    confidence: float,
    unit: np.ndarray | None = None,
    forecast: np.ndarray | None = None,
) -> Effect:
    """Compare those `treated` (n,) of bool with the others on `outcome`, by t, with CUPED where a `forecast` is given.

    `unit` (n,): who was drawn together; without it everybody alone. Below two units an arm: the interval is everything
    and p is 1. Nothing varies: the interval is the difference itself.

    Source: Liang and Zeger (1986), Biometrika 73, on clusters; delta method for the relative change.
    """
    y = outcome.astype(float)
    if forecast is not None:
        y = adjust(y, forecast, treated)
    means, variances, units = [], [], 0
    for side in (False, True):
        own = y[treated == side]
        sums = own - own.mean() if len(own) else own
        if unit is not None and len(own):
            sums = np.bincount(np.unique(unit[treated == side], return_inverse=True)[1], sums)
        number = len(sums)
        units += number
        means.append(own.mean() if len(own) else np.nan)
        variances.append(number / (number - 1) * (sums @ sums) / len(own) ** 2 if number > 1 else np.inf)
    below, above = means
    difference, error = above - below, float(np.sqrt(sum(variances)))
    wide = scipy.stats.t.ppf((1 + confidence) / 2, max(units - 2, 1))
    half = wide * error if error > 0 else 0.0
    p_value = float(2 * scipy.stats.t.sf(abs(difference) / error, max(units - 2, 1))) if 0 < error < np.inf else 1.0
    if error == 0:
        p_value = float(difference == 0)
    relative, spread = np.nan, np.nan
    if below and np.isfinite(error):
        relative = above / below - 1
        spread = wide * np.sqrt(variances[1] + (above / below) ** 2 * variances[0]) / abs(below)
    return Effect(
        members=len(y),
        units=units,
        control=float(below),
        treated=float(above),
        difference=float(difference),
        error=error,
        low=float(difference - half) if np.isfinite(half) else -np.inf,
        high=float(difference + half) if np.isfinite(half) else np.inf,
        p_value=p_value,
        relative=float(relative),
        relative_low=float(relative - spread),
        relative_high=float(relative + spread),
    )


def table(
    observed: pd.DataFrame, control: str, outcomes: Iterable[str], confidence: float, clustered: bool
) -> pd.DataFrame:
    """Return every arm of `observed` (as of `outcomes.observe`) against the control: one row an outcome, arm, method.

    Columns outcome, arm, method (PLAIN, ADJUSTED), those of Effect, and p_all: p adjusted for as many arms (Holm's
    bound: times their number). Each outcome is adjusted by the forecast of an order, whichever it is.
    """
    rows = []
    arms = [arm for arm in sorted(observed["arm"].unique()) if arm not in (control, OUTSIDE)]
    for arm in arms:
        pair = observed[observed["arm"].isin([control, arm])]
        treated, forecast = (pair["arm"] == arm).to_numpy(), pair["forecast"].to_numpy(dtype=float)
        unit = pair["unit"].to_numpy() if clustered else None
        for outcome in outcomes:
            values = pair[outcome].to_numpy(dtype=float)
            for method, known in ((PLAIN, None), (ADJUSTED, forecast)):
                found = contrast(values, treated, confidence, unit, known)
                rows.append({"outcome": outcome, "arm": arm, "method": method, **vars(found)})
    frame = pd.DataFrame(rows, columns=["outcome", "arm", "method", *Effect.__dataclass_fields__])
    return frame.assign(p_all=(frame["p_value"] * max(len(arms), 1)).clip(upper=1.0))


def subgroups(
    observed: pd.DataFrame, control: str, by: Iterable[str], confidence: float, clustered: bool
) -> pd.DataFrame:
    """Return the effect on an order by subgroup, with CUPED: one row an arm, grouping and subgroup.

    Columns by, subgroup, arm, those of Effect, q_value (false discovery rate over all of them), differs_p (of the
    grouping: that all its subgroups have one effect; Cochran's Q). Subgroups with fewer than FEWEST units in either arm
    are shown, and are no discovery: q is 1.
    """
    rows = []
    for arm in sorted(set(observed["arm"]) - {control, OUTSIDE}):
        pair = observed[observed["arm"].isin([control, arm])]
        for name in by:
            group = []
            for subgroup, part in pair.groupby(name, observed=True):
                treated = (part["arm"] == arm).to_numpy()
                unit = part["unit"].to_numpy() if clustered else None
                forecast = part["forecast"].to_numpy(dtype=float)
                found = contrast(part["ordered"].to_numpy(), treated, confidence, unit, forecast)
                enough = min(treated.sum(), (~treated).sum()) >= FEWEST
                group.append({"by": name, "subgroup": str(subgroup), "arm": arm, **vars(found), "enough": bool(enough)})
            rows += [row | {"differs_p": _differ(group)} for row in group]
    columns = ["by", "subgroup", "arm", *Effect.__dataclass_fields__, "enough", "differs_p"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(q_value=discovery.adjusted(frame["p_value"].where(frame["enough"])).fillna(1.0))


def watch(observed: pd.DataFrame, control: str, arm: str, planned_units: float, confidence: float) -> pd.DataFrame:
    """Return what `sequential.watch` says of the effect on an order as members' windows end, with CUPED.

    Each member enters on the day on which the outcome is known. The bounds hold at all looks at once.
    """
    pair = observed[observed["arm"].isin([control, arm])].sort_values("complete_at", kind="stable")
    treated, forecast = (pair["arm"] == arm).to_numpy(), pair["forecast"].to_numpy(dtype=float)
    values = adjust(pair["ordered"].to_numpy(dtype=float), forecast, treated)
    share = treated.mean()
    known_before = float(np.mean(forecast * (1 - forecast)))  # the variance of orders, if forecasts are calibrated
    error = np.sqrt(max(known_before, 1e-6) / (max(planned_units, 2) * max(share * (1 - share), 1e-6)))
    mixture = sequential.spread(error, confidence)
    return sequential.watch(values, treated, pair["complete_at"].to_numpy(), mixture, confidence)


def _differ(group: list[dict]) -> float:
    known = [row for row in group if row["enough"] and 0 < row["error"] < np.inf]
    if len(known) < 2:
        return np.nan
    difference, weight = (
        np.array(column) for column in zip(*((row["difference"], row["error"] ** -2) for row in known), strict=True)
    )
    mean = (weight @ difference) / weight.sum()
    return float(scipy.stats.chi2.sf(weight @ (difference - mean) ** 2, len(known) - 1))
