"""What each source says of the next basket, where it can be said by hand."""

import numpy as np
import pandas as pd
import pytest
from ordered_market import PAIRS, dense, histories, ordered_market

from membership.recommend import sources

MARKET = ordered_market(members=300, items=40, seed=2)
KNOWN = MARKET.known
KINDS = pd.DataFrame({"item_id": KNOWN.items, "category": [f"kind {n // 5}" for n in range(40)]})


def asked(known, items=None, rows=None):
    """Return the dense scores (rows, I) of all sources by name."""
    return dense(sources.Sources(known, items).of(known), np.arange(known.shape[0]) if rows is None else rows)


@pytest.fixture(scope="module")
def said():
    return asked(KNOWN, KINDS)


def test_scores_are_finite_and_not_negative_for_every_member_and_item(said):
    assert len(said) > 4
    for name, scores in said.items():
        assert scores.shape == KNOWN.shape and np.isfinite(scores).all() and (scores >= 0).all(), name
        assert scores.any(), name


def test_every_source_gives_what_is_bought_next_more_than_the_rest(said):
    bought = MARKET.next.matrix.toarray()[200:] > 0
    for name, scores in said.items():
        if name != "content":  # here kinds mean nothing
            assert scores[200:][bought].mean() > scores[200:][~bought].mean(), name


def test_a_source_scores_a_member_alone_as_among_others(said):
    rows = np.array([3, 210, 299])
    alone = asked(KNOWN, KINDS, rows)
    for name in said:
        assert alone[name] == pytest.approx(said[name][rows], rel=1e-5), name


@pytest.mark.parametrize("name", ["follow", "follow_last"])
def test_what_always_follows_is_found(name):
    known = histories(*[["a", "b", "c", "a", "b", "c"]] * 30, ["c", "a"])
    scores = asked(known)[name][-1]
    assert scores.argmax() == 1 and scores[2] == 0  # the last basket says most: a, after which b comes


def test_what_leads_to_another_item_is_found_in_a_market_with_noise():
    scores = asked(KNOWN)["follow_last"]
    last = KNOWN.matrix(KNOWN.basket == 0).toarray()[:, : 2 * PAIRS : 2] > 0
    led = scores[:, 1 : 2 * PAIRS : 2]
    assert led[last].mean() > 2 * led[~last].mean()


def test_items_bought_by_the_same_members_are_alike():
    known = histories(*[["ab", "ab"]] * 10, *[["cd", "cd"]] * 10, ["a"], ["c"])
    scores = asked(known)["alike"]
    assert scores[-2].argmax() == 1 and scores[-1].argmax() == 3
    assert not scores[-2, [2, 3]].any() and not scores[-1, [0, 1]].any()


def test_neighbours_are_other_members_who_bought_the_same():
    known = histories(*[["abc", "abc"]] * 5, *[["efg", "efg"]] * 5, ["ab", "ab"], ["fg"])
    scores = asked(known)["near"]
    assert scores[-2, 2] > 0 and not scores[-2, 4:].any()
    assert scores[-1, 4] > 0 and not scores[-1, :3].any()
    alone = histories(["abc"], ["efg"])
    assert not asked(alone)["near"][0].any()  # nobody is a neighbour of itself


def test_items_of_the_same_kind_go_by_popularity_and_others_are_not_alike():
    known = histories(*[["bcd", "bc", "b"]] * 4, ["a"], ["d"])
    items = pd.DataFrame({"item_id": list("abcd"), "category": ["food", "food", "food", "tools"]})
    scores = asked(known, items)["content"]
    assert scores[4, 1] > scores[4, 2] > 0 == scores[4, 3]
    assert not scores[5].any()


@pytest.mark.parametrize("items", [None, KINDS[["item_id"]], KINDS.assign(category=None)])
def test_without_attributes_of_items_there_is_no_source_for_them(items):
    assert "content" not in asked(KNOWN, items)
