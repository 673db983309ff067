"""Two heads: their weights found again, their calibration, and what they list, by hand and on a small market."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch
from ordered_market import histories, ordered_market
from scipy.special import expit

from benchmarks import ordered
from membership.base.errors import ParamError
from membership.recommend import baskets, heads, policies, policy, rules, train
from membership.recommend.candidates import Pairs
from membership.recommend.heads import EXPLORE, INPUTS, LEVEL, PRIOR, REPEAT
from membership.recommend.model import NextBasket, Settings
from membership.settings.recommend import Rules

CUTOFF = date(2024, 6, 1)
TRUE = {
    REPEAT: {LEVEL: -1.0, "odds": 0.8, "intensity": 0.3, "tries": -0.4},
    EXPLORE: {LEVEL: -2.0, "odds": 0.4, "intensity": 0.1, "tries": 0.5},
}
MARKET = ordered_market(members=120, items=30, seed=2)
LABELLED, ASKED = MARKET.known.members[:80], MARKET.known.members[80:]


def pairs(many: int, seed: int) -> tuple[Pairs, np.ndarray]:
    """Return pairs of four items a member, two of them its own, and which were bought by the chances of TRUE."""
    rng = np.random.default_rng(seed)
    member, item = np.divmod(np.arange(many), 4)
    found = Pairs(member, item, item < 2, rng.normal(0, 1, (many, 3)), list(INPUTS))
    return found, (rng.random(many) < expit(heads.strengths(found, TRUE))) * 1.0


def test_the_weights_of_both_heads_are_found_again():
    found = heads.weights(*pairs(60_000, 0))
    for head, true in TRUE.items():
        assert found[head] == pytest.approx(true, abs=0.06)


def test_each_head_expects_what_was_bought_on_whatever_few_purchases():
    found, hit = pairs(200, 1)
    chance = expit(heads.strengths(found, heads.weights(found, hit)))
    for part in (found.own, ~found.own):
        assert chance[part].sum() == pytest.approx(hit[part].sum(), rel=0.01)


def test_where_nothing_tells_model_and_intensity_count_alike():
    found, _ = pairs(40, 2)
    by = heads.weights(found, np.zeros(40))
    assert all(by[head][name] == pytest.approx(PRIOR[name], abs=0.1) for head in by for name in INPUTS)
    empty = heads.weights(found.keep(np.zeros(40, dtype=bool)), np.zeros(0))
    assert all(empty[head] == pytest.approx(PRIOR) for head in empty)


def test_who_tries_more_gets_more_new_items_and_the_most_probable_ones():
    member, item = np.divmod(np.arange(20), 10)
    scores = np.column_stack([-np.tile(np.arange(5.0), 4), np.zeros(20), np.repeat([-3.0, 3.0], 10)])
    found = Pairs(member, item, item < 5, scores, list(INPUTS))
    columns, chance = heads.ranked(found, TRUE, 2, 4)
    assert columns.tolist() == [[0, 1, 2, 3], [5, 6, 7, 8]]
    assert (np.diff(chance, axis=1) < 0).all() and chance[0, 0] == pytest.approx(expit(-1.0 + 1.2))
    assert heads.ranked(found, TRUE, 2, 4, explore=9.0)[0][0].tolist() == [5, 6, 7, 8]


def test_how_much_a_member_tries_is_its_shrunk_share_of_first_purchases():
    """After first visits: ann buys b first and a again, ben c and d first, cid nothing."""
    known = histories(["a", "ab"], ["ab", "cd"], ["a"])
    beside = heads.learn(known)
    assert beside.first == pytest.approx((3 + 1) / (4 + 2))
    share = (np.array([1, 2, 0]) + 5 * 2 / 3) / (np.array([2, 2, 0]) + 5)
    expected = np.log(share / (1 - share)) - np.log(2)
    assert beside.of(known).tries == pytest.approx(expected)
    assert beside.of(known.only(np.array([1]))).tries == pytest.approx(expected[1:2])


@pytest.fixture(scope="module")
def model(p):
    return ordered.fit(MARKET.known, MARKET.next.of(LABELLED), p)


def test_pairs_are_what_the_model_lists_and_strangers_have_none(model):
    told = heads.learn(MARKET.known).of(MARKET.known)
    found = heads.asked(model, told, np.array([ASKED[0], "stranger", ASKED[1]]))
    assert set(found.member) == {0, 2}
    ids, chance = model.recommend(ASKED[:1], 30)
    mine = found.member == 0
    assert sorted(MARKET.known.items[found.item[mine]]) == sorted(ids[0][(ids[0] != "") & (chance[0] > 0)])
    assert np.array_equal(
        found.own[mine], MARKET.known.bought(ASKED[:1], MARKET.known.items[found.item[mine]][None])[0]
    )


def test_pairs_of_parts_are_those_of_all(model):
    told = heads.learn(MARKET.known).of(MARKET.known)
    parts = [heads.asked(model, told, some) for some in (ASKED[20:], ASKED[:20])]
    order = np.argsort(np.concatenate([ASKED[20:], ASKED[:20]]))
    found, whole = heads.joined(parts, [len(ASKED) - 20, 20], order), heads.asked(model, told, ASKED)
    for name in ("member", "item", "own"):
        assert np.array_equal(getattr(found, name), getattr(whole, name))
    assert found.scores == pytest.approx(whole.scores, rel=1e-5, abs=1e-5)


def test_a_rule_keeps_the_order_that_explore_makes(model):
    told, items = heads.learn(MARKET.known).of(MARKET.known), pd.DataFrame({"item_id": MARKET.known.items})
    bold = heads.serve(model, told, TRUE, explore=3.0)
    free, blocked = bold.recommend(ASKED, 8)[0], MARKET.known.items[0]
    ruled = rules.ruled(bold, Rules(blocked=[blocked]), items.assign(category=None), date(2026, 1, 1))
    assert ruled.recommend(ASKED, 7)[0].tolist() == [[item for item in row if item != blocked][:7] for row in free]


def test_who_comes_in_later_gets_the_list_of_the_whole_market(events, items, p):
    known = baskets.history(events, CUTOFF, p.recommend)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = NextBasket(train.view(known, items, p.train).names, Settings(0.01, 0.0, 0.1, 16))  # not trained
    served, settings = policy.serve(network, events, items, CUTOFF, p), {"model": p.train.settings.model_dump(), **TRUE}
    ids, chance = policies.serve("heads", settings, served, items, p).recommend(served.baskets.members[[3, 17]], 10)
    ready = policies.with_network("heads", settings, network, served.baskets, items, p)
    for some in (np.array([3, 17]), np.array([3])):
        found, score = ready(served.baskets.only(some)).recommend(served.baskets.members[some], 10)
        assert np.array_equal(found, ids[: len(some)])
        assert score == pytest.approx(chance[: len(some)], rel=1e-4, abs=1e-6)


def test_a_weight_that_is_missing_or_unknown_is_named(p):
    settings = {"model": p.train.settings.model_dump(), **TRUE}
    with pytest.raises(ParamError, match=r"heads'?.*explore.*tries"):
        policies.of_network("heads", settings | {EXPLORE: {LEVEL: 0.0, "odds": 1.0, "intensity": 0.0}})
    assert policies.of_network("heads", settings).hidden == p.train.settings.hidden
