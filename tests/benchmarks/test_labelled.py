"""Labels lie in folds, sums over other folds are what brute force finds, and sources know what others bought next."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ordered_market import dense, histories, ordered_market
from scipy import sparse

from benchmarks.labelled import FOLDS, UNLABELLED, LabelledSources, Labels, folded
from membership.recommend.baskets import Targets
from membership.recommend.sources import Sources

MARKET = ordered_market(members=60, items=30, seed=1)
LABELLED = MARKET.known.members[7:41]


@pytest.fixture(scope="module")
def given_labels():
    return folded(MARKET.known, MARKET.next.of(LABELLED), np.random.default_rng(0))


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
    found = folded(MARKET.known, more, np.random.default_rng(0))
    assert np.array_equal(found.fold, given_labels.fold) and (found.matrix != given_labels.matrix).nnz == 0


NOISY = ordered_market(members=300, items=40, seed=2)
KNOWN = NOISY.known


@pytest.fixture(scope="module")
def many():
    return folded(KNOWN, NOISY.next.of(KNOWN.members[:200]), np.random.default_rng(0))


def asked(known, given, rows=None, fold=UNLABELLED):
    """Return the dense scores (rows, I) of all sources by name."""
    found = LabelledSources(Sources(known), known, given).of(fold)
    return dense(found, np.arange(known.shape[0]) if rows is None else rows)


def test_every_source_gives_what_is_bought_next_more_than_the_rest(many):
    bought = NOISY.next.matrix.toarray()[200:] > 0
    for name, scores in asked(KNOWN, many).items():
        assert scores.shape == KNOWN.shape and np.isfinite(scores).all() and (scores >= 0).all(), name
        if name != "next_rebuy":  # which is of own items only
            assert scores[200:][bought].mean() > scores[200:][~bought].mean(), name


def test_a_source_scores_a_member_alone_as_among_others(many):
    rows = np.array([3, 210, 299])
    alone, among = asked(KNOWN, many, rows), asked(KNOWN, many)
    for name in among:
        assert alone[name] == pytest.approx(among[name][rows], rel=1e-5), name


def test_what_sells_next_is_a_share_of_the_labels_of_other_folds(many):
    for fold in (0, 3, UNLABELLED):
        others = many.matrix[many.others(fold)].toarray()
        assert asked(KNOWN, many, fold=fold)["next_popular"][0] == pytest.approx(others.mean(axis=0))


def test_what_is_bought_again_is_a_share_of_those_who_had_it_shrunk_towards_zero(many):
    rows = many.others(1)
    had, again = KNOWN.matrix()[rows].toarray() > 0, many.matrix[rows].toarray() > 0
    shrunk, twice = asked(KNOWN, many, fold=1)["next_rebuy"][0], (had & again).sum(axis=0)
    missing = (twice / shrunk - had.sum(axis=0))[twice > 0]  # members of a prior who did not buy again
    assert missing == pytest.approx(missing[0], rel=1e-4) and 1 < missing[0] < 20
    assert not shrunk[twice == 0].any()


def test_what_neighbours_bought_next_is_found_although_it_is_in_no_history():
    known = histories(*[["abc", "abc"]] * 5, *[["efg", "efg"]] * 5, ["ab", "ab"], ["f", "g"])
    next_ = np.zeros((10, 7))
    next_[:5, 3], next_[5:, 0] = 1, 1
    after = Targets(known.members[:10], sparse.csr_array(next_), np.zeros(10, dtype=np.int64))
    given = folded(known, after, np.random.default_rng(0))
    scores = asked(known, given)["next_near"]
    assert scores[-2].argmax() == 3 and scores[-1].argmax() == 0
