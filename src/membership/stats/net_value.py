"""What a choice of members for a benefit is worth: margin times spend less the benefit's cost, as the cost varies."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import DataError
from membership.stats import causal


def sweep(
    scores: causal.Scores,
    predicted: np.ndarray,
    margin: float,
    costs: Sequence[float],
    clusters: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """Treat whom `predicted` (rows,) pays for, and say what that is worth at each cost; one row a cost.

    `scores` estimate each row's spend under both treatments (`causal.scores`); `predicted` is the expected change of
    spend, from other data than `scores` (out of fold), or the choice is judged by the noise that made it. A row is
    treated where margin times `predicted` is above the cost. All money is in the unit of spend, a row.

    Columns: cost, treated (share), policy, everybody, nobody (net values), gain (policy less the better of everybody
    and nobody), error (of `gain`, by cluster), low, high. Which of the two is better is read from the same rows: with
    little between them `gain` is a little pessimistic.

    Raises DataError for unequal lengths or predictions that are missing.
    """
    predicted = np.asarray(predicted, dtype=float)
    if not len(predicted) == len(scores.treated) == len(clusters) or np.isnan(predicted).any() or not len(predicted):
        raise DataError(
            f"net value: {len(scores.treated)} rows of scores, {len(predicted)} predictions "
            f"({np.isnan(predicted).sum()} missing), {len(clusters)} clusters; one each a row, none missing."
        )
    return pd.DataFrame([_row(scores, predicted, margin, cost, clusters, confidence) for cost in costs])


def net(scores: causal.Scores, treat: np.ndarray, margin: float, cost: float) -> np.ndarray:
    """Return each row's estimated net value (rows,) where `treat` (rows,) is the probability of treating it."""
    return margin * (treat * scores.treated + (1 - treat) * scores.control) - cost * treat


def _row(
    scores: causal.Scores, predicted: np.ndarray, margin: float, cost: float, clusters: np.ndarray, confidence: float
) -> dict[str, float]:
    treat = (margin * predicted > cost).astype(float)
    policy, everybody, nobody = (
        net(scores, choice, margin, cost) for choice in (treat, np.ones(len(treat)), 0 * treat)
    )
    gain = policy - (everybody if everybody.mean() > nobody.mean() else nobody)
    error, count = causal.clustered_error(gain, clusters), len(np.unique(clusters))
    half = scipy.stats.t.ppf((1 + confidence) / 2, count - 1) * error if count > 1 else np.inf
    values = {"policy": policy.mean(), "everybody": everybody.mean(), "nobody": nobody.mean(), "gain": gain.mean()}
    spread = {"error": error, "low": gain.mean() - half, "high": gain.mean() + half}
    return {"cost": cost, "treated": treat.mean()} | values | spread
