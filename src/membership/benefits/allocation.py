"""Who gets which benefits, so that the budget brings most: by shadow prices, and at the margin by integer programme.

1. A linear programme over cells of members (`shadow_prices`) gives the price of each limit and an upper bound.
2. Each member takes the best benefits at these prices: those with the largest gain less cost x (1 + price of the
   member's cell). Within a cell ties are broken by member_id until the cell's spending is reached.
3. The closest choices (least regret) are decided together by a mixed-integer programme (HiGHS), exactly within all
   limits: a core problem (Balas and Zemel, 1980). With few members, all of them are in the core.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from membership.base.errors import DataError, ParamError
from membership.benefits import shadow_prices
from membership.benefits.limits import Limits, limits
from membership.benefits.payoff import Options
from membership.benefits.shadow_prices import Relaxed, Ways
from membership.settings.benefits import Benefits

GAP = 1e-4  # share of the bound within which the integer programme may stop
_GOOD = 5e-4  # share of the bound above which it is given more to decide, up to _CORE_MORE
_CORE = 200  # options decided by it at first
_CORE_MORE = 800  # so that little is left to gain
_CORE_MOST = 10_000  # so that the limits can be kept at all
_NODES = 100  # of its search tree: a limit of time would give another allocation on another machine


@dataclass(frozen=True)
class Allocation:
    """Who gets what, and how good that is."""

    options: Options
    given: np.ndarray  # (members, benefits) of bool
    bound: float  # cents of gain less cost that no allocation exceeds
    shadow_price: float  # cents of gain less cost that one more cent of budget would bring; below 0 where more
    # budget only raises the least shares of tiers

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """What is given, one row each: member_id, tier_rank, benefit, cost, gain, spread (cents)."""
        return self.options.frame(self.given)

    @property
    def cost(self) -> float:
        """Cents spent over the horizon."""
        return float(self.options.cost[self.given].sum())

    @property
    def net(self) -> float:
        """Cents of gain less cost over the horizon."""
        return float(self.options.net[self.given].sum())

    @property
    def gap(self) -> float:
        """Share of the bound by which the allocation may be below the best one."""
        return max(0.0, 1 - self.net / self.bound) if self.bound > 0 else 0.0


def allocate(options: Options, facts: pd.DataFrame, settings: Benefits, gap: float = GAP) -> Allocation:
    """Choose the options that bring most (sum of gain less cost) within budget, number a member and fairness.

    Only what pays for itself (gain above cost) is given. Each tier gets `min_tier_share` of the budget, or as much as
    it can use where that is less; each group of a fairness attribute gets at least `min_ratio` of any other, a member.
    Cost never exceeds the budget. With a budget of 0 nobody gets anything, and the shadow price is that of the first
    cent. Work ends where `gap` (share of the bound) says that little is left to gain. Raises ParamError where the
    limits cannot be met together.
    """
    check_members(options, facts)
    nothing = np.zeros(options.cost.shape, dtype=bool)
    if not options.pays.any():
        return Allocation(options, nothing, bound=0.0, shadow_price=0.0)
    wanted = settings if settings.budget else settings.model_copy(update={"budget": 1.0})
    within = limits(options, facts, wanted)
    known = shadow_prices.ways(options, within, settings.max_per_member)
    mixed = relaxed(known, within, wanted)
    if settings.budget == 0:
        return Allocation(options, nothing, bound=0.0, shadow_price=mixed.shadow_price)
    given = _whole(known, within, mixed, gap)
    if given is None:
        raise ParamError(_unmet(settings, len(mixed.prices)))
    return Allocation(options, given, max(mixed.bound, float(options.net[given].sum())), mixed.shadow_price)


def relaxed(known: Ways, within: Limits, settings: Benefits) -> Relaxed:
    """Return the best mix within the limits of `settings`; raises ParamError, in words, where there is none."""
    found = shadow_prices.relax(known, within)
    if found is None:
        raise ParamError(_unmet(settings, len(within.upper)))
    return found


def _whole(known: Ways, within: Limits, relaxed: Relaxed, gap: float) -> np.ndarray | None:
    """Return an allocation of whole benefits that keeps every limit: (members, benefits) of bool, None for none."""
    start = _rounded(known, relaxed.spent)
    best = None if within.excess(known.cents(start)).any() else start
    regret = known.regret((relaxed.prices @ within.rows)[known.cell])
    count, size, everywhere = int(np.isfinite(regret).sum()), _CORE, False
    while best is None or relaxed.bound - known.brings(best) > max(gap, _GOOD) * relaxed.bound:
        found = _core(known, within, start, gap * relaxed.bound, _nearest(regret, known.cell, size, everywhere))
        if found is not None and (best is None or known.brings(found) > known.brings(best)):
            best = found
        if size >= min(count, _CORE_MOST if best is None else _CORE_MORE):
            break
        size, everywhere = 4 * size, True
    return best


def _rounded(known: Ways, spent: np.ndarray) -> np.ndarray:
    """Return what members take between the two known ways of their cell that are nearest to `spent` (cells,)."""
    price, cents = np.stack(known.price), np.stack(known.spent)
    below, above = cents <= spent + 0.5, cents >= spent - 0.5
    low = np.where(below, cents, -np.inf).argmax(axis=0)
    high = np.where(above, cents, np.inf).argmin(axis=0)
    cells = np.arange(len(spent))
    less, more = known.choose(price[low, cells][known.cell]), known.choose(price[high, cells][known.cell])
    order = np.argsort(known.cell, kind="stable")  # members are sorted by id, so ties go by it
    extra = np.where(more, known.cost, 0.0).sum(axis=1) - np.where(less, known.cost, 0.0).sum(axis=1)
    total = extra[order].cumsum()
    first = np.searchsorted(known.cell[order], cells)
    before = (total - extra[order])[np.minimum(first, len(total) - 1)]
    fits = np.zeros(len(order), dtype=bool)
    room = (spent - cents[low, cells])[known.cell[order]]
    fits[order] = total - before[known.cell[order]] <= room + 1e-6
    return np.where(fits[:, None], more, less)


def _nearest(regret: np.ndarray, cell: np.ndarray, size: int, everywhere: bool) -> np.ndarray:
    """Return the `size` options of least regret, as flat indices; `everywhere`: half of them shared among cells."""
    order = np.argsort(regret, axis=None, kind="stable")
    order = order[: np.isfinite(regret).sum()]
    if not everywhere:
        return order[:size]
    by_cell = order[np.argsort(cell[order // regret.shape[1]], kind="stable")]
    cells = cell[by_cell // regret.shape[1]]
    place = np.arange(len(cells)) - np.searchsorted(cells, cells)
    share = -(-size // (2 * max(len(np.unique(cells)), 1)))
    return np.union1d(order[: size // 2], by_cell[place < share])


def _core(known: Ways, within: Limits, start: np.ndarray, near: float, core: np.ndarray) -> np.ndarray | None:
    """Decide the options `core` (flat indices) anew, all others as in `start`, within `near` cents of the best.

    None where the limits cannot be kept so.
    """
    member, benefit = np.unravel_index(core, start.shape)
    others = start.copy()
    others[member, benefit] = False
    cost, net = known.cost[member, benefit], known.net[member, benefit]
    scale, extra = cost.max(), within.shared.shape[1]  # so that tolerances of the solver are parts of a cent
    use = csr_array(within.rows[:, known.cell[member]] * cost / scale)
    left = (_in_cents(within, cost) - within.rows @ known.cents(others)) / scale
    each, room = _by_member(member, others, known.most)
    found = milp(
        np.r_[-net / scale, np.zeros(extra)],
        integrality=np.r_[np.ones(len(core)), np.zeros(extra)],
        bounds=Bounds(0, np.r_[np.ones(len(core)), np.full(extra, np.inf)]),
        constraints=LinearConstraint(
            vstack([hstack([use, csr_array(within.shared)]), hstack([each, csr_array((len(room), extra))])]),
            ub=np.r_[left, room],
        ),
        options={"mip_rel_gap": near / max(net.sum(), 1.0), "node_limit": _NODES, "presolve": False},
    )
    if found.x is None:
        return None
    others[member, benefit] = found.x[: len(core)] > 0.5
    return None if within.excess(known.cents(others)).any() else others


def _in_cents(within: Limits, cost: np.ndarray) -> np.ndarray:
    """Return the limits in whole cents where costs are whole, so that what rounds to them keeps them."""
    return np.floor(within.upper + within.slack) if (cost == np.rint(cost)).all() else within.upper


def _by_member(member: np.ndarray, others: np.ndarray, most: int) -> tuple[csr_array, np.ndarray]:
    """Return how many of the options of `member` each may still get: rows of 1, and upper limits that can bind."""
    who, row = np.unique(member, return_inverse=True)
    room = most - others[who].sum(axis=1)
    each = csr_array((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(who), len(row)))
    tight = np.flatnonzero(np.bincount(row, minlength=len(who)) > room)
    return each[tight], room[tight]


def check_members(options: Options, facts: pd.DataFrame) -> None:
    """Raise DataError where the two are not of the same members in the same order."""
    if not np.array_equal(options.members, facts["member_id"].to_numpy()):
        raise DataError("allocation: options and facts must have the same members in the same order.")


def _unmet(settings: Benefits, count: int) -> str:
    return (
        f"params.yaml: benefits: no allocation of benefits.budget = {settings.budget:g} keeps all {count} limits: "
        f"benefits.min_tier_share = {settings.min_tier_share:g} for every tier and "
        f"benefits.fairness.min_ratio = {settings.fairness.min_ratio:g} between groups, with benefits given whole. "
        "Raise the budget or benefits.fairness.min_group, or lower one of the two."
    )
