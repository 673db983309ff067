"""Ranking: from scores of items to the best ones of each member.

A scorer takes row numbers of `Baskets` and returns dense scores (len(rows), I) of all items; -inf means never.
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets

Scorer = Callable[[np.ndarray], np.ndarray]
Ranker = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]

BATCH = 512  # members scored together: bounds the memory


def ranked(scorer: Scorer) -> Ranker:
    """Return a function of (rows, k) to the k best columns and their scores, (len(rows), k), -1 and 0 where fewer."""

    def top(rows, k):
        columns, values = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        for start in range(0, len(rows), BATCH):
            scores = scorer(rows[start : start + BATCH])
            first = best(scores, k)
            value = np.take_along_axis(scores, first, axis=1)
            there = np.isfinite(value)
            batch = slice(start, start + len(scores)), slice(0, first.shape[1])
            columns[batch], values[batch] = np.where(there, first, -1), np.where(there, value, 0)
        return columns, values

    return top


def popularity(baskets: Baskets) -> np.ndarray:
    """Return the share of all baskets that hold each item, (I,)."""
    return np.bincount(baskets.item, minlength=len(baskets.items)) / baskets.sizes.sum()


def popular(baskets: Baskets) -> Ranker:
    """Rank items by their popularity in `baskets`, the same for everybody."""
    share = popularity(baskets)
    return ranked(lambda rows: np.tile(share, (len(rows), 1)))


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the columns (n, min(k, columns)) of each row's highest scores, best first, ties by the lower column."""
    import torch  # a second and a half that only those who rank need to wait for

    k = min(k, scores.shape[1])
    if k == 0:
        return np.zeros((len(scores), 0), dtype=np.int64)
    last = torch.from_numpy(scores).topk(k, dim=1).values[:, -1:].numpy()  # np.partition is ten times slower on ties
    above, equal = scores > last, scores == last
    chosen = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= k - above.sum(axis=1, keepdims=True)))
    columns = np.nonzero(chosen)[1].reshape(len(scores), k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def nearest(similar: np.ndarray, k: int, itself: np.ndarray, never: float) -> sparse.csr_array:
    """Keep the min(k, columns) highest of each row of `similar` (n, columns), ties by the lower column, and no other.

    Row n gets the value `never` in column `itself[n]`, the member itself, where that is not -1.
    """
    known = np.flatnonzero(itself >= 0)
    similar[known, itself[known]] = never
    columns = best(similar, k)
    ends = np.arange(len(similar) + 1) * columns.shape[1]
    return sparse.csr_array(
        (np.take_along_axis(similar, columns, axis=1).ravel(), columns.ravel(), ends), shape=similar.shape
    )


def filled(columns: np.ndarray, scores: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the most popular other items, by their `share` of baskets less 1, where lists (n, k) have -1."""
    k, short = columns.shape[1], (columns < 0).any(axis=1)
    first = best(share[None, :], k)
    listed = columns[short]
    again = (listed[:, :, None] == first[:, None, :]).any(axis=1)
    both = np.concatenate([listed, np.where(again, -1, first)], axis=1)
    value = np.concatenate([scores[short], np.broadcast_to(share[first] - 1, again.shape)], axis=1)
    order = np.argsort(both < 0, axis=1, kind="stable")[:, :k]
    columns[short], scores[short] = (np.take_along_axis(array, order, axis=1) for array in (both, value))
    scores[columns < 0] = 0
    return columns, scores
