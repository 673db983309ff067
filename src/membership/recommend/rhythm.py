"""Rhythm: how often and when each member bought each item, or each group of items."""

from dataclasses import dataclass

import numpy as np

from membership.recommend.baskets import Baskets

NEVER = 400.0  # days; what was longer ago is as good as never
DECAYS = (0.5, 0.8, 0.95)  # a basket


@dataclass(frozen=True)
class Rhythm:
    """One entry a pair (member, thing) that was bought, and a last one that stands for all that were not.

    `key` (pairs,) is member * `things` + thing, sorted. All else is float32 and has one entry more: `count` of
    baskets; `last` and `first` in days before the cut-off; `first_basket` counted back from the last one; `gap`, the
    mean days between purchases, and `last_gap` (NEVER below two); `decayed` (decays, pairs + 1), the sum of
    decay^(baskets since).
    """

    things: int
    key: np.ndarray
    count: np.ndarray
    last: np.ndarray
    first: np.ndarray
    first_basket: np.ndarray
    gap: np.ndarray
    last_gap: np.ndarray
    decayed: np.ndarray

    def at(self, member: np.ndarray, thing: np.ndarray) -> np.ndarray:
        """Return the entry of each pair, the last one where it was never bought."""
        key = member.astype(np.int64) * self.things + thing
        position = np.searchsorted(self.key, key).clip(max=len(self.key) - 1)
        return np.where(self.key[position] == key, position, len(self.key))


def rhythm(baskets: Baskets, thing: np.ndarray, things: int) -> Rhythm:
    """Return the rhythm of `thing` (N,): for each line of `baskets` a number below `things`, e.g. its item."""
    width = int(baskets.basket.max(initial=0)) + 1
    visit = np.sort((baskets.member.astype(np.int64) * things + thing) * width + baskets.basket)
    visit = visit[changes(visit)]
    pair = visit // width
    last = np.flatnonzero(changes(pair))  # within a pair the visits run from the last one back to the first
    key, first = pair[last], np.append(last, len(pair))[1:] - 1
    count, basket = first - last + 1, visit - pair * width
    age, latest = _ages(baskets)
    age = age[np.repeat(latest[key // things], count) + basket]
    twice = count > 1
    decays = [(decay ** np.arange(width)).astype(np.float32) for decay in DECAYS]
    return Rhythm(
        things,
        key,
        count=_with(count, 0),
        last=_with(age[last], NEVER),
        first=_with(age[first], NEVER),
        first_basket=_with(basket[first], width),
        gap=_with(np.where(twice, (age[first] - age[last]) / np.maximum(count - 1, 1), NEVER), NEVER),
        last_gap=_with(np.where(twice, age[last + twice] - age[last], NEVER), NEVER),
        decayed=np.stack([_with(np.add.reduceat(power[basket], last), 0) for power in decays]),
    )


def changes(values: np.ndarray) -> np.ndarray:
    """Say where `values` (n,) differ from the one before; the first does."""
    return np.insert(values[1:] != values[:-1], 0, True)[: len(values)]


def _ages(baskets: Baskets) -> tuple[np.ndarray, np.ndarray]:
    """Return the age of each basket, members' one after another from the last one back, and where each member's start.

    What is older than NEVER counts as that.
    """
    opens = changes(baskets.member) | changes(baskets.basket)
    age = np.minimum(baskets.age[opens], NEVER).astype(np.float32)
    return age, np.flatnonzero(changes(baskets.member[opens]))


def _with(values: np.ndarray, never: float) -> np.ndarray:
    return np.append(values, never).astype(np.float32)
