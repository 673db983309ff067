"""Credibility: what each member's own figure is worth beside the population's, given how much it rests on.

A figure from few trials is mostly chance. The Bühlmann-Straub estimator draws it to the population's mean by as much
as chance explains; for shares this is the beta-binomial's posterior mean, its prior taken from the population.
Sources: Bühlmann and Straub (1970); for shares Kleinman (1973), with the analysis-of-variance estimator of Ridout,
Demétrio and Firth (1999); for rates the gamma-Poisson of Morris (1983).
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize


@dataclass(frozen=True)
class Shrunk:
    """Figures drawn towards the mean of all."""

    figures: np.ndarray  # (members,) posterior means; NaN where nothing was observed
    mean: float  # of the members, each weighted by its credibility
    spread: float  # standard deviation between members, chance taken out; 0 where chance explains all
    reliability: float  # 0 to 1, mean weight of a member's own figure


def shrink(observed: np.ndarray, trials: np.ndarray, within: float) -> Shrunk:
    """Draw `observed` (members,) towards their mean; a figure rests on `trials` (members,), each of variance `within`.

    The weight of a member's own figure is n / (n + within / between). NaN or no trials: nothing observed.
    """
    known = np.isfinite(observed) & (trials > 0)
    y, n = np.asarray(observed, float)[known], np.asarray(trials, float)[known]
    figures = np.full(len(observed), np.nan)
    if len(y) < 2 or np.ptp(y) == 0:
        figures[known] = y
        return Shrunk(figures, float(y[0]) if len(y) else np.nan, 0.0, 0.0)
    mean = np.average(y, weights=n)
    squares = float(n @ (y - mean) ** 2)
    between = max(0.0, (squares - (len(y) - 1) * within) / (n.sum() - n @ n / n.sum()))
    if between == 0:
        figures[known] = mean
        return Shrunk(figures, float(mean), 0.0, 0.0)
    weight = n / (n + within / between)
    mean = np.average(y, weights=weight)
    figures[known] = mean + weight * (y - mean)
    return Shrunk(figures, float(mean), float(np.sqrt(between)), float(weight.mean()))


def share_variance(share: np.ndarray, trials: np.ndarray) -> float:
    """Return the variance of one yes-or-no trial within a member, pooled over members (mean square within).

    For shares of lines of unequal weight, `trials` is their effective number.
    """
    known = np.isfinite(share) & (trials > 0)
    p, n = share[known], trials[known]
    freedom = n.sum() - len(n)
    if freedom <= 0:  # one trial each: nothing tells chance from members, so chance it is
        return 0.25
    return float((n * p * (1 - p)).sum() / freedom)


def ratio_variance(squares: np.ndarray, products: np.ndarray, whole_squares: np.ndarray, ratio: np.ndarray) -> float:
    """Return the variance of one effective trial of a ratio of sums, part / whole, within a member.

    `squares`, `products`, `whole_squares`: each member's sums over lines of part^2, part x whole and whole^2; a member
    has (sum of whole)^2 / whole_squares effective trials. Source: the linearised ratio estimator (Cochran 1977, 6.3).
    """
    known = np.isfinite(ratio) & (whole_squares > 0)
    r = ratio[known]
    residual = squares[known] - 2 * r * products[known] + r**2 * whole_squares[known]
    total = whole_squares[known].sum()
    return max(float(residual.sum() / total), 0.0) if total > 0 else 0.0


def mean_variance(total: np.ndarray, squares: np.ndarray, trials: np.ndarray) -> float:
    """Return the variance of one trial within a member from each member's sum, sum of squares and number of trials."""
    known = trials > 0
    n = trials[known]
    freedom = n.sum() - len(n)
    if freedom <= 0:  # one trial each: nothing tells chance from members, so chance it is
        return float(np.var(total[known])) if known.any() else 0.0
    return max(float((squares[known] - total[known] ** 2 / n).sum() / freedom), 0.0)


def rate_variance(count: np.ndarray, days: np.ndarray) -> float:
    """Return the variance of the count of one day of a Poisson process at the population's rate, which is its mean."""
    return float(count.sum() / days.sum()) if days.sum() > 0 else 0.0


def size_variance(observed: np.ndarray, trials: np.ndarray) -> float:
    """Return the variance of one trial where only the figures are known: squared deviations on 1 / trials, both >= 0.

    Members of few trials must scatter more by chance alone; as much of that as fits is called chance.
    """
    known = np.isfinite(observed) & (trials > 0)
    y, n = np.asarray(observed, float)[known], np.asarray(trials, float)[known]
    if len(y) < 2:
        return 0.0
    design = np.column_stack([np.ones(len(n)), 1 / n])
    (_, within), _ = scipy.optimize.nnls(design, (y - np.average(y, weights=n)) ** 2)
    return float(within)
