"""MBG/CNBD-k: members buy with a rate and a regularity, and may stop for good after any purchase, the first too."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from membership.base.errors import DataError
from membership.lifetimes import search
from membership.lifetimes.histories import read, refuse
from membership.lifetimes.search import Estimate, Problem

_MODEL = "MBG/CNBD-k"
_STRIDE = 1e-5  # in theta, of the differences that make the slope: an incomplete beta function has none in closed form
_STOPPING = (2, 3)  # a and b in theta
_STARTS = ((0.0, 0.0, -1.0, 1.0, 0.0), (0.0, 0.5, -2.0, 1.5, 0.7))
_SAMPLE = 30_000  # members that a fit takes at most, evenly spread: more of them move no digit that matters
_TRIED_ON = 5_000  # members on which the starts climb, evenly spread: the last steps take all


@dataclass(frozen=True)
class MbgCnbd:
    """MBG/CNBD-k: gaps are Gamma(`k`, own rate), rates Gamma(`r`, `alpha_days`), chances of stopping Beta(`a`, `b`).

    A `k` of 1 is MBG/NBD, random buying; above 1 buying is regular, below 1 clumpy. `k` is any positive number here,
    so that the chance of a gap longer than s, given a member's history, is an incomplete beta function. Of a member
    with x repeat purchases, the last t after the first, which was T before the cut-off, and with g the gaps:

        likelihood = G(r + kx) / G(r) alpha^r (alpha + t)^-(r + kx) prod g^(k-1) / G(k)^x
                     [ B(a, b + x + 1) / B(a, b) I(r + kx, k; (alpha + t) / (alpha + T)) + B(a + 1, b + x) / B(a, b) ]

    with I the regularised incomplete beta function; P(alive) is the share of the first term in the brackets. As it is
    conditional on the first purchase that was seen, data that begin later than a member (left truncation) do not bias
    the gaps. Members whose age is 0 have never bought; all their predictions are 0.

    >>> model = MbgCnbd(r=1.0, alpha_days=20.0, a=0.5, b=2.0, k=3.0)
    >>> one = pd.DataFrame({"frequency": [4], "recency_days": [40.0], "age_days": [50.0]})
    >>> model.p_purchase(one, 14).round(3).item(), model.p_alive(one).round(3).item()
    (0.671, 0.884)

    Source: Platzer & Reutterer (2016), Ticking Away the Moments, Marketing Science 35(5); Reutterer, Platzer &
    Schroeder (2021), Leveraging Purchase Regularity for Predicting Customer Behavior the Easy Way, IJRM 38(1).
    """

    r: float
    alpha_days: float
    a: float
    b: float
    k: float
    estimate: Estimate | None = None  # None where the parameters were given, not fitted

    @classmethod
    def problem(cls, features: pd.DataFrame) -> Problem:
        """Return the likelihood of `frequency`, `recency_days`, `age_days` and `log_gaps` of who has bought.

        `log_gaps`: the sum of the logarithms of a member's gaps in days, 0 where there are none.
        """
        x, recency, age = read(features, _MODEL)
        logs = features["log_gaps"].to_numpy(float)
        refuse(features, ~np.isfinite(logs), ("log_gaps",), _MODEL, "history", "finite, gaps of a day or more")
        if not (x > 0).any():
            raise DataError(
                f"{_MODEL}: none of {len(x)} members has bought on a second day, so the data do not show how soon they "
                "come back. A longer history (windows.start) is needed."
            )
        bought = np.flatnonzero(age > 0)
        bought = bought[:: -(-len(bought) // _SAMPLE)]
        x, recency, age, logs = (column[bought] for column in (x, recency, age, logs))
        columns, scale = (x, recency, age, logs), float(age.mean())
        few = -(-len(x) // _TRIED_ON)
        sample = _problem(*(column[::few] for column in columns), scale) if few > 1 else None
        return replace(_problem(*columns, scale), sample=sample)

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float = 0.0) -> "MbgCnbd":
        """Fit by maximum likelihood. Raises DataError where nobody has bought twice, or no start ends on a summit."""
        estimate = search.maximise(cls.problem(features), penalizer)
        return cls(*map(float, estimate.values), estimate)

    def p_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return P(still a customer at the cut-off), (members,)."""
        return self._parts(features, 0.0)[0]

    def p_purchase(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return P(at least one purchase within `days` after the cut-off), (members,)."""
        alive, still = self._parts(features, days)
        return alive * (1 - still)

    def _parts(self, features: pd.DataFrame, days: float) -> tuple[np.ndarray, np.ndarray]:
        """Return P(alive) and, of who is alive, P(no purchase within `days`)."""
        x, recency, age = read(features, _MODEL)
        shape, begun = self.r + self.k * x, self.alpha_days + recency
        waited = special.betainc(shape, self.k, begun / (self.alpha_days + age))
        longer = special.betainc(shape, self.k, begun / (self.alpha_days + age + days))
        odds = waited * (self.b + x) / self.a
        alive = np.where(age > 0, odds / (1 + odds), 0.0)
        return alive, np.where(waited > 0, longer / np.where(waited > 0, waited, 1.0), 1.0)


def _problem(x: np.ndarray, recency: np.ndarray, age: np.ndarray, logs: np.ndarray, scale: float) -> Problem:
    """Return the likelihood of histories in days; the search has times in units of `scale`."""
    columns = (x, recency / scale, age / scale, logs - x * np.log(scale))
    return Problem(
        _MODEL,
        ("r", "alpha_days", "a", "b", "k"),
        np.ones(5, bool),
        lambda theta: _sloped(theta, *columns),
        len(x),
        np.array(_STARTS),
        np.array([0.0, np.log(scale), 0.0, 0.0, 0.0]),
        -float(x.sum() * np.log(scale)),
    )


def _sloped(theta, *columns) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood and its slope by central differences, (5,)."""
    here, slope = _gaps(theta, *columns), np.empty(5)
    for at, step in enumerate(_STRIDE * np.eye(5)):
        ends = theta + step, theta - step
        gaps = [here if at in _STOPPING else _gaps(end, *columns) for end in ends]  # the beta function takes the time
        high, low = (_mean(end, gap, columns[0]) for end, gap in zip(ends, gaps, strict=True))
        slope[at] = (high - low) / (2 * _STRIDE)
    return _mean(theta, here, columns[0]), slope


def _gaps(theta, x, recency, age, logs) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the likelihood of the gaps, and the chance of the silence: a and b do not enter."""
    r, alpha, _, _, k = np.exp(theta)
    shape = r + k * x
    buying = special.gammaln(shape) - special.gammaln(r) + r * np.log(alpha / (alpha + recency))
    buying += (k - 1) * logs - x * special.gammaln(k) - k * x * np.log(alpha + recency)
    return buying, special.betainc(shape, k, (alpha + recency) / (alpha + age))


def _mean(theta, gaps, x) -> float:
    (buying, silent), (a, b) = gaps, np.exp(theta[list(_STOPPING)])
    stayed = special.betaln(a, b + x) - special.betaln(a, b)  # at all chances to stop but the last
    last = np.log((b + x) * silent + a) - np.log(a + b + x)
    return float(np.mean(buying + stayed + last))
