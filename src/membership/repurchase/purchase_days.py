"""The purchase days of all members, one member after the other, so that a whole market is a few arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import batches, engine
from membership.data import membership_span, purchases
from membership.data.standing import Book

_EPOCH = date(1970, 1, 1)
_SHIFT = 1 << 32  # above any day, so that row x _SHIFT + day sorts by member, then by day
NEVER = -_SHIFT  # before any day


def number(day: date) -> int:
    """Return `day` as days since 1970."""
    return (day - _EPOCH).days


def date_of(day: int) -> date:
    """Return the date that is `day` days after the first of 1970."""
    return _EPOCH + timedelta(days=int(day))


@dataclass(frozen=True)
class PurchaseDays:
    """Who bought on which days: rows of members (n), entries of days (N) in the order of members and days.

    Days are whole days since 1970, local. `joined` is the first day on which a member could have been seen buying: the
    day of joining where it is known, not before the data begin.
    """

    members: pd.Index  # (n,) member_id
    joined: np.ndarray  # (n,)
    starts: np.ndarray  # (n + 1,) entries of member i: starts[i] to starts[i + 1]
    days: np.ndarray  # (N,) ascending within a member
    spend: np.ndarray  # (N,) cents that came in on that day
    visits: "PurchaseDays | None" = None  # days with another event, of the same members; None where there are none
    contracts: Book | None = None  # of all members; None where nobody has one
    left: np.ndarray | None = None  # (n,) day on which each left (`membership_span`); None where nobody has

    @cached_property
    def _keys(self) -> np.ndarray:
        rows = np.repeat(np.arange(len(self.members)), np.diff(self.starts))
        return rows * _SHIFT + self.days

    @cached_property
    def spent(self) -> np.ndarray:
        """Cents of all entries before each, (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.spend)])

    def gap_sums(self, day: int) -> dict[str, np.ndarray]:
        """Return log_gaps, inverse_gaps and inverse_squares, (n,) each.

        These are the sums of log g, 1 / g and 1 / g^2 over each member's gaps g between purchase days before `day`.
        """
        gaps = np.diff(self.days, prepend=0).clip(min=1)  # across members: taken out with the first day of each
        first, end = self.starts[:-1], self.before(day)
        second, whole = np.minimum(first + 1, end), np.arange(1, gaps.max(initial=1) + 1)  # each gap's terms once
        found, inverse = {}, 1.0 / whole
        for name, term in (("log_gaps", np.log(whole)), ("inverse_gaps", inverse), ("inverse_squares", inverse**2)):
            total = np.concatenate([[0.0], np.cumsum(term[gaps - 1])])
            found[name] = np.where(end > first, total[end] - total[second], 0.0)
        return found

    def present(self, day: int) -> np.ndarray:
        """Return whether each member could have been seen before `day`, and has not left before it, (n,)."""
        return (self.joined < day) & ~self.gone(day)

    def gone(self, day: int) -> np.ndarray:
        """Return whether each member has left before `day`, (n,)."""
        return np.zeros(len(self.members), bool) if self.left is None else self.left < day

    def before(self, day: int) -> np.ndarray:
        """Return the position of each member's first entry on or after `day`, (n,)."""
        return self.from_day(np.arange(len(self.members)), day)

    def from_day(self, row: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """Return the position of the first entry on or after `day` of the member in each `row`, (k,)."""
        return np.searchsorted(self._keys, row * _SHIFT + day)

    def since(self, day: int) -> np.ndarray:
        """Return the days from `day` to each member's next purchase day, 0 on it; -1 where none is seen."""
        at = self.before(day)
        return np.where(at < self.starts[1:], entry(self.days, at) - day, -1)

    def last(self, day: int) -> np.ndarray:
        """Return each member's last purchase day before `day`, (n,); NEVER where there is none."""
        at = self.before(day)
        return np.where(at > self.starts[:-1], entry(self.days, at - 1), NEVER)

    def until(self, day: int) -> "PurchaseDays":
        """Return what was known on `day`: nothing of that day or later."""
        kept = self.days < day
        starts = np.concatenate([[0], np.cumsum(self.before(day) - self.starts[:-1])])
        visits = self.visits.until(day) if self.visits else None
        left = None if self.left is None else np.where(self.left < day, self.left, membership_span.FOREVER)
        return PurchaseDays(
            self.members, self.joined, starts, self.days[kept], self.spend[kept], visits, self.contracts, left
        )

    def bought_on(self, day: int) -> "PurchaseDays":
        """Return what would be known the day after `day`, had every member bought on it, for the usual amount."""
        known = self.until(day)
        count = np.diff(known.starts)
        usual = np.where(count > 0, np.diff(known.spent[known.starts]) // np.maximum(count, 1), 0)
        ends = known.starts[1:]
        starts = known.starts + np.arange(len(known.starts))
        days, spend = np.insert(known.days, ends, day), np.insert(known.spend, ends, usual)
        paid = self.contracts and self.contracts.paid_today()
        joined = np.minimum(known.joined, day)
        return PurchaseDays(known.members, joined, starts, days, spend, known.visits, paid, known.left)

    def every(self, step: int) -> "PurchaseDays":
        """Return every `step`-th member."""
        return self if step == 1 else self.only(np.arange(len(self.members)) % step == 0)

    def drawn(self, most: int, seed: int) -> "PurchaseDays":
        """Return `most` members drawn at random, all where there are no more."""
        members = np.arange(len(self.members))
        chosen = batches.some(len(members), most, seed)
        return self if len(chosen) == len(members) else self.only(np.isin(members, chosen))

    def only(self, kept: np.ndarray) -> "PurchaseDays":
        """Return the members that are `kept`, (n,) bool."""
        counts = np.diff(self.starts)
        entries = np.repeat(kept, counts)
        starts = np.concatenate([[0], np.cumsum(counts[kept])])
        visits = self.visits.only(kept) if self.visits else None
        left = None if self.left is None else self.left[kept]
        parts = self.days[entries], self.spend[entries], visits, self.contracts, left
        return PurchaseDays(self.members[kept], self.joined[kept], starts, *parts)

    def less(self, gone: np.ndarray) -> "PurchaseDays":
        """Return what is left without the entries that are `gone`, (N,) bool."""
        starts = np.concatenate([[0], np.cumsum(~gone)])[self.starts]
        return replace(self, starts=starts, days=self.days[~gone], spend=self.spend[~gone])

    def rows(self, which: slice) -> "PurchaseDays":
        """Return a block of members."""
        starts = self.starts[which.start : min(which.stop, len(self.members)) + 1]
        entries = slice(starts[0], starts[-1])
        visits = self.visits.rows(which) if self.visits else None
        return PurchaseDays(
            self.members[which], self.joined[which], starts - starts[0], self.days[entries], self.spend[entries],
            visits, self.contracts, None if self.left is None else self.left[which],
        )  # fmt: skip

    def standing(self, day: int) -> pd.DataFrame:
        """Return `Book.standing` of the members on `day`; no column where nobody has a contract."""
        return (
            self.contracts.standing(date_of(day), self.members) if self.contracts else pd.DataFrame(index=self.members)
        )


def entry(entries: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return `entries` at `position`; what lies beyond their end is any of them."""
    return entries[np.clip(position, 0, len(entries) - 1)] if len(entries) else np.zeros(len(position), np.int64)


def read(
    events: ir.Table, members: pd.DataFrame, start: date, until: date, kinds: Sequence[str] | None = None,
    contracts: Book | None = None,
) -> PurchaseDays:  # fmt: skip
    """Return the days on which each of `members` bought, or did something else, before `until`.

    `members`: member_id, joined_at and left_at of table `members`. `start`: the first day of the data. `kinds`: what
    else counts (`economics.activity_kinds`); all other events where it is None. Events of anybody else are left out.
    """
    joined_at = members.set_index("member_id")["joined_at"]
    days = active_days(events, until, kinds or ()).to_pandas()
    left = membership_span.left_days(members)
    left = left if (left < membership_span.FOREVER).any() else None
    return of(days, joined_at, start, "visited" if kinds is None else "active", contracts, left)


def active_days(events: ir.Table, until: date, kinds: Sequence[str] = ()) -> ir.Table:
    """Return, of each member and day before `until`: spend (cents), bought, visited and active.

    visited: an event that is no purchase and does not pay; active: such an event of one of `kinds`.
    """
    seen = engine.before(events, until)
    bought, other = purchases.is_purchase(seen), ~purchases.is_counted(seen)
    return seen.group_by("member_id", day=purchases.day(seen).epoch_days()).agg(
        spend=seen.amount.sum(where=purchases.is_income(seen)).fill_null(0),
        bought=bought.any(),
        visited=other.any(),
        active=(other & purchases.is_activity(seen, kinds)).any(),
    )


def of(
    days: pd.DataFrame, joined_at: pd.Series, start: date, other: str = "visited", contracts: Book | None = None,
    left_day: pd.Series | None = None,
) -> PurchaseDays:  # fmt: skip
    """Return the purchase days in `days`, rows of `active_days`, of the members of `joined_at` (member_id -> time).

    Visits are the days of the column `other`. `left_day`: `membership_span.left_days`; None where nobody has left.
    """
    ids = joined_at.index.sort_values()
    known = joined_at.reindex(ids).dt.normalize() - pd.Timestamp(_EPOCH)
    joined = known.dt.days.fillna(number(start)).clip(lower=number(start)).to_numpy(np.int64)
    visited = days[days[other]]
    visits = PurchaseDays(ids, joined, *_entries(visited, ids)) if len(visited) else None
    left = None if left_day is None else left_day.reindex(ids).to_numpy(np.int64)
    return PurchaseDays(ids, joined, *_entries(days[days["bought"]], ids), visits, contracts, left)


def _entries(days: pd.DataFrame, ids: pd.Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return starts, days and spend of the members `ids`, as PurchaseDays has them."""
    row, day = ids.get_indexer(days["member_id"]), days["day"].to_numpy(np.int64)
    order = np.lexsort((day, row))
    order = order[row[order] >= 0]
    starts = np.concatenate([[0], np.cumsum(np.bincount(row[order], minlength=len(ids)))])
    return starts, day[order], days["spend"].to_numpy(np.int64)[order]
