"""A market whose members react to benefits in known, different ways: what the loop is judged on.

Months of 30 days. In a month without benefits a member comes with chance p = 1 - exp(-rate), the rate being the
member's own times season and a state, busy or resting, that changes by itself; who comes places Poisson(rate) orders,
at least one, of amounts around a mean of the member's own. A benefit moves the log-odds of coming, by persona, rate,
mean amount and a part that nothing seen explains, less the more of it the member had of late (fatigue); for some
it is below 0. Every draw is made once: policies meet the same members, luck and all (common random numbers).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from membership.base import seeds
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.benefits import Benefit

DAYS = 30  # a month
BEFORE, MONTHS = 15, 12  # months of history, and of the loop
BEGINS = 17_000  # days since 1970
MARGIN, BUDGET = 0.25, 0.02  # margin over spend; budget of a month over the margin without benefits
CATALOGUE = [
    Benefit(name="offer", kind="personalised_offers", cost=15, cost_share=0.004, uplift=0.06, uplift_sd=0.04),
    Benefit(name="delivery", kind="free_shipping", cost_per_order=30, uplift=0.06, uplift_sd=0.04),
    Benefit(name="discount", kind="discount", cost_share=0.012, uplift=0.06, uplift_sd=0.04),
    Benefit(name="points", kind="points_multiplier", multiplier=2.0, cost_share=0.008, uplift=0.06, uplift_sd=0.04),
]
NAMES = tuple(one.name for one in CATALOGUE)
PERSONAS = {  # name -> share, orders a month where busy, mean of an order (units of currency)
    "stock-up": (0.2, 1.2, 60.0),
    "regular": (0.4, 2.5, 35.0),
    "bargain": (0.25, 1.0, 30.0),
    "rare": (0.15, 0.4, 40.0),
}
FIXED = np.array([one.cost for one in CATALOGUE], dtype=float)
_SHARE = np.array([one.cost_share for one in CATALOGUE])
_BY_ORDER = np.array([one.cost_per_order for one in CATALOGUE], dtype=float)
LEVEL = (0.35, 0.25)  # log-odds: mean and sd over benefits of the effect on the mean member
BY_PERSONA, BY_RATE, BY_AMOUNT, UNSEEN = 0.3, 0.15, 0.1, 0.15  # log-odds: sds of what moves it
FATIGUE = (0.1, 0.5)  # by which share each month of having it, halved by month, adds to the divisor of its effect
NULL_EVERY = 4  # of so many markets, one in which nothing works
MISTAKEN = 0.1  # of personas that are seen wrong


@dataclass(frozen=True, eq=False)
class Market:
    """One drawn market of n members over M = BEFORE + MONTHS months, B benefits; amounts in cents."""

    persona: np.ndarray  # (n,) as it is seen
    chance: np.ndarray  # (n, M) of coming without benefits
    luck: np.ndarray  # (n, M) uniform: who comes
    orders: np.ndarray  # (n, M) of who comes
    usual: np.ndarray  # (n, M) expected orders of who comes
    amount: np.ndarray  # (n,) mean of an order
    order: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # each: member, month, day, amount, by member and day
    shift: np.ndarray  # (n, B) log-odds, without fatigue
    fatigue: np.ndarray  # (B,)

    def odds(self, month: int, had: np.ndarray) -> np.ndarray:
        """Return the shifts of log-odds in a month (n, B), with `had` (n, B): how much of each they had of late."""
        return self.shift / (1 + self.fatigue * had)

    def chances(self, month: int, had: np.ndarray) -> np.ndarray:
        """Return the chance of coming with each benefit, (n, B)."""
        return special.expit(special.logit(self.chance[:, [month]]) + self.odds(month, had))

    def spend(self, month: int) -> np.ndarray:
        """Return the expected spend of who comes, (n,)."""
        return self.usual[:, month] * self.amount

    @cached_property
    def spent(self) -> np.ndarray:
        """Cents of who comes, (n, M)."""
        member, month, _, amount = self.order
        found = np.zeros(self.chance.shape)
        np.add.at(found, (member, month), amount)
        return found

    def history(self, came: np.ndarray, until: int) -> PurchaseDays:
        """Return the purchase days of months before `until`, where members `came`, (n, M) of bool."""
        member, month, day, amount = self.order
        seen = (month < until) & came[member, month]
        starts = np.concatenate([[0], np.cumsum(np.bincount(member[seen], minlength=len(came)))])
        ids = np.array([f"m{number:06d}" for number in range(len(came))])
        return PurchaseDays(ids, np.full(len(came), BEGINS), starts, day[seen], amount[seen])


@dataclass
class World:
    """What has become of one market under one policy; months of history are over at the start."""

    market: Market
    came: np.ndarray  # (n, M) of bool
    had: np.ndarray  # (n, B) how much of each benefit members had of late
    month: int = BEFORE

    @classmethod
    def begin(cls, market: Market) -> "World":
        """Return the market before the first month, without any benefit so far."""
        return cls(market, market.luck < market.chance, np.zeros(market.shift.shape))

    def step(self, given: np.ndarray) -> dict[str, float]:
        """Live one month in which member i has benefit given[i] (-1: none); return its orders, net and cost."""
        market, month = self.market, self.month
        row, at = np.arange(len(given)), np.maximum(given, 0)
        before = market.chance[:, month]
        after = np.where(given >= 0, market.chances(month, self.had)[row, at], before)
        spend, orders = market.spend(month), market.usual[:, month]
        due = np.where(given >= 0, cost(after * spend, after * orders)[row, at], 0.0)
        net = MARGIN * (after - before) * spend - due
        self.came[:, month] = market.luck[:, month] < after
        self.had = self.had / 2 + (given[:, None] == np.arange(market.shift.shape[1]))
        self.month += 1
        found = {
            "orders": (after - before) @ orders,
            "net": net.sum(),
            "cost": due.sum(),
            "given": (given >= 0).mean(),
        }
        return {name: float(value) for name, value in found.items()}


def cost(spend: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return what each benefit costs, (n, B) cents, where members spend (n,) and place orders (n,) with it."""
    return FIXED + _SHARE * spend[:, None] + _BY_ORDER * orders[:, None]


def draw(members: int, seed: int) -> Market:
    """Draw a market; every NULL_EVERY-th seed is one in which nothing works."""
    rng = seeds.rng(seed, "loop members")
    share, rate, amount = (np.array(column) for column in zip(*PERSONAS.values(), strict=True))
    persona = rng.choice(len(PERSONAS), members, p=share)
    own = rng.gamma(2.0, rate[persona] / 2.0)
    typical = 100 * amount[persona] * rng.lognormal(-0.08, 0.4, members)
    months = BEFORE + MONTHS
    rates = np.maximum(own[:, None] * _season(months, rng) * _state(members, months, rng), 1e-3)
    chance = -np.expm1(-rates)
    orders = _at_least_one(rates, seeds.rng(seed, "loop orders"))
    shift, fatigue = _response(persona, own, typical, seeds.rng(seed, "loop response"))
    works = seed % NULL_EVERY != 0
    seen = np.where(rng.random(members) < MISTAKEN, rng.integers(0, len(PERSONAS), members), persona)
    return Market(
        persona=np.array(list(PERSONAS))[seen],
        chance=chance,
        luck=seeds.rng(seed, "loop luck").random((members, months)),
        orders=orders,
        usual=rates / chance,
        amount=typical,
        order=_each(orders, typical, seeds.rng(seed, "loop amounts")),
        shift=shift * works,
        fatigue=fatigue,
    )


def _season(months: int, rng: np.random.Generator) -> np.ndarray:
    return 1 + rng.uniform(0, 0.3) * np.sin(2 * np.pi * (np.arange(months) / 12 + rng.random()))


def _state(members: int, months: int, rng: np.random.Generator) -> np.ndarray:
    """Return the factor of each member's rate: 1 where busy, 0.15 where resting, (members, months)."""
    falls, rises = rng.uniform(0.03, 0.08), rng.uniform(0.1, 0.2)
    busy = rng.random(members) < rises / (falls + rises)
    found = np.empty((members, months))
    for month in range(months):
        found[:, month] = np.where(busy, 1.0, 0.15)
        busy = np.where(busy, rng.random(members) >= falls, rng.random(members) < rises)
    return found


def _at_least_one(rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw Poisson numbers, given at least one: the first arrival within the month, then the rest of it."""
    first = -np.log1p(rng.random(rates.shape) * np.expm1(-rates)) / rates
    return np.minimum(1 + rng.poisson(rates * (1 - first)), DAYS)


def _each(orders: np.ndarray, amount: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return member, month, day and amount of each order of who comes; no two of a member on one day."""
    member, month = np.nonzero(orders > 0)
    count = orders[member, month]
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    member, month, count = (np.repeat(one, count) for one in (member, month, count))
    day = BEGINS + month * DAYS + np.floor((number + rng.random(len(number))) * DAYS / count).astype(int)
    return member, month, day, np.rint(amount[member] * rng.lognormal(-0.08, 0.4, len(member))).astype(int)


def _response(persona: np.ndarray, rate: np.ndarray, amount: np.ndarray, rng: np.random.Generator):
    """Return shifts (members, benefits) and fatigue (benefits,)."""
    kinds = len(NAMES)
    traits = [(one - one.mean()) / one.std() for one in (np.log(rate), np.log(amount))]
    by = rng.normal(0, BY_PERSONA, (len(PERSONAS), kinds))[persona]
    slopes = rng.normal(0, [[BY_RATE], [BY_AMOUNT]], (2, kinds))
    shift = rng.normal(*LEVEL, kinds) + by + np.column_stack(traits) @ slopes
    return shift + rng.normal(0, UNSEEN, shift.shape), rng.uniform(*FATIGUE, kinds)
