"""Lists of the model: how many members are looked up together changes none, `explore` changes the order alone."""

import numpy as np
import pytest
from ordered_market import ordered_market

from benchmarks import ordered
from membership.recommend import policy

MARKET = ordered_market(members=90, items=40, seed=6)
KNOWN = MARKET.known
LABELLED, ASKED = KNOWN.members[:60], KNOWN.members[60:]
K = KNOWN.shape[1]


@pytest.fixture(scope="module")
def lists(p):
    """Return the whole lists for `ASKED` with a given `explore`: columns, scores, and which items are new."""

    def made(explore):
        knobs = p.model_copy(update={"recommend": p.recommend.model_copy(update={"explore": explore})})
        ids, scores = ordered.fit(KNOWN, MARKET.next.of(LABELLED), knobs).recommend(ASKED, K)
        return KNOWN.columns(ids), scores, ~KNOWN.bought(ASKED, ids)

    return {explore: made(explore) for explore in (0.0, 1.0, 50.0)}


def by_item(columns, scores):
    return np.take_along_axis(scores, np.argsort(columns, axis=1), axis=1)


def test_explore_leaves_every_probability_as_it_is(lists):
    plain, *others = (by_item(columns, scores) for columns, scores, _ in lists.values())
    for bold in others:
        assert np.array_equal(plain, bold)


@pytest.mark.parametrize("explore", [0.0, 1.0, 50.0])
def test_the_order_is_that_of_log_odds_with_explore_added_where_the_item_is_new(lists, explore):
    _, scores, new = lists[explore]
    there = scores > 0
    assert (np.diff(there.astype(int), axis=1) <= 0).all()  # what has no probability comes last
    with np.errstate(divide="ignore"):
        by = np.log(scores) - np.log1p(-scores) + explore * new
    assert (np.diff(by, axis=1)[there[:, 1:]] <= 1e-9).all()


def test_more_explore_lists_more_that_is_new(lists):
    share = [new[:, :5].mean() for _, _, new in lists.values()]
    assert share[0] < share[1] < share[2] == 1


def test_however_few_members_are_looked_up_together_the_lists_are_the_same(p, monkeypatch):
    found = ordered.fit(KNOWN, MARKET.next.of(LABELLED), p)
    mixed = np.random.default_rng(0).permutation(np.concatenate([KNOWN.members, ASKED]))
    ids, scores = found.recommend(mixed, 7)
    monkeypatch.setattr(policy, "MEMBERS", 13)
    again, score = found.recommend(mixed, 7)
    assert np.array_equal(ids, again) and scores == pytest.approx(
        score, rel=1e-5
    )  # sums of floats round by their place
