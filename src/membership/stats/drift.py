"""How far a distribution has moved: population stability index and Kolmogorov-Smirnov distance, beside chance.

Chance is that of two independent samples. Samples of the same members at two times are alike beyond that, so what
exceeds chance here exceeds it all the more.
"""

import numpy as np
import pandas as pd
from scipy import stats

from membership.base.errors import DataError

BINS = 10


def shares(reference: pd.Series, current: pd.Series, bins: int = BINS) -> pd.DataFrame:
    """Return the share of `reference` and of `current` in each bin, columns of these names; both add up to 1.

    Bins are between the quantiles of `reference`, fewer where values are equal, open at both ends; null is a bin of
    its own where there is any. Raises DataError where a sample is empty or holds an infinity.
    """
    for name, sample in (("reference", reference), ("current", current)):
        if not len(sample) or np.isinf(sample.to_numpy(float)).any():
            raise DataError(f"{sample.name}: the {name} sample is empty or not finite; no drift can be told from it.")
    known = reference.dropna().to_numpy(float)
    inner = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.empty(0)
    size = len(inner) + 2  # the last one is for nulls
    counts = [np.bincount(_place(sample, inner), minlength=size) / len(sample) for sample in (reference, current)]
    table = pd.DataFrame(dict(zip(("reference", "current"), counts, strict=True)))
    return table[(table > 0).any(axis=1)].reset_index(drop=True)


def psi(reference: pd.Series, current: pd.Series, bins: int = BINS) -> float:
    """Return the population stability index, sum of (c - r) ln(c / r) over the bins of `shares`; 0: no change.

    An empty bin counts as half a member. Source: Siddiqi (2006), Credit Risk Scorecards, who calls below 0.1 stable
    and above 0.25 a shift.
    """
    table = shares(reference, current, bins)
    r, c = (table[name].clip(lower=0.5 / len(sample)) for name, sample in zip(table, (reference, current), strict=True))
    return float(((c - r) * np.log(c / r)).sum())


def psi_chance(reference: pd.Series, current: pd.Series, confidence: float, bins: int = BINS) -> float:
    """Return what `psi` stays below with `confidence` where nothing has changed.

    Source: Yurdakul and Naranjo (2020), Journal of Risk Model Validation 14(4): psi / (1/n + 1/m) is chi-square.
    """
    free = max(len(shares(reference, current, bins)) - 1, 1)
    return float(stats.chi2.ppf(confidence, free) * (1 / len(reference) + 1 / len(current)))


def ks(reference: pd.Series, current: pd.Series) -> float:
    """Return the largest distance of the two distribution functions of known values; null where none is known."""
    known = [sample.dropna() for sample in (reference, current)]
    return float(stats.ks_2samp(*known, method="asymp").statistic) if all(map(len, known)) else float("nan")


def ks_chance(reference: pd.Series, current: pd.Series, confidence: float) -> float:
    """Return what `ks` stays below with `confidence`, in large samples, where nothing has changed (Smirnov, 1948)."""
    n, m = reference.notna().sum(), current.notna().sum()
    return float(stats.kstwobign.ppf(confidence) * np.sqrt((n + m) / (n * m))) if n and m else float("nan")


def _place(sample: pd.Series, inner: np.ndarray) -> np.ndarray:
    values = sample.to_numpy(float)
    return np.where(np.isnan(values), len(inner) + 1, np.searchsorted(inner, values, side="left"))
