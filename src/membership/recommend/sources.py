"""Sources: what a member may buy next by what others bought, as scores of all items.

Of a member only its strongest items are used, of an item only what it leads to most: the rest costs much and says
little.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend import cold
from membership.recommend.attributes import attributes
from membership.recommend.baskets import Baskets
from membership.recommend.products import cut, small, strongest, times
from membership.recommend.tifu import tifu_vectors

TIFU = {"within_decay": 0.9, "group_decay": 0.9, "groups": 11}
NEAREST = 0.4  # members count whose cosine is at least this share of the highest one, by its square
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
    """`scores(rows)` gives a member of Scores for each of `names`, for those rows.

    The first of them proposes candidates where `proposes` holds. Scores are not negative, float32.
    """

    names: tuple[str, ...]
    scores: Callable[[np.ndarray], tuple[Scores, ...]]
    proposes: bool = True


class Sources:
    """What the histories `baskets` say of items, and of whom members are like; made once, for any members.

    `content` is there where `items` have attributes, those of cold items where `baskets` say
    since when items are known.
    """

    def __init__(self, baskets: Baskets, items: pd.DataFrame | None = None):
        self._members, taste = baskets.members, Taste(baskets)
        self._alike, self._follow = _cosines(taste.history.sign()), transitions(baskets)
        self._popular = np.bincount(baskets.item[baskets.basket < 2], minlength=baskets.shape[1]) / baskets.shape[0]
        self._near = _Near(taste.vectors)
        kinds = None if items is None else attributes(baskets, items)
        self._likely = _likenesses(kinds, baskets) if kinds is not None and kinds.nnz else None
        self._cold = None if baskets.since is None else cold.learn(baskets, items)

    def of(self, baskets: Baskets) -> list[Source]:
        """Return the sources for members of `baskets`: the same as those that were learned from, or others'."""
        taste = Taste(baskets)
        found = [
            self.alike(taste),
            _leading("follow", taste, self._few_follow, self._follow),
            self._near.source(taste.vectors, _rows_of(baskets.members, self._members)),
            Source(("popular",), lambda _: (self._popular,)),
        ]
        if self._likely is not None:
            found.append(Source(("content",), lambda rows: (times(taste.history[rows], self._likely),)))
        return found if self._cold is None else [*found, *_of_cold(self._cold, taste)]

    def alike(self, taste: "Taste") -> Source:
        """Return the source of items that the same members buy."""
        return _leading("alike", taste, self._few_alike, self._alike)

    @cached_property
    def _few_alike(self) -> sparse.csr_array:
        return _leftmost(self._alike, LEADS_HISTORY)

    @cached_property
    def _few_follow(self) -> sparse.csr_array:
        return _leftmost(self._follow, LEADS_HISTORY)


class Taste:
    """What members bought: their strongest items, the last basket, the TIFU vectors."""

    def __init__(self, baskets: Baskets):
        self.history = strongest(small(baskets.matrix(DECAY**baskets.basket)), STRONGEST)
        self.last = _last(baskets)
        self.vectors = strongest(small(tifu_vectors(baskets, **TIFU)), STRONGEST)


def _of_cold(known: cold.Cold, taste: Taste) -> list[Source]:
    found = [Source(tuple(cold.NOW), lambda _: known.now), Source(("new",), lambda _: (known.new,))]
    if known.words is None:
        return found
    words = known.words
    return [
        *found,
        Source(("expected",), lambda _: (words.expected,), proposes=False),
        Source(("words",), lambda rows: (times(taste.history[rows], words.alike),), proposes=False),
        Source(("words_cold",), lambda rows: (times(taste.history[rows], words.to_cold),)),
    ]


def _leading(name: str, taste: Taste, few: sparse.csr_array, leads: sparse.csr_array) -> Source:
    """Score items by what leads to them: `few` from members' histories, `leads` from their last baskets."""
    return Source(
        (name, f"{name}_last"), lambda rows: (times(taste.history[rows], few), times(taste.last[rows], leads))
    )


def _last(baskets: Baskets) -> sparse.csr_array:
    lines = baskets.basket == 0
    ends = np.searchsorted(baskets.member[lines], np.arange(baskets.shape[0] + 1)).astype(np.int32)
    arrays = np.ones(ends[-1], dtype=np.float32), baskets.item[lines].astype(np.int32), ends
    return sparse.csr_array(arrays, shape=baskets.shape)


def transitions(baskets: Baskets) -> sparse.csr_array:
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
        self._pool = pool(np.arange(vectors.shape[0]))
        self._held, self._candidates = vectors[self._pool], small(unit(vectors)[self._pool].T)

    def source(self, vectors: sparse.csr_array, itself: np.ndarray) -> Source:
        """Return the source for members with `vectors`; `itself` (n,) is the row of each among the others, or -1."""
        ours = unit(vectors)

        def scores(rows):
            cosine = times(ours[rows], self._candidates)
            cosine.data[self._pool[cosine.indices] == np.repeat(itself[rows], np.diff(cosine.indptr))] = 0
            return (times(weights(nearest(cosine, NEAREST)), self._held),)

        return Source(("near",), scores)


def _rows_of(members: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the row of each of `members` among `known`, both sorted ids; -1 for none."""
    place = np.searchsorted(known, members).clip(max=len(known) - 1)
    return np.where(known[place] == members, place, -1)


def pool(rows: np.ndarray) -> np.ndarray:
    """Return POOL of the members `rows`, evenly, where there are more."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), POOL)).astype(int)]


def unit(vectors: sparse.csr_array) -> sparse.csr_array:
    """Return rows of length 1."""
    norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    return small(sparse.diags_array(1 / np.maximum(norms, 1e-9)) @ vectors)


def weights(cosine: sparse.csr_array) -> sparse.csr_array:
    """Return weights that add up to 1 in each row: squares tell near from far as well as fewer neighbours would."""
    squared = cosine.data**2
    total = np.bincount(_rows(cosine), weights=squared, minlength=cosine.shape[0]).astype(np.float32)
    shares = squared / np.maximum(total, 1e-9)[_rows(cosine)]
    return sparse.csr_array((shares, cosine.indices, cosine.indptr), shape=cosine.shape)


def nearest(matrix: sparse.csr_array, share: float) -> sparse.csr_array:
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
