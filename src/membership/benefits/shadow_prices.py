"""Shadow prices of the limits, from a linear programme over cells of members that the limits treat alike.

Dantzig-Wolfe decomposition (Dantzig and Wolfe, 1960). At a price p for each cent, every member of a cell takes the
benefits of largest gain less (1 + p) cost; the sums over the cell are one more way to serve it. The programme mixes
these ways within the limits and yields new prices, until no new way would bring more. Ways do not depend on budget or
ratio, so a programme with other limits starts from the ways already known.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from membership.benefits.limits import Limits
from membership.benefits.payoff import Options

_STARTS = (1e12, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.0, -1.0, -1e9)  # from nothing to the most expensive
_ROUNDS = 60  # far more than are needed
_TOLERANCE = 1e-7  # distance of bound and programme, relative, at which the prices are final


@dataclass(frozen=True)
class Relaxed:
    """The best mix of ways, where benefits could be shared out in parts."""

    net: float  # cents
    bound: float  # cents that no allocation exceeds: the Lagrangian dual at `prices`
    prices: np.ndarray  # (limits,) cents for each cent of a limit
    spent: np.ndarray  # (cells,) cents
    shadow_price: float  # cents that one more cent of budget would bring
    mix: np.ndarray  # (ways, cells) the share of each cell that is served in each way


@dataclass
class Ways:
    """The members of each cell, and the ways to serve them that are known so far."""

    net: np.ndarray  # (members, benefits) cents, -inf where it does not pay
    cost: np.ndarray
    cell: np.ndarray
    most: int  # benefits a member
    price: list[np.ndarray] = field(default_factory=list)  # of each way, (cells,)
    spent: list[np.ndarray] = field(default_factory=list)
    brought: list[np.ndarray] = field(default_factory=list)

    def choose(self, price: np.ndarray) -> np.ndarray:
        """Return what members take where a cent costs `price` (members,) on top: (members, benefits) of bool."""
        return _best(self.net - price[:, None] * self.cost, self.most)

    def regret(self, price: np.ndarray) -> np.ndarray:
        """Return what would be lost by changing the choice at `price` (members,) in one place: (members, benefits).

        For a benefit that is taken, what it brings beyond the next best one; for another, what it brings less than
        the one that it would displace; infinite where it does not pay.
        """
        reduced = self.net - price[:, None] * self.cost
        given = _best(reduced, self.most)
        full = given.sum(axis=1) >= self.most
        last = np.where(full, np.where(given, reduced, np.inf).min(axis=1), 0.0)
        following = np.where(full, np.where(given, 0.0, np.maximum(reduced, 0.0)).max(axis=1), 0.0)
        return np.where(given, reduced - following[:, None], last[:, None] - reduced)

    def add(self, price: np.ndarray) -> float:
        """Add the way that members choose at `price` (cells,); return the sum of their reduced gains."""
        given = self.choose(price[self.cell])
        cost = np.where(given, self.cost, 0.0).sum(axis=1)
        net = np.where(given, self.net, 0.0).sum(axis=1)
        cells = len(price)
        self.price.append(price)
        self.spent.append(np.bincount(self.cell, weights=cost, minlength=cells))
        self.brought.append(np.bincount(self.cell, weights=net, minlength=cells))
        return float((self.brought[-1] - price * self.spent[-1]).sum())

    def spread(self, mix: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Return the sum of `spread` (members, benefits) over what `mix` (ways, cells) gives: (benefits,)."""
        used = [(price, share) for price, share in zip(self.price, mix, strict=False) if share.any()]
        given = (share[self.cell, None] * self.choose(price[self.cell]) for price, share in used)
        return sum((part * spread).sum(axis=0) for part in given)

    def cents(self, given: np.ndarray) -> np.ndarray:
        """Return what `given` (members, benefits) costs in each cell."""
        cost = np.where(given, self.cost, 0.0).sum(axis=1)
        return np.bincount(self.cell, weights=cost, minlength=len(self.price[0]))

    def brings(self, given: np.ndarray) -> float:
        """Return the gain less cost of `given` (members, benefits), cents."""
        return float(self.net[given].sum())


def ways(options: Options, limits: Limits, most: int) -> Ways:
    """Return a first set of ways, from taking nothing to taking the most expensive benefits."""
    net = np.where(options.pays, options.net, -np.inf)
    found = Ways(net, options.cost, limits.cell, most)
    for price in _STARTS:
        found.add(np.full(limits.rows.shape[1], price))
    return found


def relax(known: Ways, limits: Limits) -> Relaxed | None:
    """Return the best mix of ways within `limits`, adding ways until none would bring more; None where none fits."""
    bound = np.inf
    for _ in range(_ROUNDS):
        solved = _programme(known, limits)
        if solved is None:
            return None
        net, prices, spent, mix = solved
        found = limits.bound(known.add(prices @ limits.rows), prices)
        if found < bound:
            bound, best = found, prices
        if bound - net <= _TOLERANCE * max(abs(net), 1.0):
            break
    return Relaxed(net, bound, best, spent, float(best @ limits.slope), mix)


def _programme(known: Ways, limits: Limits) -> tuple[float, np.ndarray, np.ndarray, np.ndarray] | None:
    """Mix the known ways: return net (cents), the limits' prices, cents spent in each cell, and the mix."""
    cells = limits.rows.shape[1]
    scale = max(limits.upper[0], 1.0)  # in budgets rather than cents, so that the solver's tolerances fit
    spent, brought = np.concatenate(known.spent) / scale, np.concatenate(known.brought) / scale
    cell = np.tile(np.arange(cells), len(known.price))
    _, kept = np.unique(np.stack([cell, spent]), axis=1, return_index=True)  # many prices lead to the same choice
    cell, spent, brought = cell[kept], spent[kept], brought[kept]
    extra = limits.shared.shape[1]
    uses = csr_array(limits.rows[:, cell] * spent)
    one = csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(cells, len(cell)))
    solution = linprog(
        np.r_[-brought, np.zeros(extra)],
        A_ub=hstack([uses, csr_array(limits.shared)]),
        b_ub=limits.upper / scale,
        A_eq=hstack([one, csr_array((cells, extra))]),
        b_eq=np.ones(cells),
        method="highs",
    )
    if solution.x is None:
        return None
    mixed = np.bincount(cell, weights=solution.x[: len(cell)] * spent, minlength=cells)
    mix = np.zeros(len(known.price) * cells)
    mix[kept] = solution.x[: len(cell)]
    prices = np.maximum(-solution.ineqlin.marginals, 0.0)
    return -solution.fun * scale, prices, mixed * scale, mix.reshape(-1, cells)


def _best(reduced: np.ndarray, most: int) -> np.ndarray:
    """Return which of `reduced` (members, benefits) are above 0 and among each member's `most` largest.

    Of equal ones the first benefit of the catalogue comes first.
    """
    given = reduced > 0
    count = reduced.shape[1]
    if most >= count:
        return given
    for column in range(count):
        before = np.zeros(len(reduced), dtype=np.int8)
        for other in range(count):
            if other != column:
                ahead = np.greater_equal if other < column else np.greater
                before += ahead(reduced[:, other], reduced[:, column])
        given[:, column] &= before < most
    return given
