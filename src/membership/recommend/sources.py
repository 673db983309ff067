"""Sources: what a member may buy next by what others bought, as scores of all items.

Some need labels: next baskets of other members, from other folds than the member's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import sparse

from membership.recommend import baselines
from membership.recommend.baskets import Baskets
from membership.recommend.item_knn import highest
from membership.recommend.labels import UNLABELLED, Labels

TIFU = {"within_decay": 0.9, "group_decay": 0.9, "groups": 11}
NEIGHBOURS = 300
POOL = 10_000  # members among whom neighbours are looked for, at most
DECAY = 0.8  # a basket, of what leads to other items
LEADS = 500  # items that an item leads to, at most
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


def sources(baskets: Baskets, labels: Labels) -> list[Source]:
    """Return all sources; those that need labels only where there are any."""
    history, last = (_weighed(baskets, decay) for decay in (DECAY, 0.0))
    follow, alike = _transitions(baskets), _cosines(baskets)
    found = [
        Source(("follow", "follow_last"), lambda rows, _: (history[rows] @ follow, last[rows] @ follow)),
        Source(("alike", "alike_last"), lambda rows, _: (history[rows] @ alike, last[rows] @ alike)),
    ]
    vectors = _small(baselines.tifu_vectors(baskets, **TIFU))
    if (labels.fold == UNLABELLED).all():
        recent = (np.bincount(baskets.item[baskets.basket < 2], minlength=baskets.shape[1]) / len(labels.fold),)
        return [*found, _near(vectors), Source(("popular",), lambda *_: recent)]
    return [*found, _next_near(vectors, labels), _next_follow(history, last, labels), *_next_items(baskets, labels)]


def _weighed(baskets: Baskets, decay: float) -> sparse.csr_array:
    weighed = _small(baskets.matrix(decay**baskets.basket))
    weighed.eliminate_zeros()
    return weighed


def _transitions(baskets: Baskets) -> sparse.csr_array:
    """Return P(column in the next basket | row in this one), shrunk, (I, I)."""
    width = int(baskets.basket.max()) + 2
    visit, line = np.unique(baskets.member.astype(np.int64) * width + baskets.basket, return_inverse=True)
    held = sparse.csr_array((np.ones(len(line)), (line, baskets.item)), shape=(len(visit), baskets.shape[1]))
    before = np.searchsorted(visit, visit + 1).clip(max=len(visit) - 1)
    there = visit[before] == visit + 1  # a member's numbers end one short of the next member's
    return _conditional(held[before[there]], held[np.flatnonzero(there)])


def _conditional(before: sparse.csr_array, after: sparse.csr_array) -> sparse.csr_array:
    return _product(sparse.diags_array(1 / (before.sum(axis=0) + SHRINK)) @ before.T, after, LEADS)


def _cosines(baskets: Baskets) -> sparse.csr_array:
    bought = baskets.matrix().sign()
    scaled = bought @ sparse.diags_array(1 / (np.sqrt(bought.sum(axis=0)) + SHRINK_COSINE))
    alike = _product(scaled.T, scaled, LEADS + 1)
    alike.setdiag(0)
    alike.eliminate_zeros()
    return alike


def _near(vectors: sparse.csr_array) -> Source:
    """Score by the mean TIFU vector of the other members with the highest cosine, weighed by it."""
    unit = _unit(vectors)
    pool = _some(np.arange(vectors.shape[0]))
    held, candidates = vectors[pool], _small(unit[pool].T)

    def scores(rows, _):
        cosine = _product(unit[rows], candidates, NEIGHBOURS + 1)
        cosine.data[pool[cosine.indices] == np.repeat(rows, np.diff(cosine.indptr))] = 0
        return (_mean(cosine) @ held,)

    return Source(("near",), scores)


def _next_near(vectors: sparse.csr_array, labels: Labels) -> Source:
    """Score by what the labelled members with the highest cosine bought next, and by their TIFU vectors."""
    unit = _unit(vectors)

    @cache
    def pool(fold):
        rows = _some(labels.others(fold))
        return _small(unit[rows].T), _small(labels.matrix[rows]), vectors[rows]

    def scores(rows, fold):
        candidates, bought, held = pool(fold)
        near = _mean(_product(unit[rows], candidates, NEIGHBOURS))
        return near @ bought, near @ held

    return Source(("next_near", "near"), scores)


def _next_follow(history: sparse.csr_array, last: sparse.csr_array, labels: Labels) -> Source:
    """Score by P(item in the next basket | item in the history)."""

    @cache
    def leads(fold):
        rows = labels.others(fold)
        return tuple(_conditional(before[rows], labels.matrix[rows]) for before in (history, last))

    def scores(rows, fold):
        return tuple(before[rows] @ after for before, after in zip((history, last), leads(fold), strict=True))

    return Source(("next_follow", "next_follow_last"), scores)


def _next_items(baskets: Baskets, labels: Labels) -> tuple[Source, Source]:
    """Score by P(item in the next basket), and by the same of members who bought it before, shrunk towards 0."""
    bought = baskets.matrix().sign()

    @cache
    def popular(fold):
        return (_float(labels.matrix[labels.others(fold)].mean(axis=0)),)

    @cache
    def rebuy(fold):
        rows = labels.others(fold)
        again = bought[rows].multiply(labels.matrix[rows]).sum(axis=0)
        return (_float(again / (bought[rows].sum(axis=0) + SHRINK / 2)),)

    return (
        Source(("next_popular",), lambda _, fold: popular(fold)),
        Source(("next_rebuy",), lambda _, fold: rebuy(fold), proposes=False),
    )


def _some(rows: np.ndarray) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), POOL)).astype(int)]


def _unit(vectors: sparse.csr_array) -> sparse.csr_array:
    norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    return _small(sparse.diags_array(1 / np.maximum(norms, 1e-9)) @ vectors)


def _mean(weights: sparse.csr_array) -> sparse.csr_array:
    total = weights.sum(axis=1)
    return _small(sparse.diags_array(1 / np.maximum(total, 1e-9)) @ weights)


def _product(left: sparse.sparray, right: sparse.sparray, most: int) -> sparse.csr_array:
    """Return the `most` highest entries of each row of the product."""
    left, right = _small(left), _small(right)
    width = right.shape[1]
    if not width:
        return _small(sparse.csr_array((left.shape[0], width)))
    columns, values = highest(left, right, min(most, width), np.arange(width))
    there = columns >= 0
    ends = np.insert(np.cumsum(there.sum(axis=1)), 0, 0)
    return _small(sparse.csr_array((values[there], columns[there], ends), shape=(left.shape[0], width)))


def _small(matrix: sparse.sparray) -> sparse.csr_array:
    """Return `matrix` in half the memory: float32 with int32 indices."""
    rows = matrix.tocsr()
    arrays = _float(rows.data), rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return sparse.csr_array(arrays, rows.shape)


def _float(values: np.ndarray) -> np.ndarray:
    return np.asarray(values).astype(np.float32)
