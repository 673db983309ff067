"""The log-likelihood of BG/NBD and MBG/NBD, equation (6) in `bgnbd`, with its gradient, as it is fast to compute.

With c = x + `at_first` chances to stop, the logarithm of equation (6) is a sum of two parts:

    counting: log G(r + x) - log G(r) + log B(a, b + c) - log B(a, b)                 once a number of purchases
    timing:   r log alpha - (r + x) log(alpha + T) + log(1 + odds of having stopped)  once a member
              odds = a / (b + c - 1) ((alpha + T) / (alpha + t))^(r + x), and 0 if c = 0

Members are summed over blocks that fit the processor's cache.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from membership.lifetimes.histories import Histories

_BLOCK = 16_384  # rows


@dataclass(frozen=True)
class _Block:
    """Rows that all had a chance to stop, or that all had none (`recency` is None); times in the unit of the search."""

    cell: np.ndarray  # which number of purchases, or with covariates which row
    age: np.ndarray
    recency: np.ndarray | None
    weight: np.ndarray
    covariates: np.ndarray


class Likelihood:
    """Mean log-likelihood a member as a function of (log r, log alpha, log a, log b, coefficients of alpha, a and b).

    A member may stop after each of frequency + `at_first` purchases. With covariates z, alpha is alpha exp(-c'z), a is
    a exp(d'z), b is b exp(e'z). Sources: Fader, Hardie & Lee (2005), equation (6); Batislam, Denizel & Filiztekin
    (2007), Empirical validation and comparison of models for customer base analysis; covariates as in Fader & Hardie
    (2007), Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models.
    """

    def __init__(self, histories: Histories, at_first: int, scale_days: float):
        """Keep what the sums need; `scale_days` is the unit of time that is divided out."""
        x = histories.frequency.astype(np.int32)
        self._covariates = histories.covariates
        if self._covariates.shape[1]:
            self._x, self._weight, cell = x, histories.weight, np.arange(len(x), dtype=np.int32)
        else:
            self._weight, cell = np.bincount(x, histories.weight), x
            self._x = np.arange(len(self._weight))
        self._chances = self._x + at_first
        self._blocks = []
        for known in (True, False):
            rows = np.flatnonzero((x + at_first > 0) == known)
            for part in (rows[begin : begin + _BLOCK] for begin in range(0, len(rows), _BLOCK)):
                age, recency = (column[part] / scale_days for column in (histories.age_days, histories.recency_days))
                columns = cell[part], age, recency if known else None, histories.weight[part], self._covariates[part]
                self._blocks.append(_Block(*columns))

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean log-likelihood and its gradient, (4 + 3k,)."""
        r, alpha, a, b = np.exp(theta[:4])
        z, weight, effects = self._covariates, self._weight, theta[4:].reshape(3, -1)
        if z.shape[1]:
            alpha, a, b = alpha * np.exp(-z @ effects[0]), a * np.exp(z @ effects[1]), b * np.exp(z @ effects[2])
        last = b + np.maximum(self._chances, 1) - 1
        value, by_r, by_alpha, dead = self._timing(r, alpha, np.log(a / last))
        more, counted = _counting(r, a, b, self._x, self._chances)
        by_a, by_b = weight * counted[1] + dead, weight * counted[2] - dead * b / last
        slopes = [r * (by_r + weight @ counted[0]), by_alpha[0], by_a.sum(), by_b.sum(), *-by_alpha[1:]]
        if z.shape[1]:
            slopes += [*(by_a @ z), *(by_b @ z)]
        return (value + weight @ more) / weight.sum(), np.array(slopes) / weight.sum()

    def _timing(self, r: float, alpha, log_odds: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Return the sum of what times enter, its slope in r, in log alpha (and times covariates), P(dead) by cell."""
        shapes, dead_of = r + self._x, np.zeros(len(self._x))
        value, by_r, by_alpha = 0.0, 0.0, np.zeros(1 + self._covariates.shape[1])
        for block in self._blocks:
            cell, shape = block.cell, shapes[block.cell]
            own = alpha[cell] if np.ndim(alpha) else alpha
            end = own + block.age
            wait = np.log(end / own)
            height, slope, pull = -shape * wait - self._x[cell] * np.log(own), -wait, shape / end
            if block.recency is not None:
                seen = own + block.recency
                gap = np.log(end / seen)
                odds = log_odds[cell] + shape * gap
                small = np.exp(-np.abs(odds))
                dead = np.where(odds > 0, 1.0, small) / (1 + small)
                height += np.maximum(odds, 0) + np.log(1 + small)
                slope += dead * gap
                pull += dead * shape * (1 / seen - 1 / end)
                first = cell.min()
                found = np.bincount(cell - first, block.weight * dead)
                dead_of[first : first + len(found)] += found
            value += block.weight @ height
            by_r += block.weight @ slope
            each = block.weight * (r - own * pull)
            by_alpha += np.append(each.sum(), each @ block.covariates)
        return value, by_r, by_alpha, dead_of


def _counting(r: float, a, b, x: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return what counts enter, and its slopes in r, log a and log b, of every cell."""
    gammaln, digamma = special.gammaln, special.digamma
    value = gammaln(r + x) - gammaln(r) + gammaln(b + chances) - gammaln(b)
    value += gammaln(a + b) - gammaln(a + b + chances)
    both = digamma(a + b) - digamma(a + b + chances)
    return value, (digamma(r + x) - digamma(r), a * both, b * (both + digamma(b + chances) - digamma(b)))
