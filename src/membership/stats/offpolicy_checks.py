"""What an off-policy estimate rests on: weights, their clipping, groups, and the tables that people read."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.stats import causal, overlap
from membership.stats.bandit_log import BanditLog
from membership.stats.offpolicy import Estimate, Terms, clipped, estimate

_QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Weights:
    """The weights of a log. With right propensities their mean is 1, up to chance."""

    rows: int
    units: int
    effective_rows: float  # equally weighted rows that would be worth as much
    effective_units: float
    mean: float
    low: float  # interval of the mean; NaN below two units
    high: float
    quantiles: dict[float, float]
    largest: float

    @property
    def mean_is_one(self) -> bool:
        """Whether 1 is in the interval of the mean; if not, propensities or evaluated probabilities are wrong."""
        return self.low <= 1 <= self.high


def weights(log: BanditLog, confidence: float) -> Weights:
    """Describe the weights of `log`; the interval of their mean holds with `confidence`, by unit.

    Source: effective size, Kish (1965), as in Owen (2013), chapter 9.3.
    """
    weight = log.weight
    units = np.unique(log.unit)
    error = causal.clustered_error(weight, log.unit)
    half = scipy.stats.t.ppf((1 + confidence) / 2, len(units) - 1) * error if len(units) > 1 else np.nan
    return Weights(
        rows=log.rows,
        units=len(units),
        effective_rows=overlap.effective_size(weight, np.arange(log.rows)) if weight.any() else 0.0,
        effective_units=overlap.effective_size(weight, log.unit) if weight.any() else 0.0,
        mean=float(weight.mean()),
        low=float(weight.mean() - half),
        high=float(weight.mean() + half),
        quantiles={q: float(np.quantile(weight, q)) for q in _QUANTILES},
        largest=float(weight.max()),
    )


def clipping(
    log: BanditLog,
    estimators: Sequence[Callable[[BanditLog, float], Terms]],
    levels: Sequence[float],
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how the values move with the limit of the weights: a table as `table`, and clipped, effective_rows.

    `estimators` take a log and a limit: `offpolicy.ips`, `offpolicy.snips`, or a partial of `doubly_robust`.
    `clipped` is the share of rows cut; inf leaves all as they are. Values that slide with the limit rest on few rows.
    """
    found = []
    for level in levels:
        weight = clipped(log, level)
        cut = table([estimate(make(log, clip=level), confidence, draws, rng) for make in estimators])
        size = overlap.effective_size(weight, np.arange(log.rows)) if weight.any() else 0.0
        found.append(cut.assign(clipped=float((log.weight > level).mean()), effective_rows=size))
    return pd.concat(found, ignore_index=True)


def by_group(
    terms: Sequence[Terms], group: np.ndarray, confidence: float, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the values in each group (rows,), for example a tier: a table as `table`, and group.

    A group where an estimator has no weight at all has value NaN and an interval that excludes nothing.
    """
    found = []
    for name in np.unique(group):
        rows = group == name
        values = [
            estimate(term, confidence, draws, rng, rows) if term.denominator[rows].sum() > 0 else _unknown(term, rows)
            for term in terms
        ]
        found.append(table(values).assign(group=name))
    return pd.concat(found, ignore_index=True)


def table(estimates: Sequence[Estimate]) -> pd.DataFrame:
    """Return one row an estimate; columns as the fields of `Estimate`."""
    return pd.DataFrame([asdict(value) for value in estimates])


def _unknown(terms: Terms, rows: np.ndarray) -> Estimate:
    units, nothing = len(np.unique(terms.unit[rows])), (-np.inf, np.inf)
    return Estimate(terms.estimator, int(rows.sum()), units, np.nan, np.nan, *nothing, *nothing, terms.clip)
