"""Benefits that are given at random, at known rates, so that what they do stays learnable.

1. Who is held out for good (`trials.holdout_share`, table `assignments`) gets no benefit.
2. Of all others, a share explores by Thompson sampling (Thompson, 1933): of a few draws of the beliefs each gets one
   at random, and the set that is best under it at the budget's shadow price. Where a benefit's effect is certain, or
   nothing is at stake, all draws agree and nothing is explored.
3. All others get the best allocation of what is left, within all limits.

The propensity of a benefit is thereby known: (1 - chance of being held out) x [(1 - explore) x (given by the
allocation) + explore x (share of the draws that give it)].
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.benefits import allocation, shadow_prices
from membership.benefits.allocation import GAP, Allocation
from membership.benefits.lift import BLOCK, Lift
from membership.benefits.limits import Limits
from membership.benefits.options import NOTHING, Options
from membership.benefits.payoff import Setting

DRAWS = 20  # of the beliefs, shared by all members
_SAMPLE, _DEAREST, _HALVINGS = 2000, 1e6, 6  # members, cents and steps by which the price of exploring is found
_MOST = 2.0  # times its share of the budget that exploring may cost at most, so that the limits can still be kept


@dataclass(frozen=True)
class Explored:
    """An allocation of which a part was made at random."""

    allocation: Allocation
    held_out: np.ndarray  # (members,) of bool
    exploring: np.ndarray
    propensity: np.ndarray  # (members, benefits) of being given the benefit; 0 where it may not be had

    @property
    def chosen(self) -> pd.DataFrame:
        """What is given, one row each: as `Options.frame`, with propensity and explored (by whom at random)."""
        found, options = self.allocation.chosen, self.allocation.options
        row = pd.Index(options.members).get_indexer(found["member_id"])
        column = pd.Index(options.benefits).get_indexer(found["benefit"])
        return found.assign(propensity=self.propensity[row, column], explored=self.exploring[row])


def allocate(
    setting: Setting, seed: int, period: str, holdout: pd.DataFrame | None = None, gap: float = GAP
) -> Explored:
    """Return who gets what in `period` (any name: each has its own draws), within the limits of `setting`.

    `holdout` is as from `trials.register.holdout`: index member_id; held, chance (of it); none of them without. Budget,
    places, shares of tiers and fairness hold for what is really given, members held out counting as members of their
    groups who get nothing. Raises DataError or ParamError as `payoff.Setting.options`.
    """
    settings, options = setting.settings, setting.options()
    held_out, chance = _held_out(options.members, holdout)
    free = replace(options, allowed=options.allowed & ~held_out[:, None])
    if not free.pays.any() or not settings.budget:
        found = allocation.allocate(free, setting.facts, settings, gap)
        nobody = np.zeros(len(held_out), dtype=bool)
        return Explored(found, held_out, nobody, np.zeros(options.allowed.shape))
    _, within, mixed, _ = allocation.relaxed(free, setting.facts, settings)
    rng = seeds.rng(seed, f"benefits {period}")
    share, tried, choices = settings.explore_share, *_thompson(setting, options, within, mixed, rng)
    explores = (rng.random(len(held_out)) < share) & ~held_out
    fixed = _within_budget(free, np.where(explores, choices, NOTHING), explores, settings, within, rng)
    found = allocation.allocate(_without(free, explores), setting.facts, settings, gap, fixed)
    planned = np.where(explores | held_out, _at_prices(options, found), found.choice)
    rate = (1 - share) * options.given(planned) + share * tried
    return Explored(found, held_out, explores, (1 - chance)[:, None] * np.where(options.allowed, rate, 0.0))


def _held_out(members: np.ndarray, holdout: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    """Return who of `members` is held out, and the chance of it, (members,) each."""
    if holdout is None:
        return np.zeros(len(members), dtype=bool), np.zeros(len(members))
    known = holdout.reindex(members)
    return known["held"].eq(True).to_numpy(), known["chance"].fillna(0.0).to_numpy(dtype=float)


def _thompson(setting: Setting, options: Options, within: Limits, mixed: shadow_prices.Relaxed, rng):
    """Return how often draws give each benefit, (members, benefits), and what one draw a member gives: a choice.

    At the prices of the limits, or a higher one at which exploring is expected to cost its share of the budget.
    """
    price, toll = within.split(mixed.prices)
    price = np.maximum(price, 0.0)[within.cell]  # a tier below its least share is no reason to explore there
    draws = [setting.lift.reaction.draw(rng) for _ in range(DRAWS)]
    count = len(options.members)
    tried, choice = np.zeros(options.allowed.shape), np.full(count, NOTHING, dtype=np.int16)
    mine, tolls = rng.integers(0, DRAWS, count), options.sets[:, within.capped] @ toll
    price = np.maximum(price, _dear_enough(setting, options, draws, price, tolls, rng))
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        members = _Members.of(setting, options, rows)
        for number, draw in enumerate(draws):
            part = members.best(setting.lift.drawn(draw, rows), price[rows], tolls)
            tried[rows] += options.given(part) / DRAWS
            choice[rows] = np.where(mine[rows] == number, part, choice[rows])
    return tried, choice


def _dear_enough(setting: Setting, options: Options, draws: list, price: np.ndarray, tolls: np.ndarray, rng) -> float:
    """Return the price of a cent at which all members, were they to explore, would cost the budget; 0 where less."""
    rows = np.sort(rng.permutation(len(price))[:_SAMPLE])
    members, seen = _Members.of(setting, options, rows), [setting.lift.drawn(draw, rows) for draw in draws]
    target = setting.settings.budget * len(rows) / len(price)

    def cost(least: float) -> float:
        asked = np.maximum(price[rows], least)
        each = (members.best(drawn, asked, tolls) for drawn in seen)
        return sum(options.taken(options.cost[rows], part).sum() for part in each) / len(seen)

    low, high = 0.0, 1.0
    if cost(low) <= target:
        return low
    while cost(high) > target and high < _DEAREST:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle) > target else (low, middle)
    return high


@dataclass(frozen=True)
class _Members:
    """Some of the members, and what holds of them under all draws."""

    setting: Setting
    options: Options
    spend: np.ndarray  # (rows,)
    orders: np.ndarray
    may: list[np.ndarray]  # of each set, (rows,) of bool

    @classmethod
    def of(cls, setting: Setting, options: Options, rows: np.ndarray) -> "_Members":
        spend, orders = (setting.facts[f"expected_{name}"].to_numpy(dtype=float)[rows] for name in ("spend", "orders"))
        allowed = options.allowed[rows]
        return cls(setting, options, spend, orders, [allowed[:, row].all(axis=1) for row in options.sets])

    def best(self, drawn: Lift, price: np.ndarray, tolls: np.ndarray) -> np.ndarray:
        """Return the best set of each of these members, whose lift is `drawn`, at these prices: a choice."""
        best, choice = np.zeros(len(price)), np.full(len(price), NOTHING, dtype=np.int16)
        worth, dear = self.options.order_worth, 1 + price
        for at, row in enumerate(self.options.sets):
            cost, gain, extra = self.setting.money(row, self.spend, self.orders, *drawn.of(np.flatnonzero(row)))
            reduced = gain + worth * extra if worth else gain
            reduced = reduced - dear * cost - tolls[at]
            better = (reduced > best) & self.may[at]
            np.copyto(best, reduced, where=better)
            choice[better] = at
        return choice


def _within_budget(options, choice, explores, settings, within: Limits, rng) -> np.ndarray:
    """Return the choices of who explores, in random order, as far as their part of the budget and places go.

    Others who explore get nothing. On more than a few members the limit is never reached.
    """
    order = rng.permutation(np.flatnonzero(explores))
    spent = options.taken(options.cost, choice)[order].cumsum()
    kept = spent <= min(_MOST * settings.explore_share, 1.0) * settings.budget
    for column, places in zip(within.capped, within.places, strict=True):
        kept &= options.given(choice)[order, column].cumsum() <= places
    found = np.full(len(choice), NOTHING, dtype=np.int16)
    found[order[kept]] = choice[order[kept]]
    return found


def _without(options: Options, explores: np.ndarray) -> Options:
    """Return `options` in which nothing more is given to those who explore."""
    return replace(options, allowed=options.allowed & ~explores[:, None])


def _at_prices(options: Options, found: Allocation) -> np.ndarray:
    """Return what members would be given at the prices of an allocation, as a choice."""
    if found.within is None:
        return np.full(len(options.members), NOTHING)
    (price, toll), worth = found.within.split(found.prices), shadow_prices.worths(options, options.pays)
    known = shadow_prices.Ways(worth, options.cost, found.within.cell, options.sets, found.within.capped)
    return known.choose(price[found.within.cell], toll)
