"""Shadow prices of the limits, from a linear programme over cells of members that the limits treat alike.

Dantzig-Wolfe decomposition (Dantzig and Wolfe, 1960). At a price p for each cent and a toll for each place, every
member of a cell takes the set of benefits of largest worth less p cost and tolls; the sums over the cell are one more
way to serve it. The programme mixes these ways within the limits and yields new prices, until no new way would bring
more. Ways do not depend on budget or ratio, so a programme with other limits starts from the ways already known.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from membership.benefits.limits import Limits
from membership.benefits.options import NOTHING, Options

_STARTS = (1e12, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.0, -1.0, -1e9)  # from nothing to the most expensive
_ROUNDS = 60  # far more than are needed
_TOLERANCE = 1e-7  # distance of bound and programme, relative, at which the prices are final


@dataclass(frozen=True)
class Relaxed:
    """The best mix of ways, where benefits could be shared out in parts."""

    net: float  # cents
    bound: float  # cents that no allocation exceeds: the Lagrangian dual at `prices`
    prices: np.ndarray  # (limits + benefits with places,) cents for each cent of a limit, or for each place
    spent: np.ndarray  # (cells,) cents
    shadow_price: float  # cents that one more cent of budget would bring
    mix: np.ndarray  # (ways, cells) the share of each cell that is served in each way


@dataclass
class Ways:
    """The members of each cell, and the ways to serve them that are known so far."""

    worth: np.ndarray  # (members, sets) cents, -inf where it does not pay
    cost: np.ndarray
    cell: np.ndarray
    sets: np.ndarray  # (sets, benefits) of bool
    capped: np.ndarray  # benefits with places
    price: list[np.ndarray] = field(default_factory=list)  # of each way, (cells,) for each cent
    toll: list[np.ndarray] = field(default_factory=list)  # (capped,) for each place
    spent: list[np.ndarray] = field(default_factory=list)  # (cells,)
    brought: list[np.ndarray] = field(default_factory=list)
    used: list[np.ndarray] = field(default_factory=list)  # (capped, cells)

    def choose(self, price: np.ndarray, toll: np.ndarray, without: int | None = None) -> np.ndarray:
        """Return the set that each member takes where a cent costs `price` (members,) and places `toll` (capped,).

        `without`: no set with that benefit. Of equal ones the first set is taken, and nothing before any.
        """
        best, choice = np.zeros(len(price)), np.full(len(price), NOTHING, dtype=np.int16)
        for at, extra in enumerate(self.tolls(toll)):
            if without is None or not self.sets[at, without]:
                reduced = self.worth[:, at] - price * self.cost[:, at] - extra
                better = reduced > best
                np.copyto(best, reduced, where=better)
                choice[better] = at
        return choice

    def apart(self, limits: Limits) -> bool:
        """Return whether `limits` have other cells than these."""
        return not np.array_equal(self.cell, limits.cell)

    def tolls(self, toll: np.ndarray) -> np.ndarray:
        """Return what the places of each set cost, (sets,)."""
        return self.sets[:, self.capped] @ toll

    def regret(self, price: np.ndarray, toll: np.ndarray) -> np.ndarray:
        """Return what would be lost by another choice than the best at these prices: (members, sets).

        For the set that is taken, what it brings beyond the next best one; for another, what it brings less;
        infinite where it does not pay.
        """
        reduced = self.worth - price[:, None] * self.cost - self.tolls(toll)
        choice, rows = self.choose(price, toll), np.arange(len(reduced))
        best = np.where(choice == NOTHING, 0.0, reduced[rows, choice])
        found = best[:, None] - reduced
        some = choice != NOTHING
        reduced[rows[some], choice[some]] = -np.inf
        found[rows[some], choice[some]] = (best - np.maximum(reduced.max(axis=1), 0.0))[some]
        return found

    def add(self, price: np.ndarray, toll: np.ndarray) -> float:
        """Add the way that members choose at `price` (cells,) and `toll`; return the sum of their reduced worth."""
        choice = self.choose(price[self.cell], toll)
        self.price.append(price)
        self.toll.append(toll)
        self.spent.append(self.sums(self.cost, choice))
        self.brought.append(self.sums(self.worth, choice))
        self.used.append(self._places(choice))
        return float((self.brought[-1] - price * self.spent[-1]).sum() - toll @ self.used[-1].sum(axis=1))

    def sums(self, values: np.ndarray, choice: np.ndarray) -> np.ndarray:
        """Return the sum of `values` (members, sets) of what is chosen in each cell."""
        some = np.flatnonzero(choice != NOTHING)
        return np.bincount(self.cell[some], weights=values[some, choice[some]], minlength=self.cell.max() + 1)

    def places(self, choice: np.ndarray) -> np.ndarray:
        """Return how many places are taken of each benefit that has them: (capped,)."""
        return self._places(choice).sum(axis=1)

    def brings(self, choice: np.ndarray) -> float:
        """Return the worth of a choice, cents."""
        return float(self.sums(self.worth, choice).sum())

    def _places(self, choice: np.ndarray) -> np.ndarray:
        cells, some = self.cell.max() + 1, np.flatnonzero(choice != NOTHING)
        holds = self.sets[choice[some]][:, self.capped]
        each = [np.bincount(self.cell[some], weights=column, minlength=cells) for column in holds.T]
        return np.array(each).reshape(len(self.capped), cells)


def ways(options: Options, limits: Limits, fixed: np.ndarray | None = None) -> Ways:
    """Return a first set of ways, from taking nothing to taking the dearest; who is `fixed` takes nothing more."""
    free = options.pays if fixed is None else options.pays & (fixed == NOTHING)[:, None]
    found = Ways(worths(options, free), options.cost, limits.cell, options.sets, limits.capped)
    for price in _STARTS:
        found.add(np.full(limits.rows.shape[1], price), np.zeros(len(limits.capped)))
    return found


def worths(options: Options, free: np.ndarray) -> np.ndarray:
    """Return the worth of each set for each member, -inf where it is not `free` to be given: (members, sets)."""
    found = np.empty(options.cost.shape, order="F")
    for at in range(len(options.sets)):
        found[:, at] = np.where(free[:, at], options.worth(at), -np.inf)
    return found


def relax(known: Ways, limits: Limits) -> Relaxed | None:
    """Return the best mix of ways within `limits`, adding ways until none would bring more; None where none fits."""
    bound = np.inf
    for _ in range(_ROUNDS):
        solved = _programme(known, limits)
        if solved is None:
            return None
        net, prices, spent, mix = solved
        found = limits.bound(known.add(*limits.split(prices)), prices)
        if found < bound:
            bound, best = found, prices
        if bound - net <= _TOLERANCE * max(abs(net), 1.0):
            break
    return Relaxed(net, bound, best, spent, float(best[: len(limits.slope)] @ limits.slope), mix)


def _programme(known: Ways, limits: Limits) -> tuple[float, np.ndarray, np.ndarray, np.ndarray] | None:
    """Mix the known ways: return net (cents), the limits' prices, cents spent in each cell, and the mix."""
    cells = limits.rows.shape[1]
    scale = max(limits.upper[0], 1.0)  # in budgets rather than cents, so that the solver's tolerances fit
    spent, brought = np.concatenate(known.spent) / scale, np.concatenate(known.brought) / scale
    room = np.maximum(limits.places, 1.0)
    used = np.concatenate(known.used, axis=1) / room[:, None]
    cell = np.tile(np.arange(cells), len(known.price))
    same = np.vstack([cell, spent, brought, used])  # many prices lead to the same choice
    _, kept = np.unique(same, axis=1, return_index=True)
    cell, spent, brought, used = cell[kept], spent[kept], brought[kept], used[:, kept]
    extra = limits.shared.shape[1]
    uses = csr_array(np.vstack([limits.rows[:, cell] * spent, used]))
    one = csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(cells, len(cell)))
    solution = linprog(
        np.r_[-brought, np.zeros(extra)],
        A_ub=hstack([uses, csr_array(np.vstack([limits.shared, np.zeros((len(room), extra))]))]),
        b_ub=np.r_[limits.upper / scale, limits.places / room],
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
    prices[len(limits.upper) :] *= scale / room
    return -solution.fun * scale, prices, mixed * scale, mix.reshape(-1, cells)
