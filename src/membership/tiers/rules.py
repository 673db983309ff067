"""Tiers: the rule by which members rise and fall, replayed month by month over the real history.

    amount                 o                    promotion: at once, where the amount reaches the threshold
    threshold  ------------|--------------
                           |      o
    safe       ------------|---------|---- (1 - grace_share) x threshold
                           |         o  o  o    grace: `grace_months` month ends below that, then demotion
    at least this tier     |=================|

"At least tier l" is an automaton of its own, which sees threshold l and nothing else. The automata are nested: a month
that promotes to tier l promotes to l - 1, since its threshold is lower; a month that is short for l - 1 is short for l,
so the count of short months of l - 1 never exceeds that of l, and nobody loses l - 1 while in l. A member's rank is
therefore the sum of the automata, and whatever depends on rank is a sum over thresholds: on this `thresholds` builds.

Members rise and fall at month ends only: the replay promotes "at once" to the month, not to the day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.settings.tiers import Tiers

YEAR = 365.25  # days


@dataclass(frozen=True)
class Rule:
    """The promotion rule: a member is in a tier from its threshold on, and stays while not too far below for long."""

    names: tuple[str, ...]  # from the entry tier up
    thresholds: tuple[int, ...]  # cents of spend, or points, in the qualifying period; the entry tier's is 0
    grace_share: float  # share by which the amount may fall below a threshold without any month counting as short
    grace_months: int = 0  # short months in a row that are forgiven

    def __post_init__(self):
        if len(self.names) != len(self.thresholds):
            raise DataError(f"a rule needs one threshold a tier; {self.names} have {self.thresholds}.")
        if list(self.thresholds) != sorted(set(self.thresholds)):
            raise DataError(f"tier thresholds must rise from tier to tier; {self.names} have {self.thresholds}.")

    def levels(self, shifts: np.ndarray) -> np.ndarray:
        """Return each member's own thresholds, (members, tiers), off by `shifts` (members,), shares of them."""
        return shifted(np.array(self.thresholds), shifts[:, None])

    def safe(self, shifts: np.ndarray) -> np.ndarray:
        """Return the lowest amounts below which a month counts as short, (members, tiers); the entry tier has none."""
        least = safe(self.levels(shifts), self.grace_share)
        least[:, 0] = np.iinfo("int64").min
        return least


def rule(settings: Tiers, thresholds) -> Rule:
    """Return the rule of `settings` with `thresholds` (cents or points) for the tiers above the entry tier."""
    whole = tuple(int(threshold) for threshold in thresholds)
    return Rule(tuple(settings.names), (0, *whole), settings.grace_share, settings.grace_months)


def safe(threshold, grace_share: float):
    """Return the lowest whole amount that is not short of `threshold`, an amount or an array of them."""
    return np.ceil(np.round((1 - grace_share) * np.asarray(threshold), 6)).astype("int64")


def shifted(threshold, shifts) -> np.ndarray:
    """Return `threshold` off by `shifts`, shares of it, in whole amounts; arrays that broadcast."""
    return np.floor(np.asarray(threshold) * (1 + np.asarray(shifts)) + 0.5).astype("int64")


def automaton(amounts: np.ndarray, threshold, grace_share: float, grace_months: int) -> Iterator[np.ndarray]:
    """Yield month by month who is in the tier with `threshold` or above: (members,), overwritten by the next month.

    `amounts` is (members, months); `threshold` one amount, or one a member. Everybody begins outside.
    """
    least = safe(threshold, grace_share)
    inside = np.zeros(len(amounts), dtype=bool)
    short = np.zeros(len(amounts), dtype="int8")  # short months in a row, up to one more than is forgiven
    for month in range(amounts.shape[1]):
        amount = amounts[:, month]
        below = amount < least
        np.minimum(short + below, grace_months + 1, out=short)
        short[~below] = 0
        inside &= short <= grace_months
        inside |= amount >= threshold
        yield inside


def replay(amounts: pd.DataFrame, rule: Rule, shifts: np.ndarray | None = None) -> pd.DataFrame:
    """Return every member's tier rank month by month, int8, in the shape of `amounts` (what qualifies, by month).

    The programme starts with everybody in the entry tier. `shifts` (members,): see `jitter`; without, none.
    """
    values = amounts.to_numpy()
    ranks = np.zeros(values.shape, dtype="int8", order="F")
    off = 0.0 if shifts is None or not shifts.any() else shifts
    for threshold in (shifted(one, off) for one in rule.thresholds[1:]):
        for month, inside in enumerate(automaton(values, threshold, rule.grace_share, rule.grace_months)):
            ranks[:, month] += inside
    return pd.DataFrame(ranks, index=amounts.index, columns=amounts.columns, copy=False)


def settled(months: pd.DatetimeIndex, start: date, settings: Tiers) -> int:
    """Return the first of `months` with a whole qualifying period since `start`: from it on, moves are counted.

    Before it members rise because their history begins. Where fewer than two months are left from it on, the first.
    """
    whole = months >= pd.Timestamp(start) + pd.Timedelta(days=settings.qualifying_days)
    first = int(np.argmax(whole)) if whole.any() else len(months)
    return first if first <= len(months) - 2 else 0


def moves(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return how many members rose (up) and fell (down) each month: one row a month, the first from the entry tier."""
    values = ranks.to_numpy()
    before = [np.zeros(len(values), dtype="int8"), *values.T[:-1]]
    pairs = list(zip(before, values.T, strict=True))
    up = [int((now > earlier).sum()) for earlier, now in pairs]
    down = [int((now < earlier).sum()) for earlier, now in pairs]
    return pd.DataFrame({"up": up, "down": down}, index=ranks.columns)


def moves_per_year(ranks: pd.DataFrame, settled: int = 0) -> float:
    """Return the levels that a member rises or falls in a year, on average, from column `settled` on."""
    values = ranks.to_numpy()[:, settled:]
    steps = [np.abs(values[:, month] - values[:, month - 1]).sum(dtype="int64") for month in range(1, values.shape[1])]
    return sum(steps) * yearly(ranks.columns, settled) / max(len(values), 1)


def yearly(months: pd.DatetimeIndex, settled: int) -> float:
    """Return how often the time from column `settled` to the last of `months` goes into a year; 0 for no time."""
    days = (months[-1] - months[settled]).days
    return YEAR / days if days else 0.0


def history(ranks: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return `ranks` as table `tier_history`: member_id, as_of, tier."""
    values = ranks.to_numpy()
    members, months = np.arange(len(values)).repeat(values.shape[1]), np.tile(np.arange(values.shape[1]), len(values))
    tier = pd.Categorical.from_codes(values.ravel(), categories=rule.names)
    return pd.DataFrame({"member_id": ranks.index[members], "as_of": ranks.columns[months], "tier": tier.astype("str")})


def standing(
    ranks: pd.DataFrame,
    amounts: pd.DataFrame,
    points: pd.Series,
    rule: Rule,
    settings: Tiers,
    ahead: pd.Series,
    shifts: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return table `tiers` as of the last month: tier, points, what is missing to the next tier, who may drop.

    `points` is the balance (a debt shows as 0), `ahead` what still qualifies a month later if nothing more is bought.
    grace_left: short months that are still forgiven, null where the last month is not short. about_to_drop: who
    without another purchase loses the tier at the next month end; to_keep is what it would take not to. Each member's
    own thresholds count, off by `shifts` as in `replay`.
    """
    rank, amount = ranks.iloc[:, -1].to_numpy().astype(int), amounts.iloc[:, -1].to_numpy()
    names, each = np.array([*rule.names, None], dtype=object), np.arange(len(rank))
    shifts = np.zeros(len(rank)) if shifts is None else shifts
    least, top = rule.safe(shifts)[each, rank], len(rule.names) - 1
    short = _short_months(amounts.to_numpy(), least, rule)
    to_next = np.where(rank == top, 0, rule.levels(shifts)[each, np.minimum(rank + 1, top)] - amount)
    missing = np.where(rank > 0, least - ahead.reindex(ranks.index).to_numpy(), 0)
    drops = (missing > 0) & (short >= rule.grace_months)
    cents = {"spend": 1.0, "points": 100 / settings.points_per_unit if settings.points_per_unit else 0.0}
    unit = cents.get(settings.qualify_by, 0.0)  # of spend, for one more of what qualifies
    table = pd.DataFrame(
        {
            "member_id": ranks.index,
            "tier": names[rank],
            "tier_rank": rank,
            "points": points.reindex(ranks.index).clip(lower=0).to_numpy(),
            "qualifying": amount,
            "next_tier": names[rank + 1],
            "to_next": to_next,
            "spend_to_next": np.ceil(to_next * unit).astype("int64"),
            "grace_left": np.where(short > 0, rule.grace_months - short, np.nan),
            "about_to_drop": drops,
            "to_keep": np.where(drops, missing, 0),
        }
    )
    return table.astype({"next_tier": "str"})


def _short_months(amounts: np.ndarray, least: np.ndarray, rule: Rule) -> np.ndarray:
    """Return for how many months in a row, the last included, each member has been below `least` (members,)."""
    short = np.zeros(len(least), dtype=int)
    for back in range(1, min(rule.grace_months, amounts.shape[1]) + 1):
        short += (short == back - 1) & (amounts[:, -back] < least)
    return short
