"""Tests that may be read every week: p values and confidence sequences that hold at all looks at once.

A fixed-horizon test read at every look rejects a true null far more often than it says. A mixture of likelihood ratios
does not: its p value, at whichever look one stops, is at most alpha with probability at most alpha.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.special

from membership.base.errors import DataError, ParamError


@dataclass(frozen=True)
class Bounds:
    """What holds at every look of a sequence, in the difference's unit."""

    low: np.ndarray  # (looks,)
    high: np.ndarray
    p_value: np.ndarray  # never rises


def spread(planned_error: float, confidence: float) -> float:
    """Return the mixture's standard deviation that makes the bounds tightest where the error is `planned_error`.

    Choose it before the first look, from the planned number of members: later it may not depend on what was seen.
    Raises ParamError for an error that is not above 0.
    Source: Waudby-Smith et al. (2021, arXiv:2103.06476), appendix on the choice of rho; Robbins (1970).
    """
    if not (planned_error > 0 and np.isfinite(planned_error) and 0 < confidence < 1):
        raise ParamError(
            f"sequential test: planned error {planned_error:g} at confidence {confidence:g}; the error must be above 0 "
            "(expected standard deviation over the root of the planned members), confidence between 0 and 1."
        )
    alpha = 1 - confidence
    return float(planned_error * np.sqrt(-scipy.special.lambertw(-(alpha**2) / np.e, -1).real - 1))


def price_of_watching(confidence: float, power: float) -> float:
    """Return how many times the members an always-valid interval needs to find with `power` what one read once does.

    At the last look; that it may be found at an earlier one comes on top.
    """
    mixture = spread(1.0, confidence)
    at_plan = bounds(np.zeros(1), np.ones(1), mixture, confidence)
    once, beyond = scipy.special.ndtri(np.array([(1 + confidence) / 2, power]))
    return float(((at_plan.high[0] + beyond) / (once + beyond)) ** 2)


def bounds(difference: np.ndarray, error: np.ndarray, mixture: float, confidence: float) -> Bounds:
    """Return what holds at all looks at `difference` with standard errors `error`, (looks,) in time.

    `mixture` is that of `spread`. A look whose error is NaN (too few members yet) or 0 (no variance seen yet) says
    nothing: p as before, unbounded. Errors are estimates, so the promise is asymptotic.
    Source: mixture sequential probability ratio, Johari, Pekelis and Walsh (2022), equation 11; as a confidence
    sequence Waudby-Smith et al. (2021), theorem 2.2.
    """
    difference, variance = np.asarray(difference, dtype=float), np.asarray(error, dtype=float) ** 2
    if len(difference) != len(variance):
        raise DataError(f"sequential test: {len(difference)} differences, but {len(variance)} errors; one each a look.")
    total = variance + mixture**2
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.log(total / variance) / 2
        evidence = difference**2 * mixture**2 / (2 * variance * total) - root  # log of the likelihood ratio
        half = np.sqrt(2 * variance * total / mixture**2 * (root - np.log(1 - confidence)))
    unknown = ~(variance > 0)
    p_value = np.exp(-np.maximum(np.where(unknown, 0.0, evidence), 0.0))
    return Bounds(
        low=np.where(unknown, -np.inf, difference - half),
        high=np.where(unknown, np.inf, difference + half),
        p_value=np.minimum.accumulate(p_value),
    )


def watch(
    outcome: np.ndarray,
    treated: np.ndarray,
    look: np.ndarray,
    mixture: float,
    confidence: float,
    minimum: int = 30,
) -> pd.DataFrame:
    """Watch treatment against control as members come in: one row a look, everybody up to it.

    `outcome`, `treated` (bool) and `look` (the week in which the outcome was complete) are (members,): each member
    enters once. Weekly repeats of the same members are not independent and may not be given as members.
    Columns: look, control, treated (members so far), difference, error, low, high, p_value, fixed_p_value (of a test
    read at this look only: what must not be watched). Below `minimum` members in either arm a look says nothing.

    Raises DataError for unequal lengths and for missing outcomes.
    """
    outcome, treated, look = np.asarray(outcome, dtype=float), np.asarray(treated, dtype=bool), np.asarray(look)
    if not len(outcome) == len(treated) == len(look) or not len(outcome):
        raise DataError(
            f"sequential test: {len(outcome)} outcomes, {len(treated)} arms, {len(look)} looks; one each a member."
        )
    if np.isnan(outcome).any():
        raise DataError(
            f"sequential test: {np.isnan(outcome).sum()} of {len(outcome)} members have no outcome; a member enters at "
            "the look at which its outcome is complete."
        )
    looks, number = np.unique(look, return_inverse=True)
    centred = outcome - outcome.mean()  # sums of squares lose digits far from 0
    arms = [_running(centred[treated == arm], number[treated == arm], len(looks)) for arm in (False, True)]
    (control, below, before), (members, above, after) = arms
    difference, error = above - below, np.sqrt(before + after)
    ready = np.minimum(control, members) >= max(minimum, 2)
    error = np.where(ready, error, np.nan)
    found = bounds(difference, error, mixture, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        fixed = 2 * scipy.special.ndtr(-np.abs(difference / error))
    return pd.DataFrame(
        {"look": looks, "control": control, "treated": members, "difference": difference, "error": error}
        | {"low": found.low, "high": found.high, "p_value": found.p_value, "fixed_p_value": fixed}
    )


def _running(outcome: np.ndarray, number: np.ndarray, looks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return members, mean and squared error of the mean up to each look: (looks,); NaN below two members."""
    members = np.bincount(number, minlength=looks).cumsum()
    sums = np.bincount(number, outcome, minlength=looks).cumsum()
    squares = np.bincount(number, outcome**2, minlength=looks).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / members
        variance = np.maximum(squares - members * mean**2, 0.0) / (members - 1)
        return members, mean, variance / members
