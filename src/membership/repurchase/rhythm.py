"""What a member's rhythm shows on a day: recency, gaps, counts in windows, weekdays, the last baskets, visits.

Each row is a function of that member's own days before the day, so blocks of members give the same rows.
"""

import numpy as np
import pandas as pd

from membership.base import batches
from membership.repurchase.purchase_days import PurchaseDays, entry

WINDOWS = (3, 7, 14, 28, 60, 90, 180)  # days before the day in which purchase days are counted
SPENT = (7, 28, 90)  # days before it in which spend is counted
WEEKDAYS = tuple(f"weekday_{number}" for number in range(7))  # Monday is 0
_LAST = 16  # the last purchase days that gaps and weekdays are taken from
_HALF_LIFE = 5  # gaps after which a gap counts half in the recent mean
_AHEAD = (7, 14, 28)  # days within which own gaps, longer than the present silence, ended


def at(history: PurchaseDays, day: int) -> pd.DataFrame:
    """Return the rhythm of every member on `day` (days since 1970), from the days before it, indexed by member.

    Columns, null where a member has too few purchases. In days: since (the last purchase; where there is none,
    since the member could have been seen), age_days (since the first purchase), recency_days (from the first to the
    last), observed (since the member could have been seen), gap_mean, gap_last, gap_three (mean of the last three),
    gap_recent (mean, recent ones weigh more), gap_median (of the last five). Without unit: bought (whether ever),
    purchase_days, frequency (those after the first), log_gaps, inverse_gaps and inverse_squares (sums over all gaps
    g of log g, 1 / g and 1 / g^2, 0 where there are none), days_3 ... days_180 (purchase days in that many days),
    gap_spread (sd over mean of the last gaps), silence_mean and silence_recent (since over the gap), ended_7 ...
    (of the own gaps longer than `since`, the share that ended within 7 more days), trend (purchase days of the last
    28 days less those of the 28 before), weekday_0 ... (share of the last purchase days on a Monday ...),
    last_basket (its spend over the mean), visits_7 and visits_28 (days with another event than a purchase;
    visit_since: days since the last). Cents: spend_7, spend_28, spend_90. Where there are contracts, the columns of
    `data.standing.Book.standing` follow.
    """
    return pd.concat([_rows(history.rows(block), day) for block in batches.blocks(len(history.members))])


def _rows(history: PurchaseDays, day: int) -> pd.DataFrame:
    ends = history.before(day)
    count = ends - history.starts[:-1]
    last = _last_days(history, ends, count)
    observed = np.maximum(day - history.joined, 1)
    first = np.where(count > 0, entry(history.days, history.starts[:-1]), day)
    since = np.where(count > 0, day - last[:, 0], observed).astype(float)
    within = {window: ends - history.before(day - window) for window in (*WINDOWS, 56)}
    age = day - first
    columns = {"bought": count > 0, "purchase_days": count, "frequency": np.maximum(count - 1, 0), "since": since}
    columns |= {"recency_days": np.where(count > 0, age - since, 0), "age_days": age, "observed": observed}
    columns |= history.gap_sums(day)
    columns |= {f"days_{window}": within[window] for window in WINDOWS}
    columns["trend"] = 2 * within[28] - within[56]
    columns |= _gaps(last, since, count, first)
    columns |= _weekdays(last)
    columns |= _spend(history, ends, count, day)
    columns |= _visits(history.visits, day, len(count))
    return pd.DataFrame(columns, index=history.members, dtype=float).join(history.standing(day))


def _last_days(history: PurchaseDays, ends: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the last purchase days, the latest first, (members, _LAST); NaN where there are fewer."""
    back = np.arange(1, _LAST + 1)
    found = entry(history.days, (ends[:, None] - back).ravel()).reshape(len(ends), _LAST).astype(float)
    return np.where(back <= count[:, None], found, np.nan)


def _gaps(last: np.ndarray, since: np.ndarray, count: np.ndarray, first: np.ndarray) -> dict[str, np.ndarray]:
    gaps = last[:, :-1] - last[:, 1:]  # the latest first
    known = ~np.isnan(gaps)
    number = known.sum(axis=1)
    filled = np.where(known, gaps, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 1, (last[:, 0] - first) / (count - 1), np.nan)
        own = filled.sum(axis=1) / number
        spread = np.sqrt(np.maximum((filled**2).sum(axis=1) / number - own**2, 0)) / own
        weight = known * 0.5 ** (np.arange(gaps.shape[1]) / _HALF_LIFE)
        recent = (filled * weight).sum(axis=1) / weight.sum(axis=1)
        three = filled[:, :3].sum(axis=1) / known[:, :3].sum(axis=1)
        found = {"gap_mean": mean, "gap_last": gaps[:, 0], "gap_three": three, "gap_recent": recent}
        found |= {"gap_median": _median(gaps[:, :5]), "gap_spread": spread}
        found |= {"silence_mean": since / mean, "silence_recent": since / recent}
    longer = known & (gaps >= since[:, None])
    for ahead in _AHEAD:
        ended = (longer & (gaps < since[:, None] + ahead)).sum(axis=1)
        found[f"ended_{ahead}"] = np.where(number > 0, (ended + 1.0) / (longer.sum(axis=1) + 1.5), np.nan)
    return found


def _median(gaps: np.ndarray) -> np.ndarray:
    """Return the median of each row's numbers, NaN where there are none."""
    ordered, number = np.sort(gaps, axis=1), (~np.isnan(gaps)).sum(axis=1)  # NaN come last
    rows, middle = np.arange(len(gaps)), np.maximum(number - 1, 0)
    return (ordered[rows, middle // 2] + ordered[rows, (middle + 1) // 2]) / 2


def _weekdays(last: np.ndarray) -> dict[str, np.ndarray]:
    weekday = (last + 3) % 7
    number = (~np.isnan(last)).sum(axis=1)
    return {name: ((weekday == which).sum(axis=1) + 0.5) / (number + 3.5) for which, name in enumerate(WEEKDAYS)}


def _spend(history: PurchaseDays, ends: np.ndarray, count: np.ndarray, day: int) -> dict[str, np.ndarray]:
    spent = history.spent
    columns = {f"spend_{days}": spent[ends] - spent[history.before(day - days)] for days in SPENT}
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (spent[ends] - spent[history.starts[:-1]]) / count
        columns["last_basket"] = np.where(mean > 0, entry(history.spend, ends - 1) / mean, np.nan)
    return columns


def _visits(visits: PurchaseDays | None, day: int, members: int) -> dict[str, np.ndarray]:
    if visits is None:
        return {"visits_7": np.zeros(members), "visits_28": np.zeros(members), "visit_since": np.full(members, np.nan)}
    ends = visits.before(day)
    seen = ends > visits.starts[:-1]
    columns = {f"visits_{days}": ends - visits.before(day - days) for days in (7, 28)}
    return columns | {"visit_since": np.where(seen, day - entry(visits.days, ends - 1), np.nan)}
