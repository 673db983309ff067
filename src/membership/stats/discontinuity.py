"""Regression discontinuity: what changes at a cut-off of a running variable, with robust bias-corrected intervals.

On each side a line is fitted to the rows within `h` of the cut-off, with triangular weights; the bias that the line
has because the truth is curved is estimated by a parabola within `b`, taken off, and its own noise counted:

    jump = sum_i a_i y_i,    a_i = line_i - (sum_j line_j x_j^2) parabola_i

with line_i the weights of the line's intercept and parabola_i those of the parabola's curvature. h and b minimise the
estimated mean squared error (a plug-in in three steps). In a fuzzy design the cut-off moves the treatment of some rows
only; the effect is the ratio of two jumps, with Fieller's interval, which is honest where the treatment hardly moves.

Sources: Calonico, Cattaneo and Titiunik (2014), Econometrica 82, 2295-2326; bandwidths ("mserd"): Calonico, Cattaneo,
Farrell and Titiunik (2017), Stata Journal 17, 372-404; the density: McCrary (2008), Journal of Econometrics 142.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import DataError
from membership.stats import instruments

FEWEST = 20  # distinct values on each side below which nothing is said
_BIN = 0.4  # width of a histogram's bin, in sd / sqrt(n): a fifth of McCrary's, for few members on a side
_NEIGHBOURS = 3
_PILOT = 2.576  # constant of the pilot bandwidth for triangular weights
_NORMAL = 1.349  # interquartile range of a standard normal


@dataclass(frozen=True)
class Jump:
    """A jump at the cut-off, or the ratio of two."""

    estimate: float  # corrected for bias
    sd: float  # of the estimate, its correction included
    low: float
    high: float
    p_value: float  # of no jump of y
    line: float  # the same by the lines alone, with their bias
    h: float
    b: float
    left: int  # rows within h below the cut-off
    right: int

    @property
    def known(self) -> bool:
        """Whether the interval has two ends."""
        return bool(np.isfinite([self.low, self.high, self.sd]).all())


@dataclass(frozen=True)
class _Rows:
    """Rows in the order of x: `y` (n, outcomes), `x` (n,); `cluster` and `sd`, where given, (n,)."""

    y: np.ndarray
    x: np.ndarray
    cluster: np.ndarray | None
    sd: np.ndarray | None


def jump(y, x, confidence: float, cluster=None, h: float | None = None, b: float | None = None, sd=None) -> Jump:
    """Return how `y` (n,) jumps where the running variable `x` (n,) reaches 0; rows with x >= 0 are above.

    `cluster` (n,): rows with the same value may depend on each other, e.g. several months of one member. Without `h`
    and `b` (in the unit of x) they are chosen. `sd` (n,): of each y, where it is known. Raises DataError where a side
    has fewer than FEWEST distinct values.
    """
    rows = _rows([y], x, cluster, sd)
    h, b = (h, b or h) if h else _bandwidths(rows.y[:, 0], rows.x)
    line, found, covariance = _linear(rows, h, b)
    estimate, sd = float(found[0]), float(np.sqrt(covariance[0, 0]))
    half = float(scipy.stats.norm.ppf((1 + confidence) / 2)) * sd
    p_value, alone = instruments.no_effect(estimate, sd), float(line[0])
    return Jump(estimate, sd, estimate - half, estimate + half, p_value, alone, h, b, *_within(rows.x, h))


def ratio(y, d, x, confidence: float, cluster=None, h: float | None = None, b: float | None = None) -> Jump:
    """Return the jump of `y` over the jump of `d` where `x` reaches 0, all (n,): what d does to those whom x moves.

    The interval is Fieller's: (-inf, inf) where the jump of d is not clear at this confidence. The bandwidths are
    those of y less d times a first estimate. Raises as `jump`.
    """
    rows = _rows([y, d], x, cluster)
    if not h:
        pilot = _pilot(rows.x)
        _, (top, bottom), _ = _linear(rows, pilot, 2 * pilot)
        h, b = _bandwidths(rows.y @ [1, -top / bottom if bottom else 0], rows.x)
    line, found, covariance = _linear(rows, h, b or h)
    own = instruments.no_effect(found[0], np.sqrt(covariance[0, 0]))
    ends = instruments.fieller(found, covariance, confidence)
    alone = float(line[0] / line[1]) if line[1] else np.nan
    return Jump(*(float(end) for end in ends), own, alone, h, b or h, *_within(rows.x, h))


def placebos(y, x, confidence: float, cluster=None, count: int = 4) -> pd.DataFrame:
    """Return the jumps of `y` at `count` cut-offs on each side where there is none, each from its own side's rows.

    Columns at (the cut-off, in the unit of x) and the fields of Jump. Cut-offs are quantiles of the side's x, away
    from the ends; those with too few rows are left out.
    """
    y, x = np.asarray(y, float), np.asarray(x, float)
    cluster, found = None if cluster is None else np.asarray(cluster), []
    for side in (x < 0, x >= 0):
        there = x[side]
        cuts = np.unique(np.quantile(there, np.linspace(0, 1, count + 2)[1:-1])) if len(there) else []
        for at in cuts:
            own = None if cluster is None else cluster[side]
            try:
                one = jump(y[side], there - at, confidence, own)
            except DataError:
                continue
            found.append({"at": float(at), **vars(one)})
    return pd.DataFrame(found, columns=["at", *Jump.__dataclass_fields__])


def density(x, confidence: float) -> Jump:
    """Return how the density of `x` (n,) jumps at 0: members who push themselves over it pile up just above.

    The jump of a histogram with no bin across 0; each bin is a row of `jump` with the noise of a count.
    """
    x = np.asarray(x, float)
    width = _BIN * x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else 0.0
    if not width:
        raise DataError(f"density at the cut-off: {len(x)} rows with one value; give a running variable that varies.")
    low, high = np.quantile(x, [0.005, 0.995])
    bins = np.floor(x[(x >= low) & (x <= high)] / width).astype(int)
    count = np.bincount(bins - bins.min())
    middle = (np.arange(len(count)) + bins.min() + 0.5) * width
    inner = slice(1, -1)  # the first and the last bin are cut by the quantiles
    heights = count[inner] / (len(x) * width)
    return jump(heights, middle[inner], confidence, sd=np.sqrt(heights / (len(x) * width)))  # counts are Poisson


def _rows(outcomes: list, x, cluster, sd=None) -> _Rows:
    y, x = np.column_stack([np.asarray(one, float) for one in outcomes]), np.asarray(x, float)
    order = np.argsort(x, kind="stable")
    y, x = y[order], x[order]
    first = x[np.r_[True, np.diff(x) > 0]] if len(x) else x
    below, above = int((first < 0).sum()), int((first >= 0).sum())
    if min(below, above) < FEWEST:
        raise DataError(
            f"discontinuity: {below} distinct values of the running variable below the cut-off and {above} above; "
            f"allowed: at least {FEWEST} on each side. Move the cut-off, or wait for more data."
        )
    cluster, sd = (None if one is None else np.asarray(one)[order] for one in (cluster, sd))
    return _Rows(y, x, None if cluster is None else pd.factorize(cluster)[0], sd)


def _within(x: np.ndarray, h: float) -> tuple[int, int]:
    return int(((x < 0) & (x > -h)).sum()), int(((x >= 0) & (x < h)).sum())


def _linear(rows: _Rows, h: float, b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the jumps of every outcome by lines alone and corrected (outcomes,), and the corrected ones' covariance.

    Of rows whose noise is not known: residuals from the nearest neighbours; with clusters, from the parabola (HC3).
    """
    line, found, parts, who = 0.0, 0.0, [], []
    for sign, side in ((-1, rows.x < 0), (1, rows.x >= 0)):
        near = side & (np.abs(rows.x) < max(h, b))
        x, y = rows.x[near], rows.y[near]
        straight, curved = _weights(x, h, 1)[0], _weights(x, b, 2)
        weights = straight - (straight @ x**2) * curved[2]
        line, found = line + sign * straight @ y, found + sign * weights @ y
        if rows.sd is not None:
            left = rows.sd[near, None]
        elif rows.cluster is None:
            left = _apart(x, y)
        else:
            design = np.vander(x, 3, increasing=True)
            own = (design * curved.T).sum(axis=1, keepdims=True)  # what a row adds to its own fit: most at the cut-off
            left = (y - design @ (curved @ y)) / (1 - np.minimum(own, 0.9))
            who.append(rows.cluster[near])
        parts.append(sign * weights[:, None] * left)
    scores, groups = np.concatenate(parts), 1
    if rows.cluster is not None:
        present, place = np.unique(np.concatenate(who), return_inverse=True)
        scores = np.column_stack([np.bincount(place, one) for one in scores.T])
        groups = len(present) / max(len(present) - 1, 1)
    return line, found, groups * scores.T @ scores


def _weights(x: np.ndarray, width: float, order: int) -> np.ndarray:
    """Return (order + 1, n): what each row adds to each coefficient of the polynomial fitted within `width`."""
    design, kernel = np.vander(x / width, order + 1, increasing=True), np.maximum(1 - np.abs(x) / width, 0)
    weighted = design.T * kernel
    scale = width ** np.arange(order + 1)[:, None]
    return (np.linalg.pinv(weighted @ design, hermitian=True) / scale) @ weighted


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return each row's residual (n, outcomes) from the mean of its nearest neighbours in x, which is sorted.

    The nearest are in a row around it: of the places where that row can begin, the one whose ends are nearest.
    """
    n, j = len(x), min(_NEIGHBOURS, len(x) - 1)
    at = np.arange(n)
    starts = np.clip(at[:, None] + np.arange(-j, 1), 0, n - 1 - j)
    reach = np.maximum(x[starts + j] - x[:, None], x[:, None] - x[starts])
    start = np.take_along_axis(starts, reach.argmin(axis=1)[:, None], axis=1)[:, 0]
    sums = np.r_[np.zeros((1, y.shape[1])), y.cumsum(axis=0)]
    around = (sums[start + j + 1] - sums[start] - y) / j
    return np.sqrt(j / (j + 1)) * (y - around)


def _bandwidths(y: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Return h and b, which minimise the estimated mean squared error of the jump and of its bias."""
    spread = x.std(ddof=1)
    pilot, x = _pilot(x) / spread, x / spread
    most, least = float(np.abs(x).max()), _least(x)
    sides = [(x[side], y[side, None]) for side in (x < 0, x >= 0)]
    # the third derivative's parabola needs a bandwidth, for which that of the derivative above it is needed in turn
    wide = _width(sides, 3, 3, pilot, [np.abs(part).max() * (1 + 1e-8) for part, _ in sides], 0, most)
    wide = max(wide, least)  # an outcome that hardly varies asks for no width at all
    b = max(_width(sides, 2, 2, pilot, [wide, wide], 1, most), least)
    h = max(_width(sides, 1, 0, pilot, [b, b], 1, most), least)
    return h * spread, b * spread


def _least(x: np.ndarray) -> float:
    """Return the distance from 0 within which both sides of `x`, sorted, have FEWEST distinct values."""
    values = x[np.r_[True, np.diff(x) > 0]]
    below, above = values[values < 0][::-1], values[values >= 0]
    return float(max(-below[FEWEST - 1], above[FEWEST - 1])) * (1 + 1e-8)


def _pilot(x: np.ndarray) -> float:
    """Return a bandwidth by rule of thumb, for `x` sorted; both sides have FEWEST distinct values within it."""
    spread, quarter = x.std(ddof=1), np.subtract(*np.quantile(x, [0.75, 0.25])) / _NORMAL
    usual = _PILOT * (min(spread, quarter) or spread) * len(np.unique(x)) ** -0.2
    return float(max(min(usual, np.abs(x).max()), _least(x)))


def _width(sides, order: int, derivative: int, pilot: float, wide: list[float], regular: int, most: float) -> float:
    """Return the bandwidth for a derivative at 0 by a polynomial of `order`: variance at `pilot`, bias at `wide`."""
    variance, bias, noise = 0.0, 0.0, 0.0
    for sign, (x, y), width in zip((-1, 1), sides, wide, strict=True):
        near, wider = np.abs(x) < pilot, np.abs(x) < width
        weights = _weights(x[near], pilot, order)[derivative]
        constant = weights @ (x[near] / pilot) ** (order + 1) * pilot**derivative
        variance += (2 * derivative + 1) * pilot ** (2 * derivative + 1) * _variance(weights, x[near], y[near])
        above = _weights(x[wider], width, order + 1)[order + 1]
        scale = np.sqrt(2 * (order + 1 - derivative)) * constant
        bias += sign * scale * (above @ y[wider])[0]
        noise += regular * 3 * scale**2 * _variance(above, x[wider], y[wider])
    squared = bias**2 + noise
    return min((variance / squared) ** (1 / (2 * order + 3)), most) if squared > 0 else most


def _variance(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    return float(weights**2 @ _apart(x, y)[:, 0] ** 2)
