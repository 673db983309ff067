"""Alternating least squares on implicit feedback (Hu, Koren and Volinsky, ICDM 2008), in batches of like rows."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import sparse

from membership.base import seeds
from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.ranking import ranked
from membership.recommend.reasons import MEMBERS
from membership.settings.section import Count, NotNegative, Positive, Section, Share

CELLS = 50_000  # padded entries worked on together: bounds the memory
STEPS = 3  # of conjugate gradients in each iteration
TINY = np.float32(1e-20)
SPACE = {
    "factors": [64],
    "iterations": [10],
    "confidence": Range(0.5, 100.0, log=True),
    "penalty": Range(0.1, 100.0, log=True),
    "decay": Range(0.3, 1.0),
    "own": Range(0.02, 5.0, log=True),
}


class Settings(Section):
    """Settings chosen on Complete Journey."""

    factors: Annotated[int, Field(ge=1, le=1024)] = 64
    iterations: Count = 10
    confidence: NotNegative = 5.0  # that a purchase adds to that of a pair without one, 1
    penalty: Positive = 1.6  # L2
    decay: Share = 0.98  # a basket
    own: NotNegative = 0.5  # weight of the member's own purchases


@peer(Settings, reason=MEMBERS, space=SPACE)
def als(known: Baskets, settings: Settings, context: Context) -> Fitted:
    """Score items by the product of factors of member and item, plus `own` times how often the member bought it.

    A pair that was bought has preference 1 and confidence 1 + `confidence` r, with r the sum of `decay`^(baskets
    after it); all others have preference 0 and confidence 1 (equations 3 to 5 there, with L2 `penalty`). Members whose
    histories are not those learned from get factors by least squares, given those of the items (equation 4).
    """
    weight, rng = _weight(known, settings), seeds.rng(context.seed, "als")
    members, items = (rng.normal(0, 0.01, (many, settings.factors)).astype(np.float32) for many in known.shape)
    across = weight.T.tocsr()
    for _ in range(settings.iterations):
        members = improved(members, weight, items, settings.penalty)
        items = improved(items, across, members, settings.penalty)

    def of(asked):
        history, theirs = asked.matrix(_decayed(asked, settings)), members
        if asked is not known:
            now, row = _weight(asked, settings), known.rows(asked.members)
            changed = np.abs(now - weight[row]).sum(axis=1) > 0
            theirs = members[row]
            theirs[changed | (row < 0)] = solved(now[changed | (row < 0)], items, settings.penalty)
        return ranked(lambda rows: theirs[rows] @ items.T + settings.own * history[rows].toarray())

    return of


def solved(weight: sparse.csr_array, items: np.ndarray, penalty: float) -> np.ndarray:
    """Return the least-squares factors (n, size) of the rows of `weight` (n, m), given those of `items` (m, size)."""
    everything = items.T @ items + np.float32(penalty) * np.eye(items.shape[1], dtype=np.float32)
    found = np.zeros((weight.shape[0], items.shape[1]), dtype=np.float32)
    for row in range(len(found)):
        bought = slice(weight.indptr[row], weight.indptr[row + 1])
        theirs, extra = items[weight.indices[bought]], weight.data[bought]
        found[row] = np.linalg.solve(everything + theirs.T @ (extra[:, None] * theirs), (1 + extra) @ theirs)
    return found


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


def _decayed(baskets: Baskets, settings: Settings) -> np.ndarray:
    return (settings.decay**baskets.basket).astype(np.float32)


def _weight(baskets: Baskets, settings: Settings) -> sparse.csr_array:
    return baskets.matrix(_decayed(baskets, settings)) * np.float32(settings.confidence)
