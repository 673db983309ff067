"""Can a test be trusted: how often it sees a difference that is not there, and how often its interval holds the truth.

A contrast is any function of two frames (one row a member) that returns something with `p_value`, `low` and `high`.
Tests that are discrete, one-sided, adjusted or always valid have no uniform p values: leave them out of the A/A check.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd
import scipy.stats

from membership.base import progress


class Result(Protocol):
    """What a contrast returns."""

    p_value: float
    low: float
    high: float


Contrast = Callable[[pd.DataFrame, pd.DataFrame], Result]
Draw = Callable[[np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]


def aa_check(
    draw: Draw,
    contrasts: Mapping[str, Contrast],
    repeats: int,
    confidence: float,
    band: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how often each of `contrasts` rejects at 1 - `confidence` in `repeats` draws without any difference.

    One row a contrast: contrast, repeats, rejections, expected, low, high (of rejections, if all contrasts are honest,
    with joint probability `band`), ks_p (Kolmogorov-Smirnov against the uniform), passed (within the band, and ks_p
    above (1 - band) / contrasts), could_fail, p_values (repeats,). A contrast of few different p values is discrete,
    such as the paired t of hits: no uniform, it passes where it does not reject too often. One that never can reject,
    because nothing varies or members are too few, passes and could not fail.
    """
    found = {name: np.empty(repeats) for name in contrasts}
    for repeat in progress.bar(range(repeats), "A/A draws"):
        arms = draw(rng)
        for name, contrast in contrasts.items():
            found[name][repeat] = contrast(*arms).p_value
    alpha, apart = 1 - confidence, (1 - band) / max(len(contrasts), 1)
    low, high = scipy.stats.binom.interval(1 - apart, repeats, alpha)
    rows = []
    for name, p_values in found.items():
        rejections, ks_p = int((p_values < alpha).sum()), float(scipy.stats.kstest(p_values, "uniform").pvalue)
        discrete = len(np.unique(p_values.round(6))) < repeats / 2
        passed = bool(rejections <= high and (discrete or (rejections >= low and ks_p > apart)))
        row = {"contrast": name, "repeats": repeats, "rejections": rejections, "expected": alpha * repeats}
        row |= {"low": int(low), "high": int(high), "ks_p": ks_p, "passed": passed}
        rows.append(row | {"could_fail": rejections > 0 or not discrete, "p_values": p_values})
    return pd.DataFrame(rows)


def coverage(
    draw: Draw,
    contrasts: Mapping[str, Contrast],
    truth: Mapping[str, float],
    repeats: int,
    confidence: float,
    band: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how often the interval of each of `contrasts` holds its `truth` in `repeats` samples of `draw`.

    One row a contrast: contrast, truth, repeats, covered, share, low, high (of `covered`, if all intervals are honest,
    with joint probability `band`), width (mean of the intervals), passed, could_fail. Intervals without width that
    always hold the truth are of what does not vary: they pass, and could not fail.
    """
    covered, widths = dict.fromkeys(contrasts, 0), dict.fromkeys(contrasts, 0.0)
    for _ in progress.bar(range(repeats), "coverage"):
        arms = draw(rng)
        for name, contrast in contrasts.items():
            result = contrast(*arms)
            covered[name] += bool(result.low <= truth[name] <= result.high)
            widths[name] += (result.high - result.low) / repeats
    apart = (1 - band) / max(len(contrasts), 1)
    low, high = (int(end) for end in scipy.stats.binom.interval(1 - apart, repeats, confidence))
    return pd.DataFrame(
        {
            "contrast": name,
            "truth": truth[name],
            "repeats": repeats,
            "covered": covered[name],
            "share": covered[name] / repeats,
            "low": low,
            "high": high,
            "width": widths[name],
        }
        for name in contrasts
    ).assign(
        could_fail=lambda table: (table["covered"] < repeats) | (table["width"] > 0),
        passed=lambda table: table["covered"].between(low, high) | ~table["could_fail"],
    )
