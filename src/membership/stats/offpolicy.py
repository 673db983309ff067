"""What a policy would have earned, from the log of another one: IPS, SNIPS, the direct method and doubly robust.

A row is one decision of the logging policy: the arm it took, the probability it took it with, the reward. Every
estimator is a ratio of two means over rows (`Terms`), so one function gives all of them intervals, by unit (a member)
where rows of one unit are not independent. The figures are predictions under held-out logs, never observed effects.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats

from membership.base.errors import DataError
from membership.stats import causal, resample
from membership.stats.bandit_log import BanditLog


@dataclass(frozen=True)
class Terms:
    """The value of a policy as sum of `numerator` over sum of `denominator`: (rows,) each."""

    estimator: str
    numerator: np.ndarray
    denominator: np.ndarray
    unit: np.ndarray  # (rows,)
    clip: float = np.inf  # weights above it were cut to it


@dataclass(frozen=True)
class Estimate:
    """The value of a policy, in the reward's unit a row, with two intervals by unit."""

    estimator: str
    rows: int
    units: int
    value: float
    error: float  # standard error, delta method; NaN below two units
    low: float  # t interval; infinite below two units
    high: float
    bootstrap_low: float  # percentile interval over units; infinite below two units
    bootstrap_high: float
    clip: float


def naive(log: BanditLog) -> Terms:
    """Return the mean reward of the log: the value of the policy that logged, not of the evaluated one."""
    return Terms("logged", log.reward, np.ones(log.rows), log.unit)


def ips(log: BanditLog, clip: float = np.inf) -> Terms:
    """Inverse propensity scoring: unbiased without clipping, whatever the rewards; noisy where weights are large.

    Source: Horvitz and Thompson (1952); clipping: Ionides (2008), truncated importance sampling.
    """
    return Terms("IPS", clipped(log, clip) * log.reward, np.ones(log.rows), log.unit, clip)


def snips(log: BanditLog, clip: float = np.inf) -> Terms:
    """Self-normalised IPS: the weighted mean reward, biased by an order of 1 / rows, calmer and in the reward's range.

    Source: Swaminathan and Joachims (2015), equation 9; Hajek (1971).
    """
    weight = clipped(log, clip)
    return Terms("SNIPS", weight * log.reward, weight, log.unit, clip)


def direct(log: BanditLog, expected: np.ndarray) -> Terms:
    """Direct method: mean of the expected rewards (rows, arms) under the policy; as right as the model, no more.

    Its interval holds the sampling of contexts alone, not the error of the model: do not ship on it.
    """
    return Terms("DM", _planned(log, expected), np.ones(log.rows), log.unit)


def doubly_robust(log: BanditLog, expected: np.ndarray, clip: float = np.inf) -> Terms:
    """Direct method, corrected by weighted residuals: right if propensities or the model are.

    `expected` (rows, arms) must come from models that did not see the row (`rewards.cross_fit`).
    Source: Dudik, Langford and Li (2011), equation 3.
    """
    planned = _planned(log, expected)
    residual = log.reward - expected[np.arange(log.rows), log.arm]
    return Terms("DR", planned + clipped(log, clip) * residual, np.ones(log.rows), log.unit, clip)


def clipped(log: BanditLog, clip: float = np.inf) -> np.ndarray:
    """Return the weights (rows,), none above `clip`. Raises DataError where `clip` is not above 0."""
    if not clip > 0:
        raise DataError(f"off-policy evaluation: weights are clipped at {clip:g}; the limit must be above 0.")
    return np.minimum(log.weight, clip)


def estimate(
    terms: Terms, confidence: float, draws: int, rng: np.random.Generator, rows: np.ndarray | None = None
) -> Estimate:
    """Return the value with its intervals, over `rows` (a mask, for example of a tier; all without it).

    Models are not fitted again in the bootstrap. Where the weights of all rows are 0 the value of SNIPS is not
    defined; with no rows nothing is. Raises DataError for both.
    Source: delta method for a ratio of means, Cochran (1977), section 6.3; bootstrap: Efron and Tibshirani (1993).
    """
    rows = np.ones(len(terms.unit), dtype=bool) if rows is None else rows
    numerator, denominator, unit = terms.numerator[rows], terms.denominator[rows], terms.unit[rows]
    if not denominator.sum() > 0:
        raise DataError(
            f"off-policy evaluation: {terms.estimator} over {len(unit)} rows has no weight at all: the evaluated "
            "policy never takes the arms logged there. Its value is not known; log its arms, or take more rows."
        )
    value = float(numerator.sum() / denominator.sum())
    error = causal.clustered_error(numerator - value * denominator, unit) / denominator.mean()
    _, number = np.unique(unit, return_inverse=True)
    sums = np.column_stack([np.bincount(number, numerator), np.bincount(number, denominator)])
    units, tail = len(sums), (1 - confidence) / 2
    if units < 2:
        half, quantiles = np.inf, (-np.inf, np.inf)
    else:
        half = scipy.stats.t.ppf(1 - tail, units - 1) * error
        above, below = resample.bootstrap_sums(sums, draws, rng).T
        quantiles = np.quantile(above[below > 0] / below[below > 0], [tail, 1 - tail])
    return Estimate(
        estimator=terms.estimator,
        rows=len(unit),
        units=units,
        value=value,
        error=float(error),
        low=float(value - half),
        high=float(value + half),
        bootstrap_low=float(quantiles[0]),
        bootstrap_high=float(quantiles[1]),
        clip=float(terms.clip),
    )


def difference(treatment: Terms, control: Terms, confidence: float, draws: int, rng: np.random.Generator) -> Estimate:
    """Return what `treatment` is worth beyond `control`, both estimated on the same rows, so that their noise cancels.

    By each row's influence on either value, so to first order. Raises DataError where the rows are not the same units.
    """
    if not np.array_equal(treatment.unit, control.unit):
        raise DataError("off-policy evaluation: a difference needs both policies on the same rows, in the same order.")
    share = _influence(treatment) - _influence(control)
    whole = _value(treatment) - _value(control)
    name = f"{treatment.estimator} - {control.estimator}"
    terms = Terms(name, share + whole, np.ones(len(share)), treatment.unit, treatment.clip)
    return estimate(terms, confidence, draws, rng)


def _value(terms: Terms) -> float:
    return terms.numerator.sum() / terms.denominator.sum()


def _influence(terms: Terms) -> np.ndarray:
    """Return each row's part (rows,) in the error of the ratio; their mean is 0."""
    return (terms.numerator - _value(terms) * terms.denominator) / terms.denominator.mean()


def _planned(log: BanditLog, expected: np.ndarray) -> np.ndarray:
    if np.shape(expected) != log.evaluated.shape or not np.isfinite(expected).all():
        raise DataError(
            f"off-policy evaluation: expected rewards must be finite and of shape (rows, arms) = "
            f"{log.evaluated.shape}; got {np.shape(expected)}."
        )
    return (log.evaluated * expected).sum(axis=1)
