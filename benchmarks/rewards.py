"""What each arm would bring in each row of a log: a model of rewards, fitted on other rows than it predicts."""

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.dummy import DummyRegressor

from membership.base.errors import DataError
from membership.stats.bandit_log import BanditLog


def cross_fit(
    log: BanditLog, context: np.ndarray, fold: np.ndarray, model: BaseEstimator, arms: np.ndarray | None = None
) -> np.ndarray:
    """Return the expected reward of each arm (rows, arms), from models that did not see the row's fold.

    `context` (rows, columns); `arms` (arms, columns) describes arms, one indicator each without it; `model` is a
    regressor, or for rewards 0 and 1 a classifier. There is one model for each position. `fold` (rows,) should keep
    a unit together (`causal.folds`). Where the other folds hold one value only, it is what is expected.

    Raises DataError for rewards that a classifier does not take, and where the other folds have no row of a position.
    Source: cross-fitting, Narita, Yasui and Yata (2020, arXiv:2002.08536); features as Saito et al. (2020).
    """
    described = np.eye(log.arms) if arms is None else np.asarray(arms, dtype=float)
    if len(context) != log.rows or len(fold) != log.rows or len(described) != log.arms:
        raise DataError(
            f"model of rewards: {log.rows} rows and {log.arms} arms were logged, but there are {len(context)} "
            f"contexts, {len(fold)} fold numbers and {len(described)} descriptions of arms."
        )
    if is_classifier(model) and not np.isin(log.reward, [0, 1]).all():
        raise DataError("model of rewards: a classifier takes rewards of 0 and 1 only; use a regressor.")
    expected = np.empty((log.rows, log.arms))
    for position in np.unique(log.position):
        for number in np.unique(fold[log.position == position]):
            here = (log.position == position) & (fold == number)
            others = (log.position == position) & (fold != number)
            if not others.any():
                raise DataError(
                    f"model of rewards: position {position} has rows in fold {number} only; use fewer or other folds."
                )
            fitted = _fit(model, _join(context[others], described[log.arm[others]]), log.reward[others])
            for arm, traits in enumerate(described):
                expected[here, arm] = _predict(fitted, _join(context[here], np.tile(traits, (here.sum(), 1))))
    return expected


def _join(context: np.ndarray, traits: np.ndarray) -> np.ndarray:
    return np.concatenate([np.asarray(context, dtype=float), traits], axis=1)


def _fit(model: BaseEstimator, x: np.ndarray, reward: np.ndarray) -> BaseEstimator:
    constant = np.ptp(reward) == 0  # a classifier refuses one class; nothing is to be learned
    return (DummyRegressor() if constant else clone(model)).fit(x, reward)


def _predict(fitted: BaseEstimator, x: np.ndarray) -> np.ndarray:
    return fitted.predict_proba(x)[:, 1] if is_classifier(fitted) else fitted.predict(x)
