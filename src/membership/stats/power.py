"""How many members a comparison needs."""

import numpy as np
import scipy.optimize
import scipy.stats

from membership.base.errors import ParamError

_FAR = 1000.0  # standard errors from 0: the power is 1, and far beyond it SciPy's noncentral t is NaN


def power_of_two_arms(members: float, effect_size: float, confidence: float) -> float:
    """Return the power of a two-sided t test of two arms of `members` each; `effect_size` is Cohen's d.

    Source: noncentral t, Cohen (1988), section 2.2.
    """
    freedom, centre = 2 * members - 2, min(abs(effect_size) * np.sqrt(members / 2), _FAR)
    limit = scipy.stats.t.ppf((1 + confidence) / 2, freedom)
    return float(scipy.stats.nct.sf(limit, freedom, centre) + scipy.stats.nct.sf(limit, freedom, -centre))


def members_per_arm(effect_size: float, power: float, confidence: float) -> float:
    """Return how many members each of two arms needs (not rounded). Raises ParamError for what no number can do."""
    if not (np.isfinite(effect_size) and effect_size != 0 and 1 - confidence < power < 1 and 0 < confidence < 1):
        raise ParamError(
            f"power: effect size {effect_size:g}, power {power:g}, confidence {confidence:g}; the effect must not be "
            f"0, confidence lies between 0 and 1, and power between {1 - confidence:g} (a blind test) and 1."
        )

    def lacking(members: float) -> float:
        return power_of_two_arms(members, effect_size, confidence) - power

    least, most = 2.0, 2 + 100 / effect_size**2  # the normal approximation needs (1.96 + 0.84)^2 * 2 = 16 at .8 and .05
    while lacking(most) < 0:
        most *= 2
    return least if lacking(least) >= 0 else float(scipy.optimize.brentq(lacking, least, most, xtol=1e-9))


def detectable(deviation, members, power: float, confidence: float):
    """Return the smallest difference that two arms of `members` each find with `power`; numbers or arrays.

    Source: Bloom (1995): standard error times the sum of the two quantiles of t.
    """
    number = np.maximum(np.asarray(members, dtype=float), 0.5)
    quantiles = scipy.stats.t.ppf(np.array([[(1 + confidence) / 2], [power]]), np.maximum(2 * number - 2, 1))
    return np.squeeze(quantiles.sum(axis=0) * deviation * np.sqrt(2 / number))
