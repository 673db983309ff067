"""The reranker on a catalogue of eight items, by hand and against every list there is."""

import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.recommend import baskets, exploration, policies, policy, rerank, rules
from membership.recommend import candidates as candidates_of
from membership.recommend.baskets import Baskets
from membership.recommend.model import NextBasket, Settings
from membership.recommend.policy import Recommender
from membership.recommend.rerank import KNOBS, Candidates
from membership.recommend.situation import View
from membership.settings import params
from membership.settings.recommend import Recommend, Rerank, Rules

DAY = date(2024, 6, 1)
IDS = np.array(list("abcdefgh"))
ITEMS = pd.DataFrame({"item_id": IDS, "category": ["fruit"] * 3 + ["bread"] * 3 + ["wine", None]})
CHANCES = np.array([0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])  # of a to h, for m and for n


def known(day: date | None = DAY) -> Baskets:
    """m bought a and b long ago; n a, and d 5 days ago; o a and c long ago. Nobody bought e to h."""
    member, item = np.array([0, 0, 1, 1, 2, 2], dtype=np.int32), np.array([0, 1, 3, 0, 0, 2], dtype=np.int32)
    basket, age = np.array([0, 0, 0, 1, 0, 0], dtype=np.int32), np.array([90, 90, 5, 90, 90, 90], dtype=np.int32)
    return Baskets(day, np.array(["m", "n", "o"]), IDS, member, item, basket, age)


def top(rows, k):
    columns = np.tile(np.arange(8), (len(rows), 1))[:, :k]
    return columns, CHANCES[columns]


def made(k=3, histories=None, items=ITEMS, **knobs):
    return rerank.of_catalogue(histories or known(), Recommend(k=k, rerank=knobs), items)


def listed(members="m", k=3, business=None, explore=0.0, items=ITEMS, histories=None, **knobs) -> list[str]:
    toy = Recommender("toy", histories or known(), top, explore=explore)
    again = made(k, histories, items, **knobs) if knobs else None
    ids, _ = rules.ruled(toy, Rules(**business or {}), items, DAY, reranker=again).recommend(np.array([*members]), k)
    return ["".join(row) for row in ids]


def test_knobs_at_zero_change_no_list_and_no_score():
    toy = Recommender("toy", known(), top)
    again = rules.ruled(toy, Rules(), ITEMS, DAY, reranker=made(novelty=0.0))
    for k in (1, 3, 8):
        for one, other in zip(toy.recommend(known().members, k), again.recommend(known().members, k), strict=True):
            assert np.array_equal(one, other)


def test_marginal_relevance_by_hand():
    """A pair of one category costs 2 x knob / (3 x 2): with .6 it is .2, and .2 more for a third of it.

    After a, b has .7 - .2 and c .4, but d .5: of b and d the first in order. Then c has .6 - .4, d .5, e .4.
    """
    assert listed(diversity=0.6) == ["abd"]
    assert listed(diversity=0.63) == ["adb"]  # b has .7 - .21 now, less than d
    assert listed(diversity=1.8) == ["adg"]  # e has .4 - .6, g .2 and no other of its category
    assert listed(diversity=2.4, k=3, items=ITEMS.assign(category=[*["fruit"] * 6, None, None])) == ["agh"]


def test_each_knob_lists_what_it_is_for():
    assert listed(novelty=9) == ["bcd"]  # all have bought a, one or nobody the others
    assert listed("n", freshness=9) == ["def"]  # d was first bought 5 days ago, the others never
    assert listed(serendipity=9) == ["def"]  # a, b, c sell best: chance x 4 of what is new
    assert listed("n", popularity=9) == ["bcd"]  # a: all have it, n usually buys what two thirds have
    assert listed("m", coverage=9) == ["efg"]


def test_a_knob_is_in_purchases():
    """Novelty of d, bought by one of three, is 1; of a, bought by all, 0: on a list of three a third of a knob."""
    assert made(novelty=0.9).values(candidates()) - CHANCES == pytest.approx(np.tile([0, *[0.3] * 7], (1, 1)))
    assert listed(novelty=0.89) == ["bca"] and listed(novelty=0.91) == ["bcd"]  # d: .5 + .303, a: .8


def candidates() -> Candidates:
    """What may be listed for m."""
    return Candidates(np.arange(8)[None, :], (np.arange(8) < 2)[None, :], CHANCES[None, :], np.array([2 / 3]))


def test_pins_stay_first_and_count():
    assert listed(business={"pinned": ["c"]}, diversity=1.9) == ["cdg"]
    assert listed(business={"pinned": ["h", "a"]}, novelty=100) == ["hab"]


def test_caps_and_blocks_hold_before_anything_is_weighed():
    assert listed(business={"at_most": {"category": 1}}, novelty=9) == ["bdg"]
    assert listed(business={"at_most": {"category": 2}, "blocked": ["d"]}, diversity=9) == ["aeg"]
    assert listed(k=8, business={"blocked": ["a"]}, novelty=9) == ["bcdefgh"]


def test_what_has_no_chance_and_who_has_no_history_are_left_as_they_are():
    toy = Recommender("toy", known(), lambda rows, k: (top(rows, k)[0], np.where(top(rows, k)[0] < 3, 0.1, 0)))
    ids, _ = rules.ruled(toy, Rules(), ITEMS, DAY, reranker=made(novelty=9)).recommend(np.array(["m"]), 4)
    assert "".join(ids[0]) == "bcad"
    assert listed("x", novelty=9) == listed("x") == ["abc"]


def test_explore_is_in_the_order_that_rules_and_knobs_find():
    """Rules alone ordered by chance again; at 3, f has 8.6 to 1 and stands before a with 4 to 1, which m has bought."""

    def bold(rows, k):
        columns = np.tile([2, 3, 4, 0, 5, 1, 6, 7], (len(rows), 1))[:, :k]
        return columns, CHANCES[columns]

    toy = Recommender("toy", known(), bold, explore=3.0)
    ids, scores = rules.ruled(toy, Rules(blocked=["h"]), ITEMS, DAY).recommend(np.array(["m"]), 4)
    assert "".join(ids[0]) == "cdef" and scores[0] == pytest.approx([0.6, 0.5, 0.4, 0.3])
    assert listed(explore=3.0, serendipity=0.01) == ["cde"]


def test_without_categories_or_dates_their_knobs_do_nothing():
    bare, undated = ITEMS.assign(category=None), known(None)
    assert made(items=bare, diversity=5).lacking == ("diversity",)
    assert made(histories=undated, freshness=5).lacking == ("freshness",)
    assert made().lacking == ()
    assert listed(items=bare, diversity=5) == listed(histories=undated, freshness=5) == ["abc"]


def worth(ids: tuple[int, ...], of, name: str) -> float:
    """What the list `ids` is worth by the metric of knob `name`."""
    if name == "diversity":
        pairs = [of.kind[one] == of.kind[other] >= 0 for one, other in itertools.combinations(ids, 2)]
        return -sum(pairs) * 2 / (of.k * (of.k - 1))
    return of.added(name, candidates())[0, list(ids)].sum()


@given(st.fixed_dictionaries({name: st.sampled_from([0.0, 0.2, 1.0, 4.0]) for name in KNOBS}), st.sampled_from(KNOBS))
@settings(max_examples=15, deadline=None)
def test_the_list_is_the_best_of_all_and_more_of_a_knob_never_less_of_its_metric(knobs, name):
    before = -np.inf
    for value in (0.0, 0.3, 2.0):
        of = made(**knobs | {name: value})
        values = of.values(candidates())
        (places,) = rerank.greedy(values, of.kind[None, :], of.repeated, 3)
        objective = {
            ids: values[0, list(ids)].sum() + of.knobs.diversity * worth(ids, of, "diversity")
            for ids in itertools.combinations(range(8), 3)
        }
        assert objective[tuple(sorted(places))] == pytest.approx(max(objective.values()))
        now = worth(tuple(sorted(places)), of, name)
        assert now >= before - 1e-9
        before = now


def test_the_first_of_a_list_are_the_shorter_list():
    of = made(k=5, diversity=0.7, novelty=0.3)
    values = of.values(candidates())
    lists = [rerank.greedy(values, of.kind[None, :], of.repeated, k)[0] for k in (3, 5, 8)]
    assert lists[2][:3].tolist() == lists[0].tolist() and lists[2][:5].tolist() == lists[1].tolist()
    assert sorted(lists[2]) == list(range(8))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"recommend.rerank.novelty": -1}, "recommend.rerank.novelty = -1"),
        ({"recommend.rerank.diversity": 1001}, "recommend.rerank.diversity = 1001"),
        ({"recommend.rerank.novel": 1}, "recommend.rerank.novel"),
        ({"recommend.rerank.coverage": "much"}, "recommend.rerank.coverage = 'much'"),
    ],
)
def test_a_wrong_knob_is_named_with_its_value(raw, said):
    with pytest.raises(Exception, match=said) as error:
        params.parse(params.read(), raw)
    assert str(error.value).count("\n") <= 1


def test_traits_are_those_that_metrics_use():
    of = exploration.traits(known(), 3)
    assert of.share[:4] == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3]) and of.fresh.tolist() == [0, 0, 0, 1, *[1] * 4]
    assert np.flatnonzero(of.best).tolist() == [0, 1, 2]


def test_batch_and_server_turn_the_same_knobs_and_leave_peers_alone(events, items, p):
    def lists(name, which, members=(3, 7), **knobs):
        asked = p.model_copy(update={"recommend": p.recommend.model_copy(update={"rerank": Rerank(**knobs)})})
        histories = baskets.history(events, p.windows.as_of, asked.recommend)
        view = View(candidates_of.Candidates(histories, asked.train.candidates, items), items)
        torch.manual_seed(0)
        network = NextBasket(view.names, Settings(0.01, 0.0, 0.0, 4))
        if which == "server":
            served = policies.with_network(name, {}, network, histories, items, asked)(
                histories.only(np.array(members, dtype=int))
            )
        else:
            served = policies.serve(name, {}, policy.of_model(network, view), items, asked)
        return served.recommend(histories.members[[3, 7]], 5)[0].tolist()

    assert lists("model", "batch", novelty=9) == lists("model", "server", novelty=9) != lists("model", "batch")
    assert lists("model", "server", members=[], novelty=9)[0] == lists("model", "server", members=[])[0]
    assert lists("gp_topfreq", "batch", novelty=9) == lists("gp_topfreq", "batch")
