"""Bayesian logistic regression with a normal prior: the mode of the posterior, and its curvature there.

The linear predictor may bend: `predictor(theta)` returns it with its slopes, and steps are Gauss-Newton.
"""

from collections.abc import Callable

import numpy as np
from scipy import special

_STEPS, _HALVINGS, _NEAR = 50, 20, 1e-9

Predictor = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # theta (k,) -> log-odds (n,), slopes (n, k)


def logistic(
    predictor: Predictor, hits: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (k,) and covariance (k, k) of the normal approximation to the posterior of theta.

    `hits` (n,): 0 or 1; prior N(`mean`, inverse of `precision`). Without rows the prior comes back.
    Source: MacKay (1992), The evidence framework applied to classification networks, section 3.
    """
    theta = mean.copy()
    odds, slopes = predictor(theta)
    loss = _loss(odds, hits, theta - mean, precision)
    for _ in range(_STEPS):
        chance = special.expit(odds)
        uphill = slopes.T @ (hits - chance) - precision @ (theta - mean)
        step = np.linalg.solve(_curvature(slopes, chance, precision), uphill)
        theta, odds, slopes, better = _along(predictor, hits, mean, precision, theta, step, loss)
        if loss - better < _NEAR * max(1.0, abs(better)):
            break
        loss = better
    covariance = np.linalg.inv(_curvature(slopes, special.expit(odds), precision))
    return theta, (covariance + covariance.T) / 2


def _along(predictor: Predictor, hits, mean, precision, theta, step, loss: float):
    """Return the first point on halved steps that loses no more than now, with its odds, slopes and loss."""
    for halving in range(_HALVINGS):
        tried = theta + step / 2**halving
        odds, slopes = predictor(tried)
        found = _loss(odds, hits, tried - mean, precision)
        if found <= loss:
            return tried, odds, slopes, found
    return theta, *predictor(theta), loss


def _curvature(slopes: np.ndarray, chance: np.ndarray, precision: np.ndarray) -> np.ndarray:
    return (slopes * (chance * (1 - chance))[:, None]).T @ slopes + precision


def _loss(odds: np.ndarray, hits: np.ndarray, off: np.ndarray, precision: np.ndarray) -> float:
    """Return the negative log posterior, less a constant."""
    return float(np.logaddexp(0, odds).sum() - hits @ odds + off @ precision @ off / 2)
