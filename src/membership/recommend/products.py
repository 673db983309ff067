"""Products of sparse matrices and their highest entries, row by row; the catalogue is never laid out densely."""

import numpy as np
from scipy import sparse
from scipy.sparse import _sparsetools

ENTRIES = 3_000_000  # of a product, computed together: more need much memory, and fewer more calls
PIECE = 64  # entries of a row that are looked through together, at most
EMPTY = np.iinfo(np.int64).max  # sorts after every packed entry


def small(matrix: sparse.sparray) -> sparse.csr_array:
    """Return `matrix` in half the memory: float32 with int32 indices, what the products here take."""
    rows = matrix.tocsr()
    arrays = rows.data.astype(np.float32), rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return sparse.csr_array(arrays, rows.shape)


def times(left: sparse.csr_array, right: sparse.csr_array) -> sparse.csr_array:
    """Return the product of two `small` matrices; the columns of a row are in no order."""
    most = int(np.diff(right.indptr)[left.indices].sum())
    ends, columns, values = _product(left, right, (np.empty(most, np.int32), np.empty(most, np.float32)))
    arrays = values[: ends[-1]], columns[: ends[-1]], ends
    return sparse.csr_array(arrays, shape=(left.shape[0], right.shape[1]))


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


def first(matrix: sparse.csr_array, values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns (at most n * k) of the `k` highest entries of each row of `matrix` (n, columns).

    `values` (entries) stand in for those of the matrix: not negative, float32.
    """
    longer = np.concatenate([values, np.zeros(PIECE, dtype=np.float32)])
    packed = _highest(matrix.indptr, matrix.indices, longer, k, np.arange(matrix.shape[1]))
    row, place = np.nonzero(packed != EMPTY)
    return row.astype(np.int32), (packed[row, place] & 0xFFFFFFFF).astype(np.int32)


def cut(left: sparse.sparray, right: sparse.sparray, most: int) -> sparse.csr_array:
    """Return the product of `left` and `right` with the `most` highest entries of each row."""
    left, right = small(left), small(right)
    shape = left.shape[0], right.shape[1]
    if not shape[1]:
        return sparse.csr_array(shape, dtype=np.float32)
    columns, values = highest(left, right, min(most, shape[1]), np.arange(shape[1]))
    there = columns >= 0
    ends = np.insert(np.cumsum(there.sum(axis=1)), 0, 0)
    return small(sparse.csr_array((values[there], columns[there], ends), shape=shape))


def strongest(matrix: sparse.csr_array, most: int) -> sparse.csr_array:
    """Return a `small` matrix with those entries of each row that are not below its `most`-th highest."""
    many = np.diff(matrix.indptr)
    row = np.repeat(np.arange(len(many)), many)
    ordered = np.sort(row << 32 | matrix.data.view(np.int32))  # bits of numbers from 0 are in the numbers' order
    least = np.zeros(len(many), dtype=np.float32)
    long = many > most
    least[long] = (ordered[matrix.indptr[1:][long] - most] & 0xFFFFFFFF).astype(np.int32).view(np.float32)
    kept = matrix.data >= least[row]
    ends = np.insert(np.cumsum(np.bincount(row[kept], minlength=len(many))), 0, 0).astype(np.int32)
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


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
