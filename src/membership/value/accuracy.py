"""The metrics of one prediction, each a function of how often every member counts.

So the figure itself and each draw of a bootstrap over members come from the same lines. Members with equal predictions
share their mean wherever order matters, except in tenths, where they stand in order of their id. Predictions count as
equal that differ by less than a billionth of the largest, so that no order depends on last digits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError

LOWER_IS_BETTER = ("mae", "rmse", "decile_error")
_DIGITS = 9  # of the largest prediction
TOP = 0.1  # share of members whose share of what happened is `top_share`


@dataclass(frozen=True)
class Ranked:
    """One prediction beside what happened, in order of the prediction; (members,) each. Weights come in any order."""

    order: np.ndarray  # members, from the highest prediction to the lowest, equals by id
    actual: np.ndarray
    predicted: np.ndarray
    group: np.ndarray  # of equal predictions, 0 the highest
    rank: np.ndarray  # of equal actual values, 0 the highest

    def concentration(self, weights: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return cumulated shares of members and of actual by `group`, both starting at 0."""
        weights = weights[self.order]
        members = _cumulated(np.bincount(group, weights))
        held = _cumulated(np.bincount(group, weights * self.actual))
        return members / members[-1], held / held[-1] if held[-1] > 0 else members / members[-1]

    def deciles(self, weights: np.ndarray) -> np.ndarray:
        """Return members, mean predicted and mean actual of each tenth, shape (3, 10); 0 where a tenth is empty."""
        weights = weights[self.order]
        place = _cumulated(weights)
        borders = np.ceil(np.arange(11) * place[-1] / 10)
        members = np.diff(borders)
        sums = [
            np.diff(np.interp(borders, place, _cumulated(weights * part))) for part in (self.predicted, self.actual)
        ]
        return np.stack([members, *(total / np.maximum(members, 1) for total in sums)])


def _mae(one: Ranked, weights: np.ndarray) -> float:
    return _mean(np.abs(one.predicted - one.actual), weights[one.order])


def _rmse(one: Ranked, weights: np.ndarray) -> float:
    return float(np.sqrt(_mean((one.predicted - one.actual) ** 2, weights[one.order])))


def _gini(one: Ranked, weights: np.ndarray) -> float:
    curves = (one.concentration(weights, group) for group in (one.group, one.rank))
    area, perfect = (np.trapezoid(share, members) - 0.5 for members, share in curves)
    return float(area / perfect) if perfect > 1e-12 else 0.0


def _spearman(one: Ranked, weights: np.ndarray) -> float:
    ordered = weights[one.order]
    ranks = []
    for group in (one.group, one.rank):
        size = np.bincount(group, ordered)
        rank = (np.cumsum(size) - size / 2)[group]
        ranks.append(rank - _mean(rank, ordered))
    spread = np.sqrt(_mean(ranks[0] ** 2, ordered) * _mean(ranks[1] ** 2, ordered))
    return _mean(ranks[0] * ranks[1], ordered) / spread if spread > 0 else 0.0


def _bias(one: Ranked, weights: np.ndarray) -> float:
    total = one.actual @ weights[one.order]
    return float(one.predicted @ weights[one.order] / total - 1) if total else 0.0


def _decile_error(one: Ranked, weights: np.ndarray) -> float:
    _, predicted, actual = one.deciles(weights)
    some = actual != 0
    return float(np.mean(np.abs(predicted - actual)[some] / np.abs(actual[some]))) if some.any() else 0.0


def _top_share(one: Ranked, weights: np.ndarray) -> float:
    members, share = one.concentration(weights, one.group)
    return float(np.interp(TOP, members, share))


METRICS: dict[str, Callable[[Ranked, np.ndarray], float]] = {
    "mae": _mae,
    "rmse": _rmse,
    "gini": _gini,
    "spearman": _spearman,
    "bias": _bias,
    "decile_error": _decile_error,
    "top_share": _top_share,
}


def ranked(actual: pd.Series, predictions: pd.DataFrame) -> dict[str, Ranked]:
    """Return each prediction beside what happened. Raises DataError where members differ or a number is missing."""
    if not len(actual) or not predictions.index.equals(actual.index):
        raise DataError(
            f"predictions of {len(predictions)} members cannot be compared with what {len(actual)} members did: both "
            "need the same members in the same order, and at least one. Reindex both by the members that were scored."
        )
    _refuse_unknown(actual.rename("what happened"))
    by_id, happened = np.argsort(actual.index.to_numpy(), kind="stable"), actual.to_numpy(float)
    found = {}
    for name, column in predictions.items():
        _refuse_unknown(column)
        predicted = column.to_numpy(float)
        height = _rounded(predicted)
        order = by_id[np.argsort(-height[by_id], kind="stable")]
        groups = (_groups(height[order]), _groups(happened[order]))
        found[str(name)] = Ranked(order, happened[order], predicted[order], *groups)
    return found


def _refuse_unknown(column: pd.Series) -> None:
    unknown = column.index[~np.isfinite(column.to_numpy(float))]
    if len(unknown):
        raise DataError(
            f"{column.name}: no finite number for {len(unknown)} of {len(column)} members, e.g. {unknown[0]}; allowed: "
            "a number for every member. Look at the notes of the model that predicted them."
        )


def _rounded(values: np.ndarray) -> np.ndarray:
    """Return `values` in units of the largest, rounded."""
    largest = np.abs(values).max()
    return np.round(values / largest, _DIGITS) if largest > 0 else values


def _groups(values: np.ndarray) -> np.ndarray:
    """Return the number of each value's group of equal values, 0 the highest."""
    return np.unique(-values, return_inverse=True)[1]


def _cumulated(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(values)])


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(values @ weights / weights.sum())
