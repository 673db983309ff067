"""Who should get which of several costed benefits? The Qini curve for many arms, and whether predicted gains come true.

A policy spends a budget where the predicted gain per unit of cost is highest; a member can move from a cheap arm to a
better one. The log says what that brings, by the arms' propensities, at every budget. Arm 0 is the control.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import DataError
from membership.stats import causal, uplift_curves

_POINTS = 40  # budgets at which a curve is told


@dataclass(frozen=True)
class Ranking:
    """How well predictions say who should get which arm; areas are in the outcome's unit a row."""

    rows: int
    arms: int  # beside the control
    budget: float  # a row, at which nothing is left to buy: everybody has the dearest arm
    area: float  # worth of the policy, mean over budgets from 0 to `budget`
    qini: float  # `area` less what the same purchases bring to rows taken at random
    low: float  # bootstrap interval of `qini`, over clusters
    high: float
    null_high: float  # quantile `confidence` of `qini` under shuffled predictions
    p_value: float  # share of shuffled predictions that do at least as well, one-sided


@dataclass(frozen=True)
class _Path:
    """What a growing budget buys, best first: `row` moves from arm `before` to `after`, at a cost that is `more`.

    All (steps,); `last` (points,) is the step where each group of equal ratios ends, so that ties have no order.
    """

    row: np.ndarray
    before: np.ndarray
    after: np.ndarray
    more: np.ndarray
    last: np.ndarray


def scores(
    arm: np.ndarray, outcome: np.ndarray, propensity: np.ndarray, arms: int, expected: np.ndarray | None = None
) -> np.ndarray:
    """Return unbiased estimates (rows, arms) of what each arm brings over the control, row by row.

    arm (rows,) int from 0, the control; propensity (rows,) of the arm got; `arms`: how many beside the control;
    expected (rows, arms + 1): outcomes by models that did not see the row, which lower the variance (none: inverse
    propensity weighting). Raises DataError for unequal lengths, missing outcomes, unknown arms, arms without rows and
    propensities that are not above 0 and at most 1. Source: Robins, Rotnitzky and Zhao (1994).
    """
    arm, outcome, propensity = np.asarray(arm), np.asarray(outcome, float), np.asarray(propensity, float)
    expected = np.zeros((len(arm), arms + 1)) if expected is None else np.asarray(expected, dtype=float)
    _check(arm, outcome, propensity, arms, expected)
    got = arm[:, None] == np.arange(arms + 1)
    estimates = expected + got * ((outcome[:, None] - expected) / propensity[:, None])
    return estimates[:, 1:] - estimates[:, :1]


def curve(
    predicted: np.ndarray,
    cost: np.ndarray,
    gain: np.ndarray,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
    price: float = 1.0,
    clusters: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return what the policy is worth at each of a grid of budgets a row, with bootstrap intervals over clusters.

    predicted (rows, arms): gain of each arm over the control, from other data than `gain` or out of fold; cost (arms,)
    or (rows, arms), not below 0; gain: `scores`. An arm is bought only where it is predicted to bring more than `price`
    times its cost; `price` 1: both are money; 0: the curve of the gain alone, as published.

    Columns budget, spent, gain, worth (gain less price times spent), low, high (interval of worth), untargeted (worth
    of the same purchases for rows taken at random). Raises DataError for unequal lengths, missing values and negative
    costs.
    Source: Sverdrup, Wu, Athey and Wager (2023), Qini curves for multi-armed treatment rules, arXiv:2306.11979.
    """
    predicted, cost, gain = _ready(predicted, cost, gain)
    path, ones = _path(predicted, cost, price), np.ones(len(gain))
    budget = np.linspace(0, _limit(cost, ones), _POINTS)
    spent, gained = _at(budget, *_walk(path, gain, ones))
    untargeted = _worth(_at(budget, *_walk(path, _alike(gain, ones), ones)), price)
    drawn = [_worth(_at(budget, *_walk(path, gain, count)), price) for count in _counts(clusters, ones, draws, rng)]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    told = {"budget": budget, "spent": spent, "gain": gained, "worth": gained - price * spent}
    return pd.DataFrame({**told, "low": low, "high": high, "untargeted": untargeted})


def ranking(
    predicted: np.ndarray,
    cost: np.ndarray,
    gain: np.ndarray,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
    price: float = 1.0,
    clusters: np.ndarray | None = None,
) -> Ranking:
    """Return the areas of `curve`, a bootstrap interval of the Qini, and a test against shuffled predictions.

    Arguments, errors and source as of `curve`. With `clusters` rows of one are drawn and shuffled together.
    """
    predicted, cost, gain = _ready(predicted, cost, gain)
    path, ones = _path(predicted, cost, price), np.ones(len(gain))
    area, qini = _areas(path, cost, gain, ones, price)
    drawn = [_areas(path, cost, gain, count, price)[1] for count in _counts(clusters, ones, draws, rng)]
    number = np.arange(len(gain)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    null = np.empty(draws)
    for draw in range(draws):
        mixed = predicted[uplift_curves.shuffled(np.arange(len(gain)), number, rng)]
        null[draw] = _areas(_path(mixed, cost, price), cost, gain, ones, price)[1]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Ranking(
        rows=len(gain),
        arms=gain.shape[1],
        budget=_limit(cost, ones),
        area=area,
        qini=qini,
        low=float(low),
        high=float(high),
        null_high=float(np.quantile(null, confidence)),
        p_value=float((1 + (null >= qini - 1e-12 * abs(qini)).sum()) / (1 + draws)),
    )


def calibration(
    predicted: np.ndarray, gain: np.ndarray, clusters: np.ndarray, confidence: float, groups: int = 10
) -> pd.DataFrame:
    """Return predicted beside observed gains of one arm in groups of equal size by prediction, lowest first.

    predicted and gain (one column of `scores`) are (rows,). Columns group (from 1), rows, predicted, observed, error
    (by cluster), low, high. Equal predictions stay together, so there may be fewer groups.
    """
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, groups + 1)[1:-1]))
    group = np.searchsorted(edges, predicted, side="left")
    half = scipy.stats.norm.ppf((1 + confidence) / 2)
    records = []
    for number, here in enumerate((group == one for one in np.unique(group)), start=1):
        observed, error = gain[here].mean(), causal.clustered_error(gain[here], clusters[here])
        records.append(
            (number, here.sum(), predicted[here].mean(), observed, error, observed - half * error,
             observed + half * error)
        )  # fmt: skip
    return pd.DataFrame(records, columns=["group", "rows", "predicted", "observed", "error", "low", "high"])


def slope(predicted: np.ndarray, gain: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Return by how much the gain rises where one more is predicted (1: calibrated; 0: no information), and its error.

    NaN where predictions do not vary. Least squares with errors by cluster; arguments as of `calibration`.
    """
    centred = predicted - predicted.mean()
    total = (centred**2).sum()
    if not total > 0:
        return np.nan, np.nan
    found = float((centred * gain).sum() / total)
    moment = centred * (gain - gain.mean() - found * centred)
    return found, float(causal.clustered_error(moment, clusters) * len(gain) / total)


def _path(predicted: np.ndarray, cost: np.ndarray, price: float) -> _Path:
    """Walk each row's arms from none along their upper convex hull, then order all steps by gain per unit of cost."""
    rows = np.arange(len(predicted))
    gains, costs = (np.column_stack([np.zeros(len(rows)), part]) for part in (predicted, cost))
    at, steps = np.zeros(len(rows), dtype=int), []
    for _ in range(predicted.shape[1]):
        better, more = gains - gains[rows, at][:, None], costs - costs[rows, at][:, None]
        possible = (better > 0) & (more >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(possible, better / more, -np.inf)
        best = ratio.max(axis=1)
        to = np.where(ratio == best[:, None], better, -np.inf).argmax(axis=1)  # of equal ratios the largest step
        go = best > price
        steps.append((rows[go], at[go], to[go], more[rows, to][go], best[go]))
        at = np.where(go, to, at)
    row, before, after, more, ratio = (np.concatenate(part) for part in zip(*steps, strict=True))
    order = np.argsort(-ratio, kind="stable")
    ratio = ratio[order]
    last = np.flatnonzero(np.append(ratio[1:] != ratio[:-1], True)) if len(ratio) else np.zeros(0, int)
    return _Path(row[order], before[order], after[order], more[order], last)


def _walk(path: _Path, gain: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what was spent and gained a row, (points,), from nothing on, each row counted `count` (rows,) times."""
    padded = np.column_stack([np.zeros(len(gain)), gain])
    step = padded[path.row, path.after] - padded[path.row, path.before]
    weight = count[path.row] / count.sum()
    spent, gained = ((weight * part).cumsum()[path.last] for part in (path.more, step))
    return np.concatenate([[0.0], spent]), np.concatenate([[0.0], gained])


def _alike(gain: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the mean gain of each arm for every row: what a row taken at random can expect."""
    return np.broadcast_to(np.average(gain, axis=0, weights=count), gain.shape)


def _at(budget: np.ndarray, spent: np.ndarray, gained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return spent and gained at each budget; what is free is taken at once, and what is left over stays unspent."""
    start = np.flatnonzero(spent <= 0)[-1]
    return np.minimum(budget, spent[-1]), np.interp(budget, spent[start:], gained[start:])


def _worth(at: tuple[np.ndarray, np.ndarray], price: float) -> np.ndarray:
    return at[1] - price * at[0]


def _areas(path: _Path, cost: np.ndarray, gain: np.ndarray, count: np.ndarray, price: float) -> tuple[float, float]:
    limit = _limit(cost, count)
    own, alike = (_area(*_walk(path, part, count), limit, price) for part in (gain, _alike(gain, count)))
    return own, own - alike


def _area(spent: np.ndarray, gained: np.ndarray, limit: float, price: float) -> float:
    """Return the mean worth over budgets from 0 to `limit`; at a limit of 0 that of what is free."""
    worth = gained - price * spent
    if not limit > 0:
        return float(worth[-1])
    return float(np.trapezoid(np.append(worth, worth[-1]), np.append(spent, max(limit, spent[-1]))) / limit)


def _limit(cost: np.ndarray, count: np.ndarray) -> float:
    return float(np.average(cost.max(axis=1), weights=count))


def _counts(clusters: np.ndarray | None, ones: np.ndarray, draws: int, rng: np.random.Generator):
    """Yield how often each row counts in each bootstrap draw of clusters."""
    number = np.arange(len(ones)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(number.max()) + 1
    for _ in range(draws):
        yield np.bincount(rng.integers(units, size=units), minlength=units)[number].astype(float)


def _ready(predicted, cost, gain) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    predicted, gain = (np.asarray(part, dtype=float).reshape(len(part), -1) for part in (predicted, gain))
    if predicted.shape != gain.shape or not len(gain):
        raise DataError(f"multi-armed Qini: predictions {predicted.shape} and scores {gain.shape}; one each a row and "
                        "arm beside the control, and there must be rows.")  # fmt: skip
    cost = np.broadcast_to(np.asarray(cost, dtype=float), gain.shape)
    missing = int(np.isnan(predicted).any(axis=1).sum() + np.isnan(gain).any(axis=1).sum())
    if missing or not (cost >= 0).all():
        raise DataError(f"multi-armed Qini: {missing} rows lack a prediction or a score, and {(~(cost >= 0)).sum()} "
                        "costs are missing or below 0; leave such rows out, or correct the costs.")  # fmt: skip
    return predicted, cost, gain


def _check(arm, outcome, propensity, arms, expected) -> None:
    if not len(arm) == len(outcome) == len(propensity) == len(expected) or expected.shape[1] != arms + 1:
        raise DataError(
            f"multi-armed log: {len(arm)} arms, {len(outcome)} outcomes, {len(propensity)} propensities, expectations "
            f"{expected.shape}; one each a row, expectations for {arms + 1} arms."
        )
    held = np.bincount(arm[np.isin(arm, np.arange(arms + 1))].astype(int), minlength=arms + 1)
    if held.sum() != len(arm) or not held.all():
        raise DataError(f"multi-armed log: rows by arm, from the control on: {held.tolist()}, of {len(arm)}; every arm "
                        "from 0 needs rows, and no other may occur.")  # fmt: skip
    if not np.isfinite(outcome).all() or not ((propensity > 0) & (propensity <= 1)).all():
        raise DataError(
            f"multi-armed log: {(~np.isfinite(outcome)).sum()} rows have no outcome, and "
            f"{(~((propensity > 0) & (propensity <= 1))).sum()} a propensity of their arm that is not above 0 and at "
            "most 1; leave them out, or correct them."
        )
