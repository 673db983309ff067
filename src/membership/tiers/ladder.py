"""The integer programme behind the search for thresholds: one candidate a level, within a budget and a limit of moves.

Binary x[l, c]: level l has candidate c as its threshold. Solved to optimality by HiGHS (Huangfu and Hall, 2018).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, csr_array, hstack, vstack

KNOBS = {"budget": "budget", "moves": "max_moves_per_year", "min_share": "min_share"}  # limit -> knob of tiers.search


@dataclass(frozen=True)
class Solution:
    """The best rule within the limits."""

    chosen: np.ndarray  # (levels,) the candidate of each level
    best: float  # what it brings
    bound: float  # what no rule within the limits exceeds


@dataclass(frozen=True)
class Limits:
    """Limits that some rule keeps: those asked for, or the nearest ones, and which of them gave way."""

    budget: float  # cents
    moves: float  # a member and year
    least: int  # members of each level
    gave_way: tuple[str, ...] = ()  # keys of KNOBS


@dataclass(frozen=True)
class Ladder:
    """What limits the choice: `cost` (levels, candidates), `moves` and `members` (candidates,) of each threshold."""

    thresholds: np.ndarray  # (candidates,) rising
    cost: np.ndarray
    moves: np.ndarray
    members: np.ndarray  # who is in a level with that threshold or above
    least: int  # members that each level holds at least
    reach: float  # share below a threshold from which members are pulled; the threshold before must be no higher

    def solve(
        self, worth: np.ndarray, budget: float = np.inf, moves: float = np.inf, enough: tuple | None = None
    ) -> Solution | None:
        """Return the rule with the most `worth` (levels, candidates) within the limits; None where there is none.

        `enough`: (values, least), a further quantity of every level and candidate, and how much of it there must be.
        """
        every = np.broadcast_to(self.moves, self.cost.shape)
        limits = [(self.cost, -np.inf, budget), (every, -np.inf, moves)]
        limits += [(enough[0], enough[1], np.inf)] if enough else []
        rows = [self._structure(), *(_limit(*limit) for limit in limits if np.isfinite(limit[1:]).any())]
        scale = np.abs(worth).max() or 1.0
        while True:
            found = milp(
                -(worth / scale).ravel(),
                integrality=1,
                bounds=Bounds(0, 1),
                constraints=rows,
                options={"mip_rel_gap": 0.0},
            )
            if found.x is None:
                return None
            chosen = found.x.reshape(worth.shape).argmax(axis=1)
            if self._total(self.cost, chosen) <= budget and self._total(every, chosen) <= moves:
                return Solution(chosen, self._total(worth, chosen), -found.mip_dual_bound * scale)
            rows.append(self._not_again(chosen))  # within the solver's tolerance of a limit, but beyond it

    def nearest(self, budget: float, moves: float) -> Limits | None:
        """Return the limits that a rule can keep: as asked, else the least that must be added for one to exist.

        Members first: where no rule holds `least` in each level, the most that one can. Then the budget gives way,
        to the cheapest rule within `moves`; where none is within `moves`, they do, to those of the calmest rule. None
        where no thresholds are out of each other's reach.
        """
        able = self._peopled()
        if able is None:
            return None
        every, gave_way = np.broadcast_to(self.moves, self.cost.shape), ("min_share",) * (able.least < self.least)
        frugal = able.solve(-self.cost, moves=moves)
        if frugal is None:
            moves, gave_way = self._total(every, able.solve(-every).chosen), (*gave_way, "moves")
            frugal = able.solve(-self.cost, moves=moves)
        cheapest = self._total(self.cost, frugal.chosen)
        if cheapest > budget:
            budget, gave_way = cheapest, (*gave_way, "budget")
        return Limits(budget, moves, able.least, gave_way)

    def _peopled(self) -> "Ladder | None":
        """Return the ladder with the most members, up to `least`, that each level can hold; None: no rule at all."""
        if self.solve(-self.cost) is not None:
            return self
        low, high = 0, self.least  # none holds `high`
        if replace(self, least=0).solve(-self.cost) is None:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            held = replace(self, least=middle).solve(-self.cost) is not None
            low, high = (middle, high) if held else (low, middle)
        return replace(self, least=low)

    def _structure(self) -> LinearConstraint:
        """One candidate a level; each threshold out of the next one's reach; enough members in each level."""
        levels, count = self.cost.shape
        one = csr_array(block_diag([np.ones((1, count))] * levels))
        upto = np.tri(count)  # row k: candidates up to k
        allowed = np.searchsorted(self.thresholds, (1 - self.reach) * self.thresholds, side="right")
        below = np.tri(count + 1, count, -1)[np.minimum(allowed, np.arange(count))]
        rising = [_two(level, upto, -below, levels) for level in range(1, levels)]
        held = [_two(level + 1, -self.members[None], self.members[None], levels) for level in range(levels)]
        blocks = [one, *rising, *held]
        low = np.r_[np.ones(levels), np.full(count * (levels - 1), -np.inf), np.full(levels, self.least)]
        high = np.r_[np.ones(levels), np.zeros(count * (levels - 1)), np.full(levels, np.inf)]
        return LinearConstraint(csr_array(vstack(blocks)), low, high)

    def _not_again(self, chosen: np.ndarray) -> LinearConstraint:
        row = np.zeros(self.cost.shape)
        row[np.arange(len(chosen)), chosen] = 1
        return LinearConstraint(row.ravel(), ub=len(chosen) - 1)

    @staticmethod
    def _total(values: np.ndarray, chosen: np.ndarray) -> float:
        return float(values[np.arange(len(chosen)), chosen].sum())


def _limit(values: np.ndarray, low: float, high: float) -> LinearConstraint:
    scale = np.abs(values).max() or 1.0  # so that the solver's tolerance means the same for all of them
    return LinearConstraint((values / scale).ravel()[None], low / scale, high / scale)


def _two(level: int, own: np.ndarray, before: np.ndarray, levels: int) -> csr_array:
    """Return rows with `own` at `level` (nothing, if above the top) and `before` at the level below it."""
    blocks = [csr_array(own.shape)] * levels
    blocks[level - 1] = csr_array(before)
    if level < levels:
        blocks[level] = csr_array(own)
    return csr_array(hstack(blocks))
