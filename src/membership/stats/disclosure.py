"""How much published sums tell about who is counted in them.

Somebody who knows all that a person did, and how others behave, compares it with m sums over n members that vary
independently. The score that tells best has two normal distributions, of who is counted and who is not, that lie
sqrt(m / n) standard deviations apart; its advantage over chance is twice the area under the curve, minus 1. Rounding
leaves a share of that information, `kept`.

Source: Sankararaman, Obozinski, Jordan & Halperin (2009), Genomic privacy and limits of individual detection in a pool,
Nature Genetics 41, equation 1 (there for frequencies of alleles).
"""

import numpy as np
from scipy import stats

_FINE = 0.45  # information kept, from which on the formula for narrow steps holds
_BOUNDARY = 1.8  # information of one boundary, over standard errors: of phi^2 / (Phi (1 - Phi)), integrated


def advantage(numbers: float, members: int) -> float:
    """Return the most that `numbers` exact sums over `members` tell of one person: 0 is chance, 1 is certainty.

    >>> round(advantage(20, 2_500), 3), round(advantage(20, 500), 3)
    (0.05, 0.112)
    """
    return float(2 * stats.norm.cdf(np.sqrt(numbers / members / 2)) - 1)


def numbers(members: int, most: float) -> float:
    """Return how many exact sums over `members` keep the advantage at `most`, in (0, 1); the inverse of `advantage`.

    >>> round(numbers(2_500, 0.05), 1)
    19.7
    """
    return float(2 * members * stats.norm.ppf((1 + most) / 2) ** 2)


def kept(step: float) -> float:
    """Return the share of the information that is left in a sum rounded to steps of so many standard errors.

    Narrow steps add the variance of an even distribution; of wide ones only a boundary nearby tells anything.

    >>> round(kept(0), 2), round(kept(2), 2), round(kept(18), 2)
    (1.0, 0.75, 0.1)
    """
    narrow = 1 / (1 + step**2 / 12)
    return narrow if narrow >= _FINE else _BOUNDARY / step


def step(share: float) -> float:
    """Return how wide a step, in standard errors of the sum, keeps `share` of the information; the inverse of `kept`.

    >>> step(1.0), round(step(0.75), 2), round(step(0.1), 2)
    (0.0, 2.0, 18.0)
    """
    share = min(share, 1.0)
    return float(np.sqrt(12 * (1 / share - 1))) if share >= _FINE else _BOUNDARY / share
