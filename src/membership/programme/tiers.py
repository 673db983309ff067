"""Tiers: thresholds that meet the shares of the programme, and the promotion rule replayed over the real history.

Who *should* be in which tier follows from predicted value: the best members by value fill the tiers from the top, in
the shares of `tiers.levels`. What a member can see and act on is spend: the thresholds are the amounts of qualifying
spend that give each tier the same number of members.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.base.programme_knobs import Tier, Tiers


@dataclass(frozen=True)
class Rule:
    """The promotion rule: a member is in a tier from its threshold on, and stays while spend is not too far below."""

    names: tuple[str, ...]  # from the entry tier up
    thresholds: tuple[int, ...]  # cents of spend in the qualifying period; the entry tier's is the lowest possible
    grace_share: float  # share by which spend may fall below a threshold before the tier is lost

    def __post_init__(self):
        if list(self.thresholds) != sorted(set(self.thresholds)):
            raise DataError(f"tier thresholds must rise from tier to tier; {self.names} have {self.thresholds}.")

    def qualified(self, spend: np.ndarray) -> np.ndarray:
        """Return the rank of the highest tier whose threshold `spend` (cents) reaches; 0 is the entry tier."""
        return np.searchsorted(self.thresholds[1:], spend, side="right")

    def kept(self, spend: np.ndarray) -> np.ndarray:
        """Return the rank of the highest tier that `spend` (cents) is enough to keep."""
        enough = (1 - self.grace_share) * np.array(self.thresholds[1:])
        return np.searchsorted(enough, spend, side="right")


def sizes(members: int, levels: list[Tier]) -> np.ndarray:
    """Return how many of `members` each level and those above it are meant for: shape (levels,), falling."""
    shares = np.array([level.share for level in levels])
    return np.rint(members * shares[::-1].cumsum()[::-1]).astype(int)


def thresholds(amounts: np.ndarray, levels: list[Tier]) -> tuple[int, ...]:
    """Return the lowest amount (whole, as `amounts`) of each level so that the levels get their shares of members.

    Equal amounts are never parted: all of them get the higher tier. Thresholds rise by at least 1, so that where many
    members have the same amount, a tier may have fewer members than its share. A level meant for less than half a
    member is out of everybody's reach. The entry level's threshold is 0.
    """
    ordered = np.sort(np.asarray(amounts))[::-1]
    found = [0]
    for size in sizes(len(ordered), levels)[1:]:
        reached = int(ordered[size - 1]) if size else int(ordered.max(initial=0)) + 1
        found.append(max(reached, found[-1] + 1))
    return tuple(found)


def value_tiers(value: pd.DataFrame, levels: list[Tier]) -> pd.Series:
    """Return the tier that each member's predicted value calls for, by member_id: best first, ties by member_id."""
    ordered = value.sort_values(["value", "member_id"], ascending=[False, True])["member_id"]
    place = np.arange(len(ordered))
    rank = sum((place < size).astype(int) for size in sizes(len(ordered), levels)[1:])
    names = np.array([level.name for level in levels])
    return pd.Series(names[rank], index=pd.Index(ordered, name="member_id"), name="value_tier").sort_index()


def spend(events: ir.Table, members: pd.Series, months: pd.DatetimeIndex, days: int | None = None) -> pd.DataFrame:
    """Return net spend (cents, returns subtracted): index member_id, one column for each of `months`.

    Summed over the `days` before the month; without `days`, since the month before (the first column: since ever).
    """
    now = (months - pd.Timestamp(0)).days.to_numpy()
    since = now - days if days else np.r_[np.iinfo(np.int32).min, now[:-1]]
    grid = ibis.memtable(pd.DataFrame({"as_of": months, "since": since, "now": now}))
    paid = engine.before(events, months[-1].date()).filter(events.kind.isin(["purchase", "return"]))
    daily = paid.group_by("member_id", day=paid.local_at.date().epoch_days()).agg(amount=paid.amount.sum())
    window = daily.join(grid, (daily.day >= grid.since) & (daily.day < grid.now))
    sums = window.group_by("member_id", "as_of").agg(amount=window.amount.sum()).execute()
    table = sums.pivot_table(index="member_id", columns="as_of", values="amount", aggfunc="sum", fill_value=0)
    index = pd.Index(members, name="member_id").sort_values()
    return table.reindex(index=index, columns=months, fill_value=0).astype("int64")


def replay(spend: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return every member's tier rank month by month, in the shape of `spend` (qualifying spend, cents).

    The programme starts with everybody in the entry tier. Each month a member rises to the tier that spend reaches,
    or else stays, or falls to the highest tier that spend is enough to keep.
    """
    rank = np.zeros(len(spend), dtype=int)
    ranks = {}
    for month, amounts in spend.items():
        rank = np.maximum(rule.qualified(amounts), np.minimum(rank, rule.kept(amounts)))
        ranks[month] = rank
    return pd.DataFrame(ranks, index=spend.index).rename_axis(columns=spend.columns.name)


def history(ranks: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return `ranks` as table `tier_history`: member_id, as_of, tier."""
    long = ranks.reset_index().melt("member_id", var_name="as_of", value_name="rank")
    long["tier"] = np.array(rule.names)[long["rank"]]
    return long[["member_id", "as_of", "tier"]]


def standing(ranks: pd.DataFrame, spend: pd.DataFrame, points: pd.Series, rule: Rule) -> pd.DataFrame:
    """Return table `tiers` as of the last month: tier, points, what is missing to the next tier, who may drop.

    A member is about to drop who is in a tier only by grace: spend no longer reaches its threshold.
    """
    rank, amount = ranks.iloc[:, -1].to_numpy(), spend.iloc[:, -1].to_numpy()
    names, levels = np.array([*rule.names, None], dtype=object), np.array([*rule.thresholds, 0])
    top = rank == len(rule.names) - 1
    table = pd.DataFrame(
        {
            "member_id": ranks.index,
            "tier": names[rank],
            "tier_rank": rank,
            "points": points.reindex(ranks.index).to_numpy(),
            "qualifying_spend": amount,
            "next_tier": names[rank + 1],
            "spend_to_next": np.where(top, 0, levels[rank + 1] - amount),
            "about_to_drop": rule.qualified(amount) < rank,
        }
    )
    return table.astype({"next_tier": "str"})


def fit(spend: pd.Series, settings: Tiers) -> Rule:
    """Return the rule whose spend thresholds give each level its share of members, on `spend` (cents, one a member)."""
    names = tuple(level.name for level in settings.levels)
    return Rule(names, thresholds(spend.to_numpy(), settings.levels), settings.grace_share)


def moves(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return how many members rose (up) and fell (down) each month: one row a month, the first from the entry tier."""
    change = ranks.diff(axis=1).fillna(ranks)
    return pd.DataFrame({"up": (change > 0).sum(), "down": (change < 0).sum()})
