"""What of a difference between members lasts: figures of two halves of history, in which only taste is the same.

A figure y of n trials in one half is modelled as taste + the half's own deviation + noise / sqrt(n). Taste is what
both halves share, so their covariance is its variance; squared differences between halves, on 1 / n, part the rest
into drift (the deviation) and noise. Lines of one basket are not independent, and so many lines tell less than their
number; but the baskets of two halves are, so the noise that they show is that of baskets, whatever lies in them.

The weight of a member's own figure is taste / (taste + drift + noise / n): the slope of what a later period shows on
it.

Source: Bühlmann and Straub (1970) for the weights; variances by the method of moments on repeated measures (Searle,
Casella and McCulloch 1992, Variance Components, chapter 5).
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.stats

from membership.stats.credibility import Shrunk

FEWEST = 30  # members with both halves, below which nothing is said
_ROUNDS = 3  # of weights by the variances of the round before


@dataclass(frozen=True)
class Lasting:
    """Variances of one figure: of taste between members, of what a half of history deviates, and of one trial."""

    taste: float
    drift: float
    within: float


def parts(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> Lasting | None:
    """Return the parts of variance of a figure; each half is (observed, trials), (members,) both, of the same members.

    NaN or no trials: nothing observed. None with fewer than FEWEST members observed in both halves.
    """
    (y, n), (z, m) = ((np.asarray(part, float) for part in half) for half in (first, second))
    known = np.isfinite(y) & np.isfinite(z) & (n > 0) & (m > 0)
    if known.sum() < FEWEST:
        return None
    y, n, z, m = y[known], n[known], z[known], m[known]
    squares, inverse = _centred(y, z, n, m), 1 / n + 1 / m
    drift, within = 0.0, 1.0
    for _ in range(_ROUNDS):
        scale = 2 * drift + within * inverse
        scale = np.maximum(scale, 1e-9 * scale.max()) if scale.max() > 0 else np.ones_like(scale)
        design = np.column_stack([np.full(len(y), 2.0), inverse]) / scale[:, None]
        (drift, within), _ = scipy.optimize.nnls(design, squares / scale)
    taste = 0.0
    for _ in range(_ROUNDS):
        own, other = taste + drift + within / n, taste + drift + within / m
        variance = own * other + taste**2
        weight = 1 / np.maximum(variance, 1e-9 * variance.max()) if variance.max() > 0 else np.ones(len(y))
        weight = weight / weight.sum()
        product = weight @ ((y - weight @ y) * (z - weight @ z))
        taste = max(0.0, float(product / (1 - weight @ weight)))
    return Lasting(taste, float(drift), float(within))


def shrink(observed: np.ndarray, trials: np.ndarray, halves: np.ndarray, found: Lasting) -> Shrunk:
    """Draw `observed` (members,) towards their mean, by how little of it will last; figures rest on `trials`.

    `halves` (members,): how many halves of history a member has been there, over which drift averages out; less than
    one counts as one.
    """
    known = np.isfinite(observed) & (trials > 0)
    y, n = np.asarray(observed, float)[known], np.asarray(trials, float)[known]
    figures = np.full(len(observed), np.nan)
    if not len(y):
        return Shrunk(figures, np.nan, 0.0, 0.0)
    other = found.drift / np.maximum(np.asarray(halves, float)[known], 1) + found.within / n
    weight = found.taste / (found.taste + other) if found.taste > 0 else np.zeros(len(y))
    mean = np.average(y, weights=weight if weight.sum() > 0 else n)
    figures[known] = mean + weight * (y - mean)
    return Shrunk(figures, float(mean), float(np.sqrt(found.taste)), float(weight.mean()))


@dataclass(frozen=True)
class Slope:
    """The regression of what came later on what was expected: 1 where members differ later as much as was expected."""

    members: int
    slope: float
    low: float
    high: float


def slope(
    expected: np.ndarray, later: np.ndarray, trials: np.ndarray, found: Lasting | None, confidence: float
) -> Slope:
    """Return the slope of `later` (of `trials`) on `expected`, (members,) each, weighted by how sure a later figure is.

    The interval is that of heteroscedastic errors (White 1980). NaN where fewer than FEWEST members have both, or
    nothing is expected to differ.
    """
    known = np.isfinite(expected) & np.isfinite(later) & (trials > 0)
    x, y, n = expected[known], later[known], np.asarray(trials, float)[known]
    if len(x) < FEWEST or np.ptp(x) == 0:
        return Slope(len(x), np.nan, np.nan, np.nan)
    weight = 1 / (found.taste + found.drift + found.within / n) if found else n
    weight = weight / weight.sum()
    away = x - weight @ x
    spread = weight @ away**2
    slope = float(weight @ (away * y) / spread)
    rest = y - weight @ y - slope * away
    error = float(np.sqrt(((weight * away * rest) ** 2).sum()) / spread)
    half = float(scipy.stats.norm.isf((1 - confidence) / 2)) * error
    return Slope(len(x), slope, slope - half, slope + half)


def _centred(y: np.ndarray, z: np.ndarray, n: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return squared differences of members between halves, without what all changed together."""
    weight = 1 / (1 / n + 1 / m)
    apart = y - z
    return (apart - weight @ apart / weight.sum()) ** 2
