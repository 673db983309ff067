"""What can be given to each member: sets of benefits, what each costs and brings, and how sure that is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from membership.benefits.lift import Lift, sets

NOTHING = -1  # in a choice, of who gets no set


@dataclass(frozen=True)
class Options:
    """Sets of benefits that may be given at once, for every member; money in cents over the horizon.

    A choice is an array (members,) of rows of `sets`, `NOTHING` for none. Sets of one benefit come first, in the order
    of `benefits`.
    """

    members: np.ndarray  # ids
    tier_rank: np.ndarray
    benefits: tuple[str, ...]
    sets: np.ndarray  # (sets, benefits) of bool
    allowed: np.ndarray  # (members, benefits) of bool: whether the member may have the benefit
    cost: np.ndarray  # (members, sets) whole cents, rounded up
    gain: np.ndarray  # (members, sets) margin on the extra spend
    orders: np.ndarray  # (members, sets) extra orders
    usual: np.ndarray  # (members,) orders without any benefit
    order_worth: float = 0.0  # cents that an extra order counts beyond its margin
    by_orders: np.ndarray | None = None  # (members, benefits) cents of gain less cost for a whole growth of orders
    by_spend: np.ndarray | None = None  # the same for a growth of spend, without the margin
    margin: np.ndarray | None = None  # (members,) margin on the usual spend
    lift: Lift | None = None  # None: what they bring is certain

    def worth(self, at: int) -> np.ndarray:
        """Return what set `at` brings less its cost, extra orders at their worth: (members,)."""
        found = self.gain[:, at] - self.cost[:, at]
        return found + self.order_worth * self.orders[:, at] if self.order_worth else found

    @cached_property
    def pays(self) -> np.ndarray:
        """Whether a member may have the set and each of its benefits brings more than it costs, given the others.

        (members, sets) of bool; nothing else is ever given.
        """
        worth, rows = [self.worth(at) for at in range(len(self.sets))], [tuple(row) for row in self.sets]
        found = np.zeros(self.cost.shape, dtype=bool, order="F")
        for at, row in enumerate(self.sets):
            found[:, at] = self.allowed[:, row].all(axis=1) & (worth[at] > 0)
            for benefit in np.flatnonzero(row) if row.sum() > 1 else ():
                less = row.copy()
                less[benefit] = False
                found[:, at] &= worth[at] > worth[rows.index(tuple(less))]
        return found

    def given(self, choice: np.ndarray) -> np.ndarray:
        """Return who gets what: (members, benefits) of bool."""
        return np.vstack([self.sets, np.zeros(len(self.benefits), dtype=bool)])[choice]

    def taken(self, values: np.ndarray, choice: np.ndarray) -> np.ndarray:
        """Return of `values` (members, sets) those chosen, 0 for nothing: (members,)."""
        found = np.zeros(len(choice))
        some = np.flatnonzero(choice != NOTHING)
        found[some] = values[some, choice[some]]
        return found

    def net(self, choice: np.ndarray) -> float:
        """Return gain less cost of a choice, cents."""
        return float((self.taken(self.gain, choice) - self.taken(self.cost, choice)).sum())

    def worth_of(self, choice: np.ndarray) -> float:
        """Return the same, with each extra order at its worth."""
        return self.net(choice) + self.order_worth * float(self.taken(self.orders, choice).sum())

    def split(self, values: np.ndarray, choice: np.ndarray) -> np.ndarray:
        """Return of `values` (members, sets) those chosen, as parts of their benefits: (members, benefits).

        A benefit's part is what it has alone and an equal part of what the set has beyond that (of two: their Shapley
        values).
        """
        given = self.given(choice)
        parts = np.where(given, values[:, : len(self.benefits)], 0.0)
        beyond = self.taken(values, choice) - parts.sum(axis=1)
        return np.where(given, parts + (beyond / np.maximum(given.sum(axis=1), 1))[:, None], 0.0)

    def doubts(self, choice: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        """Return what one standard deviation more of each error in the beliefs would add to gain less cost, cents.

        (benefits + 1, errors): by each benefit, the overlap in the last row; see `lift.Lift.doubts`. `weight`
        (members,): how much of each is given, all without. They add up over choices and over benefits.
        """
        total = np.zeros((len(self.benefits) + 1, 1 if self.lift is None else self._errors))
        for among, rows, found in self._doubts(choice):
            part = np.ones(len(rows)) if weight is None else weight[rows]
            total[[*among, -1]] += np.einsum("brk,r->bk", found, part)
        return total

    def spread(self, choice: np.ndarray) -> np.ndarray:
        """Return each benefit's part of the standard deviation of the net, (members, benefits): parts add up to it.

        What the overlap of a set adds is shared equally by its benefits.
        """
        found, whole = np.zeros((len(choice), len(self.benefits))), self.doubts(choice).sum(axis=0)
        whole = whole / max(float(np.sqrt((whole**2).sum())), 1e-12)
        for among, rows, each in self._doubts(choice):
            parts = each @ whole
            found[np.ix_(rows, among)] = (parts[:-1] + parts[-1] / len(among)).T
        return found

    @property
    def _errors(self) -> int:
        return self.lift.errors.shape[1] + len(self.benefits) + 1

    def _doubts(self, choice: np.ndarray):
        """Yield, for each set that is chosen, its benefits, its members and their `lift.Lift.doubts`."""
        for at in np.unique(choice[choice != NOTHING]) if self.lift is not None else ():
            rows, among = np.flatnonzero(choice == at), np.flatnonzero(self.sets[at])
            by_orders = self.by_orders[rows][:, among].sum(axis=1)
            by_spend = self.margin[rows] + self.by_spend[rows][:, among].sum(axis=1)
            yield among, rows, self.lift.doubts(among, rows, by_orders, by_spend)

    def frame(self, choice: np.ndarray) -> pd.DataFrame:
        """Return what is chosen, by member and benefit: one row each.

        Columns member_id, tier_rank, benefit, cost, gain, orders, deadweight (cost on orders that would have come
        anyway), spread (see `spread`).
        """
        member, benefit = np.nonzero(self.given(choice))
        anyway = self.anyway(choice)[member]
        found = {name: self.split(getattr(self, name), choice)[member, benefit] for name in ("cost", "gain", "orders")}
        columns = {
            "member_id": self.members[member],
            "tier_rank": self.tier_rank[member],
            "benefit": np.array(self.benefits)[benefit],
            **found,
            "deadweight": found["cost"] * anyway,
            "spread": self.spread(choice)[member, benefit],
        }
        return pd.DataFrame(columns).sort_values(["member_id", "benefit"], ignore_index=True)

    def anyway(self, choice: np.ndarray) -> np.ndarray:
        """Return the share of orders, with what is chosen, that would have come without it: (members,)."""
        total = self.usual + self.taken(self.orders, choice)
        return np.where(total > 0, np.minimum(self.usual / np.where(total > 0, total, 1.0), 1.0), 1.0)


def additive(
    members: np.ndarray,
    tier_rank: np.ndarray,
    benefits: tuple[str, ...],
    allowed: np.ndarray,
    cost: np.ndarray,
    gain: np.ndarray,
    most: int = 2,
) -> Options:
    """Return options that are certain, and of which several cost and bring what each does: (members, benefits) each."""
    together = sets(benefits, most)
    alone = together.T.astype(float)
    whole = np.asfortranarray(cost @ alone), np.asfortranarray(gain @ alone)
    return Options(
        members, tier_rank, benefits, together, allowed, *whole, np.zeros(whole[0].shape), np.zeros(len(members))
    )
