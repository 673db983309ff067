"""Recency, frequency, monetary value: the weighted linear model in its identified form.

The linear model V = w1 (a1 r + b1) + w2 (a2 f + b2) + w3 (a3 m + b3) has nine parameters of which data fix only four:
three slopes w_k a_k and one intercept. Its identified form, which is what is fitted here, is

    s_k = clip((x_k - low_k) / (high_k - low_k), 0, 1)      V = base + scale * sum_k w_k s_k

with low and high quantiles of the training members, recency reversed (recent is high), w >= 0 and sum w = 1.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from membership.base.errors import DataError, NotPossible
from membership.base.progress import bar
from membership.settings.value import Value

PARTS = ("recency", "frequency", "monetary")
INPUTS = ("days_since_last", "orders_90d", "spend_90d")  # over one fixed length: they mean the same at any cut-off
SIGNS = np.array([-1.0, 1.0, 1.0])  # recency enters as minus the days since the last purchase
MAX_CONDITION_INDEX = 30.0  # Belsley, Kuh & Welsch (1980): from here on, dependencies are strong
_MIN_MEMBERS = 20  # five for each of the four parameters
_CHANCE = 0.05  # p-value above which what recency, frequency and monetary value explain may be chance


@dataclass(frozen=True)
class Rfm:
    """The fitted model; arrays have the order of `PARTS`. `base` and `scale` are in the target's unit over `days`."""

    inputs: tuple[str, str, str]  # columns read: days since the last purchase, how often, how much
    low: np.ndarray
    high: np.ndarray
    weights: np.ndarray
    base: float
    scale: float
    days: int  # length of the window that it was learned from
    members: int

    def scores(self, features: pd.DataFrame) -> np.ndarray:
        """Return s, shape (members, 3), each in [0, 1]; NaN recency where nothing was bought."""
        return _scores(_inputs(features, self.inputs), self.low, self.high)

    def predict(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return what is expected over `days`, shape (members,); never below 0, and 0 for who never bought."""
        value = (self.base + self.scale * self.scores(features) @ self.weights) * days / self.days
        return np.where(features[self.inputs[0]].notna(), np.maximum(value, 0), 0.0)

    def nine_parameters(self) -> pd.DataFrame:
        """Return one set of w, a, b (rows `PARTS`) of the nine-parameter form: a_k x_k + b_k = `base` + `scale` s_k.

        Between low and high V = sum_k w_k (a_k x_k + b_k) exactly, as the weights add up to 1. x are the columns
        `inputs`; recency is in days since the last purchase, so its a is negative.
        """
        slope = self.scale / (self.high - self.low)
        return pd.DataFrame(
            {"w": self.weights, "a": SIGNS * slope, "b": self.base - slope * self.low}, index=list(PARTS)
        )


@dataclass(frozen=True)
class Weighing:
    """The weights of recency, frequency and monetary value (rows `PARTS`), or why the data give none (no rows)."""

    weights: pd.DataFrame  # weight, low, high
    refusal: DataError | None = None


def weigh(features: pd.DataFrame, target: pd.Series, days: int, settings: Value, rng: np.random.Generator) -> Weighing:
    """Fit, with bootstrap intervals of the weights; data that do not determine them are an answer, not an error."""
    try:
        model = fit(features, target, days, settings.clip_share)
    except DataError as error:
        return Weighing(pd.DataFrame(columns=["weight", "low", "high"]), error)
    return Weighing(bootstrap(model, features, target, settings.bootstrap, settings.confidence, rng))


def fit(
    features: pd.DataFrame, target: pd.Series, days: int, clip_share: float, inputs: tuple[str, str, str] = INPUTS
) -> Rfm:
    """Learn the weights from `features` at a cut-off and `target` (same index) in the `days` after it.

    `target` is spend in cents, or purchase days; negative spend, net of returns, is allowed. Only members who have
    bought teach; `clip_share` of them lie below low and above high. Least squares with weights of 0 or more, a convex
    problem. Raises DataError where there are too few members, something is unknown, an input is constant,
    two inputs are nearly the same, or nothing explains the target beyond chance (scale near 0).
    """
    x, y = _training(features, target, inputs)
    low, high = np.quantile(x, [clip_share, 1 - clip_share], axis=0)
    for name, least, most in zip(inputs, low, high, strict=True):
        if not most > least:
            raise DataError(
                f"RFM: {name} is {abs(least):g} for all but the rarest members, so it cannot be weighed. "
                "Lower value.clip_share, or choose windows in which members differ."
            )
    scores = _scores(x, low, high)
    _refuse_collinear(scores, inputs)
    base, slopes = _solve(_moments(scores, y))
    _refuse_unexplained(y, base + scores @ slopes)
    return Rfm(tuple(inputs), low, high, slopes / slopes.sum(), base, float(slopes.sum()), days, len(y))


def bootstrap(
    model: Rfm, features: pd.DataFrame, target: pd.Series, draws: int, confidence: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return `weight`, `low`, `high` (rows `PARTS`): percentile intervals from `draws` samples of members.

    The quantiles that scale the inputs are kept; a draw in which nothing explains the target has no weights and is
    left out.
    """
    x, y = _training(features, target, model.inputs)
    moments = _moments(_scores(x, model.low, model.high), y)
    count, drawn = len(moments), []
    for _ in bar(range(draws), "RFM weights"):
        _, slopes = _solve(moments, np.bincount(rng.integers(count, size=count), minlength=count))
        if slopes.sum() > 0:
            drawn.append(slopes / slopes.sum())
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0) if drawn else np.tile([[0.0], [1.0]], len(PARTS))
    return pd.DataFrame({"weight": model.weights, "low": low, "high": high}, index=list(PARTS))


def condition_index(scores: np.ndarray) -> float:
    """Return the condition index of `scores` (members, 3): the root of the condition number of their correlations."""
    return float(np.sqrt(np.linalg.cond(np.corrcoef(scores, rowvar=False))))


def _inputs(features: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Return r, f, m, shape (members, 3), recency reversed."""
    return features[list(names)].to_numpy(float) * SIGNS


def _scores(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.clip((x - low) / (high - low), 0, 1)


def _training(features: pd.DataFrame, target: pd.Series, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and target of the members who have bought."""
    bought = features[features[names[0]].notna()]
    if len(bought) < _MIN_MEMBERS:
        raise NotPossible(
            f"RFM: {len(bought)} of {len(features)} members had bought before the cut-off; weights need at least "
            f"{_MIN_MEMBERS}. Give a longer history or more members."
        )
    columns = {name: bought[name] for name in names} | {"what happened afterwards": target.reindex(bought.index)}
    for name, column in columns.items():
        unknown = bought.index[~np.isfinite(column.to_numpy(float))]
        if len(unknown):
            raise DataError(
                f"RFM: {name} is unknown or infinite for {len(unknown)} of {len(bought)} members who have bought, "
                f"e.g. {unknown[0]}; allowed: a number. Run `dvc repro features` again."
            )
    return _inputs(bought, names), columns["what happened afterwards"].to_numpy(float)


def _refuse_collinear(scores: np.ndarray, names: tuple[str, ...]) -> None:
    index = condition_index(scores)
    if not index < MAX_CONDITION_INDEX:
        raise DataError(
            f"RFM: {', '.join(names)} are nearly the same for all {len(scores)} members (condition index {index:.2g}, "
            f"allowed below {MAX_CONDITION_INDEX:g}), so their weights cannot be distinguished. More members or a "
            "longer history is needed."
        )


def _refuse_unexplained(target: np.ndarray, fitted: np.ndarray) -> None:
    """Refuse a scale near 0: the F test of all three slopes together."""
    total, left = ((target - target.mean()) ** 2).sum(), ((target - fitted) ** 2).sum()
    explained = 1 - left / total if total > 0 else 0.0
    freedom = len(target) - len(PARTS) - 1
    p_value = stats.f.sf(explained / len(PARTS) * freedom / max(1 - explained, 1e-12), len(PARTS), freedom)
    if p_value > _CHANCE:
        raise NotPossible(
            f"RFM: what happened after the cut-off rises with none of recency, frequency and monetary value (they "
            f"explain {explained:.2%} of it, which chance also does, p = {p_value:.2g}; allowed: at most {_CHANCE:g}), "
            "so their weights mean nothing. Choose windows with more purchases, or longer ones."
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
