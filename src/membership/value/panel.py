"""What was known on each of several cut-offs, equally many days apart, and what members did between them.

cut-off        cut-off        cut-off (origin)      cut-off
  |--- did ---)|--- did -----)|--- to predict -----)|
known: the features at a cut-off; everything at or before an origin may teach, nothing after it
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import TypeVar

import ibis.expr.types as ir
import pandas as pd

from membership.base import batches, engine
from membership.base.errors import DataError, NotPossible
from membership.data import features, membership_span
from membership.data.standing import Book
from membership.settings.value import Value
from membership.value import opportunities

OUTCOMES = ("orders", "spend")  # purchase days, and cents net of returns
T = TypeVar("T")


@dataclass(frozen=True)
class Panel:
    """Snapshots of the features by cut-off, oldest first, each indexed by member, and what has been fitted to them."""

    snapshots: dict[date, pd.DataFrame]  # with the columns of `Book.standing`, where there are contracts
    contracts: Book | None = None  # of all members; None where nobody has one
    _fitted: dict = field(default_factory=dict, repr=False, compare=False)  # of one cut-off each, so it may be shared
    _also_left: dict[date, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)  # and who had left

    @classmethod
    def of(cls, rows: pd.DataFrame, contracts: Book | None = None, members: pd.DataFrame | None = None) -> "Panel":
        """Return the panel of `rows` of table `features`, and how members stand with their `contracts`.

        Who had left before a cut-off, as table `members` says, is in no snapshot of it. Raises DataError where cut-offs
        are not equally far apart.
        """
        parts = {day.date(): part.set_index("member_id").sort_index() for day, part in rows.groupby("as_of")}
        steps = {(later - earlier).days for earlier, later in pairwise(parts)}
        if len(steps) != 1:
            raise DataError(
                f"panel: the cut-offs {', '.join(map(str, parts)) or '(none)'} lie {sorted(steps)} days apart; "
                "allowed: two cut-offs or more, all equally far apart. Build it with `panel.build`."
            )
        left = members is not None and members["left_at"].notna().any()
        here = {day: _standing(known, day, members if left else None, contracts) for day, known in parts.items()}
        return cls(here, contracts, _also_left=parts if left else {})

    @property
    def cutoffs(self) -> list[date]:
        """All cut-offs, oldest first."""
        return list(self.snapshots)

    @property
    def days(self) -> int:
        """Days from one cut-off to the next."""
        return (self.cutoffs[1] - self.cutoffs[0]).days

    @property
    def now(self) -> pd.DataFrame:
        """The latest features."""
        return self.snapshots[self.cutoffs[-1]]

    @property
    def previous(self) -> date:
        """The cut-off before the latest. Raises NotPossible where there is none, so that nothing can be learned."""
        if len(self.snapshots) < 2:
            raise NotPossible(
                f"{self.cutoffs[-1]}: no cut-off before it, from which to learn what follows. An earlier "
                "windows.start, or a shorter validation, makes more of them."
            )
        return self.cutoffs[-2]

    def until(self, origin: date) -> "Panel":
        """Return what was known on `origin`: no later snapshot, and so nothing that happened after it."""
        known = {day: known for day, known in self.snapshots.items() if day <= origin}
        return Panel(known, self.contracts, self._fitted, self._also_left)

    def did(self, cutoff: date) -> pd.DataFrame:
        """Return `orders` (purchase days) and `spend` (as in features, net) of members in the `days` from `cutoff`."""
        cutoff, later = self.cutoffs[self.cutoffs.index(cutoff) :][:2]
        before, after = self.snapshots[cutoff], self._also_left.get(later, self.snapshots[later])
        columns = {"purchase_days": "orders", "spend": "spend"}
        return (after.reindex(before.index)[list(columns)] - before[list(columns)]).rename(columns=columns)

    def once(self, key: Hashable, fit: Callable[[pd.DataFrame], T]) -> T:
        """Return `fit` of the latest features, called only the first time; `key` names the model and its settings."""
        place = (key, self.cutoffs[-1])
        if place not in self._fitted:
            self._fitted[place] = fit(self.now)
        return self._fitted[place]


def build(
    events: ir.Table,
    members: ir.Table,
    cutoffs: Iterable[date],
    contracts: Book | None = None,
    settings: Value | None = None,
) -> Panel:
    """Return the panel of all `members` at `cutoffs`, equally far apart; each sees only the events before it.

    It has the columns of `opportunities` where a candidate of `settings` reads them.
    """
    rows = features.table(events, members, cutoffs)
    rows = opportunities.counted(rows, events, settings) if settings else rows
    return Panel.of(rows, contracts, _leavers(members))


def drawn(events: ir.Table, members: ir.Table, most: int, seed: int) -> tuple[ir.Table, ir.Table]:
    """Return the `events` and `members` of `most` members drawn at random; of all where there are no more."""
    ids = members.select("member_id").to_pandas()["member_id"].sort_values(ignore_index=True)
    chosen = ids.iloc[batches.some(len(ids), most, seed)]
    if len(chosen) == len(ids):
        return events, members
    return tuple(engine.of_members(rows, chosen, kept=True) for rows in (events, members))


def snapshot(
    rows: pd.DataFrame,
    day: date,
    members: pd.DataFrame,
    contracts: Book | None = None,
    events: ir.Table | None = None,
    settings: Value | None = None,
) -> pd.DataFrame:
    """Return the snapshot on `day` of all who are `members` (the table) then, from their `rows` of table `features`.

    It has the columns of `opportunities`, of `events`, where a candidate of `settings` reads them.
    """
    known = rows[rows["as_of"] == pd.Timestamp(day)]
    known = opportunities.counted(known, events, settings) if settings else known
    return _standing(known.set_index("member_id").sort_index(), day, members, contracts)


def _standing(known: pd.DataFrame, day: date, members: pd.DataFrame | None, contracts: Book | None) -> pd.DataFrame:
    """Return the rows of `known` of those of `members` who have not left before `day`, and how contracts stand."""
    if members is not None:
        known = known[known.index.isin(membership_span.on(members, day)["member_id"])]
    return known.join(contracts.standing(day, known.index)) if contracts else known


def _leavers(members: ir.Table) -> pd.DataFrame | None:
    """Return member_id and left_at of all members; None where the table does not know who left."""
    return members.select("member_id", "left_at").to_pandas() if "left_at" in members.columns else None


def outcome(rows: pd.DataFrame, what: str) -> tuple[pd.Series, pd.DataFrame]:
    """Return what happened, and what each candidate (columns) predicted, by origin and member.

    `rows` are those of `Rolled.predictions`, `what` is "orders" or "spend". A candidate that was not there at every
    origin is left out.
    """
    key = ["origin", "member_id"]
    wide = rows.pivot_table(what, key, "candidate")[list(dict.fromkeys(rows["candidate"]))]
    actual = rows.drop_duplicates(key).set_index(key)[f"actual_{what}"]
    return actual.reindex(wide.index), wide.dropna(axis=1)
