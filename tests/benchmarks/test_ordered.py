"""The model on histories without dates: it finds a truth that is known, and says how sure it is."""

from datetime import date

import numpy as np
import pytest
import torch
from ordered_market import PAIRS, ordered_market

from benchmarks import ordered
from membership.base.errors import ParamError
from membership.recommend import metrics, model, policies, policy, train
from membership.recommend.model import Settings
from membership.recommend.peers.registry import PEERS
from membership.settings import params

MARKET = ordered_market()
ITEMS = MARKET.known.items
IS_FRESH = np.arange(len(MARKET.known.members)) % 3 == 2
LABELLED, FRESH = MARKET.known.members[~IS_FRESH], MARKET.known.members[IS_FRESH]
TRUTH = MARKET.truth[IS_FRESH]


@pytest.fixture(scope="module")
def stored():
    """The parameters as they are stored: nothing is chosen for this market."""
    return params.parse(params.read(), {"device": "cpu"})


@pytest.fixture(scope="module")
def fitted(stored):
    return ordered.fit(MARKET.known, MARKET.next.of(LABELLED), stored)


@pytest.fixture(scope="module")
def said(fitted):
    """What the model says of each fresh member and item, (members, items), NaN where it says nothing.

    It says nothing of the popular items, at score 0, that lists go on with.
    """
    ids, scores = fitted.recommend(FRESH, len(ITEMS))
    row, place = np.nonzero(scores)
    found = np.full(TRUTH.shape, np.nan)
    found[row, fitted.baskets.columns(ids[row, place])] = scores[row, place]
    return found


def recall(ids):
    return metrics.per_member(ids, MARKET.next.of(FRESH), MARKET.known, 5)["recall_at_5"].mean()


def test_the_model_finds_more_of_the_next_basket_than_any_peer_and_most_of_what_can_be_found(fitted, stored):
    ours = recall(fitted.recommend(FRESH, 5)[0])
    for name in set(PEERS) - {"content"}:
        peer = policies.peer(name, {}, MARKET.known, seed=stored.seed)
        assert ours > 1.15 * recall(peer.recommend(FRESH, 5)[0]), name
    assert ours > 0.75 * recall(ITEMS[np.argsort(-TRUTH, axis=1, kind="stable")])


def test_probabilities_of_fresh_members_are_true(said):
    there = ~np.isnan(said)
    order = np.argsort(said[there], kind="stable")
    for part in np.array_split(order, 20):
        assert said[there][part].mean() == pytest.approx(TRUTH[there][part].mean(), rel=0.15, abs=0.03)
    bought = MARKET.next.of(FRESH).matrix.toarray()[there]
    for true in (TRUTH[there].sum(), bought.sum()):
        assert np.nansum(said) == pytest.approx(true, rel=0.05)
    assert ((said[there] > 0) & (said[there] < 1)).all()


def test_what_one_item_leads_to_is_likely_only_after_it(said):
    known = MARKET.known
    last = known.matrix(known.basket == 0).toarray()[IS_FRESH]
    never = known.matrix().toarray()[IS_FRESH][:, 1 : 2 * PAIRS : 2] == 0
    led, scores = last[:, : 2 * PAIRS : 2] > 0, said[:, 1 : 2 * PAIRS : 2]
    assert np.nanmean(scores[led & never]) > 5 * np.nanmean(scores[~led & never])


def test_what_is_due_is_likelier_than_what_was_bought_as_often_and_is_not(said):
    often = MARKET.known.matrix().toarray()[IS_FRESH] > 2
    due, not_due = (TRUTH > 0.8) & (TRUTH < 1), TRUTH < 0.05
    assert np.nanmean(said[often & due]) > 1.2 * np.nanmean(said[often & not_due])


def test_the_same_seed_gives_the_same_lists_and_another_seed_another_model(p):
    small = ordered_market(members=60, items=30)
    labels = small.next.of(small.known.members[:40])
    first, same, other = (
        ordered.fit(small.known, labels, p.model_copy(update={"seed": seed})).recommend(small.known.members[40:], 10)
        for seed in (1, 1, 2)
    )
    assert all(np.array_equal(one, again) for one, again in zip(first, same, strict=True))
    assert not np.array_equal(first[1], other[1])


def test_a_model_that_was_stored_gives_the_same_top_10(events, items, p, tmp_path):
    cutoff = date(2024, 6, 1)
    data = train.samples(events, items, cutoff, p.recommend, p.train, p.seed)
    trained = train.fit(data, Settings(**p.train.settings.model_dump()), p.train, p.seed, "cpu").model
    model.save(trained, tmp_path)
    now, later = (policy.serve(each, events, items, cutoff, p) for each in (trained, model.load(tmp_path)))
    members = now.baskets.members
    for one, other in zip(now.recommend(members, 10), later.recommend(members, 10), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused(stored):
    with pytest.raises(ParamError, match="device = 'cuda': torch finds no CUDA GPU on this machine; allowed here"):
        ordered.fit(MARKET.known, MARKET.next.of(LABELLED), stored.model_copy(update={"device": "cuda"}))
