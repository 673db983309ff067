"""How far to believe a value model: what it said at a cut-off against what members did afterwards.

Models are chosen on the validation window and judged, once, on the holdout; every prediction is compared with naive
ones: nothing, the same for everybody, and each member's own rate so far.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import stats

from membership.base import engine
from membership.base.errors import DataError
from membership.base.knobs import Windows

SAY_NOTHING = ("zero", "mean")  # predictions that are the same for everybody: never chosen
LOWER_IS_BETTER = ("mae", "rmse")
_GROUP = 100  # members a group of the error band at least, and ten groups at most


@dataclass(frozen=True)
class Gain:
    """By what share a prediction's RMSE is below another's: 0.1 is a tenth smaller; `low` and `high` its interval."""

    share: float
    low: float
    high: float


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
        """Return `low` and `high`, cents over `days`: errors are taken to grow with the days, the safe side."""
        rate = predicted.to_numpy(float) / days
        group = np.searchsorted(self.edges, rate, side="right")
        low, high = np.minimum(self.low, 0)[group], np.maximum(self.high, 0)[group]
        bounds = {"low": np.maximum(rate + low, 0) * days, "high": np.maximum(rate + high, 0) * days}
        return pd.DataFrame(bounds, index=predicted.index)


def earlier(windows: Windows) -> date:
    """Return the day one validation length before `calibration_end`: from there on, the candidates learn."""
    return windows.calibration_end - timedelta(days=windows.validation.days)


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


def bought_within(events: ir.Table, start: date, days: int, members: pd.Index) -> pd.Series:
    """Return for each of `members` whether they purchase within `days` local days from `start` on."""
    seen = engine.before(events, start + timedelta(days=days))
    seen = seen.filter(events.local_at >= ibis.timestamp(start.isoformat()), events.kind == "purchase")
    buyers = seen.select("member_id").distinct().to_pandas()["member_id"]
    return pd.Series(members.isin(buyers), index=members, name="bought")


def compare(actual: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `mae`, `rmse`, `gini`, `spearman`, `bias` (rows: the columns of `predictions`).

    Bias is predicted over actual total, less 1. A prediction that ranks nobody has a Gini and Spearman of 0.
    """
    rows = {}
    for name, predicted in predictions.items():
        error = predicted - actual
        constant = predicted.nunique() < 2 or actual.nunique() < 2
        rows[name] = {
            "mae": error.abs().mean(),
            "rmse": float(np.sqrt((error**2).mean())),
            "gini": 0.0 if constant else normalised_gini(actual, predicted),
            "spearman": 0.0 if constant else float(stats.spearmanr(actual, predicted).statistic),
            "bias": error.sum() / actual.sum() if actual.sum() else 0.0,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def gain(
    actual: pd.Series, predicted: pd.Series, naive: pd.Series, draws: int, confidence: float, rng: np.random.Generator
) -> Gain:
    """Return how much smaller the RMSE of `predicted` is than that of `naive`; percentile bootstrap over members."""
    squares = np.stack([(predicted - actual) ** 2, (naive - actual) ** 2], axis=1)
    count, tail = len(squares), (1 - confidence) / 2
    drawn = [np.bincount(rng.integers(count, size=count), minlength=count) @ squares for _ in range(draws)]
    shares = [1 - np.sqrt(ours / theirs) if theirs > 0 else 0.0 for ours, theirs in [squares.sum(axis=0), *drawn]]
    return Gain(float(shares[0]), *np.quantile(shares[1:], [tail, 1 - tail]).tolist())


def choose(comparison: pd.DataFrame, metric: str) -> str:
    """Return the row that is best by `metric`, of those that say something of each member; ties: the first."""
    able = comparison.drop(index=list(SAY_NOTHING), errors="ignore")[metric]
    return str(able.idxmin() if metric in LOWER_IS_BETTER else able.idxmax())


def normalised_gini(actual: pd.Series, predicted: pd.Series) -> float:
    """Return the Gini of `actual` ranked by `predicted` over that of the perfect ranking: 1 perfect, 0 random.

    Members with equal predictions share their mean, so that their order does not matter.
    """
    perfect = _gini(actual, actual)
    return _gini(actual, predicted) / perfect if perfect > 0 else 0.0


def deciles(actual: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Return `decile` (1 has the highest predictions), `members`, mean `predicted` and `actual`, and `share` of actual.

    Equal predictions are put in order by member id.
    """
    frame = pd.DataFrame({"actual": actual, "predicted": predicted}).sort_index()
    frame = frame.sort_values("predicted", ascending=False, kind="stable")
    grouped = frame.groupby(1 + 10 * np.arange(len(frame)) // len(frame))
    table = grouped.agg(members=("actual", "size"), predicted=("predicted", "mean"), actual=("actual", "mean"))
    total = actual.sum()
    return table.assign(share=grouped["actual"].sum() / total if total else 0.0).rename_axis("decile").reset_index()


def brier(happened: pd.Series, chance: pd.Series) -> float:
    """Return the mean squared difference of `chance` and what happened (0 or 1): 0 is perfect."""
    return float(((chance - happened.astype(float)) ** 2).mean())


def coverage(actual: pd.Series, band: pd.DataFrame) -> float:
    """Return the share of members whose `actual` lies within `low` and `high` of `band`, edges included."""
    return float(actual.between(band["low"], band["high"]).mean())


def flat(comparison: pd.DataFrame, prefix: str, chosen: str) -> dict[str, float]:
    """Return metrics: `<prefix>_<metric>` of the `chosen` row; MAE, RMSE and Gini of every row as `..._<row>`."""
    numbers = {f"{prefix}_{metric}": float(value) for metric, value in comparison.loc[chosen].items()}
    for metric, column in comparison[["mae", "rmse", "gini"]].items():
        numbers |= {f"{prefix}_{metric}_{name}": float(value) for name, value in column.items()}
    return numbers


def _gini(actual: pd.Series, key: pd.Series) -> float:
    frame = pd.DataFrame({"actual": actual.to_numpy(float), "key": key.to_numpy(float)})
    ordered = frame.groupby("key")["actual"].transform("mean").to_numpy()[np.argsort(-frame["key"], kind="stable")]
    total = ordered.sum()
    if total <= 0:
        return 0.0
    return float(np.cumsum(ordered).sum() / (total * len(ordered)) - (len(ordered) + 1) / (2 * len(ordered)))
