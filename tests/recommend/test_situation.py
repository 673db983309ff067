"""What is known of some members is what is known of them among all, and candidates are their own items and more."""

from datetime import date

import numpy as np
import pytest
from ordered_market import ordered_market

from benchmarks.labelled import LabelledCandidates, folded
from membership.recommend import baskets, candidates
from membership.recommend.candidates import Candidates
from membership.recommend.situation import View

MARKET = ordered_market(members=200, items=50, seed=4)
EXTRA = 4
SHARED = {"popular", "next_popular"}  # the same for everybody: own items are among its first


@pytest.fixture(scope="module", params=["dated, with items", "ordered, with labels"])
def market(request, events, items, p):
    """Histories, items, and what finds so many candidates."""
    if request.param == "dated, with items":
        known = baskets.history(events, date(2024, 6, 1), p.recommend)
        return known, items, lambda extra: Candidates(known, extra, items)
    given = folded(MARKET.known, MARKET.next.of(MARKET.known.members[:120]), np.random.default_rng(0))
    return MARKET.known, None, lambda extra: LabelledCandidates(MARKET.known, given, extra)


@pytest.fixture(scope="module")
def view(market):
    _, items, found = market
    return View(found(EXTRA), items)


@pytest.fixture(scope="module")
def everybody(view):
    return view.of(np.arange(view.baskets.shape[0]))


def dense(pairs, values, shape):
    """Return `values` (n,) of pairs laid out (M, I), NaN where there is no pair."""
    found = np.full(shape, np.nan)
    found[pairs.member, pairs.item] = values
    return found


def test_a_part_of_the_members_looks_as_it_does_among_all(view, everybody):
    for rows in (np.arange(0, view.baskets.shape[0], 3), np.array([5]), np.array([], dtype=int)):
        part, chosen = view.of(rows), np.isin(everybody.pairs.member, rows)
        assert part.names == everybody.names == view.names and part.pairs.names == view.candidates.names
        for name in ("member", "item", "own", "scores"):
            assert np.array_equal(getattr(part.pairs, name), getattr(everybody.pairs.keep(chosen), name)), name
        assert np.array_equal(part.inputs, everybody.inputs[chosen])


def test_however_few_members_are_looked_up_together_the_candidates_are_the_same(market, everybody, monkeypatch):
    known, _, found = market
    monkeypatch.setattr(candidates, "CELLS", 7 * known.shape[1])
    found = found(EXTRA).of(np.arange(known.shape[0]))
    for name in ("member", "item", "own", "scores"):
        assert np.array_equal(getattr(found, name), getattr(everybody.pairs, name)), name


def test_pairs_are_sorted_and_each_is_there_once(everybody, view):
    cell = everybody.pairs.member.astype(np.int64) * view.baskets.shape[1] + everybody.pairs.item
    assert (np.diff(cell) > 0).all()


def test_everything_that_a_member_has_bought_is_a_candidate_and_marked_as_its_own(everybody, view):
    own = dense(everybody.pairs, everybody.pairs.own, view.baskets.shape)
    assert np.array_equal(own == 1, view.baskets.matrix().toarray() > 0)


def test_the_items_that_a_source_puts_first_are_candidates(market, everybody):
    known, items, found = market
    whole = View(found(known.shape[1]), items).of(np.arange(known.shape[0]))
    assert len(whole.pairs.member) == np.prod(known.shape)  # what sells proposes everything
    there = ~np.isnan(dense(everybody.pairs, everybody.pairs.own, known.shape))
    sources = found(EXTRA)._sources(known, np.arange(known.shape[0]))
    proposing = [source.names[0] for source in sources if source.proposes]
    assert len(proposing) > 3 and not set(proposing).isdisjoint(SHARED)
    for name in proposing:
        scores = whole.pairs.scores[:, whole.pairs.names.index(name)].reshape(known.shape)
        asked = scores if name in SHARED else np.where(known.matrix().toarray() > 0, 0, scores)
        first = (asked > np.sort(asked, axis=1)[:, [-EXTRA - 1]]) & (asked > 0)  # none of equal ones at the end
        assert first.any() and there[first].all(), name


def test_no_source_adds_more_than_it_may(everybody, view):
    others = np.bincount(everybody.pairs.member, ~everybody.pairs.own, minlength=view.baskets.shape[0])
    assert (others <= EXTRA * len(view.candidates.names)).all() and (others >= EXTRA).all()


def test_scores_do_not_hang_on_how_many_candidates_are_asked_for(market, everybody):
    known, items, found = market
    more = View(found(2 * EXTRA), items).of(np.arange(known.shape[0]))
    wide = [dense(more.pairs, column, known.shape) for column in more.pairs.scores.T]
    at = everybody.pairs.member, everybody.pairs.item
    assert np.array_equal(np.stack([column[at] for column in wide], axis=1), everybody.pairs.scores)
