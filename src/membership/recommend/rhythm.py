"""Rhythm: how often and when each member bought each item, or each group of items."""

from dataclasses import dataclass

import numpy as np

from membership.recommend.baskets import Baskets

NEVER = 400.0  # days; what was longer ago is as good as never
DECAYS = (0.5, 0.8, 0.95)  # a basket


@dataclass(frozen=True)
class Rhythm:
    """One entry a pair (member, thing) that was bought, and a last one that stands for all that were not.

    `key` (pairs,) is member * `things` + thing, sorted. All else has one entry more: `count` of baskets; `last` and
    `first` in days before the cut-off; `first_basket` counted back from the last one; `gap`, the mean days between
    purchases, and `last_gap` (NEVER below two); `decayed` (pairs + 1, decays), the sum of decay^(baskets since).
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
    width = int(baskets.basket.max()) + 1
    visit = (baskets.member.astype(np.int64) * things + thing) * width + baskets.basket
    visit, line = np.unique(visit, return_index=True)
    key, start, count = np.unique(visit // width, return_index=True, return_counts=True)
    end = start + count - 1  # within a pair the visits run from the last one back to the first
    age, basket = np.minimum(baskets.age[line], NEVER), baskets.basket[line].astype(float)
    twice = count > 1
    gap = np.where(twice, (age[end] - age[start]) / np.maximum(count - 1, 1), NEVER)
    last_gap = np.where(twice, age[np.where(twice, start + 1, start)] - age[start], NEVER)
    decayed = np.stack([np.add.reduceat(decay**basket, start) for decay in DECAYS], axis=1)
    return Rhythm(
        things,
        key,
        count=np.append(count, 0),
        last=np.append(age[start], NEVER),
        first=np.append(age[end], NEVER),
        first_basket=np.append(basket[end], width),
        gap=np.append(gap, NEVER),
        last_gap=np.append(last_gap, NEVER),
        decayed=np.append(decayed, np.zeros((1, len(DECAYS))), axis=0),
    )
