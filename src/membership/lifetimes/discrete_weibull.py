"""Beta-discrete-Weibull: how long members stay whose own chance of leaving changes with tenure.

Rows and tenure are those of `subscription`, whose sBG is the case c = 1.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma

from membership.base.errors import DataError
from membership.lifetimes import subscription
from membership.lifetimes.search import Estimate, Problem, maximise

_STARTS = np.array([[0, 0, 0], [-1, 1, 0.3], [0, 1, -0.3], [1, 3, 0]], float)  # logarithms of gamma, delta and c


@dataclass(frozen=True)
class Bdw:
    """A discrete Weibull lifetime of power `c` for each member, whose first chance of leaving is Beta(gamma, delta).

        P(renews n times)        = B(gamma, delta + n^c) / B(gamma, delta)
        retention at renewal n   = B(gamma, delta + n^c) / B(gamma, delta + (n - 1)^c)

    Below c = 1 a member leaves less and less easily with tenure, above it more and more; at 1 this is sBG.

    >>> high_end = Bdw(gamma=0.259, delta=1.722, c=1.584)
    >>> high_end.retention([1, 2, 3]).round(3).tolist(), high_end.survival(7).round(2).item()
    ([0.869, 0.854, 0.883], 0.48)

    Source: Fader, Hardie, Liu, Davin & Steenburgh (2018), "How to Project Customer Retention" Revisited, Journal of
    Interactive Marketing 43.
    """

    gamma: float
    delta: float
    c: float
    estimate: Estimate | None = field(default=None, repr=False, compare=False)  # None where the parameters were given

    @classmethod
    def problem(cls, contracts: pd.DataFrame) -> Problem:
        """Return the likelihood of `contracts`, a row a member, as `subscription.Sbg.problem`; errors are the same."""
        known = subscription.checked(contracts)
        if not known["churned"].any():
            raise DataError(f"beta-discrete-Weibull: none of {len(known)} members has left; a longer history is needed")
        rows = known.groupby(subscription.COLUMNS, sort=True).size().reset_index(name="members")
        tenure, churned, entered, members = rows.to_numpy(int).T

        def likelihood(theta):
            return _likelihood(theta, tenure, churned, entered, members / len(known))

        names, free = ("gamma", "delta", "c"), np.full(3, True)
        return Problem("beta-discrete-Weibull", names, free, likelihood, len(known), _STARTS, np.zeros(3), constant=0.0)

    @classmethod
    def fit(cls, contracts: pd.DataFrame, penalizer: float = 0.0) -> "Bdw":
        """Fit by maximum likelihood. Raises DataError on impossible rows and where nothing converges."""
        estimate = maximise(cls.problem(contracts), penalizer)
        return cls(*map(float, estimate.values), estimate)

    def survival(self, periods, tenure=0) -> np.ndarray:
        """Return P(a member of `tenure` renews the next `periods` times), in the shape of both."""
        tenure, end = np.asarray(tenure, float), np.asarray(periods, float) + tenure
        return np.exp(betaln(self.gamma, self.delta + end**self.c) - betaln(self.gamma, self.delta + tenure**self.c))

    def retention(self, periods) -> np.ndarray:
        """Return which share of those who come up for renewal number `periods` (1 and up) renew."""
        return self.survival(1, np.asarray(periods) - 1)


def _likelihood(theta: np.ndarray, tenure, churned, entered, share) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood of BdW and its gradient in the log parameters; `churned` is 1 or 0."""
    parameters = np.exp(theta)
    start, begun = _log_survival(parameters, entered)
    after, slope_after = _log_survival(parameters, tenure)
    before, slope_before = _log_survival(parameters, np.where(churned, tenure - 1, tenure))
    fall = np.where(churned, after - before, -np.inf)  # of who leaves: log S(t) - log S(t - 1), below 0
    kept = np.exp(fall)
    value = np.where(churned, before + np.log1p(-kept), after) - start
    left = (slope_before - kept * slope_after) / (1 - kept)
    gradient = np.where(churned, left, slope_after) - begun
    return value @ share, gradient @ share


def _log_survival(parameters: np.ndarray, tenure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log P(renews `tenure` times), (n,), and its gradient in the log parameters, (3, n)."""
    gamma, delta, c = parameters
    powered = tenure.astype(float) ** c
    beta, both = delta + powered, gamma + delta + powered
    bend = digamma(beta) - digamma(both)
    slopes = [
        gamma * (digamma(gamma + delta) - digamma(both)),
        delta * (bend - digamma(delta) + digamma(gamma + delta)),
        c * bend * powered * np.log(np.maximum(tenure, 1)),
    ]
    return betaln(gamma, beta) - betaln(gamma, delta), np.stack(slopes)
