"""Does a ranking find the members whom a benefit moves? Qini curve and area under the uplift curve, with a null.

Members are ranked by a score; at each depth the treated at the top are compared with the untreated at the top. The arms
may be of any size and, with propensities, of unequal chances.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError


@dataclass(frozen=True)
class Ranking:
    """How well a score ranks members by uplift; areas are in the outcome's unit a member."""

    members: int
    treated: int
    effect: float  # of treating everybody
    auuc: float  # area under the uplift curve
    qini: float  # Radcliffe's: area between Qini curve and its diagonal
    low: float  # bootstrap interval of `qini`, over members
    high: float
    null_high: float  # quantile `confidence` of `qini` under shuffled scores
    p_value: float  # share of shuffled scores that do at least as well, one-sided


@dataclass(frozen=True)
class _Sorted:
    """Members in order of falling score; `last` (steps,) is the row where each group of equal scores ends."""

    treated: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    last: np.ndarray


def curve(
    score: np.ndarray, treated: np.ndarray, outcome: np.ndarray, propensity: np.ndarray | None = None
) -> pd.DataFrame:
    """Return the curves, one row at each depth where a group of equal scores ends, from depth 0 on.

    All arguments are (members,); `propensity` is the probability of having been treated (equal chances without it).
    Columns: depth (share of members), gain (uplift curve: depth times the difference in means at the top), qini
    (Radcliffe's: what the treated at the top brought more than as many untreated would have, a treated member),
    random (the diagonal of `qini`). Depths where an arm has no member yet are left out: the line runs straight to the
    first that has.

    Raises DataError for unequal lengths, missing values, an arm without members, impossible propensities.
    Source: Radcliffe (2007), Using control groups to target on predicted lift; gain: Gutierrez and Gerardy (2017).
    """
    ready = _sort(*_check(score, treated, outcome, propensity))
    depth, gain, qini = _curves(ready, np.ones(len(ready.treated)))
    return pd.DataFrame({"depth": depth, "gain": gain, "qini": qini, "random": depth * qini[-1]})


def ranking(
    score: np.ndarray,
    treated: np.ndarray,
    outcome: np.ndarray,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
    propensity: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
) -> Ranking:
    """Return the areas of `curve`, a bootstrap interval and a test against scores shuffled among members.

    The score must come from other data than `outcome` (or out of fold). Where a member has several rows, `clusters`
    (rows,) keeps them together, in the bootstrap and in the shuffling (among members with as many rows). Raises
    DataError as `curve`.
    """
    score, treated, outcome, weight = _check(score, treated, outcome, propensity)
    ready = _sort(score, treated, outcome, weight)
    depth, gain, _ = _curves(ready, np.ones(len(score)))
    qini = _qini(ready, np.ones(len(score)))
    members = len(score)
    number = np.arange(members) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(number.max()) + 1
    counts = (np.bincount(rng.integers(units, size=units), minlength=units)[number] for _ in range(draws))
    drawn = np.array([_qini(ready, count) for count in counts if _both(ready, count)])
    mixed = (shuffled(score, number, rng) for _ in range(draws))
    null = np.array([_qini(_sort(other, treated, outcome, weight), None) for other in mixed])
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (-np.inf, np.inf)
    return Ranking(
        members=members,
        treated=int(treated.sum()),
        effect=float(gain[-1]),
        auuc=float(np.trapezoid(gain, depth)),
        qini=qini,
        low=float(low),
        high=float(high),
        null_high=float(np.quantile(null, confidence)),
        p_value=float((1 + (null >= qini - 1e-12 * abs(qini)).sum()) / (1 + draws)),
    )


def shuffled(score: np.ndarray, number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the scores (rows,) of other clusters with as many rows, each cluster together."""
    sizes, source = np.bincount(number), np.arange(number.max() + 1)
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        source[alike] = rng.permutation(alike)
    order, starts = np.argsort(number, kind="stable"), sizes.cumsum() - sizes
    within = np.arange(len(score)) - np.repeat(starts, sizes)
    found = np.empty_like(score)
    found[order] = score[order][np.repeat(starts[source], sizes) + within]
    return found


def _qini(ready: _Sorted, count: np.ndarray | None) -> float:
    depth, _, qini = _curves(ready, np.ones(len(ready.treated)) if count is None else count)
    return float(np.trapezoid(qini - depth * qini[-1], depth))


def _both(ready: _Sorted, count: np.ndarray) -> bool:
    return bool(count[ready.treated].any() and count[~ready.treated].any())


def _curves(ready: _Sorted, count: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return depth, gain and qini from depth 0 on, each member counted `count` (members,) times."""
    weight = count * ready.weight
    on, off = np.where(ready.treated, weight, 0.0), np.where(ready.treated, 0.0, weight)
    treated, control = on.cumsum()[ready.last], off.cumsum()[ready.last]
    brought, would = (on * ready.outcome).cumsum()[ready.last], (off * ready.outcome).cumsum()[ready.last]
    depth = count.cumsum()[ready.last] / count.sum()
    seen = (treated > 0) & (control > 0)
    treated, control, brought, would, depth = (part[seen] for part in (treated, control, brought, would, depth))
    gain = depth * (brought / treated - would / control)
    qini = (brought - would * treated / control) / treated[-1]
    return tuple(np.concatenate([[0.0], part]) for part in (depth, gain, qini))


def _sort(score: np.ndarray, treated: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> _Sorted:
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    return _Sorted(treated[order], outcome[order], weight[order], last)


def _check(score, treated, outcome, propensity) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    score, outcome = np.asarray(score, dtype=float), np.asarray(outcome, dtype=float)
    treated = np.asarray(treated, dtype=bool)
    propensity = np.full(len(score), 0.5) if propensity is None else np.asarray(propensity, dtype=float)
    lengths = [len(part) for part in (score, treated, outcome, propensity)]
    if len(set(lengths)) > 1:
        raise DataError(
            f"uplift curve: {', '.join(map(str, lengths))} scores, arms, outcomes, propensities; one each a member."
        )
    missing = int((np.isnan(score) | np.isnan(outcome)).sum())
    if missing:
        raise DataError(f"uplift curve: {missing} of {len(score)} members lack score or outcome; leave them out.")
    if not treated.any() or treated.all():
        raise DataError(
            f"uplift curve: of {len(treated)} members {treated.sum()} were treated; both arms need members."
        )
    if not ((propensity > 0) & (propensity < 1)).all():
        raise DataError(
            "uplift curve: propensities must lie between 0 and 1, both left out; trim members without overlap."
        )
    return score, treated, outcome, 1 / np.where(treated, propensity, 1 - propensity)
