"""How good a prediction is: what it expected at a cut-off, compared with what members did afterwards.

Every prediction is compared with naive ones: nothing, the same for everybody, and each member's own rate so far. None
of this is evidence for a model that was chosen on the same window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.base.progress import bar
from membership.value.accuracy import LOWER_IS_BETTER, METRICS, ranked

_LAST_DIGITS = 1e-6  # of a metric: smaller differences are no differences
_GROUP = 100  # members a group of the error band at least, and ten groups at most


@dataclass(frozen=True)
class ErrorBand:
    """How far spend lay from its prediction, by groups of the prediction; all in cents a day."""

    edges: np.ndarray  # (groups - 1,) predictions that part the groups
    low: np.ndarray  # (groups,) quantiles of what was spent minus what was predicted
    high: np.ndarray

    @classmethod
    def fit(cls, actual: pd.Series, predicted: pd.Series, days: int, confidence: float) -> "ErrorBand":
        """Learn the band from a window of `days` on which the predictor was not fitted: quantiles of its errors."""
        rate, error = predicted.to_numpy(float) / days, (actual - predicted).to_numpy(float) / days
        groups = int(np.clip(len(rate) // _GROUP, 1, 10))
        edges = np.quantile(rate, np.arange(1, groups) / groups)
        group = np.searchsorted(edges, rate, side="right")
        tail = (1 - confidence) / 2
        filled = np.unique(group)
        quantiles = np.stack([np.quantile(error[group == g], [tail, 1 - tail]) for g in filled], axis=1)
        return cls(edges[filled[1:] - 1], *quantiles)

    def around(self, predicted: pd.Series, days: int) -> pd.DataFrame:
        """Return `low` and `high`, cents over `days`: errors are assumed to grow with the days.

        That is exact over the days that the band was learned over, and usually too wide over more.
        """
        rate = predicted.to_numpy(float) / days
        group = np.searchsorted(self.edges, rate, side="right")
        low, high = np.minimum(self.low, 0)[group], np.maximum(self.high, 0)[group]
        bounds = {"low": np.maximum(rate + low, 0) * days, "high": np.maximum(rate + high, 0) * days}
        return pd.DataFrame(bounds, index=predicted.index)


def at(features: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rows of table `features` as of `day`, indexed by member. Raises DataError where there are none."""
    rows = features[features["as_of"] == pd.Timestamp(day)]
    if rows.empty:
        found = ", ".join(str(found.date()) for found in sorted(features["as_of"].unique()))
        raise DataError(f"features: no rows as of {day}; there are: {found or 'none'}. Run `dvc repro features`.")
    return rows.set_index("member_id").sort_index()


def between(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return what members did between two cut-offs: `spend` (cents) and `purchase_days`, indexed like `before`."""
    columns = ["spend", "purchase_days"]
    return after.reindex(before.index)[columns] - before[columns]


def compare(actual: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return every one of `METRICS` (columns) of every column of `predictions` (rows); same members as `actual`.

    mae, rmse: in the unit of `actual`; gini: of `actual` ranked by the prediction over that of the perfect ranking (1
    perfect, 0 random); spearman: rank correlation; bias: predicted over actual total, less 1; decile_error: mean over
    tenths by prediction of |predicted - actual| / actual mean, tenths in which nothing happened left out; top_share:
    share of what happened held by the tenth of members predicted highest. Where nothing happened, or a prediction
    ranks nobody, what is undefined is 0 (top_share: a tenth). Raises DataError where a prediction is not a number.
    """
    columns, once = ranked(actual, predictions), np.ones(len(actual))
    rows = {name: {metric: measure(one, once) for metric, measure in METRICS.items()} for name, one in columns.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(METRICS))


@dataclass(frozen=True)
class Resampled:
    """Metrics of candidates on all members and on draws of members, the same members for all candidates."""

    metrics: tuple[str, ...]
    candidates: tuple[str, ...]
    whole: np.ndarray  # (metrics, candidates)
    drawn: np.ndarray  # (draws, metrics, candidates)

    @classmethod
    def of(
        cls,
        measure: Callable[[np.ndarray], np.ndarray],
        metrics: Sequence[str],
        candidates: Sequence[str],
        members: int,
        draws: int,
        rng: np.random.Generator,
    ) -> "Resampled":
        """Draw; `measure` takes how often each member counts, (members,), and returns (metrics, candidates)."""
        whole = measure(np.ones(members))
        drawn = np.empty((draws, *whole.shape))
        for draw in bar(range(draws), "paired bootstrap"):
            drawn[draw] = measure(np.bincount(rng.integers(members, size=members), minlength=members).astype(float))
        return cls(tuple(metrics), tuple(candidates), whole, drawn)

    def against(self, reference: str, confidence: float) -> pd.DataFrame:
        """Return how each candidate differs from the candidate `reference`.

        Rows (`metric`, `candidate`): `value` and `reference` (of all members), `difference` (value less reference) with
        its percentile interval `low`, `high`. For the metrics that are LOWER_IS_BETTER an interval below 0 is a win
        over the reference, for gini, spearman and top_share one above 0.
        """
        base, tail = self.candidates.index(reference), (1 - confidence) / 2
        low, high = np.quantile(self.drawn - self.drawn[:, :, [base]], [tail, 1 - tail], axis=0)
        rows = pd.MultiIndex.from_product([self.metrics, self.candidates], names=["metric", "candidate"])
        known = self.whole[:, [base]]
        columns = {"value": self.whole, "reference": known + 0 * self.whole, "difference": self.whole - known}
        columns |= {"low": low, "high": high}
        found = pd.DataFrame({name: table.ravel() for name, table in columns.items()}, rows)
        return found.drop(index=reference, level="candidate")


def differences(
    actual: pd.Series,
    predictions: pd.DataFrame,
    reference: str,
    metrics: Sequence[str],
    draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how columns of `predictions` differ from the column `reference`, by paired bootstrap over members.

    As `Resampled.against`.
    """
    columns = ranked(actual, predictions)

    def measure(weights: np.ndarray) -> np.ndarray:
        return np.array([[METRICS[metric](one, weights) for one in columns.values()] for metric in metrics])

    return Resampled.of(measure, metrics, list(columns), len(actual), draws, rng).against(reference, confidence)


def clearly_worse(table: pd.DataFrame) -> set[str]:
    """Return the candidates of `Resampled.against` that at least one metric shows to be worse than the reference.

    That is where the whole interval of the difference lies on the worse side of 0, by more than last digits. The name
    of a metric ends in one of `METRICS`, e.g. spend_rmse.
    """
    falls = np.array([metric.endswith(LOWER_IS_BETTER) for metric in table.index.get_level_values("metric")], bool)
    loss = np.where(falls, table["low"], -table["high"])
    return set(table.index.get_level_values("candidate")[loss > _LAST_DIGITS * table["reference"].abs()])


def deciles(actual: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Return `decile` (1 has the highest predictions), `members`, mean `predicted` and `actual`, and `share` of actual.

    Equal predictions are put in order by member id; below ten members some tenths are left out.
    """
    one = ranked(actual, predicted.to_frame("predicted"))["predicted"]
    table = pd.DataFrame(one.deciles(np.ones(len(actual))), index=["members", "predicted", "actual"]).T
    table.insert(0, "decile", np.arange(1, 11))
    table = table[table["members"] > 0].reset_index(drop=True).astype({"members": int})
    total = actual.sum()
    return table.assign(share=table["actual"] * table["members"] / total if total else 0.0)
