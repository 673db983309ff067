"""From the chance of an order within some days to that within any number of days."""

from collections.abc import Sequence

import numpy as np

_LEAST = 1e-6  # no chance is nearer to 0 or 1: nobody is certain


def within(chances: np.ndarray, horizons: Sequence[int], days: Sequence[int]) -> np.ndarray:
    """Return P(order within each of `days`), (n, m), from `chances` within each of the rising `horizons`, (n, h).

    Between horizons the hazard is constant; after the last it stays as it was before it. Chances that fall with the
    horizon are raised to the one before.
    """
    known = -np.log1p(-np.maximum.accumulate(bounded(chances), axis=1))  # cumulated hazard
    known = np.concatenate([np.zeros((len(known), 1)), known], axis=1)
    ends, asked = np.array([0, *horizons], float), np.asarray(days, float)
    place = np.clip(np.searchsorted(ends, asked, side="left"), 1, len(ends) - 1)
    share = (asked - ends[place - 1]) / (ends[place] - ends[place - 1])
    found = known[:, place - 1] + (known[:, place] - known[:, place - 1]) * share
    return bounded(-np.expm1(-found))


def bounded(chances: np.ndarray) -> np.ndarray:
    """Return `chances` that are neither 0 nor 1."""
    return np.clip(chances, _LEAST, 1 - _LEAST)


def steady(daily: np.ndarray, days: Sequence[int]) -> np.ndarray:
    """Return P(order within each of `days`), (n, m), at a constant chance a day, (n,) or a number."""
    daily = np.asarray(daily, float)[..., None]
    return bounded(-np.expm1(np.asarray(days, float) * np.log1p(-daily)))
