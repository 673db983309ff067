"""What each source says of the next basket, where it can be said by hand."""

import numpy as np
import pandas as pd
import pytest
from ordered_market import PAIRS, ordered_market
from scipy import sparse

from membership.recommend import labels, sources
from membership.recommend.baskets import Baskets, Targets

MARKET = ordered_market(members=300, items=40, seed=2)
KNOWN = MARKET.known
LABELLED = KNOWN.members[:200]
KINDS = pd.DataFrame({"item_id": KNOWN.items, "category": [f"kind {n // 5}" for n in range(40)]})


def asked(known, given, items=None, rows=None, fold=labels.UNLABELLED):
    """Return the dense scores (rows, I) of all sources by name."""
    rows = np.arange(known.shape[0]) if rows is None else rows
    found = {}
    for source in sources.Sources(known, given, items).of(known):
        for name, scores in zip(source.names, source.scores(rows, fold), strict=True):
            dense = scores.toarray() if sparse.issparse(scores) else np.tile(scores, (len(rows), 1))
            found[name] = dense
    return found


def histories(*held):
    """Return histories of letters: of each member baskets as words, the oldest first."""
    lines = sorted(
        (m, len(b) - 1 - n, ord(i) - ord("a")) for m, b in enumerate(held) for n, w in enumerate(b) for i in w
    )
    member, back, item = np.array(lines, dtype=np.int32).T
    ids = (
        np.array([f"m{m:02d}" for m in range(len(held))]),
        np.array([chr(ord("a") + n) for n in range(item.max() + 1)]),
    )
    return Baskets(None, *ids, member, item, back, back + 1)


@pytest.fixture(scope="module")
def given():
    return labels.folded(KNOWN, MARKET.next.of(LABELLED), np.random.default_rng(0))


@pytest.fixture(scope="module", params=["with labels", "without"])
def said(request, given):
    return asked(KNOWN, given if request.param == "with labels" else labels.none(KNOWN), KINDS)


def test_scores_are_finite_and_not_negative_for_every_member_and_item(said):
    assert len(said) > 4
    for name, scores in said.items():
        assert scores.shape == KNOWN.shape and np.isfinite(scores).all() and (scores >= 0).all(), name
        assert scores.any(), name


def test_every_source_gives_what_is_bought_next_more_than_the_rest(said):
    bought = MARKET.next.matrix.toarray()[200:] > 0
    for name, scores in said.items():
        if name not in {"content", "next_rebuy"}:  # here kinds mean nothing, and the latter is of own items only
            assert scores[200:][bought].mean() > scores[200:][~bought].mean(), name


def test_a_source_scores_a_member_alone_as_among_others(given):
    rows = np.array([3, 210, 299])
    alone, among = (asked(KNOWN, given, KINDS, some) for some in (rows, None))
    for name in among:
        assert alone[name] == pytest.approx(among[name][rows], rel=1e-5), name


def test_what_sells_next_is_a_share_of_the_labels_of_other_folds(given):
    for fold in (0, 3, labels.UNLABELLED):
        others = given.matrix[given.others(fold)].toarray()
        assert asked(KNOWN, given, fold=fold)["next_popular"][0] == pytest.approx(others.mean(axis=0))


def test_what_is_bought_again_is_a_share_of_those_who_had_it_shrunk_towards_zero(given):
    rows = given.others(1)
    had, again = KNOWN.matrix()[rows].toarray() > 0, given.matrix[rows].toarray() > 0
    shrunk, twice = asked(KNOWN, given, fold=1)["next_rebuy"][0], (had & again).sum(axis=0)
    missing = (twice / shrunk - had.sum(axis=0))[twice > 0]  # members of a prior who did not buy again
    assert missing == pytest.approx(missing[0], rel=1e-4) and 1 < missing[0] < 20
    assert not shrunk[twice == 0].any()


@pytest.mark.parametrize("name", ["follow", "follow_last"])
def test_what_always_follows_is_found(name):
    known = histories(*[["a", "b", "c", "a", "b", "c"]] * 30, ["c", "a"])
    scores = asked(known, labels.none(known))[name][-1]
    assert scores.argmax() == 1 and scores[2] == 0  # the last basket says most: a, after which b comes


def test_what_leads_to_another_item_is_found_in_a_market_with_noise():
    scores = asked(KNOWN, labels.none(KNOWN))["follow_last"]
    last = KNOWN.matrix(KNOWN.basket == 0).toarray()[:, : 2 * PAIRS : 2] > 0
    led = scores[:, 1 : 2 * PAIRS : 2]
    assert led[last].mean() > 2 * led[~last].mean()


def test_items_bought_by_the_same_members_are_alike():
    known = histories(*[["ab", "ab"]] * 10, *[["cd", "cd"]] * 10, ["a"], ["c"])
    scores = asked(known, labels.none(known))["alike"]
    assert scores[-2].argmax() == 1 and scores[-1].argmax() == 3
    assert not scores[-2, [2, 3]].any() and not scores[-1, [0, 1]].any()


def test_neighbours_are_other_members_who_bought_the_same():
    known = histories(*[["abc", "abc"]] * 5, *[["efg", "efg"]] * 5, ["ab", "ab"], ["fg"])
    scores = asked(known, labels.none(known))["near"]
    assert scores[-2, 2] > 0 and not scores[-2, 4:].any()
    assert scores[-1, 4] > 0 and not scores[-1, :3].any()
    alone = histories(["abc"], ["efg"])
    assert not asked(alone, labels.none(alone))["near"][0].any()  # nobody is a neighbour of itself


def test_what_neighbours_bought_next_is_found_although_it_is_in_no_history():
    known = histories(*[["abc", "abc"]] * 5, *[["efg", "efg"]] * 5, ["ab", "ab"], ["f", "g"])
    next_ = np.zeros((10, 7))
    next_[:5, 3], next_[5:, 0] = 1, 1
    after = Targets(known.members[:10], sparse.csr_array(next_), np.zeros(10, dtype=np.int64))
    given = labels.folded(known, after, np.random.default_rng(0))
    scores = asked(known, given)["next_near"]
    assert scores[-2].argmax() == 3 and scores[-1].argmax() == 0


def test_items_of_the_same_kind_go_by_popularity_and_others_are_not_alike():
    known = histories(*[["bcd", "bc", "b"]] * 4, ["a"], ["d"])
    items = pd.DataFrame({"item_id": list("abcd"), "category": ["food", "food", "food", "tools"]})
    scores = asked(known, labels.none(known), items)["content"]
    assert scores[4, 1] > scores[4, 2] > 0 == scores[4, 3]
    assert not scores[5].any()


@pytest.mark.parametrize("items", [None, KINDS[["item_id"]], KINDS.assign(category=None)])
def test_without_attributes_of_items_there_is_no_source_for_them(items):
    assert "content" not in asked(KNOWN, labels.none(KNOWN), items)


def test_sources_that_need_labels_are_there_only_with_them(given):
    with_, without = (set(asked(KNOWN, some)) for some in (given, labels.none(KNOWN)))
    assert {name for name in with_ if name.startswith("next_")} and not {n for n in without if n.startswith("next_")}
    assert "popular" in without
