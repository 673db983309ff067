"""How a policy does on what it has not seen: hand-counted lists, calibration of known truths, the frontier."""

import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from membership.recommend import baskets, behaviour, metrics, newcomers, policy, train, tune
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.model import Settings
from membership.recommend.policy import Recommender


@pytest.fixture
def known() -> Baskets:
    """Ann bought x, Ben y; z is in the catalogue."""
    one = np.array([1, 1], dtype=np.int32)
    return Baskets(
        date(2024, 1, 1), np.array(["ann", "ben"]), np.array(["x", "y", "z"]), one - [1, 0], one - [1, 0], one - 1, one
    )


@pytest.fixture
def after() -> Targets:
    """Ann buys x and z next, Ben x."""
    return Targets(np.array(["ann", "ben"]), sparse.csr_array(np.array([[1.0, 0, 1], [1, 0, 0]])), np.zeros(2, int))


def test_a_made_up_member_buys_what_most_buy_in_a_history_of_the_same_kind(known):
    made = behaviour.made_up(known, items=2, weeks=4)
    assert made.members.tolist() == [behaviour.MADE_UP] and made.items.tolist() == ["x", "y", "z"]
    lines = list(zip(made.basket.tolist(), made.item.tolist(), made.age.tolist(), strict=True))
    assert lines == [(0, 0, 1), (0, 1, 1), (1, 0, 8), (2, 0, 15), (2, 1, 15), (3, 0, 22)]
    assert made.member.tolist() == [0] * 6


def test_what_is_new_is_counted_among_listed_items_and_among_hits(known, after):
    ids = np.array([["x", "z", "y"], ["y", "", ""]])
    found = metrics.composition(ids, after, known, 2).set_index("member_id")
    assert found["explore_share_at_2"].to_dict() == {"ann": 0.5, "ben": 0.0}
    assert found.loc["ann", "explore_hit_share_at_2"] == 0.5
    assert np.isnan(found.loc["ben", "explore_hit_share_at_2"])
    assert metrics.coverage(ids[:, :2], known) == 1.0
    assert metrics.coverage(ids[1:], known) == pytest.approx(1 / 3)


def test_bins_hold_equal_numbers_of_expected_purchases():
    predicted = np.array([0.1] * 10 + [0.5, 0.5])
    bought = np.array([True, *[False] * 9, True, False])
    found = metrics.reliability(predicted, bought, bins=2)
    assert found["pairs"].tolist() == [10, 2]
    assert found["predicted"].tolist() == pytest.approx([0.1, 0.5])
    assert found["observed"].tolist() == pytest.approx([0.1, 0.5])
    assert found["low"].tolist() == pytest.approx([0.01788, 0.09453], abs=1e-4)  # Wilson, 95 %
    assert metrics.calibration_error(found) == pytest.approx(0)


def test_a_calibrated_forecast_is_found_so_and_one_twice_too_high_is_not():
    rng = np.random.default_rng(0)
    truth = rng.beta(0.3, 3, 50_000)
    bought = rng.random(50_000) < truth
    honest, boastful = metrics.reliability(truth, bought), metrics.reliability(np.minimum(2 * truth, 1), bought)
    inside = honest["predicted"].between(honest["low"], honest["high"])
    assert inside.sum() >= 8
    assert metrics.calibration_error(honest) < 0.006 < 0.05 < metrics.calibration_error(boastful)
    assert (boastful["high"] < boastful["predicted"]).all()


def test_an_interval_holds_what_was_observed_also_where_all_was_bought_or_nothing():
    for pairs, share in itertools.product(range(1, 60), (0, 1)):
        bought = np.full(pairs, share, dtype=bool)
        found = metrics.reliability(np.full(pairs, 0.3), bought, bins=1)
        assert (found["low"] <= found["observed"]).all() and (found["observed"] <= found["high"]).all()
        assert (found["low"] >= 0).all() and (found["high"] <= 1).all() and (found["low"] < found["high"]).all()


def test_reliability_tells_repeat_from_explore(known, after):
    def top(rows, k):
        return np.tile([0, 1, 2], (len(rows), 1))[:, :k], np.tile([0.5, 0.4, 0.3], (len(rows), 1))[:, :k]

    found = behaviour.reliability(Recommender("model", known, top), after)
    counted = found.groupby("source")["pairs"].sum()
    assert counted.to_dict() == {"all": 6, "repeat": 2, "explore": 4}
    flat = behaviour.calibration(found, "challenger_")
    assert flat["challenger_expected_over_bought_items"] == pytest.approx(2.4 / 3)
    assert flat["challenger_expected_over_bought_repeat"] == pytest.approx(0.9 / 1)
    assert flat["challenger_expected_over_bought_explore"] == pytest.approx(1.5 / 2)


@pytest.fixture(scope="module")
def rehearsed(events, items, p):
    task = tune.task(events, items, p)
    model = train.fit(task.samples, Settings(0.01, 0.0, 0.0, 8), p.train, p.seed, "cpu").model
    return task, model.probability(task.now.inputs)


def test_the_frontier_starts_at_the_order_of_probabilities_and_lists_ever_more_that_is_new(rehearsed):
    task, probability = rehearsed
    found = behaviour.frontier(task.now, probability, task.targets, 5, in_use=0.6)
    assert 0.6 in found["explore"].tolist()
    assert (found["explore_share"].diff().dropna() >= 0).all()
    assert found["explore_share"].iloc[-1] > found["explore_share"].iloc[0]
    ids, _ = Recommender("model", task.now.baskets, task.now.pairs.ranked(probability)).recommend(
        task.targets.members, 5
    )
    recall = metrics.per_member(ids, task.targets, task.now.baskets, 5)["recall_at_5"].mean()
    assert found["recall"].iloc[0] == pytest.approx(recall)
    assert found["novelty"].iloc[-1] > found["novelty"].iloc[0]
    assert "freshness" in found and "diversity" not in found  # dates are known, categories are not given


def test_explore_moves_what_is_new_up_and_leaves_the_probabilities_alone(rehearsed):
    task, probability = rehearsed
    now, members = task.now, task.targets.members
    plain, bold = (policy.of_pairs(now.baskets, now.pairs, probability, explore) for explore in (0.0, 50.0))
    (ids, scores), (others, other_scores) = (found.recommend(members, 40) for found in (plain, bold))
    new = ~now.baskets.bought(members, others) & (others != "")
    assert (np.diff(new.astype(int), axis=1) <= 0).all()  # all that is new comes first
    assert np.array_equal(np.sort(ids, axis=1), np.sort(others, axis=1))
    assert np.sort(scores, axis=1) == pytest.approx(np.sort(other_scores, axis=1), abs=0)


def test_only_what_is_in_no_history_is_a_newcomer(events, items, p):
    known = baskets.history(events, p.windows.as_of, p.recommend)
    new = pd.DataFrame({"item_id": ["new"], "name": ["i0"], "category": ["group 0"], "subcategory": ["group 0"]})
    found = newcomers.newcomers(known, pd.concat([items, new]), {})
    ids, scores = found.recommend(known.members, 3)
    assert set(ids[:, 0]) == {"new"} and set(ids[:, 1:].ravel()) <= {"", *np.setdiff1d(items["item_id"], known.items)}
    assert np.isfinite(scores).all()
