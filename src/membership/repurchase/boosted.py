"""Gradient boosting of whether an order comes within each horizon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from membership.base.errors import DataError
from membership.repurchase import curves, inputs
from membership.repurchase.dated import Dated
from membership.repurchase.lessons import Lessons
from membership.settings.repurchase import Repurchase
from membership.stats.forest import Forest


@dataclass(frozen=True)
class Trees:
    """Trees for each of `horizons`; between them the hazard is constant."""

    names: tuple[str, ...]  # of the inputs
    horizons: tuple[int, ...]
    trees: tuple  # of anything with `scores(inputs)`, the log-odds
    dated: Dated | None = None

    @classmethod
    def fit(cls, past: Lessons, settings: Repurchase, seed: int, dated: Dated | None = None) -> "Trees":
        """Learn each horizon from the rows that were followed so long, where some ordered and some did not.

        `dated`: what was known of days when the lessons were. Raises DataError where that is no horizon.
        """
        known = inputs.taught(past.rhythm, dated, past.day)
        taught = [days for days in settings.horizons if len(np.unique(past.rows(days)[1])) == 2]
        if not taught:
            raise DataError(
                f"boosted: within none of repurchase.horizons, {settings.horizons} days, did some of the members "
                "followed so long order and others not; give a longer history, or other horizons."
            )
        trees = [_trees(known.to_numpy(), past, days, settings, seed) for days in taught]
        return cls(tuple(known.columns), tuple(taught), tuple(Forest.of(one) for one in trees), dated)

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        known = inputs.named(rhythm, self.names, self.dated, day)
        needed = np.searchsorted(self.horizons, max(days)) + 1
        found = np.stack([special.expit(one.scores(known)) for one in self.trees[:needed]], axis=1)
        return curves.within(found, self.horizons[:needed], days)


def _trees(known: np.ndarray, past: Lessons, days: int, settings: Repurchase, seed: int):
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, came = past.rows(days)
    knobs = settings.boosting
    return HistGradientBoostingClassifier(
        learning_rate=knobs.learning_rate,
        max_iter=knobs.iterations,
        max_leaf_nodes=knobs.leaves,
        min_samples_leaf=max(int(knobs.leaf_share * len(came)), 20),
        max_features=knobs.column_share,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    ).fit(known[rows], came)
