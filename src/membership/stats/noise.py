"""Sums and quantiles with noise, so that nobody can tell whether one person was counted: differential privacy.

Whether a person is in or not changes the probability of any answer by at most the factor e^epsilon. Several answers
about the same people add up their epsilons. The noise comes from the operating system and no seed makes it again: who
could, would take it off. All of it is OpenDP's, whose integers hold no trace of rounding.

Sources: Dwork, McSherry, Nissim & Smith (2006), Calibrating noise to sensitivity in private data analysis, TCC,
proposition 1; Smith (2011), Privacy-preserving statistical estimation with optimal convergence rates, STOC.
"""

from types import ModuleType

import numpy as np

from membership.base.errors import ParamError

ROUND = np.array([digit * 10**power for power in range(10) for digit in (1, 2, 5)])  # what a quantile may be
_INTEGER = "i64"


def library() -> ModuleType:
    """Return OpenDP. Raises ParamError where it is not installed."""
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise ParamError(
            "privacy.epsilon: totals with noise take OpenDP, which is not installed: pip install -e '.[privacy]'; "
            "or set privacy.epsilon to null."
        ) from error
    dp.enable_features("contrib")  # what is proven, though not yet reviewed by their whole committee
    return dp


def scale(most: int, epsilon: float) -> float:
    """Return the scale of the noise of sums to which one person adds at most `most` in all: `most` / `epsilon`.

    >>> scale(12, 0.2)
    60.0
    """
    return most / epsilon


def within(most: int, epsilon: float, confidence: float = 0.95) -> int:
    """Return how far the noise of such a sum takes it, at most, with `confidence`: a quantile of Laplace's.

    >>> within(1, 1.0), within(12, 0.2)
    (3, 180)
    """
    return int(np.ceil(scale(most, epsilon) * -np.log(1 - confidence)))


def sums(exact: np.ndarray, most: int, epsilon: float) -> np.ndarray:
    """Return the integers `exact` (n,) with noise; one person adds at most `most` to all of them together."""
    dp = library()
    whole = dp.vector_domain(dp.atom_domain(T=_INTEGER)), dp.l1_distance(T=_INTEGER)
    noisy = dp.m.make_laplace(*whole, scale=scale(most, epsilon))
    if noisy.map(most) > epsilon * (1 + 1e-9):
        raise AssertionError(f"OpenDP counts an epsilon of {noisy.map(most)}, which is more than {epsilon}")
    return np.array(noisy([int(value) for value in exact]))


def quantile(values: np.ndarray, share: float, epsilon: float) -> int:
    """Return which of ROUND comes near the quantile `share` of `values` (n,), integers, one of each person."""
    dp = library()
    people = dp.vector_domain(dp.atom_domain(T=_INTEGER)), dp.symmetric_distance()

    def chosen(width: float):
        return dp.m.make_private_quantile(*people, dp.max_divergence(), ROUND.tolist(), share, width)

    return chosen(chosen(1.0).map(1) / epsilon)([int(value) for value in values])  # epsilon falls as the width grows
