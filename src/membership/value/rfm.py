"""Recency, frequency, monetary value: the weighted linear model in its identified form, and the classic scores.

The linear model V = w1 (a1 r + b1) + w2 (a2 f + b2) + w3 (a3 m + b3) has nine parameters of which data fix only four:
three slopes w_k a_k and one intercept. Its identified form, which is what is fitted here, is

    s_k = clip((x_k - low_k) / (high_k - low_k), 0, 1)      V = base + scale * sum_k w_k s_k

with low and high quantiles of the training members, recency reversed (recent is high), w >= 0 and sum w = 1.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize

from membership.base.errors import DataError
from membership.base.progress import bar

PARTS = ("recency", "frequency", "monetary")
_INPUTS = (
    "days_since_last",
    "orders_90d",
    "spend_90d",
)  # of one fixed length, so that they mean the same at any cut-off
_MAX_CONDITION = 1e8

_NEVER = "not bought yet"
_SEGMENTS = (  # the usual grid: rows recency 1 to 5, columns frequency 1 to 5
    ("hibernating", "hibernating", "at risk", "at risk", "can't lose"),
    ("hibernating", "hibernating", "at risk", "at risk", "can't lose"),
    ("about to sleep", "about to sleep", "need attention", "loyal", "loyal"),
    ("promising", "potential loyalist", "potential loyalist", "loyal", "loyal"),
    ("new", "potential loyalist", "potential loyalist", "champion", "champion"),
)


@dataclass(frozen=True)
class Rfm:
    """The fitted model; arrays have the order of `PARTS`. `base` and `scale` are cents over `days`."""

    low: np.ndarray
    high: np.ndarray
    weights: np.ndarray
    base: float
    scale: float
    days: int  # length of the window of spend it was learned from
    members: int

    def scores(self, features: pd.DataFrame) -> np.ndarray:
        """Return s, shape (members, 3), each in [0, 1]; NaN recency where nothing was bought."""
        return np.clip((_inputs(features) - self.low) / (self.high - self.low), 0, 1)

    def predict(self, features: pd.DataFrame, days: int) -> np.ndarray:
        """Return expected spend in cents over `days`, shape (members,); never below 0, and 0 for who never bought."""
        spend = (self.base + self.scale * self.scores(features) @ self.weights) * days / self.days
        return np.where(features["days_since_last"].notna(), np.maximum(spend, 0), 0.0)

    def nine_parameters(self) -> pd.DataFrame:
        """Return one set of w, a, b (rows `PARTS`) of the nine-parameter form: a_k x_k + b_k = `base` + `scale` s_k.

        Between low and high V = sum_k w_k (a_k x_k + b_k) exactly. Recency is in days, so its a is negative.
        """
        slope = self.scale / (self.high - self.low)
        sign = np.array([-1, 1, 1])  # recency enters as minus the days since the last purchase
        return pd.DataFrame(
            {"w": self.weights, "a": sign * slope, "b": self.base - slope * self.low}, index=list(PARTS)
        )


def fit(features: pd.DataFrame, spend: pd.Series, days: int, clip_share: float) -> Rfm:
    """Learn the weights from `features` at a cut-off and `spend` (cents, same index) in the `days` after it.

    Inputs are days since the last purchase, and orders and spend of the last 90 days, of the members who have bought;
    `clip_share` of them lie below low and above high. Least squares with weights of 0 or more, a convex problem.
    Raises DataError, in words, where an input is constant, two inputs say the same, or nothing explains spend.
    """
    bought = features["days_since_last"].notna().to_numpy()
    if bought.sum() <= len(PARTS) + 1:
        raise DataError(
            f"RFM: {bought.sum()} of {len(features)} members had bought before the cut-off; weights need at least "
            f"{len(PARTS) + 2}. Give a longer history or more members."
        )
    x = _inputs(features[bought])
    low, high = np.quantile(x, clip_share, axis=0), np.quantile(x, 1 - clip_share, axis=0)
    for name, least, most in zip(_INPUTS, low, high, strict=True):
        if not most > least:
            raise DataError(
                f"RFM: {name} is {abs(least):g} for all but the rarest members, so it cannot be weighed. "
                "Lower value.clip_share, or choose windows in which members differ."
            )
    target = spend[bought].to_numpy(float)
    scores = np.clip((x - low) / (high - low), 0, 1)
    _refuse_collinear(scores)
    base, slopes = _solve(_moments(scores, target))
    if not slopes.sum() > 1e-6 * max(np.abs(target).max(), 1):
        raise DataError(
            "RFM: spend after the cut-off rises with none of recency, frequency and monetary value, so their weights "
            "mean nothing (scale is 0). Choose windows with more purchases, or longer ones."
        )
    return Rfm(low, high, slopes / slopes.sum(), base, float(slopes.sum()), days, int(bought.sum()))


def bootstrap(
    model: Rfm, features: pd.DataFrame, spend: pd.Series, draws: int, confidence: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return `weight`, `low`, `high` (rows `PARTS`): percentile intervals from `draws` samples of members.

    The quantiles that scale the inputs are kept; a draw in which nothing explains spend has no weights and is left out.
    """
    bought = features["days_since_last"].notna().to_numpy()
    moments = _moments(model.scores(features[bought]), spend[bought].to_numpy(float))
    count = len(moments)
    drawn = np.full((draws, len(PARTS)), np.nan)
    for draw in bar(range(draws), "RFM weights"):
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        slopes = _solve(moments, times)[1]
        if slopes.sum() > 0:
            drawn[draw] = slopes / slopes.sum()
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return pd.DataFrame({"weight": model.weights, "low": low, "high": high}, index=list(PARTS))


def segments(features: pd.DataFrame) -> pd.DataFrame:
    """Return `recency_score`, `frequency_score`, `monetary_score` (1 to 5, 5 is best) and `rfm_segment` of members.

    Quintiles among those who have bought, of days since the last purchase, purchase days and spend so far. Ties are
    broken by the two other measures in that order, then by `member_id` (the index). Who never bought scores 1.
    """
    bought = features[features["days_since_last"].notna()]
    measures = pd.DataFrame(
        {"recency": -bought["days_since_last"], "frequency": bought["purchase_days"], "monetary": bought["spend"]}
    ).sort_index()
    scores = pd.DataFrame(1, index=features.index, columns=[f"{part}_score" for part in PARTS])
    for part in PARTS:
        order = measures.sort_values([part, *(other for other in PARTS if other != part)], kind="stable").index
        scores.loc[order, f"{part}_score"] = 1 + 5 * np.arange(len(order)) // max(len(order), 1)
    grid = np.array(_SEGMENTS, dtype=object)
    names = grid[scores["recency_score"] - 1, scores["frequency_score"] - 1]
    return scores.assign(rfm_segment=np.where(features["days_since_last"].notna(), names, _NEVER))


def _inputs(features: pd.DataFrame) -> np.ndarray:
    """Return r, f, m, shape (members, 3), recency reversed."""
    return features[list(_INPUTS)].to_numpy(float) * np.array([-1, 1, 1])


def _refuse_collinear(scores: np.ndarray) -> None:
    condition = np.linalg.cond(np.corrcoef(scores, rowvar=False))
    if not condition < _MAX_CONDITION:
        raise DataError(
            f"RFM: recency, frequency and monetary value say the same of all {len(scores)} members (condition number "
            f"{condition:.2g}, allowed below {_MAX_CONDITION:g}), so their weights cannot be told apart. More members "
            "or a longer history is needed."
        )


def _moments(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the outer product of (1, s1, s2, s3, V) of each member, shape (members, 25): all least squares sees."""
    rows = np.column_stack([np.ones(len(scores)), scores, target])
    return (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)


def _solve(moments: np.ndarray, times: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """Return intercept and slopes >= 0 of least squares in which member i counts `times[i]`."""
    gram = (moments.sum(axis=0) if times is None else times @ moments).reshape(5, 5)
    means = gram[0, 1:] / gram[0, 0]
    covariance = gram[1:, 1:] / gram[0, 0] - np.outer(means, means)
    size, direction = np.linalg.eigh(covariance[:3, :3])
    kept = size > 1e-12 * size[-1]
    root = np.sqrt(size[kept])[:, None] * direction[:, kept].T
    slopes, _ = optimize.nnls(root, direction[:, kept].T @ covariance[:3, 3] / np.sqrt(size[kept]))
    return float(means[3] - slopes @ means[:3]), slopes
