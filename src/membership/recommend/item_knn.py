"""Item-kNN in sparse form: items are near when the same members buy them; the catalogue is never laid out densely."""

import numpy as np
from scipy import sparse
from scipy.sparse import _sparsetools

from membership.recommend.baselines import Ranker, best, popularity
from membership.recommend.baskets import Baskets

ENTRIES = 1_000_000  # of a product, computed together: they stay in the processor's cache
PIECE = 64  # entries of a row that are looked through together, at most
EMPTY = np.iinfo(np.int64).max  # sorts after every packed entry


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


def highest(left, right, k: int, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return names and values (n, k) of the highest entries of each row of the product of csr_arrays `left`, `right`.

    Column j goes by `names[j]`, a whole number below 2^31. Best first, ties by the lower name; -1 and 0 where a row
    has fewer. Entries are not negative, float32 with int32 indices.
    """
    found = np.full((left.shape[0], k), -1, dtype=np.int32)
    values = np.zeros((left.shape[0], k), dtype=np.float32)
    work = left.sign() @ np.diff(right.indptr)  # entries of each row of the product, were all of them apart
    order = np.argsort(work, kind="stable")  # like rows together
    buffers = np.empty(0, np.int32), np.empty(0, np.float32)
    for rows in np.split(order, np.flatnonzero(np.diff(np.cumsum(work[order]) // ENTRIES)) + 1):
        most = int(work[rows].sum()) + PIECE
        if most > len(buffers[0]):
            buffers = np.empty(2 * most, np.int32), np.zeros(2 * most, np.float32)
        packed = _highest(*_product(left[rows], right, buffers), k, names)
        there = packed != EMPTY
        found[rows] = np.where(there, packed & 0xFFFFFFFF, -1)
        values[rows] = np.where(there, (0x7FFFFFFF - (packed >> 32)).astype(np.int32).view(np.float32), 0)
    return found, values


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


def _product(left, right, buffers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indptr, indices and data of `left` @ `right`; the latter two are the beginning of `buffers`.

    The public product walks through everything twice, the first time only to know how much memory it needs, which
    the caller knows.
    """
    ends = np.empty(left.shape[0] + 1, dtype=np.int32)
    ours, theirs = ((matrix.indptr, matrix.indices, matrix.data) for matrix in (left, right))
    _sparsetools.csr_matmat(left.shape[0], right.shape[1], *ours, *theirs, ends, *buffers)
    return ends, *buffers


def _highest(ends: np.ndarray, indices: np.ndarray, data: np.ndarray, k: int, names: np.ndarray) -> np.ndarray:
    """Return the `k` highest entries of each row (n, k), packed as (descending value, name), EMPTY where fewer.

    Rows are cut into short pieces. The k-th highest of the pieces' maxima is at most the row's k-th value, so that
    only few pieces need to be looked into. `data` goes on for at least PIECE numbers after the last entry.
    """
    rows, longest = len(ends) - 1, int(np.diff(ends).max(initial=0))
    size = int(np.clip(longest // (5 * k), 4, PIECE))
    start = ends[:-1, None] + np.arange(0, longest, size, dtype=np.int32)
    there = start < ends[1:, None]
    if not there.any():
        return np.full((rows, k), EMPTY)
    maximum = np.full((rows, max(start.shape[1], k)), -np.inf, dtype=np.float32)
    spread = maximum[:, : start.shape[1]]
    spread[there] = np.maximum.reduceat(data[: ends[-1]], start[there])
    bound = np.sort(maximum, axis=1)[:, -k]
    row, piece = np.nonzero((spread >= bound[:, None]) & there)
    at = start[row, piece][:, None] + np.arange(size, dtype=np.int32)
    value = data[at]
    entry = np.flatnonzero((value >= bound[row, None]) & (at < ends[1:][row, None]))
    row, at, value = row[entry // size], at.ravel()[entry], value.ravel()[entry]
    entry = np.flatnonzero(value >= _bound(value, row, rows, k)[row])  # few more than k
    bits = value[entry].view(np.int32)  # of numbers from 0 these are in the numbers' order
    packed = (0x7FFFFFFF - bits).astype(np.int64) << 32 | names[indices[at[entry]]]
    return np.sort(_laid_out(packed, row[entry], rows, k, EMPTY), axis=1)[:, :k]


def _bound(values: np.ndarray, row: np.ndarray, rows: int, k: int) -> np.ndarray:
    """Return the k-th highest of the `values` of each row, -inf where there are fewer; rows lie together."""
    return np.sort(_laid_out(values, row, rows, k, np.float32(-np.inf)), axis=1)[:, -k]


def _laid_out(values: np.ndarray, row: np.ndarray, rows: int, least: int, gap) -> np.ndarray:
    """Return `values` as (rows, at least `least`), each row from the left, and `gap` in what is left of it."""
    many = np.bincount(row, minlength=rows).astype(np.int32)
    laid = np.full((rows, max(int(many.max()), least)), gap)
    laid[_places(many)] = values
    return laid


def _places(many: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for groups of `many` the group and the place in it of each of their elements, one group after another."""
    group = np.repeat(np.arange(len(many), dtype=np.int32), many)
    return group, np.arange(len(group), dtype=np.int32) - (np.cumsum(many, dtype=np.int32) - many)[group]
