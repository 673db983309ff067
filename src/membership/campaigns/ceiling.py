"""How a shift of log-odds changes a chance: nothing where it is 1 already."""

import numpy as np

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def uplift(chance: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return p' / p - 1 where log-odds move by `shift`: exactly 0 at p = 1, and the growth of the odds at p = 0.

    >>> uplift(np.array([1.0, 0.5, 0.0]), np.log(3)).round(9).tolist()
    [0.0, 0.5, 2.0]
    """
    grown = np.expm1(shift)
    return (1 - chance) * grown / (1 + chance * grown)


def slope(chance: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the derivative of `uplift` by the shift."""
    grown = np.expm1(shift)
    return (1 - chance) * (1 + grown) / (1 + chance * grown) ** 2


def expected(chance: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of the uplift where the shift is N(`mean`, `sd`^2), by Gauss-Hermite quadrature."""
    if not np.any(sd):
        found = uplift(chance, mean)
        return found, np.zeros_like(found)
    first, second = 0.0, 0.0
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        found = uplift(chance, mean + node * sd)
        first, second = first + weight * found, second + weight * found**2
    return first, np.sqrt(np.maximum(second - first**2, 0.0))


def combined(shifts: np.ndarray, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the joint shift (members,) of `shifts` (members, benefits; 0: not given), and what share of each counts.

    All count but that positive ones beside the largest lose the share `overlap`.

    >>> combined(np.array([[0.4, 0.2, 0.0], [0.4, -0.2, 0.0]]), 0.5)[0].round(9).tolist()
    [0.5, 0.2]
    """
    positive = np.maximum(shifts, 0.0)
    largest = np.arange(shifts.shape[1]) == positive.argmax(axis=1)[:, None]
    share = np.where((positive > 0) & ~largest, 1 - overlap, 1.0)
    return (share * shifts).sum(axis=1), share


def pair(first: np.ndarray, second: np.ndarray, overlap: float) -> np.ndarray:
    """Return the joint shift of two, (members,): to the last digit that of `combined`, in a third of the time.

    >>> pair(np.array([0.4, 0.4]), np.array([0.2, -0.2]), 0.5).round(9).tolist()
    [0.5, 0.2]
    """
    less = np.minimum(first, second)
    return np.maximum(first, second) + np.where(less > 0, (1 - overlap) * less, less)
