"""Effects by an instrument: what a random assignment changes, and what it changes for those whom it moves.

With the assigned z (n,), known to be random within a stratum, and V either the outcome or the treatment,

    V = slope_V z + strata + error,    effect = slope_y / slope_d,

the intent to treat (slope_y) and the effect of d on those whom z moves (Imbens and Angrist 1994, Econometrica 62). A
relative effect is the same with -y (1 - d) in place of d: its slope is what those moved would do untreated (Abadie
2003, Journal of Econometrics 113). Rows of one cluster may depend on each other; a ratio has Fieller's interval.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import DataError


@dataclass(frozen=True)
class Effect:
    """An effect and its interval; infinite ends where the data cannot bound it."""

    estimate: float
    sd: float
    low: float
    high: float
    p_value: float  # of no effect of what was assigned on the outcome


def slope(y, z, confidence: float, strata=None, cluster=None, before=None) -> Effect:
    """Return what one unit more of `z` changes in `y`, both (n,): see `wald` for the others."""
    (found, _), covariance = _slopes(y, np.zeros(len(np.asarray(y))), z, strata, cluster, before)
    sd = float(np.sqrt(covariance[0, 0]))
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * sd
    return Effect(float(found), sd, float(found - half), float(found + half), no_effect(found, sd))


def wald(y, d, z, confidence: float, strata=None, cluster=None, before=None) -> Effect:
    """Return the effect of `d` on `y` for those whom `z` moves: all (n,), `d` the treatment or -y (1 - treatment).

    `strata` (n,): z is random within each; `cluster` (n,): e.g. the member; `before` (n, k): what was known before
    the assignment and explains y, which makes the interval narrower. Raises DataError where z does not vary.
    """
    means, covariance = _slopes(y, d, z, strata, cluster, before)
    found, sd, low, high = fieller(means, covariance, confidence)
    return Effect(found, sd, low, high, no_effect(means[0], np.sqrt(covariance[0, 0])))


def no_effect(estimate: float, sd: float) -> float:
    """Return the p-value (two-sided, normal) of a true value of 0."""
    return float(2 * scipy.stats.norm.sf(abs(estimate) / sd)) if sd else float(estimate == 0)


def fieller(means, covariance, confidence: float) -> tuple[float, float, float, float]:
    """Return means[0] / means[1], its standard deviation (by the delta method), low and high (Fieller 1954).

    `covariance` is (2, 2). Where means[1] cannot be told from 0, low and high are infinite.

    >>> [round(part, 3) for part in fieller([1.0, 2.0], [[0.01, 0.0], [0.0, 0.01]], 0.95)]
    [0.5, 0.056, 0.395, 0.615]
    """
    top, bottom = (float(mean) for mean in means)
    (top_2, both), (_, bottom_2) = np.asarray(covariance, float).tolist()
    if not bottom:
        return np.nan, np.inf, -np.inf, np.inf
    found, z_2 = top / bottom, scipy.stats.norm.ppf((1 + confidence) / 2) ** 2
    sd = np.sqrt(max(top_2 - 2 * found * both + found**2 * bottom_2, 0)) / abs(bottom)
    # all r with (top - r bottom)^2 <= z^2 times its variance: what lies within the roots of a parabola
    a, middle, c = bottom**2 - z_2 * bottom_2, top * bottom - z_2 * both, top**2 - z_2 * top_2
    if a <= 0:
        return found, float(sd), -np.inf, np.inf
    half = np.sqrt(max(middle**2 - a * c, 0))
    return found, float(sd), float((middle - half) / a), float((middle + half) / a)


def _slopes(y, d, z, strata, cluster, before) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes of y and d on z within strata, (2,), and their covariance by clusters, (2, 2)."""
    outcomes, z = np.column_stack([y, d]).astype(float), np.asarray(z, float)
    place = np.zeros(len(z), int) if strata is None else pd.factorize(np.asarray(strata))[0]
    outcomes, z = _within(outcomes, place), _within(z[:, None], place)[:, 0]
    if before is not None:
        known = _within(np.asarray(before, float).reshape(len(z), -1), place)
        outcomes, z = (part - known @ np.linalg.lstsq(known, part)[0] for part in (outcomes, z))
    varied = z @ z
    if not varied > 1e-12 * max(len(z), 1):
        raise DataError(f"instrument: it does not vary within strata of {len(z)} rows; assign at least two values.")
    slopes = z @ outcomes / varied
    scores = z[:, None] * (outcomes - z[:, None] * slopes) / varied
    groups = np.arange(len(z)) if cluster is None else pd.factorize(np.asarray(cluster))[0]
    sums = np.column_stack([np.bincount(groups, part) for part in scores.T])
    return slopes, len(sums) / max(len(sums) - 1, 1) * sums.T @ sums


def _within(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    counts = np.bincount(place)
    means = np.column_stack([np.bincount(place, part) / counts for part in values.T])
    return values - means[place]
