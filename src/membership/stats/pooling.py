"""Putting estimates together: partial pooling of groups, systematic error from placebos, and a prior's weight."""

import numpy as np


def heterogeneity(estimates: np.ndarray, errors: np.ndarray) -> tuple[float, float, float]:
    """Return mean, its standard error, and the standard deviation of the true effects across groups.

    The moment estimator of random-effects meta-analysis, at least 0. Source: DerSimonian and Laird (1986), eqs. 8-9.
    """
    weight = 1 / errors**2
    fixed = np.average(estimates, weights=weight)
    excess = (weight * (estimates - fixed) ** 2).sum() - (len(estimates) - 1)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    variance = max(0.0, excess / scale) if scale > 0 else 0.0
    total = 1 / (errors**2 + variance)
    return float(np.average(estimates, weights=total)), float(1 / np.sqrt(total.sum())), float(np.sqrt(variance))


def shrink(
    estimates: np.ndarray, errors: np.ndarray, centre: float, centre_error: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw noisy groups to `centre`, the estimate for all: return empirical Bayes means and errors, (groups,) each.

    The less groups differ beyond their errors, the closer they are drawn. A group without an estimate (NaN) gets the
    centre, with the spread of the groups in its error. Source: Morris (1983); the error counts the centre's own.
    """
    estimates, errors = np.asarray(estimates, dtype=float), np.asarray(errors, dtype=float)
    known = np.isfinite(estimates) & np.isfinite(errors) & (errors > 0)
    spread = heterogeneity(estimates[known], errors[known])[2] if known.sum() > 1 else 0.0
    noise = np.where(known, errors, np.inf)
    own = spread**2 / (spread**2 + noise**2)  # the share of a group's own estimate
    means = centre + own * (np.where(known, estimates, centre) - centre)
    return means, np.sqrt((1 - own) * spread**2 + (1 - own) ** 2 * centre_error**2)


def systematic_error(placebos: np.ndarray, errors: np.ndarray) -> float:
    """Return the root mean square bias that effects known to be 0 reveal beyond their own sampling errors.

    The precision-weighted moment estimate about 0, so that a bias common to all placebos counts in full; 0 without
    placebos. Source: after Schuemie, Ryan, DuMouchel, Suchard and Madigan (2014), who fit a normal distribution to
    negative controls.
    """
    placebos, errors = np.asarray(placebos, dtype=float), np.asarray(errors, dtype=float)
    known = np.isfinite(placebos) & np.isfinite(errors) & (errors > 0)
    if not known.any():
        return 0.0
    weight = 1 / errors[known] ** 2
    excess = np.average(placebos[known] ** 2 - errors[known] ** 2, weights=weight)
    return float(np.sqrt(max(0.0, excess)))


def combine(means: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight independent normal estimates of the same thing by precision: (sources, groups) -> two of (groups,).

    NaN sources count for nothing, and an error of 0 is certainty: that source alone decides (the first, of several).
    """
    means, errors = np.atleast_2d(np.asarray(means, dtype=float)), np.atleast_2d(np.asarray(errors, dtype=float))
    known = np.isfinite(means) & np.isfinite(errors)
    certain = known & (errors == 0)
    first = certain & (np.cumsum(certain, axis=0) == 1)
    with np.errstate(divide="ignore"):
        weight = np.where(known, 1 / errors**2, 0.0)
    weight = np.where(certain.any(axis=0), first.astype(float), weight)
    total = weight.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weight * np.where(known, means, 0.0)).sum(axis=0) / total
        error = np.where(certain.any(axis=0), 0.0, 1 / np.sqrt(total))
    return mean, np.where(total > 0, error, np.nan)
