"""What a sum may be when the numbers that it rests on are each off by a normal error of their own.

A net is linear in the responses that it assumes. So each of them adds its own part: the spread, what one standard
deviation more of it would add. Errors that are independent add up in squares. Its expectation over
all that the responses may be is its value at their means, since it is linear: no draws are needed for it.
"""

import numpy as np
import scipy.stats


def sd(spread, axis: int | None = None, correlation: np.ndarray | None = None):
    """Return the standard deviation of a sum with these spreads (cents each), along `axis` or of all of them.

    `correlation` (n, n) of the errors behind n spreads; without, they are independent.
    """
    if correlation is not None:
        spread = np.asarray(spread, dtype=float)
        return np.sqrt(max(float(spread @ correlation @ spread), 0.0))
    return np.sqrt(np.square(np.asarray(spread, dtype=float)).sum(axis=axis))


def normal(mean, sd, confidence: float) -> tuple:
    """Return low and high of the interval around `mean`: two numbers, or arrays where `mean` or `sd` is one.

    >>> [round(float(end), 1) for end in normal(10.0, 2.0, 0.95)]
    [6.1, 13.9]
    """
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * sd
    return mean - half, mean + half


def chance_above_zero(mean, sd):
    """Return the chance that a normal number is above 0, of numbers or arrays; where `sd` is 0, whether `mean` is.

    >>> [round(float(chance), 3) for chance in chance_above_zero(np.array([0.0, 1.96, 2.0]), np.array([1.0, 1.0, 0.0]))]
    [0.5, 0.975, 1.0]
    """
    mean, sd = np.asarray(mean, dtype=float), np.asarray(sd, dtype=float)
    return np.where(sd > 0, scipy.stats.norm.cdf(mean / np.where(sd > 0, sd, 1.0)), mean > 0)
