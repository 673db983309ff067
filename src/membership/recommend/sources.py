"""Sources: what a member may buy next by what others bought, as scores of all items.

Some need labels: next baskets of other members, from other folds than the member's own. Of a member only its
strongest items are used, of an item only what it leads to most: the rest costs much and says little.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend.attributes import attributes
from membership.recommend.baskets import Baskets
from membership.recommend.labels import UNLABELLED, Labels
from membership.recommend.products import cut, small, strongest, times
from membership.recommend.tifu import tifu_vectors

TIFU = {"within_decay": 0.9, "group_decay": 0.9, "groups": 11}
NEIGHBOUR = 0.3  # members count whose cosine is at least this share of the highest one, by its square
NEAREST = 0.4  # the same for those whose histories count; of the others only what they bought next
POOL = 10_000  # members among whom neighbours are looked for, at most
DECAY = 0.8  # a basket, of what leads to other items
STRONGEST = 20  # items that stand for a member, at most (more where some are equal)
LEADS = 200  # items that an item of the last basket leads to, at most
LEADS_HISTORY = 50  # the same for those of the whole history
SHRINK = 10  # purchases by which a probability is shrunk
SHRINK_COSINE = 3  # the same for a cosine, in members' norms

Scores = sparse.csr_array | np.ndarray  # (rows, I), or (I,) where they are the same for everybody


@dataclass(frozen=True)
class Source:
    """`scores(rows, fold)` gives a member of Scores for each of `names`, for rows of one fold.

    The first of them proposes candidates where `proposes` holds. Scores are not negative, float32.
    """

    names: tuple[str, ...]
    scores: Callable[[np.ndarray, int], tuple[Scores, ...]]
    proposes: bool = True


class Sources:
    """What the histories `baskets` say of items, and of whom members are like; made once, for any members.

    Those that need labels are there where there are any, `content` where `items` have attributes.
    """

    def __init__(self, baskets: Baskets, labels: Labels, items: pd.DataFrame | None = None):
        self._members, self._labels, taste = baskets.members, labels, _Taste(baskets)
        self._alike, self._follow = _cosines(taste.history.sign()), _transitions(baskets)
        self._unlabelled = (labels.fold == UNLABELLED).all()
        self._popular = np.bincount(baskets.item[baskets.basket < 2], minlength=baskets.shape[1]) / len(labels.fold)
        self._near = _Near(taste.vectors) if self._unlabelled else _NextNear(taste.vectors, labels)
        self._next = () if self._unlabelled else _next_items(baskets, labels)
        kinds = None if items is None else attributes(baskets, items)
        self._likely = _likenesses(kinds, baskets) if kinds is not None and kinds.nnz else None

    def of(self, baskets: Baskets) -> list[Source]:
        """Return the sources for members of `baskets`: the same as those that were learned from, or others'."""
        taste = _Taste(baskets)
        history, last = taste.history, taste.last
        found = [_leading("alike", history, self._few_alike, last, self._alike)]
        if self._unlabelled:
            found += [_leading("follow", history, self._few_follow, last, self._follow)]
            itself = _rows_of(baskets.members, self._members)
            found += [self._near.source(taste.vectors, itself), Source(("popular",), lambda *_: (self._popular,))]
        else:
            found += [Source(("follow_last",), lambda rows, _: (times(last[rows], self._follow),))]
            found += [self._near.source(taste.vectors), *self._next]
        if self._likely is not None:
            found.append(Source(("content",), lambda rows, _: (times(history[rows], self._likely),)))
        return found

    @cached_property
    def _few_alike(self) -> sparse.csr_array:
        return _leftmost(self._alike, LEADS_HISTORY)

    @cached_property
    def _few_follow(self) -> sparse.csr_array:
        return _leftmost(self._follow, LEADS_HISTORY)


class _Taste:
    """What members bought: their strongest items, the last basket, the TIFU vectors."""

    def __init__(self, baskets: Baskets):
        self.history = strongest(small(baskets.matrix(DECAY**baskets.basket)), STRONGEST)
        self.last = _last(baskets)
        self.vectors = strongest(small(tifu_vectors(baskets, **TIFU)), STRONGEST)


def _leading(name: str, history: sparse.csr_array, few: sparse.csr_array, last: sparse.csr_array, leads) -> Source:
    """Score items by what leads to them: `few` from members' histories, `leads` from their last baskets."""
    return Source((name, f"{name}_last"), lambda rows, _: (times(history[rows], few), times(last[rows], leads)))


def _last(baskets: Baskets) -> sparse.csr_array:
    lines = baskets.basket == 0
    ends = np.searchsorted(baskets.member[lines], np.arange(baskets.shape[0] + 1)).astype(np.int32)
    arrays = np.ones(ends[-1], dtype=np.float32), baskets.item[lines].astype(np.int32), ends
    return sparse.csr_array(arrays, shape=baskets.shape)


def _transitions(baskets: Baskets) -> sparse.csr_array:
    """Return P(column in the next basket | row in this one), shrunk, (I, I)."""
    new = (np.diff(baskets.member, prepend=-1) != 0) | (np.diff(baskets.basket, prepend=-1) != 0)
    start = np.flatnonzero(new)
    ends = np.append(start, len(new)).astype(np.int32)
    arrays = np.ones(len(new), dtype=np.float32), baskets.item.astype(np.int32), ends
    visits = sparse.csr_array(arrays, shape=(len(start), baskets.shape[1]))
    later = np.flatnonzero(np.diff(baskets.member[start]) == 0)  # a member's baskets lie together, the last one first
    before = visits[later + 1]
    return cut((before / (before.sum(axis=0) + SHRINK)).T, visits[later], LEADS)


def _cosines(bought: sparse.csr_array) -> sparse.csr_array:
    scaled = bought @ sparse.diags_array(1 / (np.sqrt(bought.sum(axis=0)) + SHRINK_COSINE))
    return _without_itself(cut(scaled.T, scaled, LEADS + 1))


def _likenesses(kinds: sparse.csr_array, baskets: Baskets) -> sparse.csr_array:
    """Return how much items are alike by their attributes `kinds`, the popular ones among equals first, (I, I)."""
    weight = np.sqrt(1 + np.bincount(baskets.item, minlength=baskets.shape[1]))
    return _without_itself(cut(kinds, (sparse.diags_array(weight / weight.max()) @ kinds).T, LEADS_HISTORY + 1))


def _without_itself(square: sparse.csr_array) -> sparse.csr_array:
    return _kept(square, square.indices != _rows(square))


class _Near:
    """Scores by the mean TIFU vector of the other members with the highest cosines."""

    def __init__(self, vectors: sparse.csr_array):
        self._pool = _some(np.arange(vectors.shape[0]))
        self._held, self._candidates = vectors[self._pool], small(_unit(vectors)[self._pool].T)

    def source(self, vectors: sparse.csr_array, itself: np.ndarray) -> Source:
        """Return the source for members with `vectors`; `itself` (n,) is the row of each among the others, or -1."""
        unit = _unit(vectors)

        def scores(rows, _):
            cosine = times(unit[rows], self._candidates)
            cosine.data[self._pool[cosine.indices] == np.repeat(itself[rows], np.diff(cosine.indptr))] = 0
            return (times(_mean(_highest(cosine, NEAREST)), self._held),)

        return Source(("near",), scores)


class _NextNear:
    """Scores by what the labelled members with the highest cosines bought next, and by their TIFU vectors."""

    def __init__(self, vectors: sparse.csr_array, labels: Labels):
        unit = _unit(vectors)

        @cache
        def pool(fold):
            rows = _some(labels.others(fold))
            return small(unit[rows].T), small(labels.matrix[rows]), vectors[rows]

        self._pool = pool

    def source(self, vectors: sparse.csr_array) -> Source:
        """Return the source for members with `vectors`."""
        unit = _unit(vectors)

        def scores(rows, fold):
            candidates, bought, held = self._pool(fold)
            near = _highest(times(unit[rows], candidates), NEIGHBOUR)
            return times(_mean(near), bought), times(_mean(_highest(near, NEAREST)), held)

        return Source(("next_near", "near"), scores)


def _rows_of(members: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the row of each of `members` among `known`, both sorted ids; -1 for none."""
    place = np.searchsorted(known, members).clip(max=len(known) - 1)
    return np.where(known[place] == members, place, -1)


def _next_items(baskets: Baskets, labels: Labels) -> tuple[Source, Source]:
    """Score by P(item in the next basket), and by the same of members who bought it before, shrunk towards 0."""
    bought = baskets.matrix().sign()
    members = labels.by_others(sparse.csr_array(np.ones((len(labels.fold), 1))))
    next_, had, again = (labels.by_others(matrix) for matrix in (labels.matrix, bought, bought * labels.matrix))
    popular, rebuy = next_ / np.maximum(members, 1), again / (had + SHRINK / 2)
    return (
        Source(("next_popular",), lambda _, fold: (popular[fold],)),
        Source(("next_rebuy",), lambda _, fold: (rebuy[fold],), proposes=False),
    )


def _some(rows: np.ndarray) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), POOL)).astype(int)]


def _unit(vectors: sparse.csr_array) -> sparse.csr_array:
    norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    return small(sparse.diags_array(1 / np.maximum(norms, 1e-9)) @ vectors)


def _mean(cosine: sparse.csr_array) -> sparse.csr_array:
    """Return weights that add up to 1 in each row: squares tell near from far as well as fewer neighbours would."""
    squared = cosine.data**2
    total = np.bincount(_rows(cosine), weights=squared, minlength=cosine.shape[0]).astype(np.float32)
    weights = squared / np.maximum(total, 1e-9)[_rows(cosine)]
    return sparse.csr_array((weights, cosine.indices, cosine.indptr), shape=cosine.shape)


def _highest(matrix: sparse.csr_array, share: float) -> sparse.csr_array:
    """Return the entries that are at least `share` of the highest of their row: no sort, unlike the k highest."""
    many = np.diff(matrix.indptr)
    highest, there = np.zeros(len(many), dtype=np.float32), many > 0
    if there.any():
        highest[there] = np.maximum.reduceat(matrix.data, matrix.indptr[:-1][there])
    return _kept(matrix, matrix.data >= np.repeat(np.float32(share) * highest, many))


def _leftmost(matrix: sparse.csr_array, most: int) -> sparse.csr_array:
    """Return the first `most` entries in memory of each row: of what `cut` returns, the highest."""
    return _kept(matrix, np.arange(len(matrix.data)) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr)) < most)


def _rows(matrix: sparse.csr_array) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _kept(matrix: sparse.csr_array, entries: np.ndarray) -> sparse.csr_array:
    there = np.flatnonzero(entries)
    ends = np.searchsorted(there, matrix.indptr).astype(np.int32)
    return sparse.csr_array((matrix.data[there], matrix.indices[there], ends), shape=matrix.shape)
