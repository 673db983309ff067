"""Paired comparisons of members: t and bootstrap intervals, effect size, power, and the A/A check.

The member is the unit everywhere: one value a member and policy. Rows of one member are not independent, and a
test that takes them for such rejects a true null far too often.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats

from membership.base import progress
from membership.base.errors import DataError, NotPossible
from membership.stats import bootstrap

_CHUNK = 4_000_000  # indices drawn at a time: 32 MB, whatever the number of members and draws
_MOST = 100_000_000  # indices above which drawing every member anew would take more than seconds


@dataclass(frozen=True)
class Paired:
    """Treatment against control on the same members; `difference` is treatment minus control, in the metric's unit."""

    members: int
    control: float
    treatment: float
    difference: float
    low: float  # t interval
    high: float
    bootstrap_low: float  # percentile interval over members
    bootstrap_high: float
    effect_size: float  # Cohen's d_z: mean over standard deviation of the differences
    p_value: float  # paired t, two-sided
    detectable: float  # smallest true difference found with the asked power


@dataclass(frozen=True)
class AACheck:
    """How often random halves of the members, treated alike, look different."""

    p_values: np.ndarray  # (repeats,)
    rejection_share: float
    expected_share: float
    low: float  # band of the share if the test is honest
    high: float

    @property
    def passed(self) -> bool:
        """Whether the share of rejections is what chance allows."""
        return self.low <= self.rejection_share <= self.high


def paired(
    control: np.ndarray,
    treatment: np.ndarray,
    confidence: float,
    draws: int,
    power: float,
    rng: np.random.Generator,
) -> Paired:
    """Compare two values a member, both (members,); members for whom either is NaN are left out.

    Nobody left: means are NaN, the interval is everything, p is 1. One member: the same with means. No variance:
    the interval is the difference itself, p is 0, or 1 where the difference is 0.

    Raises DataError where the arms do not have the same members.
    Source: Student (1908); Cohen (1988), d_z; Efron and Tibshirani (1993), percentile interval.
    """
    control, treatment = np.asarray(control, dtype=float), np.asarray(treatment, dtype=float)
    if control.shape != treatment.shape or control.ndim != 1:
        raise DataError(
            f"paired comparison: both arms need one value for each of the same members; "
            f"got shapes {control.shape} and {treatment.shape}."
        )
    known = ~(np.isnan(control) | np.isnan(treatment))
    control, treatment = control[known], treatment[known]
    differences = treatment - control
    if len(differences) == 0:
        return Paired(0, np.nan, np.nan, np.nan, -np.inf, np.inf, -np.inf, np.inf, 0.0, 1.0, np.inf)
    low, high, p_value = student(differences, confidence)
    means = bootstrap_means(differences, draws, rng)
    tail = (1 - confidence) / 2
    certain = len(differences) > 1
    return Paired(
        members=len(differences),
        control=float(control.mean()),
        treatment=float(treatment.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        bootstrap_low=float(np.quantile(means, tail)) if certain else -np.inf,
        bootstrap_high=float(np.quantile(means, 1 - tail)) if certain else np.inf,
        effect_size=_effect_size(differences),
        p_value=p_value,
        detectable=detectable(differences, confidence, power),
    )


def bootstrap_means(values: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return (draws,) means of members drawn with replacement from `values` (members,).

    Where there are very many members, by one of the two ways of `stats.bootstrap`, whose means are spread alike.
    """
    if draws * len(values) <= _MOST:
        return _plain_means(values, draws, rng)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= bootstrap.FEW:
        return bootstrap.by_value(distinct, counts, draws, rng)
    return bootstrap.by_weight(values, draws, rng)


def bootstrap_sums(rows: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return (draws, columns) sums over members drawn with replacement from `rows` (members, columns).

    Where there are no members all sums are 0.
    """
    members = len(rows)
    if not members:
        return np.zeros((draws, rows.shape[1]))
    step = max(1, _CHUNK // members)
    found = []
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.integers(members, size=(size, members)) + members * np.arange(size)[:, None]
        found.append(np.bincount(drawn.ravel(), minlength=size * members).reshape(size, members) @ rows)
    return np.concatenate(found)


def wilson(count: np.ndarray, total: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the score interval of shares `count` / `total`; 0 to 1 where `total` is 0.

    Source: Wilson (1927), J. of the American Statistical Association 22.
    """
    count, total = np.asarray(count, float), np.asarray(total, float)
    z = scipy.stats.norm.ppf((1 + confidence) / 2)
    n = np.maximum(total, 1)
    centre = (count + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(count * (n - count) / n + z**2 / 4)
    seen, share = total > 0, count / n  # the ends are kept around the share, whatever rounds
    low, high = np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)
    return np.where(seen, low, 0.0), np.where(seen, high, 1.0)


def student(differences: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return the ends of the t interval of the mean of `differences` (members,), and its two-sided p value.

    One member: everything and 1. No variance: the mean itself, and 0, or 1 where it is 0.
    """
    mean = float(differences.mean())
    if len(differences) < 2:
        return -np.inf, np.inf, 1.0
    if np.ptp(differences) == 0:
        return mean, mean, float(mean == 0)
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    freedom = len(differences) - 1
    half = scipy.stats.t.ppf((1 + confidence) / 2, freedom) * error
    return float(mean - half), float(mean + half), float(2 * scipy.stats.t.sf(abs(mean) / error, freedom))


def detectable(differences: np.ndarray, confidence: float, power: float) -> float:
    """Return the smallest true mean difference that a two-sided paired t finds with `power`; inf below two members.

    Source: Bloom (1995): standard error times the sum of the two quantiles of t.
    """
    if len(differences) < 2:
        return np.inf
    quantiles = scipy.stats.t.ppf([(1 + confidence) / 2, power], len(differences) - 1)
    return float(quantiles.sum() * differences.std(ddof=1) / np.sqrt(len(differences)))


def aa_check(values: np.ndarray, repeats: int, confidence: float, band: float, rng: np.random.Generator) -> AACheck:
    """Split the members of `values` (members,) into random halves `repeats` times and test them by Welch's t.

    All were treated alike, so about 1 - `confidence` of the tests should reject; the share should lie in the
    binomial band that holds with probability `band`. Raises DataError below four members.
    """
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) < 4:
        raise NotPossible(f"A/A check: {len(values)} members have an outcome; at least 4 are needed for two halves.")
    p_values = np.ones(repeats)  # a metric without variance is never rejected
    if np.ptp(values) > 0:
        for repeat in progress.bar(range(repeats), "A/A splits"):
            halves = np.array_split(rng.permutation(values), 2)
            p_values[repeat] = scipy.stats.ttest_ind(*halves, equal_var=False).pvalue
    alpha = 1 - confidence
    low, high = scipy.stats.binom.interval(band, repeats, alpha)
    return AACheck(p_values, float((p_values < alpha).mean()), alpha, float(low / repeats), float(high / repeats))


def _plain_means(values: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    step = max(1, _CHUNK // len(values))
    sizes = [min(step, draws - start) for start in range(0, draws, step)]
    means = [values[rng.integers(len(values), size=(size, len(values)))].mean(axis=1) for size in sizes]
    return np.concatenate(means)


def _effect_size(differences: np.ndarray) -> float:
    mean = float(differences.mean())
    if len(differences) < 2 or np.ptp(differences) == 0:
        return 0.0 if mean == 0 or len(differences) < 2 else float(np.copysign(np.inf, mean))
    return float(mean / differences.std(ddof=1))
