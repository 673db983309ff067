"""A seeded market of any size for measurements of speed: popular items, active members, repeats, and order times.

Items' popularity is log-normal and members' activity gamma, so that the top 1 % of items hold 28 % of events; 26 % of
events repeat what the member has bought. Members are alike in all else: there is nothing to learn but that.
"""

from datetime import date

import numpy as np

from membership.base import seeds
from membership.recommend.baskets import Baskets

CUTOFF = date(2024, 1, 1)
DAYS = 365  # of history
EVENTS = 53.5  # a member, mean
ORDER = 5  # items in an order, mean
POPULARITY_SIGMA = 1.85  # of the log-normal: 1 - Phi(2.326 - sigma) = .28 is the share of the top 1 %
ACTIVITY_SHAPE = 1.5  # of the gamma; the larger, the more alike are members
REPEAT = 0.30  # chance that an event after a member's first is drawn from its earlier ones; others repeat by chance


def draw(members: int, items: int, seed: int, events: int = EVENTS) -> Baskets:
    """Return the histories of `members` with `events` purchases each on average; some members have none.

    An item that an order holds twice counts once.
    """
    rng = seeds.rng(seed, f"market-{members}-{items}-{events}")
    activity = rng.gamma(ACTIVITY_SHAPE, 1 / ACTIVITY_SHAPE, members)
    count = rng.poisson(activity * events)
    member = np.repeat(np.arange(members), count)
    place = np.arange(len(member)) - np.repeat(np.cumsum(count) - count, count)  # of the event within its member
    item = _popular(items, len(member), rng)[_roots(place, rng)]
    basket, age = _orders(member, place, count, rng)
    line = np.unique((member * (int(basket.max()) + 1) + basket) * items + item, return_index=True)[1]
    bought, number = np.unique(member[line], return_inverse=True)
    columns = (array.astype(np.int32) for array in (number, item[line], basket[line], age[line]))
    return Baskets(CUTOFF, _ids("m", members)[bought], _ids("i", items), *columns)


def _popular(items: int, events: int, rng: np.random.Generator) -> np.ndarray:
    share = np.cumsum(rng.lognormal(0, POPULARITY_SIGMA, items))
    return np.searchsorted(share / share[-1], rng.random(events)).clip(max=items - 1)


def _roots(place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each event the event of the same member whose item it has: itself, or an earlier one."""
    event = np.arange(len(place))
    back = np.ceil(rng.random(len(place)) * place).astype(np.int64)  # 0 for a member's first
    root = np.where(rng.random(len(place)) < REPEAT, event - back, event)
    while (further := root[root] != root).any():
        root = np.where(further, root[root], root)
    return root


def _orders(member, place, count, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return each event's order, counted back from the member's last, and its age in days."""
    first = place == 0
    opens = first | (rng.random(len(place)) < 1 / ORDER)
    number = np.cumsum(opens) - 1
    owner = member[opens]
    age = np.sort(owner + rng.random(len(owner)))  # within a member from 0 to 1, the later the younger
    days = 1 + np.floor((1 - (age - owner)) * DAYS).clip(max=DAYS - 1).astype(np.int64)
    last = np.zeros(int(member.max()) + 1, dtype=np.int64)
    np.maximum.at(last, owner, np.arange(len(owner)))
    return last[member] - number, days[number]


def _ids(letter: str, n: int) -> np.ndarray:
    width = len(str(n - 1))
    return np.array([f"{letter}{number:0{width}d}" for number in range(n)])
