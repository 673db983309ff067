"""TopFreq, UP-CF@r and TIFUKNN against hand-computed figures and slow, literal versions of their definitions."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_peers_of_items import dense

from membership.recommend import baskets, ranking, tifu

CUTOFF = date(2024, 6, 1)


@pytest.fixture(scope="module")
def known(events, p):
    return baskets.history(events, CUTOFF, p.recommend)


def held(known, row):
    """A member's baskets, oldest first, as 0/1 vectors."""
    dense = np.zeros((known.sizes[row], len(known.items)))
    mine = known.member == row
    dense[known.sizes[row] - 1 - known.basket[mine], known.item[mine]] = 1
    return dense


def test_popularity_is_the_share_of_baskets_that_hold_an_item(known):
    everything = np.concatenate([held(known, row) for row in range(len(known.members))])
    assert ranking.popularity(known) == pytest.approx(everything.mean(axis=0))


def test_own_counts_come_first_and_popularity_breaks_their_ties(known):
    scores, counts, share = dense("gp_topfreq", known), known.matrix().toarray(), ranking.popularity(known)
    for score, count in zip(scores, counts, strict=True):
        assert np.array_equal(np.argsort(-score, kind="stable"), np.lexsort((np.arange(len(share)), -share, -count)))


def test_ties_may_go_to_what_was_bought_first(known):
    score = dense("gp_topfreq", known, ties="first_bought")[0]
    mine = held(known, 0)
    first = np.where(mine.any(axis=0), mine.argmax(axis=0), 99)
    own = np.flatnonzero(mine.any(axis=0))
    ranked = own[np.argsort(-score[own], kind="stable")]
    assert ranked.tolist() == own[np.lexsort((own, first[own], -mine.sum(axis=0)[own]))].tolist()


def test_personal_popularity_never_offers_what_was_not_bought(known):
    assert np.array_equal(np.isfinite(dense("p_topfreq", known)), known.matrix().toarray() > 0)


@pytest.mark.parametrize("groups", [1, 3, 7, 1000])
def test_tifu_vectors_equal_the_groups_written_out(known, groups):
    vectors = tifu.tifu_vectors(known, 0.9, 0.7, groups).toarray()
    for row in (0, 7, 31):
        mine = held(known, row)
        decayed = mine * 0.9 ** np.arange(len(mine))[::-1, None]
        many = min(groups, len(mine))
        lengths = [len(mine) // many + (group >= many - len(mine) % many) for group in range(many)]
        parts = np.split(decayed, np.cumsum(lengths)[:-1])
        means = [part.mean(axis=0) * 0.7 ** (groups - 1 - group) for group, part in enumerate(parts)]
        assert vectors[row] == pytest.approx(np.mean(means, axis=0))


def days_held(known, row):
    """Days from each basket of a member to its last one, oldest first."""
    mine = known.member == row
    ages = dict(zip(known.basket[mine], known.age[mine], strict=True))
    return np.array([ages[back] - ages[0] for back in range(known.sizes[row])])[::-1]


@pytest.mark.parametrize("log_days", [True, False])
@pytest.mark.parametrize("group_days", [1, 20, 365])
def test_dated_vectors_equal_the_groups_of_days_written_out(known, group_days, log_days):
    vectors = tifu.dated_vectors(known, 0.9, 0.7, group_days, log_days).toarray()
    for row in (0, 7, 31):
        mine, days = held(known, row), days_held(known, row)
        means = []
        for group in np.unique(days // group_days):
            inside = days // group_days == group
            since = days[inside] - group * group_days
            weight = 0.9 ** (np.log1p(since) if log_days else since)
            means.append(0.7**group * (weight[:, None] * mine[inside]).mean(axis=0))
        assert vectors[row] == pytest.approx(np.mean(means, axis=0))


def test_upcf_may_count_a_basket_by_its_days(known):
    settings = {"recency": 4, "alpha": 0.5, "locality": 1, "neighbours": 1, "shrink": 1e12, "day_decay": 0.9}
    mine, weight = held(known, 5)[-4:], 0.9 ** days_held(known, 5)[-4:]
    alone = weight @ mine / weight.sum()
    assert dense("upcf", known, **settings)[5] == pytest.approx(alone, abs=1e-6)


def test_tifuknn_blends_a_member_with_its_nearest_others(known):
    vectors = tifu.tifu_vectors(known, 0.9, 0.7, 3).toarray()
    distance = np.linalg.norm(vectors[5] - vectors, axis=1)
    distance[5] = np.inf
    expected = 0.4 * vectors[5] + 0.6 * vectors[np.argsort(distance, kind="stable")[:10]].mean(axis=0)
    settings = {"neighbours": 10, "within_decay": 0.9, "group_decay": 0.7, "alpha": 0.4, "groups": 3}
    assert dense("tifuknn", known, **settings)[5] == pytest.approx(expected)


def test_upcf_weighs_recent_popularity_by_asymmetric_cosine(known):
    counts = known.matrix().toarray()
    recent = np.array([held(known, row)[-4:].mean(axis=0) for row in range(len(counts))])
    size = (counts**2).sum(axis=1)
    similar = (counts[5] @ counts.T) / (size[5] ** 0.25 * size**0.75 + 20)
    similar[5] = 0
    similar[np.argsort(-similar, kind="stable")[10:]] = 0
    similar[5] = 1
    settings = {"recency": 4, "alpha": 0.25, "locality": 5, "neighbours": 10, "shrink": 20}
    assert dense("upcf", known, **settings)[5] == pytest.approx(similar**5 @ recent)


@settings(deadline=None, max_examples=50)
@given(arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(-2, 2)), st.integers(0, 12))
def test_best_is_a_stable_sort_cut_off(scores, k):
    assert np.array_equal(ranking.best(scores, k), np.argsort(-scores, axis=1, kind="stable")[:, :k])
