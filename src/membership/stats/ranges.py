"""What a sum may be when the numbers that it rests on are each off by a normal error of their own.

A net is linear in the responses that it assumes. So each of them adds its own part: the spread, what one standard
deviation more of it would add. Errors that are independent add up in squares.
"""

import numpy as np
import scipy.stats


def sd(spread, axis: int | None = None):
    """Return the standard deviation of a sum with these spreads (cents each), along `axis` or of all of them."""
    return np.sqrt(np.square(np.asarray(spread, dtype=float)).sum(axis=axis))


def normal(mean, sd, confidence: float) -> tuple:
    """Return low and high of the interval around `mean`: two numbers, or arrays where `mean` or `sd` is one.

    >>> [round(float(end), 1) for end in normal(10.0, 2.0, 0.95)]
    [6.1, 13.9]
    """
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * sd
    return mean - half, mean + half
