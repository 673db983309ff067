"""Candidates: the pairs (member, item) that are worth a probability."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend.baselines import Ranker, best
from membership.recommend.baskets import Baskets
from membership.recommend.labels import UNLABELLED, Labels
from membership.recommend.products import first, small
from membership.recommend.sources import Scores, Source, sources

CELLS = 16_000_000  # members times items that are looked at together, with a number for each


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
    """Finds pairs for members of `baskets`: what is made once for all of them is made here.

    Inside, the items that are bought most come first: they lie together in the cache, which saves half of the time.
    `extra` is how many items each source adds to a member's own; `items` (the canonical table) lets their attributes
    take part.
    """

    def __init__(self, baskets: Baskets, labels: Labels, extra: int, items: pd.DataFrame | None = None):
        self.baskets, self.extra = baskets, min(extra, baskets.shape[1])
        self._items = np.argsort(-np.bincount(baskets.item, minlength=baskets.shape[1]), kind="stable").astype(np.int32)
        busiest = _renumbered(baskets, self._items)
        self._fold, self._own = labels.fold, small(busiest.matrix())
        labels = replace(labels, matrix=labels.matrix[:, self._items])
        self._sources: list[Source] = sources(busiest, labels, items)

    @property
    def names(self) -> list[str]:
        """Names of the sources' scores."""
        return [name for source in self._sources for name in source.names]

    def of(self, rows: np.ndarray) -> Pairs:
        """Return the own items of the members `rows` (sorted), and the `extra` others that each source puts first."""
        size = max(CELLS // self.baskets.shape[1], 1)
        folds = [(fold, rows[self._fold[rows] == fold]) for fold in np.unique(self._fold[rows])]
        batches = [(fold, some[start : start + size]) for fold, some in folds for start in range(0, len(some), size)]
        number = np.zeros(size * self.baskets.shape[1], dtype=np.int32)
        parts = [self._batch(some, fold, number) for fold, some in batches or [(UNLABELLED, rows)]]
        member, item, own, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        item = self._items[item]
        order = np.argsort(member.astype(np.int64) * self.baskets.shape[1] + item)
        return Pairs(member[order], item[order], own[order], scores[order], self.names)

    def _batch(self, rows: np.ndarray, fold: int, number: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return rows, items, own and scores of the pairs of `rows`; `number` is 0 in every cell, and is so again."""
        width = np.int32(self.baskets.shape[1])
        held = _cells(self._own[rows])
        number[held] = 1
        given, chosen = [], []
        for source in self._sources:
            scores = [(score, _cells(score)) for score in source.scores(rows, fold)]
            given += scores
            if source.proposes and self.extra:
                chosen.append(_proposed(*scores[0], number, len(rows), self.extra))
        others = np.concatenate([held[:0], *chosen])
        cell = np.concatenate([held, _once(others[number[others] == 0], number)])
        number[cell] = np.arange(1, len(cell) + 1)
        row, item = np.divmod(cell, width)
        values = np.empty((len(cell), len(given)), dtype=np.float32)
        for column, (score, there) in enumerate(given):
            values[:, column] = score[item] if there is None else _looked_up(score.data, number[there], len(cell))
        number[cell] = 0
        return rows[row].astype(np.int32), item, np.arange(len(cell)) < len(held), values


def candidates(
    baskets: Baskets, labels: Labels, extra: int, rows: np.ndarray, items: pd.DataFrame | None = None
) -> Pairs:
    """Return the pairs of the members `rows` (sorted): see `Candidates`."""
    return Candidates(baskets, labels, extra, items).of(rows)


def _renumbered(baskets: Baskets, items: np.ndarray) -> Baskets:
    place = np.empty_like(items)
    place[items] = np.arange(len(items), dtype=items.dtype)
    return replace(baskets, items=baskets.items[items], item=place[baskets.item])


def _cells(scores: Scores) -> np.ndarray | None:
    """Return for each entry its place in the matrix laid out row after row; None of what is no matrix."""
    if not sparse.issparse(scores):
        return None
    start = np.arange(scores.shape[0], dtype=np.int32) * np.int32(scores.shape[1])
    return np.repeat(start, np.diff(scores.indptr)) + scores.indices


def _proposed(scores: Scores, there: np.ndarray | None, held: np.ndarray, rows: int, extra: int) -> np.ndarray:
    """Return the cells of the `extra` highest scores of each row, in the cells `there`, whose `held` is 0."""
    if there is None:
        columns = best(scores[None, :], extra).astype(np.int32)
        return (np.arange(rows, dtype=np.int32)[:, None] * np.int32(len(scores)) + columns).ravel()
    row, column = first(scores, scores.data * (held[there] == 0), extra)
    return row * np.int32(scores.shape[1]) + column


def _once(cell: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return each of `cell` once."""
    place = np.arange(len(cell), dtype=np.int32)
    number[cell] = place
    return cell[number[cell] == place]


def _looked_up(values: np.ndarray, pair: np.ndarray, pairs: int) -> np.ndarray:
    """Return the value of each of `pairs`, numbered from 1; what belongs to none of them is `pair` 0."""
    found = np.zeros(pairs + 1, dtype=np.float32)
    found[pair] = values
    return found[1:]
