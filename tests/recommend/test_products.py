"""Products of sparse matrices and their highest entries, against dense ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from membership.recommend.products import cut, first, highest, small, strongest, times

quick = settings(deadline=None, max_examples=60)
widths = st.sampled_from([1, 2, 7, 63, 64, 65, 300])
seeds = st.integers(0, 2**32 - 1)


def drawn(rows, columns, seed, share=0.4, levels=3):
    """Return a dense matrix of whole numbers, many of them equal, some of its rows empty."""
    rng = np.random.default_rng(seed)
    there = rng.random((rows, columns)) < share * rng.integers(0, 3, (rows, 1))
    return (there * rng.integers(1, levels + 1, (rows, columns))).astype(np.float32)


def full_sort(dense, k):
    """Return the columns and values of the `k` highest entries above 0, ties by the lower column; -1 and 0 for none."""
    order = np.argsort(-dense, axis=1, kind="stable")[:, :k]
    values = np.take_along_axis(dense, order, axis=1)
    short = ((0, 0), (0, k - order.shape[1]))
    return np.pad(np.where(values > 0, order, -1), short, constant_values=-1), np.pad(values, short)


@pytest.mark.parametrize("kind", [sparse.coo_array, sparse.csc_array, sparse.csr_array])
def test_a_small_matrix_has_the_same_entries_in_half_the_memory(kind):
    dense = drawn(6, 9, seed=0).astype(float)
    found = small(kind(dense))
    assert np.array_equal(found.toarray(), dense)
    assert (found.dtype, found.indices.dtype, found.indptr.dtype) == (np.float32, np.int32, np.int32)


@quick
@given(st.integers(0, 6), widths, widths, seeds)
def test_a_product_is_that_of_dense_matrices(rows, middle, columns, seed):
    left, right = drawn(rows, middle, seed), drawn(middle, columns, seed + 1)
    found = times(small(sparse.csr_array(left)), small(sparse.csr_array(right)))
    assert np.array_equal(found.toarray(), left @ right)
    assert (found.dtype, found.indices.dtype, found.indptr.dtype) == (np.float32, np.int32, np.int32)


@quick
@given(st.integers(1, 6), widths, widths, seeds, st.integers(1, 12))
def test_the_highest_entries_of_a_product_are_those_of_a_full_sort(rows, middle, columns, seed, k):
    left, right = drawn(rows, middle, seed), drawn(middle, columns, seed + 1)
    names = np.random.default_rng(seed).permutation(columns)
    found, values = highest(small(sparse.csr_array(left)), small(sparse.csr_array(right)), k, names)
    expected = full_sort((left @ right)[:, np.argsort(names)], k)  # in the order of names
    assert np.array_equal(found, expected[0]) and np.array_equal(values, expected[1])


def test_a_product_too_large_to_be_made_at_once_is_made_in_parts():
    left, right = drawn(300, 60, seed=1), drawn(60, 12_000, seed=2)
    found, values = highest(*(small(sparse.csr_array(each)) for each in (left, right)), 5, np.arange(12_000))
    expected = full_sort(left @ right, 5)
    assert np.array_equal(found, expected[0]) and np.array_equal(values, expected[1])


@quick
@given(st.integers(1, 6), widths, seeds, st.integers(1, 12), st.booleans())
def test_the_first_entries_of_each_row_are_those_of_a_full_sort(rows, columns, seed, k, mixed):
    dense = drawn(rows, columns, seed)
    matrix = small(sparse.csr_array(dense))
    if mixed:  # nothing promises that the columns of a row are in order
        order = np.lexsort((np.random.default_rng(seed).random(matrix.nnz), np.nonzero(dense)[0]))
        matrix = sparse.csr_array((matrix.data[order], matrix.indices[order], matrix.indptr), shape=matrix.shape)
    row, column = first(matrix, matrix.data, k)
    expected, _ = full_sort(dense, k)
    assert row.tolist() == np.nonzero(expected >= 0)[0].tolist()
    assert column.tolist() == expected[expected >= 0].tolist()


@quick
@given(st.integers(1, 6), widths, widths, seeds, st.integers(1, 12))
def test_a_product_cut_to_its_highest_entries_has_these_the_highest_first(rows, middle, columns, seed, most):
    left, right = drawn(rows, middle, seed), drawn(middle, columns, seed + 1)
    found = cut(sparse.csr_array(left), sparse.csr_array(right), most)
    names, values = full_sort(left @ right, most)
    there = names >= 0
    assert found.shape == (rows, columns) and np.diff(found.indptr).tolist() == there.sum(axis=1).tolist()
    assert np.array_equal(found.indices, names[there]) and np.array_equal(found.data, values[there])


def test_a_product_without_columns_or_entries_is_empty():
    nothing = sparse.csr_array((3, 2))
    assert cut(nothing, sparse.csr_array((2, 0)), 5).shape == (3, 0)
    assert cut(nothing, sparse.csr_array(np.ones((2, 4))), 5).nnz == 0
    assert times(small(nothing), small(sparse.csr_array(np.ones((2, 4))))).nnz == 0


@quick
@given(st.integers(0, 6), widths, seeds, st.integers(1, 12))
def test_the_strongest_entries_are_those_not_below_the_most_th_highest(rows, columns, seed, most):
    dense = drawn(rows, columns, seed)
    found = strongest(small(sparse.csr_array(dense)), most)
    least = np.sort(dense, axis=1)[:, [-min(most, columns)]]
    assert np.array_equal(found.toarray(), np.where(dense >= least, dense, 0))
    assert (found.dtype, found.indices.dtype, found.indptr.dtype) == (np.float32, np.int32, np.int32)
