"""Who gets which benefits, so that the budget brings most: by shadow prices, and at the margin by integer programme.

1. A linear programme over cells of members (`shadow_prices`) gives the price of each limit and an upper bound.
2. Each member takes the best set of benefits at these prices: the one of largest worth less cost x price of the
   member's cell. Within a cell ties are broken by member_id until the cell's spending is reached.
3. The closest choices (least regret) are decided together by a mixed-integer programme (HiGHS), exactly within all
   limits: a core problem (Balas and Zemel, 1980). With few members, all of them are in the core.

Limits that cannot be met together give way, by as little as it takes, and the allocation says which did.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from membership.base.errors import DataError
from membership.benefits import shadow_prices
from membership.benefits.limits import Limits, limits
from membership.benefits.options import NOTHING, Options
from membership.benefits.shadow_prices import Relaxed, Ways
from membership.settings.benefits import Benefits

GAP = 1e-4  # share of the bound within which the integer programme may stop
_GOOD = 5e-4  # share of the bound above which it is asked again, for other options
_CORE = 400  # options decided by it at once
_TURNS = 3  # that it is asked at most
_CORE_MOST = 10_000  # options, so that the limits can be kept at all
_NODES = 20  # of its search tree: a limit of time would give another allocation on another machine
_STEPS = 20  # in which a limit gives way


@dataclass(frozen=True)
class GaveWay:
    """A limit that could not be kept: what was asked of it, and what is kept instead."""

    limit: str  # min_tier_share | min_ratio | budget, or min_ratio with attribute and group
    asked: float
    given: float


@dataclass(frozen=True)
class Allocation:
    """Who gets what, and how good that is."""

    options: Options
    choice: np.ndarray  # (members,) row of `options.sets`, NOTHING for none
    bound: float  # cents of worth less cost that no allocation exceeds
    shadow_price: float  # cents of worth less cost that one more cent of budget would bring; below 0 where more
    # budget only raises the least shares of tiers
    gave_way: tuple[GaveWay, ...] = ()
    within: Limits | None = None  # None where nothing pays
    prices: np.ndarray | None = None  # of each limit of `within`

    @cached_property
    def given(self) -> np.ndarray:
        """Who gets which benefit, (members, benefits) of bool."""
        return self.options.given(self.choice)

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """What is given, one row each: see `Options.frame`; for certain, and on no item."""
        return self.options.frame(self.choice).assign(propensity=1.0, explored=False, item_id=None)

    @property
    def cost(self) -> float:
        """Cents spent over the horizon."""
        return float(self.options.taken(self.options.cost, self.choice).sum())

    @property
    def net(self) -> float:
        """Cents of gain less cost over the horizon."""
        return self.options.net(self.choice)

    @property
    def orders(self) -> float:
        """Extra orders over the horizon."""
        return float(self.options.taken(self.options.orders, self.choice).sum())

    @property
    def worth(self) -> float:
        """Cents of gain less cost, with `order_worth` for each extra order: what the allocation maximises."""
        return self.options.worth_of(self.choice)

    @property
    def deadweight(self) -> float:
        """Cents of the cost that are due on orders that would have come anyway."""
        return float((self.options.taken(self.options.cost, self.choice) * self.options.anyway(self.choice)).sum())

    @property
    def gap(self) -> float:
        """Share of the bound by which the allocation may be below the best one."""
        return max(0.0, 1 - self.worth / self.bound) if self.bound > 0 else 0.0


def allocate(
    options: Options, facts: pd.DataFrame, settings: Benefits, gap: float = GAP, fixed: np.ndarray | None = None
) -> Allocation:
    """Choose the sets that bring most (sum of worth) within budget, places and fairness.

    Only what pays for itself is given. Each tier gets `min_tier_share` of the budget, or as much as it can use where
    that is less; each group of a fairness attribute gets at least `min_ratio` of any other, a member. Cost never
    exceeds the budget, and no benefit its places. With a budget of 0 nobody gets anything, and the shadow price is that
    of the first cent. Work ends where `gap` (share of the bound) says that little is left to gain. `fixed` (members,):
    what some get already, which counts towards all limits; `NOTHING` for all others.

    Where the limits cannot be met together, the least share of tiers gives way first, then the ratio: `gave_way`.
    """
    check_members(options, facts)
    before = np.full(len(facts), NOTHING) if fixed is None else fixed
    if not options.pays.any():
        return Allocation(options, before, bound=0.0, shadow_price=0.0)
    wanted = settings if settings.budget else settings.model_copy(update={"budget": 1.0})
    kept, within, mixed, choice = _first_that_fits(options, facts, wanted, gap, fixed)
    gave_way = _gave_way(options, wanted, kept, within, choice)
    if settings.budget == 0:
        return Allocation(options, before, 0.0, mixed.shadow_price, (), within, mixed.prices)
    choice = np.where(before == NOTHING, choice, before)
    bound = max(mixed.bound + options.worth_of(before), options.worth_of(choice))
    return Allocation(options, choice, bound, mixed.shadow_price, gave_way, within, mixed.prices)


def relaxed(
    options: Options, facts: pd.DataFrame, settings: Benefits, known: Ways | None = None
) -> tuple[Ways, Limits, Relaxed, Benefits]:
    """Return the best mix of ways within the limits, and `settings` as far as they can be kept together.

    `known`: the ways that a programme of the same cells has found before.
    """

    def attempt(wanted: Benefits) -> tuple[Ways, Limits, Relaxed, Benefits] | None:
        nonlocal known
        within = limits(options, facts, wanted)
        known = shadow_prices.ways(options, within) if known is None or known.apart(within) else known
        mixed = shadow_prices.relax(known, within)
        return None if mixed is None else (known, within, mixed, wanted)

    return next(found for wanted in _concessions(settings) if (found := attempt(wanted)) is not None)


def _concessions(settings: Benefits):
    """Yield `settings`, then those with lower and lower least shares of tiers, then with lower ratios too."""
    yield settings
    parts = [step / _STEPS for step in range(_STEPS - 1, -1, -1)]
    floors = parts if settings.min_tier_share > 0 else []
    for part in floors:
        yield settings.model_copy(update={"min_tier_share": part * settings.min_tier_share})
    none, fair = {"min_tier_share": 0.0}, settings.fairness
    for part in parts if fair.min_ratio > 0 else []:
        lower = fair.model_copy(update={"min_ratio": part * fair.min_ratio})
        yield settings.model_copy(update=none | {"fairness": lower})


def _first_that_fits(options, facts, settings: Benefits, gap: float, fixed):
    """Return the first of `_concessions` that whole benefits can keep, with limits, mix and choice.

    To give nobody anything keeps every ratio, but is no answer where something could be given. What is given already
    may break the ratio; then the last concession, which asks for none, is kept with nothing more.
    """
    known, last = None, None
    for wanted in _concessions(settings):
        within = limits(options, facts, wanted, fixed)
        if known is None or known.apart(within):
            known = shadow_prices.ways(options, within, fixed)
        mixed = shadow_prices.relax(known, within)
        if mixed is None:
            continue
        choice = _whole(known, within, mixed, gap)
        if choice is not None:
            last = wanted, within, mixed, choice
            if (choice != NOTHING).any() or fixed is not None or _cheapest(options) > settings.budget:
                return last
    return last


def _gave_way(options, asked: Benefits, kept: Benefits, within: Limits, choice: np.ndarray) -> tuple[GaveWay, ...]:
    found = []
    if kept.min_tier_share < asked.min_tier_share:
        found.append(GaveWay("min_tier_share", asked.min_tier_share, kept.min_tier_share))
    if kept.fairness.min_ratio < asked.fairness.min_ratio:
        found.append(GaveWay("min_ratio", asked.fairness.min_ratio, round(kept.fairness.min_ratio, 6)))
    named = [f"min_ratio: {attribute} {group}" for attribute, group in within.left_out]
    found += [GaveWay(name, asked.fairness.min_ratio, 0.0) for name in named]
    if (choice == NOTHING).all() and _cheapest(options) > asked.budget:
        found.append(GaveWay("budget", asked.budget, _cheapest(options)))
    return tuple(found)


def _cheapest(options: Options) -> float:
    """Return what the cheapest set that pays costs: no smaller budget gives anybody anything."""
    return float(min((options.cost[pays, at].min() for at, pays in enumerate(options.pays.T) if pays.any())))


def _whole(known: Ways, within: Limits, relaxed: Relaxed, gap: float) -> np.ndarray | None:
    """Return an allocation of whole benefits that keeps every limit, as a choice; None for none."""
    start = _rounded(known, within, relaxed)
    best = None if _excess(known, within, start).any() else start
    size, turn, nearest = _CORE, 0, None
    while best is None or relaxed.bound - known.brings(best) > max(gap, _GOOD) * relaxed.bound:
        if nearest is None:
            price, toll = within.split(relaxed.prices)
            nearest = _Nearest(known.regret(price[known.cell], toll), known.cell)
        others, near = start if best is None else best, gap * relaxed.bound
        found = _core(known, within, others, near, nearest.among(size, turn))
        if found is not None and (best is None or known.brings(found) > known.brings(best)):
            best = found
        if best is None:
            if size >= min(nearest.count, _CORE_MOST):
                break
            size *= 4
        elif (turn := turn + 1) == _TURNS:
            break
    return best


def _excess(known: Ways, within: Limits, choice: np.ndarray) -> np.ndarray:
    return within.excess(known.sums(known.cost, choice), known.places(choice))


def _rounded(known: Ways, within: Limits, relaxed: Relaxed) -> np.ndarray:
    """Return what members take between the cheapest and the dearest way that the best mix uses in their cell."""
    cents = np.stack(known.spent)[: len(relaxed.mix)]
    used = relaxed.mix > 1e-9
    low = np.where(used, cents, np.inf).argmin(axis=0)
    high = np.where(used, cents, -np.inf).argmax(axis=0)
    cells = np.arange(len(relaxed.spent))
    less, more = _by_way(known, low), _by_way(known, high)
    order = np.argsort(known.cell, kind="stable")  # members are sorted by id, so ties go by it
    extra = _cost(known, more) - _cost(known, less)
    total = extra[order].cumsum()
    first = np.searchsorted(known.cell[order], cells)
    before = (total - extra[order])[np.minimum(first, len(total) - 1)]
    fits = np.zeros(len(order), dtype=bool)
    room = (relaxed.spent - cents[low, cells])[known.cell[order]]
    fits[order] = total - before[known.cell[order]] <= room + 1e-6
    return _within_places(known, within, relaxed, np.where(fits, more, less))


def _by_way(known: Ways, way: np.ndarray) -> np.ndarray:
    """Return what members choose where each cell is served in its own `way` (cells,)."""
    found = np.full(len(known.cell), NOTHING, dtype=np.int16)
    mine = way[known.cell]
    for one in np.unique(way):
        rows = np.flatnonzero(mine == one)
        part = Ways(known.worth[rows], known.cost[rows], known.cell[rows], known.sets, known.capped)
        found[rows] = part.choose(known.price[one][known.cell[rows]], known.toll[one])
    return found


def _cost(known: Ways, choice: np.ndarray) -> np.ndarray:
    found, some = np.zeros(len(choice)), np.flatnonzero(choice != NOTHING)
    found[some] = known.cost[some, choice[some]]
    return found


def _within_places(known: Ways, within: Limits, relaxed: Relaxed, choice: np.ndarray) -> np.ndarray:
    """Take benefits with too few places from those who lose least by it."""
    price, toll = within.split(relaxed.prices)
    for at, benefit in enumerate(known.capped):
        holds = np.flatnonzero((choice != NOTHING) & known.sets[choice, benefit])
        beyond = len(holds) - int(within.places[at])
        if beyond > 0:
            part = Ways(known.worth[holds], known.cost[holds], known.cell[holds], known.sets, known.capped)
            other, cents = part.choose(price[known.cell[holds]], toll, without=benefit), price[known.cell[holds]]
            lost = _reduced(part, choice[holds], cents) - _reduced(part, other, cents)
            least = np.argsort(lost, kind="stable")[:beyond]
            choice = choice.copy()
            choice[holds[least]] = other[least]
    return choice


def _reduced(known: Ways, choice: np.ndarray, price: np.ndarray) -> np.ndarray:
    some, found = np.flatnonzero(choice != NOTHING), np.zeros(len(choice))
    found[some] = known.worth[some, choice[some]] - price[some] * known.cost[some, choice[some]]
    return found


class _Nearest:
    """Options in the order of their regret, among all and in each cell."""

    def __init__(self, regret: np.ndarray, cell: np.ndarray) -> None:
        """`regret` is (members, sets), infinite for what is no option."""
        order = np.argsort(regret, axis=None, kind="stable")
        self._order = order[: np.isfinite(regret).sum()]
        cells = cell[self._order // regret.shape[1]]
        by_cell = np.argsort(cells, kind="stable")
        self._by_cell, cells = self._order[by_cell], cells[by_cell]
        self._place = np.arange(len(cells)) - np.searchsorted(cells, cells)
        self._cells = max(len(np.unique(cells)), 1)
        self.count = len(order)

    def among(self, size: int, turn: int) -> np.ndarray:
        """Return about `size` options, as flat indices, half of them shared among cells: the next ones each turn."""
        half, share = size // 2, -(-size // (2 * self._cells))
        own = (self._place >= turn * share) & (self._place < (turn + 1) * share)
        return np.union1d(self._order[turn * half : (turn + 1) * half], self._by_cell[own])


def _core(known: Ways, within: Limits, start: np.ndarray, near: float, core: np.ndarray) -> np.ndarray | None:
    """Decide the options `core` (flat indices) anew, all others as in `start`, within `near` cents of the best.

    Whoever is in the core may also keep what `start` gives. None where the limits cannot be kept so.
    """
    count = len(known.sets)
    who = np.unique(core // count)
    if not len(who):
        return None
    kept = who[start[who] != NOTHING]
    member, option = np.divmod(np.union1d(core, kept * count + start[kept]), count)
    others = start.copy()
    others[who] = NOTHING
    cost, net = known.cost[member, option], known.worth[member, option]
    scale, extra = cost.max(), within.shared.shape[1]  # so that tolerances of the solver are parts of a cent
    use = csr_array(within.rows[:, known.cell[member]] * cost / scale)
    left = (_in_cents(within, cost) - within.rows @ known.sums(known.cost, others)) / scale
    holds = csr_array(known.sets[option][:, known.capped].T.astype(float))
    each = csr_array((np.ones(len(member)), (np.searchsorted(who, member), np.arange(len(member)))))
    below = csr_array((len(known.capped) + len(who), extra))
    found = milp(
        np.r_[-net / scale, np.zeros(extra)],
        integrality=np.r_[np.ones(len(member)), np.zeros(extra)],
        bounds=Bounds(0, np.r_[np.ones(len(member)), np.full(extra, np.inf)]),
        constraints=LinearConstraint(
            vstack([hstack([use, csr_array(within.shared)]), hstack([vstack([holds, each]), below])]),
            ub=np.r_[left, within.places - known.places(others), np.ones(len(who))],
        ),
        options={"mip_rel_gap": near / max(net.sum(), 1.0), "node_limit": _NODES},
    )
    if found.x is None:
        return None
    taken = found.x[: len(member)] > 0.5
    others[member[taken]] = option[taken]
    return None if _excess(known, within, others).any() else others


def _in_cents(within: Limits, cost: np.ndarray) -> np.ndarray:
    """Return the limits in whole cents where costs are whole, so that what rounds to them keeps them."""
    return np.floor(within.upper + within.slack) if (cost == np.rint(cost)).all() else within.upper


def check_members(options: Options, facts: pd.DataFrame) -> None:
    """Raise DataError where the two are not of the same members in the same order."""
    if not np.array_equal(options.members, facts["member_id"].to_numpy()):
        raise DataError("allocation: options and facts must have the same members in the same order.")
