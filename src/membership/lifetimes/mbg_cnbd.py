"""MBG/CNBD-k: members buy with a rate and a regularity, and may stop for good after any purchase, the first too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from membership.base.errors import DataError
from membership.lifetimes import search
from membership.lifetimes.histories import read, refuse
from membership.lifetimes.search import Estimate, Problem

_MODEL = "MBG/CNBD-k"
SUMS = ("log_gaps", "inverse_gaps", "inverse_squares")  # over a member's gaps g in days: of log g, 1 / g and 1 / g^2
_STRIDE = 1e-5  # in theta, of the differences that make the slope: an incomplete beta function has none in closed form
_LEAST = 0.05  # of the days that a rate is learned from: what whole days take off leaves as much
_CLUMPY = 0.25  # the least k on whole days, where a clumpier member's purchases fall on the same day
_MOST = 6.0  # regularity up to which what whole days add is expanded; beyond, it is as there
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

    With `whole_days` times are whole days and the purchases of one day are one, as stages have them. A gap of g days is
    then one that ends g days after the day on which it begins, wherever in that day, given that it does not end on the
    same day. Its chance is a second difference of the twice integrated density, over the integral of P(gap > t) up to a
    day. The logarithm is expanded in the own rate about the member's mean, up to squares, so that rates stay Gamma.

    Source: Platzer & Reutterer (2016), Ticking Away the Moments, Marketing Science 35(5); Reutterer, Platzer &
    Schroeder (2021), Leveraging Purchase Regularity for Predicting Customer Behavior the Easy Way, IJRM 38(1).
    """

    r: float
    alpha_days: float
    a: float
    b: float
    k: float
    whole_days: bool = False
    estimate: Estimate | None = None  # None where the parameters were given, not fitted

    @classmethod
    def problem(cls, features: pd.DataFrame, whole_days: bool = False) -> Problem:
        """Return the likelihood of `frequency`, `recency_days`, `age_days` and the gaps of who has bought.

        `log_gaps`: the sum of the logarithms of a member's gaps in days, 0 where there are none; with `whole_days`
        also `inverse_gaps` and `inverse_squares`, the sums of 1 / g and 1 / g^2.
        """
        x, recency, age = read(features, _MODEL)
        names = SUMS if whole_days else SUMS[:1]
        sums = features[list(names)].to_numpy(float)
        refuse(features, ~np.isfinite(sums).all(axis=1), names, _MODEL, "history", "finite, gaps of a day or more")
        if not (x > 0).any():
            raise DataError(
                f"{_MODEL}: none of {len(x)} members has bought on a second day, so the data do not show how soon they "
                "come back. A longer history (windows.start) is needed."
            )
        bought = np.flatnonzero(age > 0)
        bought = bought[:: -(-len(bought) // _SAMPLE)]
        columns, scale = tuple(column[bought] for column in (x, recency, age, *sums.T)), float(age[bought].mean())
        few = -(-len(bought) // _TRIED_ON)
        sample = _problem([column[::few] for column in columns], scale) if few > 1 else None
        return replace(_problem(columns, scale), sample=sample)

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float = 0.0, whole_days: bool = False) -> "MbgCnbd":
        """Fit by maximum likelihood. Raises DataError where nobody has bought twice, or no start ends on a summit."""
        estimate = search.maximise(cls.problem(features, whole_days), penalizer)
        return cls(*map(float, estimate.values), whole_days, estimate)

    def p_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return P(still a customer at the cut-off), (members,)."""
        return self._parts(features, [])[0]

    def p_purchase(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return P(at least one purchase within `days` after the cut-off), (members,)."""
        return self.p_within(features, [days])[:, 0]

    def p_within(self, features: pd.DataFrame, days: Sequence[float]) -> np.ndarray:
        """Return the same within each of `days`, (members, m): what they share is computed once."""
        alive, still = self._parts(features, days)
        return np.stack([alive * (1 - each) for each in still], axis=1)

    def _parts(self, features: pd.DataFrame, days: Sequence[float]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return P(alive) and, of who is alive, P(no purchase within each of `days`)."""
        x, recency, age = read(features, _MODEL)
        inverse = features["inverse_gaps"].to_numpy(float) if self.whole_days else None
        shape, rate, _ = _own(self.r, self.alpha_days, self.k, x, recency, inverse)
        silent = age - recency
        waited, *longer = _silences(shape, rate, self.k, [silent, *(silent + more for more in days)], self.whole_days)
        odds = waited * (self.b + x) / self.a
        alive = np.where(age > 0, odds / (1 + odds), 0.0)
        some, least = waited > 0, np.where(waited > 0, waited, 1.0)
        return alive, [np.where(some, each / least, 1.0) for each in longer]


def _problem(columns: Sequence[np.ndarray], scale: float) -> Problem:
    """Return the likelihood of x, recency, age and SUMS, in days; the search has alpha in units of `scale` days."""
    shift = np.array([0.0, np.log(scale), 0.0, 0.0, 0.0])
    return Problem(
        _MODEL,
        ("r", "alpha_days", "a", "b", "k"),
        np.ones(5, bool),
        lambda theta: _sloped(theta + shift, *columns),
        len(columns[0]),
        np.array(_STARTS),
        shift,
        0.0,
        lower=np.array([-np.inf, -np.inf, -np.inf, -np.inf, np.log(_CLUMPY)]) if len(columns) > 4 else None,
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


def _gaps(theta, x, recency, age, logs, inverse=None, squares=None) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the likelihood of the gaps, and the chance of the silence: a and b do not enter."""
    r, alpha, _, _, k = np.exp(theta)
    shape, rate, added = _own(r, alpha, k, x, recency, inverse)
    buying = special.gammaln(shape) - special.gammaln(r) + r * np.log(alpha) - shape * np.log(rate) + added
    buying += (k - 1) * logs - x * special.gammaln(k)
    if squares is not None:
        like, some = min(k, _MOST), np.maximum(x, 1)
        buying += x * np.log1p((like - 1) * (like - 2) / 12 * squares / some)
    return buying, _silence(shape, rate, k, age - recency, squares is not None)


def _own(r: float, alpha: float, k: float, x, recency, inverse) -> tuple[np.ndarray, np.ndarray, np.ndarray | float]:
    """Return shape and rate of each member's own rate, given the gaps, and what whole days add to the log-likelihood.

    `inverse`: the sums of 1 / gap of whole days, None where times are exact.
    """
    if inverse is None:
        return r + k * x, alpha + recency, 0.0
    like = min(k, _MOST)
    lasted = alpha + recency + (like - 1) / 6 * inverse  # a gap of g whole days lasts g + (k - 1) / 6g, in the mean
    mean = np.minimum((r + k * x) / lasted, k)  # gaps last a day, at least
    value, slope, bend = _rounded(mean * like / k, like)
    slope, bend = slope * like / k, bend * (like / k) ** 2
    log, line = -(mean**2) * bend, slope + mean * bend  # value + ... = rest + line x rate + log x log(rate)
    rate = np.maximum(lasted - x * line, _LEAST * lasted)
    return r + x * (k + log), rate, x * (value - line * mean - log * np.log(mean))


def _rounded(rate: np.ndarray, k: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a gap of whole days adds to the log-likelihood at the own `rate` a day, and its two derivatives.

    That is minus the logarithm of the chance that the gap does not end on the day on which it begins, and what the
    spread of a gap over the two days in which it may end adds.
    """
    longer = special.gammainc(k + 1, rate)
    left = 1 - special.gammainc(k, rate) + k / rate * longer
    first = k / rate**2 * longer
    second = np.exp((k - 2) * np.log(rate) - rate - special.gammaln(k)) - 2 * first / rate
    slope = first / left
    return rate**2 / 12 - np.log(left), rate / 6 + slope, 1 / 6 + second / left + slope**2


def _silence(shape, rate, k: float, days, whole_days: bool) -> np.ndarray:
    """Return P(no purchase within `days` after the last one); of whole days the last one is not silent, nor is it over.

    A gap that began on some day is longer than the silent days after it and a half, given that it is longer than half
    a day.
    """
    return _silences(shape, rate, k, [days], whole_days)[0]


def _silences(shape, rate, k: float, spans: Sequence, whole_days: bool) -> list[np.ndarray]:
    """Return `_silence` of each of `spans`."""
    if not whole_days:
        return [special.betainc(shape, k, rate / (rate + days)) for days in spans]
    given = special.betainc(shape, k, rate / (rate + 0.5))
    ends = (np.maximum(days - 1, 0.0) + 0.5 for days in spans)
    return [special.betainc(shape, k, rate / (rate + end)) / given for end in ends]


def _mean(theta, gaps, x) -> float:
    (buying, silent), (a, b) = gaps, np.exp(theta[list(_STOPPING)])
    stayed = special.betaln(a, b + x) - special.betaln(a, b)  # at all chances to stop but the last
    last = np.log((b + x) * silent + a) - np.log(a + b + x)
    return float(np.mean(buying + stayed + last))
