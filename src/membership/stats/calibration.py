"""Whether what was predicted came true, member by member: intercept, slope, and the error of tenths."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from membership.stats import resample

GROUPS = 10
_TINY = 1e-6  # probabilities nearer than this to 0 or 1 are taken for certain


@dataclass(frozen=True)
class Calibration:
    """Realised = intercept + slope x predicted, the slope's interval, and the mean error of tenths.

    Perfect: intercept 0, slope 1, error 0. Below 1 a slope says that high predictions are too high and low ones too
    low. `error` is in the unit of what is predicted (of a probability: the expected calibration error). All but
    `error` are NaN where nothing varies, or where the two outcomes are told apart without a mistake.
    """

    intercept: float
    slope: float
    low: float
    high: float
    error: float


def of_chance(happened: np.ndarray, chance: np.ndarray, confidence: float) -> Calibration:
    """Return the calibration of `chance` (n,) of what `happened` (n,), by logistic regression on its log-odds.

    A certain 0 or 1 has no log-odds: it counts in `error` alone, or a few of them would decide the slope.
    Source: Cox (1958), Biometrika 45: 562-565; slope's interval by Wald.
    """
    happened, chance = np.asarray(happened, float), np.asarray(chance, float)
    error = tenths_error(happened, chance)
    unsure = (chance > _TINY) & (chance < 1 - _TINY)
    happened, odds = happened[unsure], special.logit(chance[unsure])
    if not len(odds) or np.ptp(odds) == 0 or happened.min() == happened.max():
        return Calibration(*[np.nan] * 4, error)
    design = np.column_stack([np.ones(len(odds)), odds])
    found, inverse = _newton(design, happened)
    if inverse is None:
        return Calibration(*[np.nan] * 4, error)
    half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(inverse[1, 1])
    return Calibration(float(found[0]), float(found[1]), float(found[1] - half), float(found[1] + half), error)


@dataclass(frozen=True)
class Surprise:
    """The mean log loss of chances, what it would be if they were right, and the rise above that that chance allows."""

    log_loss: float
    expected: float
    chance: float


def surprise(happened: np.ndarray, chance: np.ndarray, confidence: float) -> Surprise:
    """Return how surprising what `happened` (n,) is to who believes in `chance` (n,), one-sided at `confidence`.

    If they are right the log loss of one has the mean -p log p - (1 - p) log(1 - p) and the variance p (1 - p)
    logit(p)^2. The same of the Brier score: Spiegelhalter (1986), Statistics in Medicine 5: 421-433.
    """
    p = np.clip(np.asarray(chance, float), _TINY, 1 - _TINY)
    if not len(p):
        return Surprise(np.nan, np.nan, np.nan)
    found = -np.log(np.where(np.asarray(happened, bool), p, 1 - p)).mean()
    expected = (special.entr(p) + special.entr(1 - p)).mean()
    spread = np.sqrt((p * (1 - p) * special.logit(p) ** 2).sum()) / len(p)
    return Surprise(float(found), float(expected), float(stats.norm.ppf(confidence) * spread))


def of_amount(realised: np.ndarray, predicted: np.ndarray, confidence: float) -> Calibration:
    """Return the calibration of an amount `predicted` (n,) by least squares; errors of unequal spread are allowed for.

    Source: White (1980), Econometrica 48: 817-838, with the correction n / (n - 2).
    """
    realised, predicted = np.asarray(realised, float), np.asarray(predicted, float)
    error = tenths_error(realised, predicted)
    away = predicted - predicted.mean()
    if len(away) < 3 or not (away**2).sum() > 0:
        return Calibration(*[np.nan] * 4, error)
    slope = float(away @ realised / (away @ away))
    intercept = float(realised.mean() - slope * predicted.mean())
    residual = realised - intercept - slope * predicted
    variance = (away**2 @ residual**2) / (away @ away) ** 2 * len(away) / (len(away) - 2)
    half = stats.t.ppf((1 + confidence) / 2, len(away) - 2) * np.sqrt(variance)
    return Calibration(intercept, slope, slope - half, slope + half, error)


def tenths(predicted: pd.Series) -> pd.Series:
    """Return the tenth of each prediction, 1 the lowest; equal predictions are always in the same one."""
    place = predicted.rank(method="average") / max(len(predicted), 1)
    return np.ceil(place * GROUPS).clip(1, GROUPS).astype("int64")


def tenths_error(realised: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean over members of how far their tenth's realised mean is from its predicted mean.

    Source: Naeini, Cooper and Hauskrecht (AAAI 2015), with tenths of equal size.
    """
    frame = pd.DataFrame({"realised": realised, "predicted": predicted}, dtype=float)
    grouped = frame.groupby(tenths(frame["predicted"]))
    gap = (grouped["realised"].mean() - grouped["predicted"].mean()).abs()
    return float((gap * grouped.size()).sum() / max(len(frame), 1))


def reliability(happened: pd.Series, chance: pd.Series, confidence: float, groups: int = 10) -> pd.DataFrame:
    """Return how often it happened to members who were given about the same chance, by equal steps of chance.

    Columns: `from_chance`, `to_chance`, `members`, `predicted` (mean chance), `actual` (share to whom it happened), and
    its Wilson interval `low`, `high`. Steps without members are left out.
    """
    step = np.minimum((chance * groups).astype(int), groups - 1)
    grouped = pd.DataFrame({"predicted": chance, "actual": happened.astype(float)}).groupby(step)
    table = grouped.agg(members=("actual", "size"), predicted=("predicted", "mean"), actual=("actual", "mean"))
    low, high = resample.wilson(table["actual"] * table["members"], table["members"], confidence)
    table.insert(0, "from_chance", table.index / groups)
    table.insert(1, "to_chance", (table.index + 1) / groups)
    return table.assign(low=low, high=high).reset_index(drop=True)


def _newton(design: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the maximum-likelihood coefficients and the inverse information; None where there is no maximum."""
    found = np.zeros(design.shape[1])
    for _ in range(50):
        chance = special.expit(design @ found)
        information = (design * (chance * (1 - chance))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            return found, None
        step = np.linalg.solve(information, design.T @ (happened - chance))
        found = found + step
        if np.abs(step).max() < 1e-10:
            return found, np.linalg.inv(information)
    return found, None
