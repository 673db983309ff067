"""Gamma-Gamma: how much a member spends on a purchase day, apart from how often the member buys."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy import special

from membership.base.errors import DataError
from membership.lifetimes import search
from membership.lifetimes.histories import need, refuse
from membership.lifetimes.search import Estimate, Problem

_COLUMNS = ("frequency", "repeat_spend_mean")
_STARTS = (0.0, -1.5, 1.5, 3.0)  # logarithm of p where the search starts
_LEAST_Q = 1.01  # at 1 and below, the mean over members is infinite
_SAMPLE = 20_000  # members on which the starts are tried
_BLOCK = 16_384  # members whose sums are worked out at a time


@dataclass(frozen=True)
class GammaGamma:
    """Gamma-Gamma: what a member spends on a purchase day varies around the member's own mean.

    Spend is Gamma(`p`, nu), nu is Gamma(`q`, `gamma`) over members; the population's mean is p gamma / (q - 1), so q
    is kept above 1. Expected spend of a member with x repeat purchases of mean m is p (gamma + x m) / (p x + q - 1).
    Money is in the unit of `repeat_spend_mean` (cents). The model assumes that spend per purchase day is independent of
    frequency: look at `correlation`. With the parameters published for CDNOW, in dollars:

    >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    >>> model.expected_spend(pd.DataFrame({"frequency": [1, 0], "repeat_spend_mean": [22.54, None]})).round(2).tolist()
    [26.4, 35.22]

    Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, equations (1a), (3) and (5).
    """

    p: float
    q: float
    gamma: float
    correlation: float = 0.0  # between frequency and mean spend of those who bought again
    estimate: Estimate | None = None  # None where the parameters were given, not fitted

    name: ClassVar[str] = "Gamma-Gamma"

    @classmethod
    def problem(cls, features: pd.DataFrame) -> Problem:
        """Return the likelihood of the members who spent on a second day, for `search`. Raises DataError as `fit`."""
        return cls._problem(*_repeated(features))

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float = 0.0) -> Self:
        """Fit to `frequency` and `repeat_spend_mean` of members with a repeat purchase and a positive mean.

        `penalizer` is the weight of the sum of squared log parameters (money scale divided out) against the mean
        log-likelihood. Raises DataError where there is no such member, a mean is missing, or the search does not
        converge.
        """
        x, mean = _repeated(features)
        varied = np.ptp(x) > 0 and np.ptp(mean) > 0
        correlation = float(np.corrcoef(x, mean)[0, 1]) if varied else 0.0
        estimate = search.maximise(cls._problem(x, mean), penalizer)
        return cls(*map(float, estimate.values), correlation, estimate)

    @classmethod
    def _problem(cls, x: np.ndarray, mean: np.ndarray, scale: float = 0.0) -> Problem:
        scale = scale or float(mean.mean())
        every = -(-len(x) // _SAMPLE)
        return Problem(
            cls.name,
            ("p", "q", "gamma"),
            np.ones(3, bool),
            _Likelihood(x, mean / scale),
            len(x),
            np.array([[second, np.log(2.0 + abs(second)), 0.0] for second in _STARTS]),
            np.array([0.0, 0.0, np.log(scale)]),
            -len(x) * np.log(scale),
            cls._problem(x[::every], mean[::every], scale) if every > 1 else None,
            np.array([-np.inf, np.log(_LEAST_Q), -np.inf]),
        )

    def expected_spend(self, features: pd.DataFrame) -> np.ndarray:
        """Return expected spend on a purchase day, shape (members,); the population's mean where none was repeated.

        A mean below 0 (more returned than bought) counts as 0. Raises DataError where a repeater's mean is missing.
        """
        x, total = _totals(features)
        return (self.gamma + total) * self.p / (self.p * x + self.q - 1)

    def draw_mean(self, features: pd.DataFrame, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws of each member's own mean spend on a purchase day from its posterior, (members, draws)."""
        x, total = _totals(features)
        nu = rng.standard_gamma(np.broadcast_to((self.q + self.p * x)[:, None], (len(x), draws)))
        return self.p * (self.gamma + total)[:, None] / nu


class _Likelihood:
    """Mean log-likelihood a member, equation (1a), of (log p, log q, log gamma), and its gradient."""

    def __init__(self, x: np.ndarray, mean: np.ndarray):
        total = x * mean
        self._x, self._total = x, total
        self._counted = np.bincount(x.astype(np.int64)).astype(float)
        self._logs = float(x @ np.log(total)), float(np.log(mean).sum())

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, gamma = np.exp(theta)
        number, count = np.arange(1, len(self._counted)), self._counted[1:]
        members = count.sum()
        gammaln, digamma = special.gammaln, special.digamma
        log, x_log, over, x_over = self._sums(gamma)
        value = count @ (gammaln(p * number + q) - gammaln(p * number)) + members * (q * theta[2] - gammaln(q))
        value += p * (self._logs[0] - x_log) - q * log - self._logs[1]
        more = digamma(p * number + q)
        slopes = [
            p * ((count * number) @ (more - digamma(p * number)) + self._logs[0] - x_log),
            q * (count @ more + members * (theta[2] - digamma(q)) - log),
            members * q - gamma * (p * x_over + q * over),
        ]
        return value / members, np.array(slopes) / members

    def _sums(self, gamma: float) -> np.ndarray:
        """Return the sums over members of log(gamma + total) and 1 / (gamma + total), each also times x, (4,)."""
        sums = np.zeros(4)
        for begin in range(0, len(self._x), _BLOCK):
            x, whole = self._x[begin : begin + _BLOCK], gamma + self._total[begin : begin + _BLOCK]
            logs, over = np.log(whole), 1 / whole
            sums += logs.sum(), x @ logs, over.sum(), x @ over
        return sums


def _totals(features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return x and what was spent on repeat purchases, each (members,): 0 without one, and where it is below 0."""
    need(features, GammaGamma.name, _COLUMNS)
    x, mean = (features[name].to_numpy(float) for name in _COLUMNS)
    sound = (x == 0) | ((x > 0) & np.isfinite(mean))
    refuse(features, ~sound, _COLUMNS, GammaGamma.name, "spend", "a mean, in money, of everyone who bought again")
    return x, x * np.where(x > 0, np.maximum(mean, 0), 0.0)


def _repeated(features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return x and the mean spend of the members who spent something on a second purchase day."""
    x, total = _totals(features)
    spent = total > 0
    if not spent.any():
        raise DataError(
            "Gamma-Gamma: no member has spent anything on a second purchase day; a longer history is needed."
        )
    return x[spent], total[spent] / x[spent]
