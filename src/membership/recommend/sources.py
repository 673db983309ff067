"""Sources: what a member may buy next by what others bought, as scores of all items.

Some need labels: next baskets of other members, from other folds than the member's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import sparse

from membership.recommend import baselines
from membership.recommend.baskets import Baskets
from membership.recommend.item_knn import highest
from membership.recommend.labels import UNLABELLED, Labels

TIFU = {"within_decay": 0.9, "group_decay": 0.9, "groups": 11}
NEIGHBOURS = 300
DECAY = 0.8  # a basket, of what leads to other items
LEADS = 100  # items that an item leads to, at most
SHRINK = 10  # purchases by which a transition's probability is shrunk
SHRINK_COSINE = 3  # the same for a cosine, in members' norms


@dataclass(frozen=True)
class Source:
    """`score(rows, fold)` gives float32 (len(rows), I) for rows of one fold; `proposes`: it brings candidates."""

    name: str
    score: Callable[[np.ndarray, int], np.ndarray]
    proposes: bool


def sources(baskets: Baskets, labels: Labels) -> list[Source]:
    """Return all sources; those that need labels only where there are any."""
    history, last = (_weighed(baskets, decay) for decay in (DECAY, 0.0))
    vectors = baselines.tifu_vectors(baskets, **TIFU).astype(np.float32)
    follow, alike = _transitions(baskets), _cosines(baskets)
    found = [
        Source("near", _near(vectors), proposes=True),
        Source("follow", lambda rows, _: (history[rows] @ follow).toarray(), proposes=True),
        Source("follow_last", lambda rows, _: (last[rows] @ follow).toarray(), proposes=False),
        Source("alike", lambda rows, _: (history[rows] @ alike).toarray(), proposes=True),
        Source("alike_last", lambda rows, _: (last[rows] @ alike).toarray(), proposes=False),
    ]
    if (labels.fold == UNLABELLED).all():
        return [*found, Source("popular", _constant(_recent(baskets)), proposes=True)]
    next_history, next_last = (_next_transitions(array, labels) for array in (history, last))
    return [
        *found,
        Source("next_near", _next_near(vectors, labels), proposes=True),
        Source("next_follow", lambda rows, fold: (history[rows] @ next_history(fold)).toarray(), proposes=True),
        Source("next_follow_last", lambda rows, fold: (last[rows] @ next_last(fold)).toarray(), proposes=False),
        Source("next_popular", _next_popular(labels), proposes=True),
        Source("next_rebuy", _next_rebuy(baskets, labels), proposes=False),
    ]


def _weighed(baskets: Baskets, decay: float) -> sparse.csr_array:
    weighed = baskets.matrix((decay**baskets.basket).astype(np.float32))
    weighed.eliminate_zeros()
    return weighed


def _transitions(baskets: Baskets) -> sparse.csr_array:
    """Return P(column in the next basket | row in this one), shrunk, (I, I)."""
    width = int(baskets.basket.max()) + 2
    visit, line = np.unique(baskets.member.astype(np.int64) * width + baskets.basket, return_inverse=True)
    held = sparse.csr_array(
        (np.ones(len(line), dtype=np.float32), (line, baskets.item)), shape=(len(visit), baskets.shape[1])
    )
    before = np.searchsorted(visit, visit + 1).clip(max=len(visit) - 1)
    there = visit[before] == visit + 1  # a member's keys end one short of the next member's
    return _conditional(held[before[there]], held[np.flatnonzero(there)])


def _conditional(before: sparse.csr_array, after: sparse.csr_array) -> sparse.csr_array:
    given = 1 / (before.sum(axis=0) + SHRINK)
    return _product(sparse.diags_array(given) @ before.T, after)


def _cosines(baskets: Baskets) -> sparse.csr_array:
    bought = baskets.matrix().sign()
    scaled = bought @ sparse.diags_array(1 / (np.sqrt(bought.sum(axis=0)) + SHRINK_COSINE))
    alike = _product(scaled.T, scaled)
    alike.setdiag(0)
    alike.eliminate_zeros()
    return alike


def _product(left: sparse.sparray, right: sparse.sparray) -> sparse.csr_array:
    """Return the LEADS highest entries of each row of the product."""
    left, right = _small(left), _small(right)
    columns, values = highest(left, right, min(LEADS, right.shape[1]), np.arange(right.shape[1]))
    row, place = np.nonzero(columns >= 0)
    shape = left.shape[0], right.shape[1]
    return sparse.coo_array((values[row, place], (row, columns[row, place])), shape=shape).tocsr()


def _small(matrix: sparse.sparray) -> sparse.csr_array:
    rows = matrix.tocsr()
    arrays = rows.data.astype(np.float32), rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return sparse.csr_array(arrays, shape=rows.shape)


def _near(vectors: sparse.csr_array) -> Callable:
    """Return the mean TIFU vector of the other members nearest by Euclidean distance."""
    norms = vectors.multiply(vectors).sum(axis=1)
    count = min(NEIGHBOURS, len(norms) - 1)

    def score(rows, _):
        nearness = 2 * _products(vectors, vectors[rows]) - norms
        nearness[np.arange(len(rows)), rows] = -np.inf
        _, near = top(nearness, count)
        return (_average(near, np.ones(near.shape, np.float32), len(norms)) @ vectors).toarray()

    return score


def _next_near(vectors: sparse.csr_array, labels: Labels) -> Callable:
    """Return the mean label of the members with the highest cosine, weighed by it."""
    norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    unit = (sparse.diags_array(1 / np.maximum(norms, 1e-9)) @ vectors).astype(np.float32).tocsr()

    @cache
    def pool(fold):
        rows = labels.others(fold)
        return unit[rows], labels.matrix[rows]

    def score(rows, fold):
        directions, bought = pool(fold)
        cosine, near = top(_products(directions, unit[rows]), min(NEIGHBOURS, bought.shape[0]))
        return (_average(near, cosine.clip(min=0), bought.shape[0]) @ bought).toarray()

    return score


def _next_transitions(history: sparse.csr_array, labels: Labels) -> Callable:
    @cache
    def leads(fold):
        rows = labels.others(fold)
        return _conditional(history[rows], labels.matrix[rows])

    return leads


def _next_popular(labels: Labels) -> Callable:
    @cache
    def share(fold):
        rows = labels.others(fold)
        return (labels.matrix[rows].sum(axis=0) / max(len(rows), 1)).astype(np.float32)

    return lambda rows, fold: np.broadcast_to(share(fold), (len(rows), labels.matrix.shape[1]))


def _next_rebuy(baskets: Baskets, labels: Labels) -> Callable:
    """Return P(item in the next basket | bought before), shrunk towards 0."""
    bought = baskets.matrix().sign()

    @cache
    def share(fold):
        rows = labels.others(fold)
        again = bought[rows].multiply(labels.matrix[rows]).sum(axis=0)
        return (again / (bought[rows].sum(axis=0) + SHRINK / 2)).astype(np.float32)

    return lambda rows, fold: np.broadcast_to(share(fold), (len(rows), baskets.shape[1]))


def _recent(baskets: Baskets) -> np.ndarray:
    recent = baskets.basket < 2
    return np.bincount(baskets.item[recent], minlength=baskets.shape[1]) / baskets.shape[0]


def _constant(share: np.ndarray) -> Callable:
    return lambda rows, _: np.broadcast_to(share.astype(np.float32), (len(rows), len(share)))


def _products(left: sparse.csr_array, right: sparse.csr_array) -> np.ndarray:
    """Return right @ left.T, dense: one sparse and one dense factor are faster than two sparse ones."""
    return np.ascontiguousarray((left @ right.T.toarray()).T)


def _average(columns: np.ndarray, weights: np.ndarray, width: int) -> sparse.csr_array:
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    ends = np.arange(len(columns) + 1) * columns.shape[1]
    return sparse.csr_array((weights.ravel(), columns.ravel(), ends), shape=(len(columns), width))


def top(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` highest of each row of float32 `scores` (n, columns) and their columns, in no order."""
    values, columns = torch.from_numpy(scores).topk(k, dim=1, sorted=False)
    return values.numpy(), columns.numpy()
