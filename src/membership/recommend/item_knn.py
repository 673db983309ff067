"""Item-kNN in sparse form: items are near when the same members buy them; the catalogue is never laid out densely."""

import numpy as np
from scipy import sparse
from scipy.sparse import _sparsetools

from membership.recommend.baselines import Ranker, best, popularity
from membership.recommend.baskets import Baskets

ROWS = 256  # of a product, computed together: they stay in the processor's cache
EMPTY = np.iinfo(np.int64).max  # sorts after every packed entry


def item_knn(baskets: Baskets, neighbours: int, asymmetry: float, shrink: float, decay: float, own: float) -> Ranker:
    """Rank items by the sum of their similarities to what the member bought (Deshpande and Karypis, TOIS 2004).

    Items i, j are similar by i.j / (N(i)^2a N(j)^2(1-a)), N(i)^2 = |i|^2 + `shrink`, a = `asymmetry`, of how often
    each member bought them; a = 1/2 without shrinkage is the cosine. An item passes on to its `neighbours` most
    similar others, and to itself by `own`. A basket weighs `decay`^(baskets after it). What no similarity leads to
    comes last, by popularity, with a score below 0.
    """
    order = np.argsort(-np.bincount(baskets.item, minlength=len(baskets.items)), kind="stable")
    rank = np.argsort(order)  # items by popularity lie together in the cache, which halves the time
    counts = _counts(baskets, rank, np.ones(len(baskets.item), dtype=np.float32))
    similar = _similarities(counts, neighbours, asymmetry, shrink, own)
    history = counts if decay == 1 else _counts(baskets, rank, (decay**baskets.basket).astype(np.float32))
    share = popularity(baskets)
    return lambda rows, k: filled(*highest(history[rows], similar, k, order), share)


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


def highest(left, right, k: int, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return names and values (n, k) of the highest entries of each row of the product of csr_arrays `left`, `right`.

    Column j goes by `names[j]`, a whole number below 2^31. Best first, ties by the lower name; -1 and 0 where a row
    has fewer. Entries are not negative, float32 with int32 indices.
    """
    found = np.full((left.shape[0], k), -1, dtype=np.int32)
    values = np.zeros((left.shape[0], k), dtype=np.float32)
    length = np.diff(right.indptr)
    buffers = np.empty(0, np.int32), np.empty(0, np.float32)
    for start in range(0, left.shape[0], ROWS):
        block = left[start : start + ROWS]
        most = int(length[block.indices].sum())  # entries of the product, were all of them apart
        if most > len(buffers[0]):
            buffers = np.empty(2 * most, np.int32), np.empty(2 * most, np.float32)
        packed = _highest(*_product(block, right, buffers), k, names)
        there = packed != EMPTY
        rows = slice(start, start + len(packed))
        found[rows] = np.where(there, packed & 0xFFFFFFFF, -1)
        values[rows] = np.where(there, (0x7FFFFFFF - (packed >> 32)).astype(np.int32).view(np.float32), 0)
    return found, values


def _counts(baskets: Baskets, rank: np.ndarray, values: np.ndarray) -> sparse.csr_array:
    """Return the matrix of `values` with item j in column `rank[j]`, in single precision, columns sorted."""
    matrix = sparse.coo_array((values, (baskets.member, rank[baskets.item].astype(np.int32))), shape=baskets.shape)
    return matrix.tocsc().tocsr()


def _similarities(counts, neighbours: int, asymmetry: float, shrink: float, own: float) -> sparse.csr_array:
    items = counts.shape[1]
    norm = np.bincount(counts.indices, weights=counts.data.astype(float) ** 2, minlength=items) + shrink
    norm = np.where(norm > 0, norm, 1)
    passing, taking = counts.copy(), counts.copy()
    passing.data *= (norm**-asymmetry).astype(np.float32)[counts.indices]
    taking.data *= (norm ** (asymmetry - 1)).astype(np.float32)[counts.indices]
    columns, values = highest(passing.T.tocsr(), taking, min(neighbours + 1, items), np.arange(items))
    others = (columns >= 0) & (columns != np.arange(items)[:, None])
    others &= np.cumsum(others, axis=1) <= neighbours
    ends = np.concatenate([[0], np.cumsum(others.sum(axis=1))])
    similar = sparse.csr_array((values[others], columns[others], ends), shape=(items, items))
    similar = similar + sparse.diags_array(np.full(items, own, dtype=np.float32)).tocsr()
    return _narrow(similar)


def _narrow(matrix: sparse.csr_array) -> sparse.csr_array:
    matrix.sort_indices()
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return matrix


def _product(left, right, buffers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indptr, indices and data of `left` @ `right`, the latter two in `buffers`.

    The public product walks through everything twice, the first time only to know how much memory it needs, which
    the caller knows.
    """
    ends = np.empty(left.shape[0] + 1, dtype=np.int32)
    ours, theirs = ((matrix.indptr, matrix.indices, matrix.data) for matrix in (left, right))
    _sparsetools.csr_matmat(left.shape[0], right.shape[1], *ours, *theirs, ends, *buffers)
    return ends, buffers[0][: ends[-1]], buffers[1][: ends[-1]]


def _highest(ends: np.ndarray, indices: np.ndarray, data: np.ndarray, k: int, names: np.ndarray) -> np.ndarray:
    """Return the `k` highest entries of each row (n, k), packed as (descending value, name), EMPTY where fewer.

    Rows are cut into short pieces. The k-th highest of the pieces' maxima is at most the row's k-th value, so that
    only few pieces need to be looked into.
    """
    length = np.diff(ends)
    size = int(np.clip(length.mean() // (5 * k), 4, 32)) if len(length) else 1
    pieces = -(-length // size)
    row, place = _places(pieces)
    start = ends[row] + size * place
    if not len(start):
        return np.full((len(length), k), EMPTY)
    maximum = np.maximum.reduceat(data, start)
    spread = np.full((len(length), max(int(pieces.max()), k)), -np.inf, dtype=np.float32)
    spread[row, place] = maximum
    spread.sort(axis=1)
    bound = spread[:, -k]
    piece = np.flatnonzero(maximum >= bound[row])
    row = row[piece]
    at = start[piece, None] + np.arange(size)
    chosen = (at < ends[row + 1, None]) & (data[np.minimum(at, len(data) - 1)] >= bound[row, None])
    row, at = row[np.nonzero(chosen)[0]], at[chosen]
    value = data[at].view(np.int32).astype(np.int64)  # positive floats are ordered as their bits
    many = np.bincount(row, minlength=len(length))
    packed = np.full((len(length), max(int(many.max()), k)), EMPTY)
    packed[row, _places(many)[1]] = (0x7FFFFFFF - value) << 32 | names[indices[at]]
    packed.sort(axis=1)
    return packed[:, :k]


def _places(many: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for groups of `many` the group and the place in it of each of their elements, one group after another."""
    group = np.repeat(np.arange(len(many)), many)
    return group, np.arange(len(group)) - (np.cumsum(many) - many)[group]
