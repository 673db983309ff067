"""The limits of an allocation: the budget, a least share of it for each tier, and a least ratio between groups.

All of them limit sums of cost, so members of the same tier and groups form one cell. With y the cost in each cell, n_g
the share of group g among the members of its attribute's groups, and t a variable, all limits are linear:

    sum of y <= budget;  - sum of y in the tier <= - share * budget;
    sum of y in group g <= n_g t;  ratio * n_g t <= sum of y in group g.

The last two, for all groups of an attribute, mean that no group gets less than `ratio` of any other, per member.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import ParamError
from membership.benefits.facts import UNKNOWN
from membership.benefits.payoff import Options
from membership.settings.benefits import Benefits

_SAFETY = 1e-6  # programmes ask for a little more than `ratio`, so that rounding cannot break it; not of whole cents
_LAST_DIGITS = 1e-9  # of cents


@dataclass(frozen=True)
class Limits:
    """The limits as rows: `rows` y + `shared` t <= `upper`; cents."""

    cell: np.ndarray  # (members,) the cell of each member
    rows: np.ndarray  # (limits, cells)
    shared: np.ndarray  # (limits, attributes)
    upper: np.ndarray  # (limits,)
    slope: np.ndarray  # (limits,) by how much `upper` grows with each cent of budget
    most: np.ndarray  # (attributes,) the largest t that the budget allows
    groups: tuple[tuple[str, np.ndarray, np.ndarray], ...]  # attribute, groups x cells of 0 and 1, members
    ratio: float

    def bound(self, best: float, prices: np.ndarray) -> float:
        """Return what no allocation exceeds (weak duality), `best` being the sum of reduced gains at `prices`."""
        free = -(prices @ self.shared) * self.most
        return float(best + prices @ self.upper + np.maximum(free, 0).sum())

    @property
    def slack(self) -> np.ndarray:
        """Cents by which each limit may be missed: a least share, which was multiplied out, by its last digits."""
        return np.where(self.upper < 0, _LAST_DIGITS, 0.0)

    def excess(self, spent: np.ndarray) -> np.ndarray:
        """Return by how much `spent` (cents in each cell) breaks each limit, as a share of its size; 0: kept."""
        sizes = np.maximum(np.abs(self.upper), 1.0)
        over = (self.rows @ spent - self.upper - self.slack) / sizes
        for column, (_, inside, members) in enumerate(self.groups):
            each = inside @ spent / members
            over[self.shared[:, column] != 0] = self.ratio - each.min() / each.max() if each.any() else 0.0
        return np.maximum(over, 0)

    def smallest_ratio(self, spent: np.ndarray) -> float:
        """Return the smallest cost a member of a group over that of another of its attribute; 1 where nothing is."""
        costs = [inside @ spent / members for _, inside, members in self.groups]
        return float(min((each.min() / each.max() for each in costs if each.any()), default=1.0))


def limits(options: Options, facts: pd.DataFrame, settings: Benefits) -> Limits:
    """Return the limits of `settings` for these options, whose members are those of `facts`, in the same order.

    A tier's least share is what its members can use where that is less. Raises ParamError where a group that the
    ratio speaks of can get nothing that pays, so that nobody else could get anything either.
    """
    cell, names = _cells(facts, settings)
    tier, groups = names[:, 0], tuple(_groups(cell, names, settings))
    ranks = np.unique(tier)
    usable = np.bincount(cell, weights=_dearest(options, settings.max_per_member), minlength=len(names))
    floors = (tier[None, :] == ranks[:, None]).astype(float)
    can, asked = floors @ usable, settings.min_tier_share * settings.budget
    rows = [np.ones((1, len(names))), -floors]
    upper = [np.array([settings.budget]), -np.minimum(can, asked)]
    slope = [np.ones(1), np.where(can > asked, -settings.min_tier_share, 0.0)]
    shared = [np.zeros((1 + len(ranks), len(groups)))]
    safety = 0.0 if (options.cost == np.rint(options.cost)).all() else _SAFETY
    for column, (attribute, inside, members) in enumerate(groups):
        _usable_by_all(attribute, inside @ usable, settings)
        largest = np.zeros((2 * len(members), len(groups)))
        least = settings.fairness.min_ratio * (1 + safety)
        part = members / members.sum()  # t is what all would cost, not one, so that numbers are of like size
        largest[:, column] = np.r_[-part, least * part]
        rows, shared = [*rows, inside, -inside], [*shared, largest]
        upper, slope = [*upper, np.zeros(2 * len(members))], [*slope, np.zeros(2 * len(members))]
    most = np.array([settings.budget * members.sum() / members.min() for _, _, members in groups])
    stacked = (np.vstack(rows), np.vstack(shared), np.concatenate(upper), np.concatenate(slope))
    return Limits(cell, *stacked, most, groups, settings.fairness.min_ratio)


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


def _groups(cell: np.ndarray, names: np.ndarray, settings: Benefits):
    sizes = np.bincount(cell, minlength=len(names))
    for column, attribute in enumerate(settings.fairness.attributes[: names.shape[1] - 1], start=1):
        inside = (names[:, column][None, :] == np.arange(names[:, column].max() + 1)[:, None]).astype(float)
        if len(inside) > 1:
            yield attribute, inside, inside @ sizes


def _dearest(options: Options, most: int) -> np.ndarray:
    """Return what each member could be given at most (cents): the dearest benefits that pay, at most `most`."""
    cost = np.where(options.pays, options.cost, 0.0)
    return np.sort(cost, axis=1)[:, -most:].sum(axis=1)


def _usable_by_all(attribute: str, usable: np.ndarray, settings: Benefits) -> None:
    if usable.any() and not usable.all() and settings.budget > 0:
        raise ParamError(
            f"params.yaml: benefits.fairness.min_ratio = {settings.fairness.min_ratio:g}: a group of attribute "
            f"{attribute!r} has nobody for whom any benefit pays, so that nobody could get anything; set it to 0, "
            "raise benefits.fairness.min_group, or leave the attribute out of benefits.fairness.attributes."
        )
