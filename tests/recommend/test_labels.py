"""Labels lie in folds, and sums over other folds are what brute force finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ordered_market import ordered_market
from scipy import sparse

from membership.recommend import labels
from membership.recommend.baskets import Targets
from membership.recommend.labels import FOLDS, UNLABELLED, Labels

MARKET = ordered_market(members=60, items=30, seed=1)
LABELLED = MARKET.known.members[7:41]


@pytest.fixture(scope="module")
def given_labels():
    return labels.folded(MARKET.known, MARKET.next.of(LABELLED), np.random.default_rng(0))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_sums_over_others_are_those_of_a_loop_over_members_outside_the_fold(members, columns, seed):
    rng = np.random.default_rng(seed)
    fold = rng.integers(UNLABELLED, FOLDS, members)
    values = rng.integers(0, 3, (members, columns)).astype(float)
    some = Labels(fold, sparse.csr_array((members, 1)))
    found = some.by_others(sparse.csr_array(values))
    assert found.shape == (FOLDS + 1, columns)
    for row in (*range(FOLDS), UNLABELLED):  # the last row is that of members without a label
        expected = sum((values[m] for m in range(members) if fold[m] not in (UNLABELLED, row)), np.zeros(columns))
        assert np.array_equal(found[row], expected)
        assert np.array_equal(some.others(row), [m for m in range(members) if fold[m] not in (UNLABELLED, row)])


def test_every_member_with_a_label_is_in_one_of_five_folds_of_equal_size(given_labels):
    known = np.isin(MARKET.known.members, LABELLED)
    assert ((given_labels.fold == UNLABELLED) == ~known).all()
    sizes = np.bincount(given_labels.fold[known], minlength=FOLDS)
    assert len(sizes) == FOLDS and sizes.max() - sizes.min() <= 1


def test_a_labels_row_is_the_members_next_basket_and_empty_without_one(given_labels):
    known = np.isin(MARKET.known.members, LABELLED)
    expected = np.where(known[:, None], MARKET.next.matrix.toarray(), 0)
    assert np.array_equal(given_labels.matrix.toarray(), expected)


def test_next_baskets_of_members_without_a_history_are_no_labels(given_labels):
    strangers = np.concatenate([MARKET.next.of(LABELLED).members, ["zoe"]])
    matrix = sparse.vstack([MARKET.next.of(LABELLED).matrix, sparse.csr_array(np.ones((1, 30)))]).tocsr()
    more = Targets(strangers, matrix, np.zeros(len(strangers), dtype=np.int64))
    found = labels.folded(MARKET.known, more, np.random.default_rng(0))
    assert np.array_equal(found.fold, given_labels.fold) and (found.matrix != given_labels.matrix).nnz == 0


def test_no_labels_are_none_of_anybody():
    nothing = labels.none(MARKET.known)
    assert (nothing.fold == UNLABELLED).all() and nothing.matrix.nnz == 0
    assert not len(nothing.others(UNLABELLED)) and not nothing.by_others(MARKET.known.matrix()).any()
