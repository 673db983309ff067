"""The limits of an allocation: the budget, a least share of it for each tier, a least ratio between groups, places.

All of them limit sums of cost, so members of the same tier and groups form one cell. With y the cost in each cell, n_g
the share of group g among the members of its attribute's groups, and t a variable, all limits are linear:

    sum of y <= budget;  - sum of y in the tier <= - share * budget;
    sum of y in group g <= n_g t;  ratio * n_g t <= sum of y in group g.

The last two, for all groups of an attribute, mean that no group gets less than `ratio` of any other, per member. A
group for whose members nothing pays is left out, or nobody else could get anything. A benefit with `places` goes to at
most so many members. What some members get already (`fixed`) counts towards every limit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.benefits.facts import UNKNOWN
from membership.benefits.options import NOTHING, Options
from membership.settings.benefits import Benefits

_SAFETY = 1e-6  # programmes ask for a little more than `ratio`, so that rounding cannot break it; not of whole cents
_LAST_DIGITS = 1e-9  # of cents


@dataclass(frozen=True)
class Limits:
    """The limits as rows: `rows` y + `shared` t <= `upper`, cents; then one row for each benefit with places."""

    cell: np.ndarray  # (members,) the cell of each member
    cells: np.ndarray  # (cells, 1 + attributes) of tier rank and group codes, -1 for none
    rows: np.ndarray  # (limits, cells)
    shared: np.ndarray  # (limits, attributes)
    upper: np.ndarray  # (limits,)
    slope: np.ndarray  # (limits,) by how much `upper` grows with each cent of budget
    most: np.ndarray  # (attributes,) the largest t that the budget allows
    groups: tuple[tuple[str, np.ndarray, np.ndarray], ...]  # attribute, groups x cells of 0 and 1, members
    ratio: float
    capped: np.ndarray  # benefits with places, as columns of the options
    places: np.ndarray  # (capped,) members
    fixed: np.ndarray  # (cells,) cents that are spent already, and part of `upper`
    words: tuple[tuple[str, ...], ...]  # (attributes,) the names of the groups
    left_out: tuple[tuple[str, str], ...] = ()  # attribute and group for whose members nothing pays

    def split(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, of the prices of all limits, what a cent costs on top in each cell and what each place costs."""
        return prices[: len(self.upper)] @ self.rows, prices[len(self.upper) :]

    def bound(self, best: float, prices: np.ndarray) -> float:
        """Return what no allocation exceeds (weak duality), `best` being the sum of reduced gains at `prices`."""
        cents, tolls = prices[: len(self.upper)], prices[len(self.upper) :]
        free = -(cents @ self.shared) * self.most
        return float(best + cents @ self.upper + tolls @ self.places + np.maximum(free, 0).sum())

    @property
    def slack(self) -> np.ndarray:
        """Cents by which each limit may be missed: a least share, which was multiplied out, by its last digits."""
        return np.where(self.upper < 0, _LAST_DIGITS, 0.0)

    def excess(self, spent: np.ndarray, used: np.ndarray | None = None) -> np.ndarray:
        """Return by how much `spent` (cents in each cell) and `used` (capped,) break each limit, relative; 0: kept."""
        sizes = np.maximum(np.abs(self.upper), 1.0)
        over = (self.rows @ spent - self.upper - self.slack) / sizes
        for column, (_, inside, members) in enumerate(self.groups):
            each = inside @ (spent + self.fixed) / members
            over[self.shared[:, column] != 0] = self.ratio - each.min() / each.max() if each.any() else 0.0
        beyond = np.zeros(0) if used is None else (used - self.places) / np.maximum(self.places, 1)
        return np.maximum(np.r_[over, beyond], 0)

    def smallest_ratio(self, spent: np.ndarray) -> float:
        """Return the smallest cost a member of a group over that of another of its attribute; 1 where nothing is."""
        costs = [inside @ (spent + self.fixed) / members for _, inside, members in self.groups]
        return float(min((each.min() / each.max() for each in costs if each.any()), default=1.0))


def limits(options: Options, facts: pd.DataFrame, settings: Benefits, fixed: np.ndarray | None = None) -> Limits:
    """Return the limits of `settings` for these options, whose members are those of `facts`, in the same order.

    A tier's least share is what its members can use where that is less. `fixed` (members,): the choice of those who get
    that and nothing else, `NOTHING` for all others.
    """
    cell, names = _cells(facts, settings)
    count = len(names)
    before = np.zeros(len(cell)) if fixed is None else options.taken(options.cost, fixed)
    useful = _useful(options) if fixed is None else np.where(fixed == NOTHING, _useful(options), before)
    usable, spent = (np.bincount(cell, weights=each, minlength=count) for each in (useful, before))
    tier, ranks = names[:, 0], np.unique(names[:, 0])
    groups, words, left_out = _with_use(tuple(_groups(cell, names, facts, settings)), usable)
    floors = (tier[None, :] == ranks[:, None]).astype(float)
    can, asked = floors @ usable, settings.min_tier_share * settings.budget
    rows = [np.ones((1, count)), -floors]
    upper = [np.array([settings.budget]), -np.minimum(can, asked)]
    slope = [np.ones(1), np.where(can > asked, -settings.min_tier_share, 0.0)]
    shared = [np.zeros((1 + len(ranks), len(groups)))]
    safety = 0.0 if (options.cost == np.rint(options.cost)).all() else _SAFETY
    for column, (_, inside, members) in enumerate(groups):
        largest = np.zeros((2 * len(members), len(groups)))
        least = settings.fairness.min_ratio * (1 + safety)
        part = members / members.sum()  # t is what all would cost, not one, so that numbers are of like size
        largest[:, column] = np.r_[-part, least * part]
        rows, shared = [*rows, inside, -inside], [*shared, largest]
        upper, slope = [*upper, np.zeros(2 * len(members))], [*slope, np.zeros(2 * len(members))]
    most = np.array([settings.budget * members.sum() / members.min() for _, _, members in groups])
    stacked, shared = np.vstack(rows), np.vstack(shared)
    left = np.concatenate(upper) - stacked @ spent
    capped, places = _places(options, settings, fixed)
    rest = (shared, left, np.concatenate(slope), most, groups, settings.fairness.min_ratio, capped, places)
    return Limits(cell, names, stacked, *rest, spent, words, left_out)


def limited(facts: pd.DataFrame, attribute: str, min_group: int) -> list[str]:
    """Return the groups of an attribute that the ratio speaks of: who answered, and not too few of them; sorted."""
    sizes = facts[attribute].value_counts()
    return sorted(str(name) for name, size in sizes.items() if name != UNKNOWN and size >= min_group)


def _cells(facts: pd.DataFrame, settings: Benefits) -> tuple[np.ndarray, np.ndarray]:
    """Return each member's cell, and the cells: (cells, 1 + attributes) of tier rank and group codes, -1 for none."""
    codes = [facts["tier_rank"].to_numpy(dtype=np.int64)]
    if settings.fairness.min_ratio > 0:
        for attribute in settings.fairness.attributes:
            names = limited(facts, attribute, settings.fairness.min_group)
            codes.append(pd.Index(names, dtype=object).get_indexer(facts[attribute]).astype(np.int64))
    mixed = np.zeros(len(facts), dtype=np.int64)
    for code in codes:
        mixed = mixed * (code.max(initial=0) + 2) + code + 1
    _, first, cell = np.unique(mixed, return_index=True, return_inverse=True)
    return cell, np.stack([code[first] for code in codes], axis=1)


def _groups(cell: np.ndarray, names: np.ndarray, facts: pd.DataFrame, settings: Benefits):
    sizes = np.bincount(cell, minlength=len(names))
    for column, attribute in enumerate(settings.fairness.attributes[: names.shape[1] - 1], start=1):
        words = limited(facts, attribute, settings.fairness.min_group)
        inside = (names[:, column][None, :] == np.arange(len(words))[:, None]).astype(float)
        if len(inside) > 1:
            yield attribute, words, inside, inside @ sizes


def _with_use(groups: tuple, usable: np.ndarray) -> tuple[tuple, tuple, tuple[tuple[str, str], ...]]:
    """Return the groups of each attribute for whose members something pays, their names, and those of the others."""
    kept, names, left_out = [], [], []
    for attribute, words, inside, members in groups:
        use = inside @ usable > 0
        left_out += [(attribute, word) for word, some in zip(words, use, strict=True) if not some and use.any()]
        if use.sum() > 1:
            kept.append((attribute, inside[use], members[use]))
            names.append(tuple(word for word, some in zip(words, use, strict=True) if some))
    return tuple(kept), tuple(names), tuple(left_out)


def _places(options: Options, settings: Benefits, fixed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the benefits with places, as columns of `options`, and how many places are left."""
    known = {benefit.name: benefit.places for benefit in settings.catalogue}
    places = {at: known[name] for at, name in enumerate(options.benefits) if known.get(name) is not None}
    capped = np.array(list(places), dtype=int)
    used = np.zeros(len(capped)) if fixed is None else options.given(fixed)[:, capped].sum(axis=0)
    return capped, np.maximum(np.array(list(places.values()), dtype=float) - used, 0.0)


def _useful(options: Options) -> np.ndarray:
    """Return what each member can use (cents): the cost of the set of most worth, 0 where nothing pays."""
    found, best = np.zeros(len(options.members)), np.zeros(len(options.members))
    for at in range(len(options.sets)):
        worth = np.where(options.pays[:, at], options.worth(at), 0.0)
        better = worth > best
        np.copyto(best, worth, where=better)
        np.copyto(found, options.cost[:, at], where=better)
    return found
