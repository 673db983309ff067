"""Doubly robust effects of a treatment: cross-fitted models, scores, and means of scores with clustered errors.

A row is one decision to treat or not; rows of one cluster (a member) are not independent, so folds and standard errors
go by cluster. `Scores` are estimates of both potential outcomes row by row: whatever is asked of them later (all rows,
a persona, a tier, a policy's choice) is a mean of them.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from threadpoolctl import threadpool_limits

from membership.base.errors import DataError


@dataclass(frozen=True)
class Nuisance:
    """What the scores need to know of each row: all (rows,)."""

    propensity: np.ndarray  # probability of being treated
    treated: np.ndarray  # expected outcome if treated
    control: np.ndarray  # expected outcome if not


@dataclass(frozen=True)
class Scores:
    """Unbiased (if either model is right) estimates of the outcome of each row under both treatments: (rows,)."""

    treated: np.ndarray
    control: np.ndarray


@dataclass(frozen=True)
class Effect:
    """A mean effect with its standard error by cluster; `uplift` is the effect as a share of `baseline`."""

    rows: int
    clusters: int
    effect: float  # in the outcome's unit
    error: float  # standard error
    baseline: float  # mean outcome without the treatment
    uplift: float  # NaN where the baseline is not above 0
    uplift_error: float


def folds(clusters: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return a fold number for each row, 0 to `count` - 1 (fewer for fewer clusters), the same within a cluster."""
    unique, number = np.unique(clusters, return_inverse=True)
    return (rng.permutation(len(unique)) % count)[number]


@threadpool_limits.wrap(limits=1)  # on so few rows threads only wait for each other
def cross_fit(
    x: np.ndarray,
    treated: np.ndarray,
    outcome: np.ndarray,
    fold: np.ndarray,
    propensity_model: BaseEstimator,
    outcome_model: BaseEstimator,
    known: np.ndarray | None = None,
) -> Nuisance:
    """Fit the models on the other folds and predict each fold: x (rows, columns), treated (rows,) bool, fold (rows,).

    One outcome model for each arm: a regressor, or a classifier of an outcome of 0 or 1. `known` are propensities that
    need no model. Raises DataError where the other folds hold nobody of an arm: an effect needs both.
    Source: Chernozhukov et al. (2018), definition 3.1.
    """
    treated = np.asarray(treated, dtype=bool)
    propensity = np.full(len(x), np.nan) if known is None else np.asarray(known, dtype=float)
    expected = {True: np.full(len(x), np.nan), False: np.full(len(x), np.nan)}
    for number in np.unique(fold):
        here, others = fold == number, fold != number
        if not treated[others].any() or treated[others].all():
            raise DataError(
                f"causal effect: of {others.sum()} rows in the folds without fold {number}, {treated[others].sum()} "
                "are treated; both treated and untreated are needed. Use fewer folds or more members."
            )
        if known is None:
            model = clone(propensity_model).fit(x[others], treated[others])
            propensity[here] = model.predict_proba(x[here])[:, 1]
        for arm, values in expected.items():
            rows = others & (treated == arm)
            values[here] = _predicted(outcome_model, x[rows], outcome[rows], x[here])
    return Nuisance(propensity, expected[True], expected[False])


def _predicted(model: BaseEstimator, x: np.ndarray, outcome: np.ndarray, new: np.ndarray) -> np.ndarray:
    if (outcome == outcome[0]).all():
        return np.full(len(new), float(outcome[0]))
    fitted = clone(model).fit(x, outcome)
    return fitted.predict_proba(new)[:, 1] if is_classifier(fitted) else fitted.predict(new)


def scores(treated: np.ndarray, outcome: np.ndarray, nuisance: Nuisance) -> Scores:
    """Return the augmented inverse-propensity scores: right on average if either kind of model is.

    Without outcome models (zeros) they are those of inverse propensity weighting. Raises DataError where what happened
    had probability 0. Source: Robins, Rotnitzky and Zhao (1994); Bang and Robins (2005).
    """
    treated = np.asarray(treated, dtype=bool)
    given = np.where(treated, nuisance.propensity, 1 - nuisance.propensity)
    if not (given > 0).all() or (given > 1).any():
        row = int(np.flatnonzero(~((given > 0) & (given <= 1)))[0])
        raise DataError(
            f"causal effect: row {row} has propensity {nuisance.propensity[row]:g} and is "
            f"{'treated' if treated[row] else 'not treated'}; what happened must have a probability above 0 and at "
            "most 1. Trim such rows, or correct the propensities."
        )
    weight = 1 / given
    return Scores(
        treated=nuisance.treated + np.where(treated, weight * (outcome - nuisance.treated), 0.0),
        control=nuisance.control + np.where(treated, 0.0, weight * (outcome - nuisance.control)),
    )


def mean_effect(scores: Scores, clusters: np.ndarray, rows: np.ndarray | None = None) -> Effect:
    """Return the mean effect over `rows` (a mask; all without it).

    Errors are clustered, with the factor G / (G - 1) for G clusters: NaN below two. The error of `uplift`, a ratio of
    means, is by the delta method. Source: Liang and Zeger (1986).
    """
    rows = np.ones(len(clusters), dtype=bool) if rows is None else rows
    difference, control, who = (scores.treated - scores.control)[rows], scores.control[rows], clusters[rows]
    if not len(difference):
        return Effect(0, 0, np.nan, np.nan, np.nan, np.nan, np.nan)
    effect, baseline = float(difference.mean()), float(control.mean())
    known = baseline > 0
    uplift = effect / baseline if known else np.nan
    return Effect(
        rows=len(difference),
        clusters=len(np.unique(who)),
        effect=effect,
        error=clustered_error(difference, who),
        baseline=baseline,
        uplift=uplift,
        uplift_error=clustered_error(difference - uplift * control, who) / baseline if known else np.nan,
    )


def clustered_error(values: np.ndarray, clusters: np.ndarray) -> float:
    """Return the standard error of the mean of `values` (rows,) whose rows are independent only across clusters."""
    unique, number = np.unique(clusters, return_inverse=True)
    if len(unique) < 2:
        return np.nan
    sums = np.bincount(number, values - values.mean())
    return float(np.sqrt(len(unique) / (len(unique) - 1) * (sums**2).sum()) / len(values))
