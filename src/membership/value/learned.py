"""Candidates learned from earlier origins: boosting and a network that correct a lifetime model, and a stack of all.

For each member and each earlier cut-off a learned model sees what was known, what the base model fitted there expected
of the window that followed, and what happened. It learns by which factor to correct; the factor is then applied to what
the base, fitted at the origin, expects of any horizon. The base is BG/NBD: over horizons as long as the history itself
its total holds better than that of Pareto/NBD (CDNOW, within its calibration).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy import optimize
from threadpoolctl import threadpool_limits

from membership.base import seeds
from membership.base.errors import DataError
from membership.settings.value import Boosting, Value
from membership.stats.forest import Forest
from membership.value.candidate_models import Candidate, lifetime, values
from membership.value.panel import OUTCOMES, Panel, outcome
from membership.value.rules import Lifetime, Mixture
from membership.value.ziln import Ziln

BASE = "bgnbd_covariates"
_COLUMNS = (  # of `features`: what a learned model sees of a member, null where there are too few purchases
    "frequency", "recency_days", "age_days", "days_since_last", "purchase_days", "orders", "spend", "first_spend",
    "repeat_spend_mean", "median_gap_days", "gap_spread", "orders_30d", "orders_90d", "spend_30d", "spend_90d",
    "items_distinct", "basket_items", "discount_share", "return_share", "channels",
)  # fmt: skip
_FLOOR = 1e-3  # of the mean expectation: at least so much is expected of who has bought, so that factors stay finite
_BINS = 63  # of each input: far more than leaves, and quicker to find than the usual 255
_TINY = 1e-9  # purchase days or cents in a whole window
_FEWEST = 20  # members in a leaf, and members who came back, at least


@dataclass(frozen=True)
class Lessons:
    """What is learned from, one row a member and earlier cut-off; outcomes in the order of `OUTCOMES`."""

    inputs: np.ndarray  # (n, k), NaN where a feature is null
    expected: np.ndarray  # (n, 2), above 0
    actual: np.ndarray  # (n, 2), 0 or more
    floor: np.ndarray  # (2,) the least that is expected of who has bought, in a window

    @classmethod
    def of(cls, known: Panel, settings: Value) -> "Lessons":
        """Return the lessons of the `learning_origins` cut-offs before the panel's last. Raises DataError for few."""
        earlier = known.cutoffs[: known.cutoffs.index(known.previous) + 1]
        parts = [_lesson(known, cutoff, settings) for cutoff in earlier[-settings.learning_origins :]]
        expected, actual, level = (np.concatenate(part) for part in list(zip(*parts, strict=True))[1:])
        came = int((actual > 0).all(axis=1).sum())
        if came < _FEWEST:
            raise DataError(
                f"learned models: {came} times a member came back within {known.days} days of one of {len(parts)} "
                f"cut-offs; allowed: {_FEWEST} or more. Give more members or a longer history, or raise "
                "value.learning_origins."
            )
        floor = _FLOOR * expected.mean(axis=0)
        expected = np.maximum(expected, floor)
        return cls(_inputs(pd.concat([part[0] for part in parts]), expected), expected * level, actual, floor)


@dataclass(frozen=True)
class Boosted:
    """Factors by boosted trees, of purchase days and of spend."""

    trees: tuple  # two of anything with `predict(inputs)`, e.g. `Forest`

    def predict(self, inputs: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Return the factors, (n, 2), of members with `inputs` (n, k)."""
        return np.column_stack([tree.predict(inputs) for tree in self.trees])

    def to_store(self) -> "Boosted":
        """Return the same trees as arrays."""
        return Boosted(tuple(Forest.of(tree) for tree in self.trees))


@dataclass(frozen=True)
class Networked:
    """Factors by the zero-inflated lognormal network, which reads money in `unit` cents."""

    network: Ziln
    unit: float

    def predict(self, inputs: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Return the factors, (n, 2), of members with `inputs` (n, k) and `expected` (n, 2)."""
        scaled = expected / [1, self.unit]
        return self.network.predict(_logarithms(inputs), scaled) / scaled


@dataclass(frozen=True)
class Corrected:
    """A lifetime model, `base`, times factors for each member that were learned over `days`."""

    base: Lifetime
    floor: np.ndarray  # (2,) the least that is expected of who has bought, over `days`
    days: int
    factors: Boosted | Networked

    def orders(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days, (members,)."""
        return self._both(features, days)[:, 0]

    def spend(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected spend, (members,), cents."""
        return self._both(features, days)[:, 1]

    def _both(self, features: pd.DataFrame, days: float) -> np.ndarray:
        found, bought = np.zeros((len(features), 2)), (features["age_days"] > 0).to_numpy()
        if bought.any():
            seen = features[bought]
            expected = np.maximum(self.base.both(seen, self.days), self.floor)
            ahead = np.maximum(self.base.both(seen, days), self.floor * days / self.days)
            found[bought] = ahead * self.factors.predict(_inputs(seen, expected), expected)
        return found


def _lesson(known: Panel, cutoff: date, settings: Value) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Return, of who has bought by `cutoff`, features, what was expected, what happened, and its level: (members, 2).

    The level is what happened in total over what was expected. It is taken out, so that what is learned is who buys
    more than expected, not that all did: last month's level is not next month's.
    """
    features = known.snapshots[cutoff]
    bought = (features["age_days"] > 0).to_numpy()
    expected = lifetime(BASE, known.until(cutoff), settings).rule.both(features[bought], known.days)
    actual = np.maximum(known.did(cutoff)[list(OUTCOMES)].to_numpy(float)[bought], 0)
    level = np.maximum(actual.sum(axis=0), _TINY) / np.maximum(expected.sum(axis=0), _TINY)
    return features[bought], expected, actual, np.broadcast_to(level, actual.shape)


def boosted(known: Panel, settings: Value, seed: int) -> Candidate:
    """Return gradient boosting with Poisson loss on the ratio of what happened to what was expected.

    A ratio weighted by its expectation has the likelihood of the count with the logarithm of the expectation as an
    offset. Spend is not Poisson: as a quasi-likelihood, it asks for the right mean and a variance that grows with it.
    """
    lessons = Lessons.of(known, settings)
    trees = [_trees(lessons, which, settings.boosting, seeds.child(seed, "value.boosted")) for which in range(2)]
    return _corrected(known, settings, lessons.floor, Boosted(tuple(trees)))


def ziln(known: Panel, settings: Value, seed: int) -> Candidate:
    """Return the zero-inflated lognormal network."""
    lessons = Lessons.of(known, settings)
    unit = lessons.expected[:, 1].mean()  # money in units of about 1
    network = Ziln.fit(
        _logarithms(lessons.inputs), lessons.expected / [1, unit], lessons.actual / [1, unit], settings.network,
        seeds.child(seed, "value.ziln"),
    )  # fmt: skip
    return _corrected(known, settings, lessons.floor, Networked(network, float(unit)))


def stack(past: pd.DataFrame, candidates: Mapping[str, Candidate]) -> Candidate:
    """Return the mixture of `candidates` that came closest, by least squares, to what happened at earlier origins.

    `past` holds their predictions there, as in `Rolled.predictions`; who was missing at one of them takes no part.
    Weights are 0 or more and add up to 1, and predicting nothing takes no part: the level is the candidates' own, not
    that of the last windows. Raises DataError where there is no earlier origin, or nobody to mix.

    Source: Breiman (1996), Stacked Regressions, Machine Learning 24.
    """
    names = [name for name in candidates if name != "zero"]
    if past.empty or not names:
        raise DataError(f"stack: {'no earlier origin to learn weights from' if names else 'no candidate to mix'}.")
    weights = {what: _mixture(*outcome(past, what), names) for what in OUTCOMES}
    named = {f"{what}:{name}": weight for what in OUTCOMES for name, weight in weights[what].items()}
    used = [name for name in names if any(name in of for of in weights.values())]
    parts = {name: candidates[name].rule or candidates[name] for name in used}
    return Candidate.of(Mixture(weights["orders"], weights["spend"], parts), values(named))


def _mixture(actual: pd.Series, predicted: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Return the weights above 0, which add up to 1, of the columns `names` of `predicted`, (rows,) and (rows, k)."""
    x = predicted[[name for name in names if name in predicted]]
    # one more row, so heavy that the weights must add up to 1
    heavy = np.full(x.shape[1], 1e3 * max(np.sqrt((x**2).sum().max()), 1.0))
    found, _ = optimize.nnls(np.vstack([x.to_numpy(), heavy]), np.append(actual.to_numpy(float), heavy[0]))
    return {name: float(weight / found.sum()) for name, weight in zip(x, found, strict=True) if weight > 0}


def _corrected(known: Panel, settings: Value, floor: np.ndarray, factors: "Boosted | Networked") -> Candidate:
    """Return the base model at the panel's last cut-off, with each member's `factors` on it."""
    return Candidate.of(Corrected(lifetime(BASE, known, settings).rule, floor, known.days, factors))


def _inputs(features: pd.DataFrame, expected: np.ndarray) -> np.ndarray:
    return np.column_stack([features[list(_COLUMNS)].to_numpy(float), np.log(expected)])


def _logarithms(inputs: np.ndarray) -> np.ndarray:
    """Return inputs for a network: logarithms of the features, 0 for null, and whether they are null."""
    features, rest = inputs[:, : len(_COLUMNS)], inputs[:, len(_COLUMNS) :]
    known = np.nan_to_num(np.sign(features) * np.log1p(np.abs(features)))
    return np.column_stack([known, np.isnan(features), rest])


def _trees(lessons: Lessons, which: int, settings: Boosting, seed: int):
    from sklearn.ensemble import HistGradientBoostingRegressor  # a second that only those who train need to wait for

    trees = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=settings.iterations,
        learning_rate=settings.learning_rate,
        min_samples_leaf=max(_FEWEST, round(settings.leaf_share * len(lessons.inputs))),
        max_bins=_BINS,
        early_stopping=False,
        random_state=seed,
    )
    expected = lessons.expected[:, which]
    with threadpool_limits(limits=1):  # on so few rows threads only wait for each other
        return trees.fit(lessons.inputs, lessons.actual[:, which] / expected, sample_weight=expected)
