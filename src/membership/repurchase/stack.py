"""A stack: the candidates' log-odds, weighted as came closest to what happened after an earlier cut-off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

from membership.base.errors import DataError
from membership.repurchase import curves

_DIGITS = 3  # of a weight: more would hang on last digits


@dataclass(frozen=True)
class Stack:
    """The mean of the log-odds of `parts`, weighted by `weights`, (k,), which are 0 or more and add up to 1."""

    parts: tuple  # of anything with `chances`
    weights: np.ndarray

    @classmethod
    def fit(cls, parts: Mapping[str, Any], past: pd.DataFrame, came: np.ndarray) -> "Stack":
        """Return the stack of `parts` (name -> candidate) by their chances in `past`, (rows, names), and who `came`.

        `past` are chances for members and an earlier cut-off, to which no part was fitted. Parts that come to nothing
        are left out. Raises DataError where there are fewer than two.

        Source: Breiman (1996), Stacked Regressions, Machine Learning 24; pooled log-odds: Genest & Zidek (1986).
        """
        names = [name for name in parts if name in past]
        if len(names) < 2 or not len(past):
            raise DataError("stack: fewer than two candidates were tried before; nothing to mix.")
        odds = special.logit(past[names].to_numpy())
        sign = np.where(came, 1.0, -1.0)

        def loss(weights):
            margin = sign * (odds @ weights)
            return -special.log_expit(margin).mean(), -(odds.T @ (sign * special.expit(-margin))) / len(odds)

        whole = {"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like}
        start, bounds = np.full(len(names), 1 / len(names)), [(0, 1)] * len(names)
        found = optimize.minimize(loss, start, jac=True, method="SLSQP", bounds=bounds, constraints=[whole]).x
        weights = np.round(np.maximum(found, 0), _DIGITS)
        kept = np.flatnonzero(weights)
        return cls(tuple(parts[names[at]] for at in kept), weights[kept] / weights.sum())

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        pairs = zip(self.parts, self.weights, strict=True)
        odds = sum(weight * special.logit(part.chances(rhythm, day, days)) for part, weight in pairs)
        return curves.bounded(special.expit(odds))
