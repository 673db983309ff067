"""Signals: which items a member may buy next, and what the past says of each such pair (member, item)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.recommend import baselines
from membership.recommend.baskets import Baskets

NEVER = 400.0  # days since what never happened: longer than anything that is looked at
DECAYS = (0.5, 0.8, 0.95)
BATCH = 512


@dataclass(frozen=True)
class Rhythm:
    """How often and when members bought things (items, or groups of them), one entry a pair (member, thing).

    `key` is member * things + thing, sorted; `count` baskets, `last` and `first` in days before the cut-off,
    `last_basket` and `first_basket` in baskets counted back, `decayed` (pairs, len(DECAYS)) the sum of
    decay^(baskets since). A last entry stands for pairs that never were.
    """

    key: np.ndarray
    count: np.ndarray
    last: np.ndarray
    first: np.ndarray
    last_basket: np.ndarray
    first_basket: np.ndarray
    previous: np.ndarray
    decayed: np.ndarray

    def at(self, key: np.ndarray) -> np.ndarray:
        """Return the entry of each of `key`, that of "never" for an unknown one."""
        position = np.searchsorted(self.key, key).clip(max=len(self.key) - 1)
        return np.where(self.key[position] == key, position, len(self.key))


def rhythm(baskets: Baskets, thing: np.ndarray, things: int) -> Rhythm:
    """Return the rhythm of `thing` (N,), a number for each line of `baskets`, below `things`."""
    width = int(baskets.basket.max()) + 1
    visit = (baskets.member.astype(np.int64) * things + thing) * width + baskets.basket
    visit, line = np.unique(visit, return_index=True)
    key, start, count = np.unique(visit // width, return_index=True, return_counts=True)
    end = start + count - 1  # within a pair, baskets run from the last back to the first
    basket, age = baskets.basket[line].astype(float), baskets.age[line].astype(float)
    decayed = np.stack([np.add.reduceat(decay**basket, start) for decay in DECAYS], axis=1)
    previous = np.where(count > 1, age[np.minimum(start + 1, len(age) - 1)], NEVER)
    return Rhythm(
        key,
        np.append(count, 0.0),
        np.append(age[start], NEVER),
        np.append(age[end], NEVER),
        np.append(basket[start], width),
        np.append(basket[end], width),
        np.append(previous,NEVER),
        np.append(decayed, np.zeros((1, len(DECAYS))), axis=0),
    )
