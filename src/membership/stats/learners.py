"""Whom a benefit moves: T-, X- and DR-learner of the effect of a treatment given what is known of a member.

A learner is fitted on members treated and not, and predicts the change of the outcome for others. To judge a learner,
or to choose members by it, use predictions out of fold (`out_of_fold`). Outcome models are regressors.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone

from membership.base.errors import DataError
from membership.stats import causal


@dataclass(frozen=True)
class Models:
    """What learners are made of; with arms drawn at random `DummyClassifier(strategy="prior")` is the propensity."""

    outcome: BaseEstimator  # regressor of the outcome, one for each arm
    effect: BaseEstimator  # regressor of effects (X, DR)
    propensity: BaseEstimator  # classifier of who is treated (X, DR)


@dataclass(frozen=True)
class Learned:
    """A fitted learner: (rows, columns) -> (rows,) expected change of the outcome by treating."""

    name: str
    effect: Callable[[np.ndarray], np.ndarray]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the expected effect (rows,) for `x` (rows, columns)."""
        return self.effect(np.asarray(x, dtype=float))


Learner = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Models, np.random.Generator], Learned]


def t_learner(
    x: np.ndarray,
    treated: np.ndarray,
    outcome: np.ndarray,
    clusters: np.ndarray,
    models: Models,
    rng: np.random.Generator,
) -> Learned:
    """Two outcome models, one for each arm: their difference. Source: Kuenzel et al. (2019), section 2.1."""
    with_it, without = _arms(x, treated, outcome, models)
    return Learned("T", lambda new: with_it.predict(new) - without.predict(new))


def x_learner(
    x: np.ndarray,
    treated: np.ndarray,
    outcome: np.ndarray,
    clusters: np.ndarray,
    models: Models,
    rng: np.random.Generator,
) -> Learned:
    """Effects imputed in each arm by the other's model, averaged by propensity: for arms of very unequal size.

    Source: Kuenzel et al. (2019), section 2.2, equations 7 to 9.
    """
    with_it, without = _arms(x, treated, outcome, models)
    gained = clone(models.effect).fit(x[treated], outcome[treated] - without.predict(x[treated]))
    missed = clone(models.effect).fit(x[~treated], with_it.predict(x[~treated]) - outcome[~treated])
    chance = clone(models.propensity).fit(x, treated)

    def effect(new: np.ndarray) -> np.ndarray:
        share = chance.predict_proba(new)[:, 1]
        return share * missed.predict(new) + (1 - share) * gained.predict(new)

    return Learned("X", effect)


def dr_learner(
    x: np.ndarray,
    treated: np.ndarray,
    outcome: np.ndarray,
    clusters: np.ndarray,
    models: Models,
    rng: np.random.Generator,
    folds: int = 5,
    bound: float = 0.02,
) -> Learned:
    """Doubly robust scores, cross-fitted by `clusters`, regressed on `x`; propensities stay `bound` from 0 and 1.

    Source: Kennedy (2020, arXiv:2004.14497), algorithm 1.
    """
    _need_both(treated)
    fold = causal.folds(clusters, folds, rng)
    nuisance = causal.cross_fit(x, treated, outcome, fold, models.propensity, models.outcome)
    kept = causal.Nuisance(np.clip(nuisance.propensity, bound, 1 - bound), nuisance.treated, nuisance.control)
    scores = causal.scores(treated, outcome, kept)
    return Learned("DR", clone(models.effect).fit(x, scores.treated - scores.control).predict)


LEARNERS: dict[str, Learner] = {"T": t_learner, "X": x_learner, "DR": dr_learner}


def out_of_fold(
    learner: Learner,
    x: np.ndarray,
    treated: np.ndarray,
    outcome: np.ndarray,
    clusters: np.ndarray,
    fold: np.ndarray,
    models: Models,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return each row's expected effect (rows,) by a learner that saw only the other folds; `fold`: `causal.folds`.

    Rows of one of `clusters` (a member) are taken together also inside a learner that folds.
    Raises DataError for unequal lengths, missing outcomes, and where the other folds have nobody of an arm.
    """
    x, treated, outcome = np.asarray(x, dtype=float), np.asarray(treated, dtype=bool), np.asarray(outcome, dtype=float)
    if not len(x) == len(treated) == len(outcome) == len(fold) or np.isnan(outcome).any():
        raise DataError(
            f"uplift model: {len(x)} rows, {len(treated)} arms, {len(outcome)} outcomes ({np.isnan(outcome).sum()} "
            f"missing), {len(fold)} fold numbers; one each a row, none missing."
        )
    found = np.empty(len(x))
    for number in np.unique(fold):
        here, others = fold == number, fold != number
        seen = (part[others] for part in (x, treated, outcome, clusters))
        found[here] = learner(*seen, models, rng).predict(x[here])
    return found


def _arms(x: np.ndarray, treated: np.ndarray, outcome: np.ndarray, models: Models) -> list[BaseEstimator]:
    _need_both(treated)
    return [clone(models.outcome).fit(x[rows], outcome[rows]) for rows in (treated, ~treated)]


def _need_both(treated: np.ndarray) -> None:
    if not treated.any() or treated.all():
        raise DataError(
            f"uplift model: of {len(treated)} rows {treated.sum()} are treated; both treated and untreated are needed."
        )
