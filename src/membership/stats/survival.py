"""Survival curves: Kaplan-Meier with delayed entry and censoring, its intervals, means and medians, and log-rank.

A spell is known from `entry` (0 where it is seen from its beginning; above 0 it is left truncated: had it ended before,
we would not know of it) to `exit`, where it ends (`ended`) or is lost from sight (right censored). At time t the spells
with entry < t <= exit are at risk.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy import stats

from membership.base.errors import DataError


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; infinite where the curve does not reach it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """Kaplan-Meier: the share of spells that last longer than each of `times`, where at least one ended, (n,)."""

    times: np.ndarray
    at_risk: np.ndarray  # spells
    ended: np.ndarray  # spells
    survival: np.ndarray
    low: np.ndarray  # pointwise, log-log
    high: np.ndarray
    confidence: float
    entry: np.ndarray  # of all spells, sorted, (spells,)
    exit: np.ndarray  # the same
    last: float  # the longest time at which (enough) spells were seen; the curve is not known beyond it

    @property
    def known(self) -> float:
        """The time up to which the curve is known: `last`, or for ever where nothing is left."""
        return np.inf if (self.survival == 0).any() else self.last

    def at(self, time: float) -> Estimate:
        """Return the share that last longer than `time`; NaN where the curve is not known."""
        step = np.searchsorted(self.times, time, side="right") - 1
        if time > self.known:
            return Estimate(np.nan, np.nan, np.nan)
        if step < 0:
            return Estimate(1.0, 1.0, 1.0)
        return Estimate(*(float(column[step]) for column in (self.survival, self.low, self.high)))

    def quantile(self, share: float = 0.5) -> Estimate:
        """Return the time by which `share` of the spells have ended; the median where `share` is .5.

        The interval holds the times at which the band holds 1 - `share` (Brookmeyer & Crowley 1982).
        """

        def first(survival) -> float:
            below = np.flatnonzero(survival <= 1 - share + 1e-12)
            return float(self.times[below[0]]) if len(below) else np.inf

        return Estimate(first(self.survival), first(self.low), first(self.high))

    def restricted_mean(self, until: float) -> Estimate:
        """Return the mean of min(time, `until`): the area under the curve (Irwin 1949), with a normal interval.

        Raises DataError where the curve is not known as far as `until`.
        """
        if until > self.known:
            raise DataError(
                f"restricted mean until {until:g}: the longest spell was seen for {self.last:g}; allowed: up to that."
            )
        within = self.times < until
        edges = np.concatenate([[0.0], self.times[within], [until]])
        area = np.diff(edges) * np.concatenate([[1.0], self.survival[within]])
        after = np.cumsum(area[::-1])[::-1][1:]  # area to the right of each time
        left = self.at_risk[within] - self.ended[within]
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(after > 0, after**2 * self.ended[within] / (self.at_risk[within] * left), 0.0)
        half = _reach(self.confidence) * np.sqrt(each.sum())
        return Estimate(float(area.sum()), float(max(area.sum() - half, 0)), float(min(area.sum() + half, until)))

    def risk_at(self, times: np.ndarray) -> np.ndarray:
        """Return how many spells are in sight at each of `times`, (m,): entered by then, not gone before."""
        return np.searchsorted(self.entry, times, side="right") - np.searchsorted(self.exit, times, side="left")


def kaplan_meier(
    exit: np.ndarray, ended: np.ndarray, entry: np.ndarray | None = None, confidence: float = 0.95, fewest: int = 1
) -> Curve:
    """Estimate the survival curve of independent spells: `exit`, `ended` (bool) and `entry` (None: 0), all (spells,).

    The variance is Greenwood's, the band that of log(-log S), which stays within 0 and 1 (Kalbfleisch & Prentice 2002,
    1.4); where all at risk end, S is 0 for good and its upper limit is that of the step before. With delayed entry few
    may be at risk at small times, and a chance end of all of them would hold for good: ends among fewer than `fewest`
    at risk are left out there (Lai & Ying 1991), and the curve ends where as few are left. Raises DataError where not
    0 <= entry < exit.
    """
    exit, ended, entry = _checked(exit, ended, entry)
    times, ends = np.unique(exit[ended], return_counts=True)
    at_risk = _at_risk(times, entry, exit)
    enough = at_risk >= fewest
    last = _last(entry, exit, fewest)
    times, ends, at_risk = times[enough], ends[enough], at_risk[enough]
    survival = np.cumprod(1 - ends / at_risk)
    survival[np.maximum.accumulate(ends == at_risk)] = 0.0
    alive = survival > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(ends / (at_risk * (at_risk - ends)))
        spread = np.exp(_reach(confidence) * np.sqrt(variance) / np.abs(np.log(survival)))
        low, high = np.where(alive, survival**spread, 0.0), np.where(alive, survival ** (1 / spread), np.nan)
    if not alive.all():
        high[~alive] = high[alive][-1] if alive.any() else 1.0
    return Curve(times, at_risk, ends, survival, low, high, confidence, np.sort(entry), np.sort(exit), last)


def log_rank(exit: np.ndarray, ended: np.ndarray, group: np.ndarray, entry: np.ndarray | None = None) -> float:
    """Return the p-value of "all groups have the same curve": log-rank test of k groups with delayed entry.

    `group` (spells,) are labels. Chi-squared with k - 1 degrees of freedom (Mantel 1966; Peto & Peto 1972); 1 where
    there is only one group or nothing ended. Raises DataError where not 0 <= entry < exit.
    """
    exit, ended, entry = _checked(exit, ended, entry)
    labels, number = np.unique(np.asarray(group), return_inverse=True)
    times, ends = np.unique(exit[ended], return_counts=True)
    if len(labels) < 2 or not len(times):
        return 1.0
    own = [number == label for label in range(len(labels))]
    risk = np.stack([_at_risk(times, entry[mine], exit[mine]) for mine in own])  # (groups, times)
    seen = np.array([ended[mine].sum() for mine in own])
    total = risk.sum(axis=0)
    share = risk / total
    weight = ends * (total - ends) / np.maximum(total - 1, 1)
    covariance = np.diag(share @ weight) - (share * weight) @ share.T
    gap = seen - share @ ends
    spread, axes = np.linalg.eigh(covariance)
    free = spread > 1e-9 * max(spread[-1], 1e-9)  # one direction is never free: all gaps add up to 0
    statistic = float(((axes.T @ gap)[free] ** 2 / spread[free]).sum())
    return float(stats.chi2.sf(statistic, free.sum())) if free.any() else 1.0


def _checked(exit, ended, entry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    exit, ended = np.asarray(exit, float), np.asarray(ended, bool)
    entry = np.zeros(len(exit)) if entry is None else np.asarray(entry, float)
    wrong = ~((entry >= 0) & (entry < exit) & np.isfinite(exit))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"survival: {wrong.sum()} of {len(exit)} spells have an impossible time, e.g. row {row}: entry "
            f"{entry[row]:g}, exit {exit[row]:g}; allowed: 0 <= entry < exit, finite."
        )
    return exit, ended, entry


def _at_risk(times: np.ndarray, entry: np.ndarray, exit: np.ndarray) -> np.ndarray:
    entered = np.searchsorted(np.sort(entry), times, side="left")
    return entered - np.searchsorted(np.sort(exit), times, side="left")


def _last(entry: np.ndarray, exit: np.ndarray, fewest: int) -> float:
    """Return the last time at which at least `fewest` spells are at risk; 0 where so many never are."""
    times = np.unique(exit)
    enough = times[_at_risk(times, entry, exit) >= fewest]
    return float(enough[-1]) if len(enough) else 0.0


def _reach(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
