"""Item-kNN in sparse form: items are near when the same members buy them; the catalogue is never laid out densely."""

import numpy as np
from scipy import sparse

from membership.recommend.baselines import Ranker, best, popularity
from membership.recommend.baskets import Baskets
from membership.recommend.products import highest


def item_knn(baskets: Baskets, neighbours: int, asymmetry: float, shrink: float, decay: float, own: float) -> Ranker:
    """Rank items by the sum of their similarities to what the member bought (Deshpande and Karypis, TOIS 2004).

    Items i, j are similar by i.j / (N(i)^2a N(j)^2(1-a)), N(i)^2 = |i|^2 + `shrink`, a = `asymmetry`, of how often
    each member bought them; a = 1/2 without shrinkage is the cosine. An item passes on to its `neighbours` most
    similar others, and to itself by `own`. A basket weighs `decay`^(baskets after it). What no similarity leads to
    comes last, by popularity, with a score below 0.
    """
    member, item = (_busiest_first(*lines) for lines in zip((baskets.member, baskets.item), baskets.shape, strict=True))
    counts = _counted(baskets, member, item, np.ones(len(baskets.item), dtype=np.float32))
    similar = _similarities(counts, neighbours, asymmetry, shrink, own)
    history = counts if decay == 1 else _counted(baskets, member, item, (decay**baskets.basket).astype(np.float32))
    names, share = np.argsort(item), popularity(baskets)
    return lambda rows, k: filled(*highest(history[member[rows]], similar, k, names), share)


def filled(columns: np.ndarray, scores: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the most popular other items, by their `share` of baskets less 1, where lists (n, k) have -1."""
    k, short = columns.shape[1], (columns < 0).any(axis=1)
    popular = best(share[None, :], k)
    listed = columns[short]
    again = (listed[:, :, None] == popular[:, None, :]).any(axis=1)
    both = np.concatenate([listed, np.where(again, -1, popular)], axis=1)
    value = np.concatenate([scores[short], np.broadcast_to(share[popular] - 1, again.shape)], axis=1)
    first = np.argsort(both < 0, axis=1, kind="stable")[:, :k]
    columns[short], scores[short] = (np.take_along_axis(array, first, axis=1) for array in (both, value))
    scores[columns < 0] = 0
    return columns, scores


def _busiest_first(lines: np.ndarray, many: int) -> np.ndarray:
    """Return new numbers (many,), those in most `lines` first: they lie together in the cache, which saves half."""
    return np.argsort(np.argsort(-np.bincount(lines, minlength=many), kind="stable")).astype(np.int32)


def _counted(baskets: Baskets, member: np.ndarray, item: np.ndarray, values: np.ndarray) -> sparse.csr_array:
    """Return the matrix of `values` with member i in row `member[i]` and item j in column `item[j]`."""
    matrix = sparse.coo_array((values, (baskets.member, item[baskets.item])), shape=baskets.shape)
    return matrix.tocsc().tocsr()[np.argsort(member)]


def _similarities(
    counts: sparse.csr_array, neighbours: int, asymmetry: float, shrink: float, own: float
) -> sparse.csr_array:
    items = np.arange(counts.shape[1], dtype=np.int32)
    norm = counts.multiply(counts).sum(axis=0).astype(float) + shrink
    norm[norm == 0] = 1
    taking = counts.copy()
    taking.data *= (norm ** (asymmetry - 1)).astype(np.float32)[taking.indices]
    column, value = highest(counts.tocsc().T, taking, min(neighbours + 1, len(items)), items)
    other = (column >= 0) & (column != items[:, None])
    other &= np.cumsum(other, axis=1) <= neighbours
    kept = np.insert(other, 0, True, axis=1)
    column = np.insert(column, 0, items, axis=1)[kept]
    value = np.insert(value * (norm**-asymmetry).astype(np.float32)[:, None], 0, own, axis=1)[kept]
    ends = np.insert(np.cumsum(kept.sum(axis=1)), 0, 0).astype(np.int32)
    similar = sparse.csr_array((value, column, ends), shape=(len(items), len(items)))
    similar.sort_indices()  # the product runs along them
    return similar
