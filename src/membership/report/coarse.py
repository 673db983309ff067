"""Counts and shares over time for many eyes: so coarse that nobody can tell from them who is among the members.

Weeks and months are told as means of longer periods, and in steps, until somebody who knows all that a person did can
tell no more than `privacy.told` better than chance whether that person is counted (`stats/disclosure`). With many
members nothing changes. The standard error of a count is taken to be the count over the square root of the members, as
if what members do varied like an exponential: purchases, orders and spend come near that. A share has its own error.
"""

import numpy as np
import pandas as pd

from membership.report import few
from membership.stats import disclosure

WEEK, KIND = "week", "kind"
PERIODS = (1, 4, 13, 26, 52)  # weeks
MONTHS = (1, 2, 3, 6, 12)
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
WIDE = 4.0  # standard errors, the widest step for which a shorter period is taken


def over_time(weeks: pd.DataFrame, members: int) -> pd.DataFrame:
    """Return `weeks` as it may be told of so many `members`: the mean week of each period, rounded.

    `weeks`: column `week` (its first day), perhaps `kind`, and counts. Weeks that are not listed had none. `week` of
    the answer is the first of its period; the last period may be shorter.
    """
    if weeks.empty or (told := few.privacy().told) is None:
        return weeks
    first, keys = weeks[WEEK].min(), [name for name in (WEEK, KIND) if name in weeks]
    counts = [name for name in weeks if name not in keys]
    number = (weeks[WEEK] - first).dt.days // 7
    columns = len(counts) * (weeks[KIND].nunique() if KIND in weeks else 1)
    length, step = plan(int(number.max()) + 1, columns, members, told)
    lasts = np.minimum(length, number.max() + 1 - number // length * length)  # weeks of each row's period
    means = weeks[counts].div(lasts, axis=0)
    period = first + pd.to_timedelta(number // length * length * 7, unit="D")
    found = means.assign(**{KIND: weeks[KIND]} if KIND in weeks else {}).groupby([period, *keys[1:]]).sum()
    by_kind = found.groupby(KIND) if KIND in weeks else found.groupby(lambda _: 0)
    return by_kind.transform(_rounded, step=step, members=members).reset_index()[[*keys, *counts]]


def by_week(counts: pd.Series, members: int) -> pd.Series:
    """Return `counts` (n,), by number of week, as they may be told: each week tells the mean of its period, rounded."""
    if counts.empty or (told := few.privacy().told) is None:
        return counts
    whole = counts.reindex(range(counts.index.min(), counts.index.max() + 1), fill_value=0)
    length, step = plan(len(whole), 1, members, told, parts=2)  # before week 0, and from it on
    means = whole.groupby(whole.index // length).transform("mean")
    return _rounded(means, step, members).rename_axis(counts.index.name)


def shares(table: pd.DataFrame, members: int, free: int | None = None) -> pd.DataFrame:
    """Return the shares of `table`, a row each month and a column each group, as they may be told of `members`.

    `free`: columns that the others do not tell; by default all but one, since they add up to 1. A period is called by
    its first month; a share that is hidden (NaN) in one of its months is hidden.
    """
    if table.empty or (told := few.privacy().told) is None:
        return table
    length, step = plan(len(table), table.shape[1] - 1 if free is None else free, members, told, periods=MONTHS)
    period = table.index[np.arange(len(table)) // length * length].rename(table.index.name)
    means = table.groupby(period).mean(skipna=False)
    errors = np.sqrt((means * (1 - means)).mean().clip(lower=0) / max(members, 1))
    return means.apply(lambda column: _stepped(column, step * errors[column.name]))


def rates(table: pd.DataFrame, members: int) -> pd.DataFrame:
    """Return `activity.repurchase` (start, members, share; a row each month) as it may be told of `members` in all."""
    known = table.set_index("start").assign(members=lambda found: found["members"] / max(members, 1))
    told = shares(known, members, free=known.shape[1])
    return told.assign(members=(told["members"] * members).round().astype("int64")).reset_index()


def plan(
    number: int, columns: int, members: int, told: float, parts: int = 1, periods: tuple[int, ...] = PERIODS
) -> tuple[int, float]:
    """Return how many weeks (or months) are told together, and the step, in standard errors, in which a table is told.

    `columns`: of `number` rows; `parts`: of the rows, each of which begins a period. The shortest of `periods` is
    taken whose step is not wide, or the longest.

    >>> plan(47, 2, 1_000_000, 0.05), plan(47, 2, 2_469, 0.05)[0], plan(47, 2, 500, 0.05)[0]
    ((1, 0.0), 4, 13)
    """
    allowed = disclosure.numbers(max(members, 1), told)  # all may have left
    for length in periods:
        step = disclosure.step(allowed / (columns * (-(-number // length) + parts - 1)))
        if step <= WIDE:
            return length, step
    return length, step


def _rounded(counts: pd.Series, step: float, members: int) -> pd.Series:
    """Return `counts` in whole steps of a plain width that is at least `step`."""
    least = step * np.sqrt((counts**2).mean() / max(members, 1))
    width = int(np.ceil(_plain(least))) if least > 1 else 1
    return (counts / width).round().astype("int64") * width


def _stepped(shares: pd.Series, least: float) -> pd.Series:
    width = _plain(least) if least > 0 else 0.0
    return ((shares / width).round() * width).clip(upper=1).round(6) if width else shares  # 6: of what multiplying adds


def _plain(least: float) -> float:
    """Return the least plain width (one of ROUND times a power of ten) that is at least `least`."""
    power = 10.0 ** np.floor(np.log10(least))
    return next(one for one in ROUND if one * power >= least) * power
