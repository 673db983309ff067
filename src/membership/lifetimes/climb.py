"""The way to the summit of a smooth function within a box: L-BFGS-B from afar, Newton steps near it.

A hill is a function of theta, (k,), that returns its height and slope, (k,); minus infinity where it is not defined.
"""

from collections.abc import Callable

import numpy as np
from scipy import optimize

_CLOSE = 1e-11  # of the summed log-likelihood, still to be gained: the search stops
_STEPS = 60  # Newton steps at most
_STRIDE = 1e-4  # in theta, of the differences of the gradient that make the Hessian
_LONGEST = 2.0  # Newton step in any theta
_OPTIONS = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 1000, "maxfun": 2000}

Hill = Callable[[np.ndarray], tuple[float, np.ndarray]]


def ascend(hill: Hill, start: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the theta that L-BFGS-B reaches from `start` within the box."""

    def objective(theta):
        value, gradient = hill(theta)
        return -value if np.isfinite(value) else 1e30, -gradient

    bounds = list(zip(low, high, strict=True))
    return optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_OPTIONS).x


def newton(hill: Hill, theta, curvature, low, high, members: int) -> tuple[np.ndarray, float]:
    """Return the summit near `theta` within the box, and its height; `low` = `high` holds a theta where it is.

    The `curvature` (minus the Hessian, roughly) is kept while steps gain much, and computed again where they do not.
    """
    value, gradient = hill(theta)
    fresh, before = False, np.inf
    for _ in range(_STEPS):
        step = newton_step(curvature, gradient, theta, low, high)
        gain = members * (gradient @ step)
        if gain < _CLOSE:
            break
        ahead = _forward(hill, theta, step, value, low, high) if fresh or gain < before / 10 else None
        if ahead is not None:
            (theta, value, gradient), fresh, before = ahead, False, gain
        elif fresh:
            break
        else:
            curvature, fresh = curvature_at(hill, theta), True
    return theta, value


def newton_step(curvature, gradient, theta, low, high) -> np.ndarray:
    """Return the Newton step, (k,), of the thetas that may move; a direction that bends upwards is walked uphill."""
    free = (low < high) & ~((theta <= low) & (gradient <= 0)) & ~((theta >= high) & (gradient >= 0))
    step = np.zeros_like(theta)
    if free.any():
        bends, axes = np.linalg.eigh(curvature[np.ix_(free, free)])
        step[free] = axes @ (axes.T @ gradient[free] / np.maximum(np.abs(bends), 1e-9))
        step *= min(1.0, _LONGEST / max(np.abs(step).max(), 1e-300))
    return step


def curvature_at(hill: Hill, theta: np.ndarray) -> np.ndarray:
    """Return minus the Hessian, (k, k), by central differences of the gradient."""
    strides = _STRIDE * np.eye(len(theta))
    rows = np.array([hill(theta - stride)[1] - hill(theta + stride)[1] for stride in strides]) / (2 * _STRIDE)
    return (rows + rows.T) / 2


def _forward(hill: Hill, theta, step, value, low, high) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Return the first point of ever shorter steps that is not lower than `value`: theta, height, slope; or None."""
    for length in 0.5 ** np.arange(12):
        ahead = np.clip(theta + length * step, low, high)
        reached, gradient = hill(ahead)
        if reached >= value - 1e-14 * abs(value):
            return ahead, reached, gradient
    return None
