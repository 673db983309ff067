"""Do rows tell different things: more identical rows than independent draws can give, whatever they are drawn from.

Independent draws, of any distribution, make cells of equal rows whose sizes are a mixture of Poisson laws. The expected
numbers of cells of neighbouring sizes, F(k-1), F(k) and F(k+1), then obey F(k-1) F(k+1) >= k / (k+1) F(k)^2: sizes
cannot pile up at one k. Rows that were copied do: each twice, all at two. So common values, such as no hit and no
spend, are no evidence, and copies are found without a model of the rows. Copies in chance numbers stay hidden.

Source: moments of a mixture are log-convex (Cauchy and Schwarz), as in Chao (1984), Scandinavian J. of Statistics 11.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats


@dataclass(frozen=True)
class Twins:
    """What identical rows show; `twins` is 0 and `inflation` 1 unless there are more than independent draws can give.

    `twins`: rows in cells of a size that piles up; `inflation`: by how much copies raise the variance of a mean over
    rows; `p_value`: of the sizes seen, of independent rows; `could_find`: whether copies of all rows would be found.
    """

    rows: int
    twins: int
    inflation: float
    p_value: float
    could_find: bool


def find(rows: pd.DataFrame, band: float) -> Twins:
    """Look for copies among `rows` (n, columns): wrongly found with probability 1 - `band` at most. NaN equals NaN."""
    sizes = rows.round(9).groupby(list(rows.columns), dropna=False, sort=False).size().to_numpy()
    counts = np.bincount(sizes, minlength=3)
    piled, p_value = _piled(counts, 1 - band)
    doubled = np.zeros(2 * len(counts), dtype=int)
    doubled[::2] = counts
    more = sum((size - 1) * size * counts[size] for size in piled)
    return Twins(
        rows=len(rows),
        twins=int(sum(size * counts[size] for size in piled)),
        inflation=float(1 + more / max(len(rows), 1)),
        p_value=p_value,
        could_find=bool(_piled(doubled, 1 - band)[0]),
    )


def level(inflation: float, confidence: float) -> float:
    """Return how often a test at 1 - `confidence` rejects a true null if variances are `inflation` times as large."""
    return float(2 * scipy.stats.norm.sf(scipy.stats.norm.isf((1 - confidence) / 2) / np.sqrt(inflation)))


def clustered(values: np.ndarray, labels: np.ndarray) -> float:
    """Return by how much the variance of a mean of `values` is raised by rows of one label that are alike.

    Both (n,); 1: not at all, or nothing varies. The variance of sums of clusters over that of rows (Liang and Zeger,
    1986, Biometrika 73).
    """
    apart = values - values.mean()
    squares = float(apart @ apart)
    sums = np.bincount(np.unique(labels, return_inverse=True)[1], weights=apart)
    return float(sums @ sums) / squares if squares > 0 else 1.0


def _piled(counts: np.ndarray, alpha: float) -> tuple[list[int], float]:
    """Return the sizes, 2 and up, at which the numbers `counts` of cells pile up, and the joint p value."""
    sizes = [size for size in range(2, len(counts)) if counts[size]]
    padded = np.append(counts, 0)
    p_values = {size: _p_value(*padded[size - 1 : size + 2], size / (size + 1)) for size in sizes}
    piled = [size for size, p_value in p_values.items() if p_value < alpha / len(sizes)]
    return piled, float(min([1.0, *(p_value * len(sizes) for p_value in p_values.values())]))


def _p_value(below: int, at: int, above: int, ratio: float) -> float:
    """Return the p value of three Poisson counts whose means obey below x above >= ratio x at^2 (likelihood ratio)."""
    if below * above >= ratio * at**2:
        return 1.0
    moved = scipy.optimize.brentq(lambda x: (below + x) * (above + x) - ratio * (at - 2 * x) ** 2, 0, at / 2)
    seen, means = np.array([below, at, above], float), np.array([below + moved, at - 2 * moved, above + moved])
    likelihood = 2 * float(np.sum(np.where(seen > 0, seen * np.log(np.maximum(seen, 1) / means), 0.0)))
    return float(scipy.stats.chi2.sf(likelihood, 1) / 2)
