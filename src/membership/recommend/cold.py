"""Cold items: what is said of items that few or nobody took yet, by when they came, what sells now, and their words.

A source of its own each, so that the model learns from labels what newness and likeness are worth here. They are there
where the catalogue says since when its items are known (`recommend.cold`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend import texts
from membership.recommend.baskets import Baskets
from membership.recommend.products import cut, small

NOW = {"now": 1, "now_week": 7}  # sources of what sells now: days after which a purchase counts half
ALIKE = 30  # items that are most alike an item, of those that stand for it
FEW = 3  # buyers up to whom an item is cold
SHRINK = 1.0  # likenesses of one whole item by which the expected popularity is shrunk


@dataclass(frozen=True)
class Words:
    """Of the items (I,) by what is said of them: at which rate, a day, they are `expected` to be bought; what leads to
    each, `alike` (I, I), and `to_cold` (I, I), the same with cold items alone in its columns.
    """

    expected: np.ndarray
    alike: sparse.csr_array
    to_cold: sparse.csr_array


@dataclass(frozen=True)
class Cold:
    """Of the items: how well they sell `now`, (NOW, I), how `new` they are, (I,), from 0 to 1, and `words` if any."""

    now: tuple[np.ndarray, ...]
    new: np.ndarray
    words: Words | None


def learn(baskets: Baskets, items: pd.DataFrame | None) -> Cold:
    """Return what `baskets`, which say since when items are known, and `items` (the canonical table) tell of them."""
    width, age = baskets.shape[1], baskets.age
    now = [np.bincount(baskets.item, 0.5 ** (age / half), width) / max(baskets.shape[0], 1) for half in NOW.values()]
    new = 1 / (1 + baskets.since)
    words = _words(baskets, items) if texts.there(items) else None
    return Cold(tuple(each.astype(np.float32) for each in now), new.astype(np.float32), words)


def _words(baskets: Baskets, items: pd.DataFrame) -> Words:
    said = texts.vectors(texts.texts(baskets.items, items))
    buyers = np.bincount(baskets.item, minlength=baskets.shape[1])
    alike = _alike(said, np.ones(len(buyers)))
    return Words(_expected(alike, buyers / (1 + baskets.since)), alike, _alike(said, (buyers <= FEW) * 1.0))


def _alike(said: sparse.csr_array, weight: np.ndarray) -> sparse.csr_array:
    """Return cosines of rows with the ALIKE columns most like them, times the columns' `weight`; 0 with itself."""
    found = cut(said, (sparse.diags_array(weight) @ said).T, ALIKE + 1)
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    found.data[rows == found.indices] = 0
    found.eliminate_zeros()
    return small(found)


def _expected(alike: sparse.csr_array, rate: np.ndarray) -> np.ndarray:
    """Return the mean `rate` (I,) of items like each, shrunk to that of all."""
    mean = rate.mean()
    return ((alike @ rate + SHRINK * mean) / (alike.sum(axis=1) + SHRINK)).astype(np.float32)
