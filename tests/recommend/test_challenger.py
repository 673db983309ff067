"""The choice between the model, the stack and peers, on lists made by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as quickly
from hypothesis import strategies as st
from scipy import sparse

from membership.recommend import challenger, heads, stack
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Pairs
from membership.recommend.choice import Choice, Verdict
from membership.recommend.model import Settings
from membership.recommend.stack import Lists

ITEMS = np.array([f"i{number:02d}" for number in range(40)])
K = 5


def market(members: int, bought: np.ndarray) -> tuple[Baskets, Targets]:
    """Return histories of one basket, of item 39, and the next baskets, of item `bought` (members,) each."""
    ids = np.array([f"m{number:04d}" for number in range(members)])
    line, zero = np.arange(members, dtype=np.int32), np.zeros(members, dtype=np.int32)
    known = Baskets(None, ids, ITEMS, line, np.full(members, 39, dtype=np.int32), zero, zero + 1)
    matrix = sparse.coo_array((np.ones(members), (line, bought)), shape=(members, len(ITEMS))).tocsr()
    return known, Targets(ids, matrix, zero.astype(np.int64))


def lists_of(rng: np.random.Generator, bought: np.ndarray, **hit: float) -> Lists:
    """Return random lists; each of `hit` puts what was bought first with its chance, and else nowhere."""
    columns = []
    for chance in hit.values():
        each = np.array([rng.permutation(39)[: stack.DEPTH + 1] for _ in bought])
        each = np.array([row[row != item][: stack.DEPTH] for row, item in zip(each, bought, strict=True)])
        lucky = rng.random(len(bought)) < chance
        each[lucky, 0] = bought[lucky]
        columns.append(each)
    odds = np.tile(-np.log(np.arange(1, stack.DEPTH + 1)) - 2, (len(bought), 1))
    return Lists(tuple(hit), np.stack(columns), odds)


def choose(margin: float = 0.01, members: int = 600, seed: int = 1, **hit: float) -> challenger.Challenger:
    rng = np.random.default_rng(seed)
    bought = rng.integers(39, size=members)
    known, after = market(members, bought)
    lists = lists_of(rng, bought, **hit)
    return challenger.choose(lists, pairs_of(lists), known, after, K, 0.95, margin, seed)


def pairs_of(lists: Lists, own: int = 20) -> Pairs:
    """Return what heads see of the model's lists: items below `own` are the member's; all else is alike."""
    member, place = np.nonzero(lists.columns[0] >= 0)
    item, odds = lists.columns[0][member, place], lists.odds[member, place]
    order, nothing = np.lexsort((item, member)), np.zeros(len(item))
    scores = np.column_stack([odds, nothing, nothing])
    return Pairs(member[order], item[order], item[order] < own, scores[order], list(heads.INPUTS))


def test_the_model_stays_where_it_is_ahead_or_level():
    assert choose(model=0.5, upcf=0.1, ease=0.4).policy == "model"
    alike = choose(model=0.0, ease=0.0)
    assert alike.policy == "model" and alike.compared.loc["ease", "gain"] == 0


def test_a_peer_that_is_far_ahead_and_takes_no_part_in_the_stack_is_chosen():
    found = choose(model=0.05, ease=0.6)
    assert found.policy == "ease"
    assert found.compared.loc["ease", "low"] > 0.01


def test_the_stack_is_chosen_where_the_model_and_a_peer_know_different_things():
    found = choose(model=0.4, upcf=0.4)
    assert found.policy == "stack"
    assert found.weights["upcf"] > 0.5 and found.weights[stack.MODEL_ODDS] > 0.5


@pytest.mark.parametrize(
    ("peer", "mixed", "policy"),
    [
        ((-0.2, -0.3, -0.1), (0.03, -0.01, 0.07), "model"),  # the model is ahead of the peer: only what is sure counts
        ((-0.2, -0.3, -0.1), (0.05, 0.02, 0.08), "stack"),
        ((-0.05, -0.15, 0.05), (0.03, -0.01, 0.07), "stack"),  # it is not: better by the margin is enough
        ((-0.05, -0.15, 0.05), (0.009, 0.001, 0.02), "model"),
        ((0.05, 0.011, 0.09), (0.04, 0.02, 0.06), "ease"),
        ((0.05, 0.009, 0.09), (-0.04, -0.06, -0.02), "model"),
    ],
)
@pytest.mark.parametrize("name", ["stack", "heads"])
def test_the_rule(peer, mixed, policy, name):
    rows = {"stack": (-0.1, -0.2, 0.0), "heads": (-0.1, -0.2, 0.0)} | {"ease": peer, name: mixed}
    compared = pd.DataFrame.from_dict(rows, orient="index", columns=["gain", "low", "high"])
    assert challenger.best(compared, 0.01) == (name if policy == "stack" else policy)


@pytest.mark.parametrize(
    ("of_heads", "few", "policy"),
    [
        ((-0.01, -0.03, 0.004), True, "heads"),
        ((-0.01, -0.03, 0.004), False, "model"),
        ((-0.02, -0.03, -0.001), True, "model"),  # worse by more than noise
        ((0.0, 0.0, 0.0), True, "model"),  # the same lists
    ],
)
def test_where_few_purchases_tell_heads_need_only_not_be_worse_by_more_than_noise(of_heads, few, policy):
    rows = {"ease": (-0.2, -0.3, -0.1), "stack": (-0.02, -0.03, -0.01), "heads": of_heads}
    compared = pd.DataFrame.from_dict(rows, orient="index", columns=["gain", "low", "high"])
    assert challenger.best(compared, 0.01, few) == policy


def test_heads_are_chosen_where_the_model_takes_own_items_for_as_likely_as_new_ones():
    """The model lists items in any order; what is bought is one of those that the member has, about half of them."""
    rng = np.random.default_rng(2)
    columns = np.array([rng.permutation(39)[: stack.DEPTH] for _ in range(600)])
    bought = np.array([rng.choice(row[row < 20]) for row in columns])
    known, after = market(600, bought)
    lists = Lists(("model", "ease"), np.stack([columns, columns]), np.tile(-2 - np.arange(20) / 100, (600, 1)))
    found = challenger.choose(lists, pairs_of(lists), known, after, K, 0.95, 0.01, 1)
    assert found.policy == "heads" and set(found.weights) == {heads.REPEAT, heads.EXPLORE}
    plain = found.plain({"hidden": 8}, {})
    assert plain["settings"] == {"model": {"hidden": 8}, **found.weights}


def test_what_is_better_by_less_than_the_margin_is_not_taken():
    apart = choose(model=0.3, ease=0.6)
    gain, low = apart.compared.loc["ease", ["gain", "low"]]
    assert gain > low > 0 and apart.policy != "model"
    assert choose(margin=apart.compared["gain"].max() + 1e-9, model=0.3, ease=0.6).policy == "model"


@quickly(max_examples=12, deadline=None)
@given(st.floats(0.05, 0.5), st.floats(0.05, 0.5), st.integers(0, 10_000))
def test_what_is_chosen_is_never_one_that_was_behind_the_model(model, peer, seed):
    found = choose(members=150, seed=seed, model=model, als=peer, ease=peer / 2)
    ahead = (found.compared["high"].drop(["stack", "heads"]) < 0).all()
    if found.policy == "heads":
        assert found.compared.loc["heads", "high"] > 0
    elif found.policy != "model":
        sure = ahead or found.policy != "stack"
        assert found.compared.loc[found.policy, "low" if sure else "gain"] > 0.01
    assert set(found.compared.index) == {"als", "ease", "stack", "heads"}


def test_what_is_behind_in_truth_is_hardly_ever_chosen():
    taken = [choose(members=200, seed=seed, model=0.3, ease=0.27).policy for seed in range(20)]
    assert taken.count("ease") <= 1


def test_the_gain_is_the_mean_of_both_metrics_as_shares_of_the_models():
    bought = np.array([0, 1, 2, 3])
    known, after = market(4, bought)
    model = np.tile(np.arange(20, 20 + K), (4, 1))
    model[0, 0] = 0  # one hit, first: recall 1/4, NDCG 1/4
    peer = np.tile(np.arange(20, 20 + K), (4, 1))
    peer[[0, 1], 0], peer[2, 1] = [0, 1], 2  # hits first, first, second: recall 3/4, NDCG (2 + .6309) / 4
    lists = Lists(("model", "ease"), np.stack([model, peer]), np.zeros((4, K)) - np.arange(K))
    found = challenger.choose(lists, pairs_of(lists), known, after, K, 0.95, 0.0, 1)
    assert found.compared.loc["ease", "gain"] == pytest.approx(((3 - 1) + (2.6309 - 1)) / 2, abs=1e-4)


def test_the_weights_of_the_model_alone_keep_its_order():
    rng = np.random.default_rng(3)
    known, after = market(20, rng.integers(39, size=20))
    lists = lists_of(rng, after.matrix.indices, model=0.5, upcf=0.5)
    found = stack.rows(lists, known, after.members)
    columns, scores = stack.ranked(found, found.inputs @ stack.alone(lists.names), 20, 10)
    assert np.array_equal(columns, lists.columns[0][:, :10])
    assert (np.diff(scores, axis=1) <= 0).all() and (scores.sum(axis=1) < 1).all()


def test_members_who_buy_nothing_that_is_listed_leave_the_weights_of_the_model():
    rng = np.random.default_rng(4)
    known, after = market(20, np.full(20, 39))
    lists = lists_of(rng, np.full(20, 39), model=0.0, upcf=0.0)
    assert np.array_equal(
        stack.weights(stack.rows(lists, known, after.members), after, lists.names), stack.alone(lists.names)
    )


def test_the_plain_form_of_a_choice_is_what_champion_json_takes():
    found = choose(model=0.4, upcf=0.4)
    plain = found.plain({"hidden": 8}, {"upcf": {"alpha": 0.5}})
    assert plain["policy"] == "stack" and plain["settings"]["model"] == {"hidden": 8}
    assert plain["settings"]["peers"]["upcf"] == {"alpha": 0.5} and plain["settings"]["weights"] == found.weights


def test_what_tune_leaves_holds_the_models_settings_and_the_challenger():
    model = Settings(0.01, 0.0, 0.1, 16)
    chosen = Choice(model, pd.DataFrame(), Verdict.BEST, model, model, 0.0, 0.0, 0.0)
    left = chosen.plain(choose(model=0.05, ease=0.6), {"ease": {"penalty": 7}})
    assert left["settings"]["hidden"] == 16 and left["verdict"] == "best"
    assert left["challenger"] == {"policy": "ease", "settings": {"penalty": 7}}
    assert json.loads(json.dumps(left)) == left
