"""One contract for every policy on histories without dates; `test_policy.py` has the dated ones."""

import json

import numpy as np
import pandas as pd
import pytest
from ordered_market import ordered_market

from benchmarks import ordered, reality_check
from membership.base.errors import DataError, ParamError
from membership.recommend import heads, policies, stack

MARKET = ordered_market(members=90, items=30, seed=1)
LABELLED, ASKED = MARKET.known.members[:60], MARKET.known.members[60:]


def fit(name, known, labels, p):
    if name == "model":
        return ordered.fit(known, labels, p)
    if name == "stack":
        peers = {each: fit(each, known, labels, p) for each in ("item_knn", "upcf")}
        by = dict.fromkeys(stack.signals(["model", *peers]), 0.5)
        return stack.serve(ordered.fit(known, labels, p), peers, by)
    if name == "heads":
        by = dict.fromkeys((heads.REPEAT, heads.EXPLORE), heads.PRIOR)
        return heads.serve(ordered.fit(known, labels, p), heads.learn(known).of(known), by)
    items = pd.DataFrame({"item_id": known.items, "category": [item[:4] for item in known.items]})
    return policies.peer(name, p.recommend.peers.get(name, {}), known, items, p.seed)


@pytest.fixture(scope="module", params=policies.names())
def fitted(request, p):
    return fit(request.param, MARKET.known, MARKET.next.of(LABELLED), p)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_lists_have_the_asked_shape_and_known_distinct_items_in_order_of_score(fitted):
    ids, scores = fitted.recommend(ASKED, 4)
    assert ids.shape == scores.shape == (30, 4)
    assert np.isin(ids, MARKET.known.items).all() and all(len(set(row)) == 4 for row in ids)
    assert (np.diff(scores, axis=1) <= 0).all() and np.isfinite(scores).all()


def test_the_same_question_has_the_same_answer(fitted):
    assert same(fitted.recommend(ASKED, 10), fitted.recommend(ASKED, 10))


def test_a_member_gets_the_same_list_alone_among_others_twice_and_in_any_order(fitted):
    ids, scores = fitted.recommend(ASKED, 10)
    for order in (np.random.default_rng(0).permutation(np.tile(np.arange(30), 2)), [0], [17]):
        again, score = fitted.recommend(ASKED[order], 10)
        assert np.array_equal(again, ids[order])
        assert score == pytest.approx(scores[order], rel=1e-5, abs=1e-5)  # products of matrices round by their size


def test_a_shorter_list_is_the_beginning_of_a_longer_one(fitted):
    ids, scores = fitted.recommend(ASKED, 10)
    assert same(fitted.recommend(ASKED, 3), (ids[:, :3], scores[:, :3]))


def test_equal_scores_go_by_item_id(fitted):
    ids, scores = fitted.recommend(ASKED, 20)
    tied = (np.diff(scores, axis=1) == 0) & (ids[:, 1:] != "")
    assert (ids[:, :-1] < ids[:, 1:])[tied].all()


def test_more_than_the_catalogue_is_filled_with_nothing(fitted):
    ids, scores = fitted.recommend(ASKED, 37)
    there = ids != ""
    assert not there[:, 30:].any() and (np.diff(there.astype(int), axis=1) <= 0).all()
    assert (scores[~there] == 0).all()


def test_a_stranger_gets_what_is_popular_and_a_labelled_member_a_list_like_any_other(fitted):
    ids, scores = fitted.recommend(np.array(["stranger", LABELLED[0]]), 4)
    counts = MARKET.known.matrix().sum(axis=0)
    assert ids[0].tolist() == MARKET.known.items[np.argsort(-counts, kind="stable")[:4]].tolist()
    assert (ids[1] != "").all() and len(set(ids[1])) == 4 and (np.diff(scores[1]) <= 0).all()


@pytest.mark.parametrize("k", [0, -1, 1.5, 2.0, True, None, "3"])
def test_a_length_that_is_none_is_named(fitted, k):
    with pytest.raises(ParamError, match=r"k = .*: allowed: whole numbers, 1 and up"):
        fitted.recommend(ASKED, k)


@pytest.mark.parametrize("members", [7, None, [7], [None], [b"m0001"], ["m0001", 2.5], [["m0001"]], [["m0001"], []]])
def test_ids_of_the_wrong_type_are_named(fitted, members):
    with pytest.raises(DataError, match=r"members: (ids are text, but .* is not|.* is no list of ids)"):
        fitted.recommend(members, 3)


def test_ids_may_come_as_any_list_of_text(fitted):
    asked = fitted.recommend(ASKED[:2], 3)
    for members in (ASKED[:2].tolist(), tuple(ASKED[:2]), pd.Series(ASKED[:2]), ASKED[:2].astype(object)):
        assert same(fitted.recommend(members, 3), asked)


def test_nobody_asks_nobody_answers(fitted):
    for nobody in ([], np.array([], dtype=str)):
        ids, scores = fitted.recommend(nobody, 5)
        assert ids.shape == scores.shape == (0, 5)


@pytest.mark.parametrize("name", policies.names())
def test_neither_the_order_of_members_nor_that_in_a_basket_nor_a_double_changes_anything(name, p, tmp_path):
    rng = np.random.default_rng(2)
    written = as_json(MARKET.known), {member: [[-1], basket, [-1]] for member, basket in nexts(LABELLED).items()}
    shuffled = [
        {member: [doubled(basket, rng) for basket in each[member]] for member in rng.permutation(list(each))}
        for each in written
    ]
    first, second = (fit(name, *read(each, tmp_path), p) for each in (written, shuffled))
    assert same(first.recommend(ASKED, 10), second.recommend(ASKED, 10))


def as_json(known):
    frame = pd.DataFrame({"member": known.members[known.member], "item": known.items[known.item], "back": known.basket})
    baskets = frame.groupby(["member", "back"])["item"].agg(list).sort_index(ascending=[True, False])
    return {member: [[-1], *held, [-1]] for member, held in baskets.groupby(level="member").agg(list).items()}


def nexts(members):
    after = MARKET.next.of(members)
    return {
        member: MARKET.known.items[row > 0].tolist()
        for member, row in zip(members, after.matrix.toarray(), strict=True)
    }


def doubled(basket, rng):
    return basket if basket == [-1] else rng.permutation([*basket, basket[0]]).tolist()


def read(written, folder):
    for name, held in zip(("history", "future"), written, strict=True):
        (folder / f"{name}.json").write_text(json.dumps({str(member): baskets for member, baskets in held.items()}))
    data = reality_check.read(folder / "history.json", folder / "future.json")
    return data.baskets, data.futures
