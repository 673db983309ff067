"""Alternating least squares on implicit feedback (Hu, Koren and Volinsky, ICDM 2008), in batches of like rows."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from membership.base import seeds
from membership.recommend.baselines import Scorer
from membership.recommend.baskets import Baskets

CELLS = 50_000  # padded entries worked on together: bounds the memory
STEPS = 3  # of conjugate gradients in each iteration
TINY = np.float32(1e-20)


def als(
    baskets: Baskets,
    factors: int,
    iterations: int,
    confidence: float,
    penalty: float,
    decay: float,
    own: float,
    seed: int,
) -> Scorer:
    """Score items by the product of factors of member and item, plus `own` times how often the member bought it.

    A pair that was bought has preference 1 and confidence 1 + `confidence` r, with r the sum of `decay`^(baskets
    after it); all others have preference 0 and confidence 1 (equations 3 to 5 there, with L2 `penalty`).
    """
    history = baskets.matrix((decay**baskets.basket).astype(np.float32))
    rng = seeds.rng(seed, "als")
    members, items = (rng.normal(0, 0.01, (many, factors)).astype(np.float32) for many in baskets.shape)
    weight = history * np.float32(confidence)
    across = weight.T.tocsr()
    for _ in range(iterations):
        members = improved(members, weight, items, penalty)
        items = improved(items, across, members, penalty)
    return lambda rows: members[rows] @ items.T + own * history[rows].toarray()


def improved(factors: np.ndarray, weight: sparse.csr_array, others: np.ndarray, penalty: float) -> np.ndarray:
    """Return `factors` (n, size) of the rows of `weight` (n, m), nearer to least squares given those of `others` (m,).

    A few steps of conjugate gradients from where they are do as well as solving and take a third of the time (Takacs,
    Pilaszy and Tikk, RecSys 2011). Rows without entries get 0.
    """
    everybody = others.T @ others + np.float32(penalty) * np.eye(others.shape[1], dtype=np.float32)
    found = np.zeros_like(factors)
    length = np.diff(weight.indptr)
    for rows in _batches(length):
        place = np.arange(length[rows[-1]])  # the longest comes last
        there = place < length[rows, None]
        entry = np.where(there, weight.indptr[rows, None] + place, 0)
        extra = np.where(there, weight.data[entry], 0)  # confidence beyond 1
        theirs = others[weight.indices[entry]]  # (rows, longest, size)

        def gram(x, theirs=theirs, extra=extra):
            return x @ everybody + _sum((_dot(theirs, x) * extra), theirs)

        x = factors[rows]
        left = _sum(np.where(there, 1 + extra, 0), theirs) - gram(x)
        found[rows] = _conjugate_gradients(gram, x, left)
    return found


def _conjugate_gradients(gram: Callable[[np.ndarray], np.ndarray], x: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Take STEPS towards gram(x) = target in every row of `x` (n, size), of which `left` = target - gram(x)."""
    direction, size = left, (left**2).sum(axis=1, keepdims=True)
    for _ in range(STEPS):
        curved = gram(direction)
        step = size / np.maximum((direction * curved).sum(axis=1, keepdims=True), TINY)
        x, left = x + step * direction, left - step * curved
        before, size = size, (left**2).sum(axis=1, keepdims=True)
        direction = left + size / np.maximum(before, TINY) * direction
    return x


def _dot(theirs: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (theirs @ x[:, :, None])[:, :, 0]


def _sum(values: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return (values[:, None, :] @ theirs)[:, 0]


def _batches(length: np.ndarray) -> list[np.ndarray]:
    """Cut the rows that are not empty, the shortest first, into batches of at most CELLS cells, each of like length."""
    order = np.argsort(length, kind="stable")
    order = order[length[order] > 0]
    padded = 2 ** np.ceil(np.log2(length[order]))  # at most twice as many cells as entries
    _, first = np.unique(padded, return_index=True)
    batches = []
    for group in np.split(order, first[1:]):
        many = max(1, CELLS // int(length[group[-1]]))
        batches += np.split(group, np.arange(many, len(group), many))
    return [batch for batch in batches if len(batch)]
