"""Overlap of treated and untreated: which rows can be compared, how well weighting balances them, what is left."""

import numpy as np
import pandas as pd


def comparable(propensity: np.ndarray, trim: float) -> np.ndarray:
    """Return (rows,) bool: the propensity is at least `trim` away from 0 and from 1, and neither 0 nor 1.

    Source: Crump, Hotz, Imbens and Mitnik (2009), whose rule of thumb is 0.1.
    """
    return (propensity >= trim) & (propensity <= 1 - trim) & (propensity > 0) & (propensity < 1)


def weights(treated: np.ndarray, propensity: np.ndarray) -> np.ndarray:
    """Return (rows,) inverse probabilities of what happened: what makes each arm stand for all rows."""
    return 1 / np.where(treated, propensity, 1 - propensity)


def effective_size(weights: np.ndarray, clusters: np.ndarray) -> float:
    """Return how many equally weighted clusters would be worth as much; weights are summed within a cluster.

    0 without rows. Source: Kish (1965).
    """
    if not len(weights):
        return 0.0
    sums = np.bincount(np.unique(clusters, return_inverse=True)[1], weights)
    return float(sums.sum() ** 2 / (sums**2).sum())


def balance(x: pd.DataFrame, treated: np.ndarray, propensity: np.ndarray) -> pd.DataFrame:
    """Return standardised mean differences, treated less untreated: index covariate, columns before, after (weighting).

    In units of the root of the mean of both arms' variances before weighting, so that both columns share a scale; 0
    where a covariate never varies, NaN where an arm is empty. Source: Austin (2009): beyond 0.1 is imbalance.
    """
    if treated.all() or not treated.any():
        return pd.DataFrame(np.nan, index=x.columns, columns=["before", "after"])
    values, weight = x.to_numpy(dtype=float), weights(treated, propensity)
    spread = np.sqrt((values[treated].var(axis=0) + values[~treated].var(axis=0)) / 2)
    differences = {
        name: np.average(values[treated], axis=0, weights=w[treated])
        - np.average(values[~treated], axis=0, weights=w[~treated])
        for name, w in (("before", np.ones(len(x))), ("after", weight))
    }
    table = pd.DataFrame(differences, index=x.columns)
    return table.div(np.where(spread > 0, spread, np.inf), axis=0)
