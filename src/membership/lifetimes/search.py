"""Maximum likelihood for every model of this room: the search, standard errors and profile intervals.

The search runs in theta: logarithms of positive parameters (their scale divided out) and plain coefficients. Several
starts climb by L-BFGS-B, on a sample where there is one; Newton steps take the best to the summit of all members.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy import optimize
from threadpoolctl import threadpool_limits

from membership.base.errors import DataError
from membership.lifetimes import climb

_BOUND = 10.0  # |theta|; beyond it nothing that is predicted changes
_APART = 0.01  # of the summed log-likelihood: starts that differ by less reached the same summit
_LOOSE = 5.0  # standard error of a theta (a factor of 150) above which it counts as unknown: infinite
_VAGUE = 2.0  # standard error of a theta (a factor of 7) above which a doubt says so

_one_thread = threadpool_limits.wrap(limits=1, user_api="blas")  # on sums this short, threads only wait for each other


class Reason(StrEnum):
    """Why the parameters of a fitted model may deserve less belief."""

    AT_EDGE = "at the edge"  # parameters ran to the edge of the search: predictions hold, these values mean nothing
    VAGUE = "vague"  # parameters for which very different values fit about as well
    ONE_START = "one start"  # one of several starts reached this summit; the others ended lower
    SHORT_WINDOW = "short window"  # members were seen for less than a typical interval between purchases


@dataclass(frozen=True)
class Doubt:
    """One reason to doubt a fitted model. Days are filled for `SHORT_WINDOW` alone, parameters for the first two."""

    model: str
    reason: Reason
    parameters: tuple[str, ...] = ()
    interval_days: float | None = None  # typical, between two purchases
    seen_days: float | None = None  # mean age of members


@dataclass(frozen=True)
class Problem:
    """A log-likelihood to be maximised: `natural theta` = theta + `shift`, and its exponential is the parameter.

    `likelihood` returns the *mean* over members and its gradient in theta; the sum is `members` times it + `constant`.
    """

    model: str  # for messages
    names: tuple[str, ...]  # of the parameters, with units
    logarithmic: np.ndarray  # (k,) True where theta is the logarithm of the parameter, False where it is the parameter
    likelihood: climb.Hill
    members: int
    starts: np.ndarray  # (starts, k)
    shift: np.ndarray  # (k,)
    constant: float
    sample: "Problem | None" = None  # the same, in the same theta, of fewer members: the starts are tried on it
    lower: np.ndarray | None = None  # (k,) least theta, where it is above the edge of the search


@dataclass(frozen=True)
class Estimate:
    """What a search found. Where the data do not determine a parameter, its standard error is infinite, never NaN.

    The errors of the others then hold with that parameter where it is: `profile` shows more.
    """

    names: tuple[str, ...]
    values: np.ndarray  # (k,) natural units
    covariance: np.ndarray  # (k, k) of natural theta: of the logarithms where `logarithmic`
    logarithmic: np.ndarray
    log_likelihood: float  # summed, in natural units, without the penalty
    members: int
    starts: int
    agreeing: int  # of the starts, how many reached the same summit
    doubts: tuple[Doubt, ...]  # reasons to doubt the parameters; empty where there are none
    penalizer: float = 0.0

    def __getitem__(self, name: str) -> float:
        """Return the value of the parameter `name`."""
        return float(self.values[self.names.index(name)])

    def table(self, confidence: float) -> pd.DataFrame:
        """Return `value`, `standard_error`, `low`, `high` by name: Wald intervals, of logarithms where logarithmic."""
        reach = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(np.diag(self.covariance))
        centre = np.where(self.logarithmic, np.log(np.where(self.logarithmic, self.values, 1.0)), self.values)
        return _rows(self, centre - reach, centre + reach)


@_one_thread
def maximise(problem: Problem, penalizer: float = 0.0) -> Estimate:
    """Return the parameters of the highest mean log-likelihood less `penalizer` times the sum of squared thetas.

    Raises DataError where no start ends on a summit.
    """
    low, high = _box(problem)
    field = problem.sample or problem
    hill = _hill(field, penalizer)
    summits = [climb.ascend(hill, np.clip(start, low, high), low, high) for start in problem.starts]
    heights = np.array([hill(theta)[0] for theta in summits])
    best, agreeing = int(heights.argmax()), int((heights >= heights.max() - _APART / field.members).sum())
    curvature, hill = climb.curvature_at(hill, summits[best]), _hill(problem, penalizer)
    theta = climb.newton(hill, summits[best], curvature, low, high, problem.members)[0]
    curvature = climb.curvature_at(hill, theta)
    _refuse_a_slope(problem, hill, theta, curvature)
    inside = (theta > low + 1e-6) & (theta < high - 1e-6)
    covariance = _covariance(problem.members * curvature, inside)
    return Estimate(
        problem.names,
        _natural(problem, theta),
        covariance,
        problem.logarithmic,
        float(problem.members * problem.likelihood(theta)[0] + problem.constant),
        problem.members,
        len(problem.starts),
        agreeing,
        _doubts(problem, inside, np.sqrt(np.diag(covariance)) > _VAGUE, agreeing),
        penalizer,
    )


@_one_thread
def profile(problem: Problem, estimate: Estimate, confidence: float) -> pd.DataFrame:
    """Return `value`, `standard_error`, `low`, `high` by name: profile-likelihood intervals at `confidence`.

    An end that the likelihood leaves open is 0 or infinite. Source: Venzon & Moolgavkar (1988), Applied Statistics 37.
    """
    held, theta = _held(problem, estimate), _theta(problem, estimate)
    drop = NormalDist().inv_cdf((1 + confidence) / 2)
    errors = np.sqrt(np.diag(estimate.covariance))
    low, high = _box(problem)
    ends = np.empty((2, len(theta)))
    for at in range(len(theta)):
        reach = drop * min(errors[at], 1.0)
        for side, limit in enumerate((low[at], high[at])):
            depth = cache(lambda value, at=at: np.sqrt(held(at, value)) - drop)
            ends[side, at] = _end(depth, theta[at], np.sign(side - 0.5) * reach, limit)
    return _rows(estimate, *(ends + problem.shift))


@_one_thread
def likelihood_ratio(problem: Problem, estimate: Estimate, theta_truth: np.ndarray) -> np.ndarray:
    """Return, (k,), twice what the log-likelihood loses where one parameter is held at its truth, all others refitted.

    `theta_truth` is natural theta: logarithms where logarithmic. The truth lies within the 95 % profile interval where
    the loss is below 3.84.
    """
    held = _held(problem, estimate)
    return np.array([held(at, value) for at, value in enumerate(theta_truth - problem.shift)])


def _rows(estimate: Estimate, low: np.ndarray, high: np.ndarray) -> pd.DataFrame:
    logarithmic, errors = estimate.logarithmic, np.sqrt(np.diag(estimate.covariance))
    with np.errstate(over="ignore"):
        columns = {
            "value": np.array(estimate.values),
            "standard_error": np.where(logarithmic, estimate.values, 1.0) * errors,
            "low": np.where(logarithmic, np.exp(low), low),
            "high": np.where(logarithmic, np.exp(high), high),
        }
    return pd.DataFrame(columns, index=pd.Index(estimate.names, name="parameter"))


def _natural(problem: Problem, theta: np.ndarray) -> np.ndarray:
    moved = theta + problem.shift
    return np.where(problem.logarithmic, np.exp(moved), moved)


def _theta(problem: Problem, estimate: Estimate) -> np.ndarray:
    logarithms = np.log(np.where(estimate.logarithmic, estimate.values, 1.0))
    return np.where(estimate.logarithmic, logarithms, estimate.values) - problem.shift


def _box(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    edge = np.full(len(problem.names), _BOUND)
    return -edge if problem.lower is None else np.maximum(problem.lower, -edge), edge


def _hill(problem: Problem, penalizer: float) -> climb.Hill:
    """Return the penalised mean log-likelihood with its gradient; minus infinity where it is not defined."""

    def hill(theta):
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # far out; seen by the next line
            value, gradient = problem.likelihood(theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return -np.inf, np.zeros_like(theta)
        return value - penalizer * (theta @ theta), gradient - 2 * penalizer * theta

    return hill


def _refuse_a_slope(problem: Problem, hill: climb.Hill, theta: np.ndarray, curvature: np.ndarray) -> None:
    value, gradient = hill(theta)
    gain = problem.members * (gradient @ climb.newton_step(curvature, gradient, theta, *_box(problem)))
    if not (np.isfinite(value) and gain < _APART):
        raise DataError(
            f"{problem.model} did not converge from any of {len(problem.starts)} starts (steepest slope left "
            f"{np.abs(gradient).max():.2g} a member): the data say too little of it. Raise value.penalizer, e.g. to "
            "0.001, or give a longer history."
        )


def _covariance(information: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the inverse of the information; infinite variance at the edge and along what the data do not determine."""
    bends, axes = np.linalg.eigh(information[np.ix_(inside, inside)])
    firm = bends > _LOOSE**-2
    covariance = np.zeros_like(information)
    covariance[np.ix_(inside, inside)] = (axes[:, firm] / bends[firm]) @ axes[:, firm].T
    loose = ~inside
    loose[inside] = (np.abs(axes[:, ~firm]) > 0.05).any(axis=1)
    covariance[loose], covariance[:, loose] = 0.0, 0.0
    covariance[loose, loose] = np.inf
    return covariance


def _doubts(problem: Problem, inside: np.ndarray, vague: np.ndarray, agreeing: int) -> tuple[Doubt, ...]:
    names = np.array(problem.names)
    found = {Reason.AT_EDGE: names[~inside], Reason.VAGUE: names[inside & vague]}
    doubts = [Doubt(problem.model, reason, tuple(map(str, about))) for reason, about in found.items() if len(about)]
    if agreeing == 1 < len(problem.starts):
        doubts.append(Doubt(problem.model, Reason.ONE_START))
    return tuple(doubts)


def _held(problem: Problem, estimate: Estimate) -> Callable[[int, float], float]:
    """Return a function of (which, value): twice the log-likelihood lost where that theta is held at that value."""
    hill, best = _hill(problem, estimate.penalizer), _theta(problem, estimate)
    height, curvature = hill(best)[0], climb.curvature_at(hill, best)

    def lost(at, value):
        low, high = _box(problem)
        low[at] = high[at] = value
        pull = -curvature[:, at] * (value - best[at])
        pull[at] = 0.0
        start = np.clip(best + climb.newton_step(curvature, pull, best, low, high), low, high)
        reached = climb.newton(hill, start, curvature, low, high, problem.members)[1]
        return 2 * problem.members * max(height - reached, 0.0)

    return lost


def _end(depth: Callable[[float], float], centre: float, reach: float, limit: float) -> float:
    """Return where `depth` crosses 0 from `centre` towards `limit`; infinite, with that sign, where it does not."""
    inner = outer = centre
    while depth(outer) < 0:
        if outer == limit:
            return np.inf * np.sign(reach)
        inner, outer = outer, outer + reach
        reach *= 1.5
        outer = min(outer, limit) if limit > centre else max(outer, limit)
    return optimize.brentq(depth, inner, outer, xtol=1e-5 * abs(outer - centre) + 1e-12)
