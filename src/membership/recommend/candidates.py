"""Candidates: the pairs (member, item) that are worth a probability."""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.products import first, small
from membership.recommend.ranking import Ranker, best
from membership.recommend.sources import Scores, Source, Sources

CELLS = 16_000_000  # members times items that are looked at together, with a number for each
TEACH = 200_000  # members of whom it is learned which items go together, at most: more would say the same


@dataclass(frozen=True)
class Pairs:
    """Rows of `Baskets.members` and `Baskets.items`, sorted, (n,) each, and what the sources `names` say of them.

    `scores` is (n, sources), float32; `own` (n,) says whether the item is in the member's history.
    """

    member: np.ndarray
    item: np.ndarray
    own: np.ndarray
    scores: np.ndarray
    names: list[str]

    def keep(self, chosen: np.ndarray) -> "Pairs":
        """Return the pairs for which the mask `chosen` (n,) holds."""
        return Pairs(*(array[chosen] for array in (self.member, self.item, self.own, self.scores)), self.names)

    def ranked(self, scores: np.ndarray, by: np.ndarray | None = None) -> Ranker:
        """Return a function of (rows, k) to the k best columns by `by` (n,), and their `scores`; -1 and 0 where fewer.

        Without `by`, `scores` rank. Ties go to the lower column.
        """
        order = np.lexsort((self.item, -(scores if by is None else by), self.member))

        def top(rows, k):
            begin, end = (np.searchsorted(self.member, rows, side=side) for side in ("left", "right"))
            place = begin[:, None] + np.arange(k)
            there = place < end[:, None]
            pair = order[np.where(there, place, 0)]
            return np.where(there, self.item[pair], -1), np.where(there, scores[pair], 0.0)

        return top


class Candidates:
    """Finds pairs for members of `baskets`: what is learned from all of them, or from TEACH evenly, is made here.

    What is a member's own is made for some members at a time, when they are asked for. Inside, the items that are
    bought most come first: they lie together in the cache, which saves half of the time. `extra` is how many items each
    source adds to a member's own, fewer where what sells best to everybody is among these; `items` (the canonical
    table) lets their attributes take part.
    """

    def __init__(self, baskets: Baskets, extra: int, items: pd.DataFrame | None = None):
        self.baskets, self.extra = baskets, min(extra, baskets.shape[1])
        self._items = np.argsort(-np.bincount(baskets.item, minlength=baskets.shape[1]), kind="stable").astype(np.int32)
        self._learned = Sources(renumbered(baskets.evenly(TEACH), self._items), items)

    def of_others(self, baskets: Baskets) -> "Candidates":
        """Return the same for the members of `baskets`, of the same catalogue: nothing is learned from them."""
        others = copy(self)
        others.baskets = baskets
        return others

    @property
    def names(self) -> list[str]:
        """Names of the sources' scores."""
        return self.of(np.arange(1)).names

    def of(self, rows: np.ndarray) -> Pairs:
        """Return the own items of the members `rows` (sorted), and up to `extra` others that each source puts first."""
        size = max(CELLS // self.baskets.shape[1], 1)
        number = np.empty(size * self.baskets.shape[1], dtype=np.int32)
        batches = (rows[start : start + size] for start in range(0, max(len(rows), 1), size))
        parts = [self._batch(renumbered(self.baskets.only(batch), self._items), batch, number) for batch in batches]
        *parts, names = zip(*parts, strict=True)
        member, item, own, scores = (np.concatenate(arrays) for arrays in parts)
        item = self._items[item]
        order = np.argsort(member.astype(np.int64) * self.baskets.shape[1] + item)
        return Pairs(member[order], item[order], own[order], scores[order], names[0])

    def _sources(self, histories: Baskets, rows: np.ndarray) -> list[Source]:
        """Return the sources for the members of `histories`, which are the `rows` of all."""
        return self._learned.of(histories)

    def _batch(self, histories: Baskets, rows: np.ndarray, number: np.ndarray) -> tuple:
        """Return rows, items, own, scores and their names of the pairs of the members `rows`, whose `histories` it has.

        `number` has room for each of their cells.
        """
        width = np.int32(self.baskets.shape[1])
        mine = small(histories.matrix().sign())
        given, chosen, sources = [], [_cells(mine)], self._sources(histories, rows)
        for source in sources:
            scores = source.scores(np.arange(len(rows)))
            given += scores
            if source.proposes and self.extra:
                chosen.append(_proposed(scores[0], mine, self.extra))
        cell = np.sort(np.concatenate(chosen))
        cell = cell[np.diff(cell, prepend=-1) > 0]
        row, item = np.divmod(cell, width)
        ends = np.searchsorted(row, np.arange(len(rows) + 1)).astype(np.int32)
        asked = sparse.csr_array((np.ones(len(cell), dtype=np.float32), item, ends), shape=(len(rows), width))
        number[cell] = np.arange(len(cell))
        values = np.zeros((len(cell), len(given)), dtype=np.float32)
        for column, score in enumerate(given):
            if sparse.issparse(score):
                found = score.multiply(asked)
                values[number[_cells(found)], column] = found.data
            else:
                values[:, column] = score[item]
        own = np.zeros(len(cell), dtype=bool)
        own[number[chosen[0]]] = True
        return rows[row].astype(np.int32), item, own, values, [name for source in sources for name in source.names]


def renumbered(baskets: Baskets, items: np.ndarray) -> Baskets:
    """Return the same histories with the columns `items` as columns 0, 1, ..."""
    place = np.empty_like(items)
    place[items] = np.arange(len(items), dtype=items.dtype)
    since = None if baskets.since is None else baskets.since[items]
    return replace(baskets, items=baskets.items[items], item=place[baskets.item], since=since)


def _cells(matrix: sparse.csr_array) -> np.ndarray:
    """Return for each entry its place in the matrix laid out row after row."""
    start = np.arange(matrix.shape[0], dtype=np.int32) * np.int32(matrix.shape[1])
    return np.repeat(start, np.diff(matrix.indptr)) + matrix.indices


def _proposed(scores: Scores, held: sparse.csr_array, extra: int) -> np.ndarray:
    """Return the cells of the `extra` highest scores of each row, those left out where `held` is 1."""
    if not sparse.issparse(scores):
        columns = best(scores[None, :], extra).astype(np.int32)
        return (np.arange(held.shape[0], dtype=np.int32)[:, None] * np.int32(len(scores)) + columns).ravel()
    others = scores - scores.multiply(held)
    row, column = first(others, others.data, extra)
    return row * np.int32(scores.shape[1]) + column
