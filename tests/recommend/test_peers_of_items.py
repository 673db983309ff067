"""EASE, ALS, item-kNN and the content-based peer against their definitions and on a market whose answer is known."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.recommend import baskets, policies
from membership.recommend.baskets import Baskets
from membership.recommend.peers.als import improved, solved

CUTOFF = date(2024, 6, 1)
LATENT = [
    ("ease", {"most_bought": 30, "penalty": 1, "decay": 1, "own": 0}),
    ("als", {"factors": 5, "iterations": 10, "confidence": 10, "penalty": 0.1, "decay": 1, "own": 0}),
    ("item_knn", {"neighbours": 10, "asymmetry": 0.5, "shrink": 0, "decay": 1, "own": 0}),
]


@pytest.fixture(scope="module")
def known(events, p):
    return baskets.history(events, CUTOFF, p.recommend)


def dense(name, known, **settings):
    """The scores of all members and items, -inf for what is never listed."""
    rows = np.arange(len(known.members))
    columns, scores = policies.peer(name, settings, known).top(rows, len(known.items))
    found = np.full(known.shape, -np.inf)
    there = columns >= 0
    found[np.nonzero(there)[0], columns[there]] = scores[there]
    return found


@pytest.fixture(scope="module")
def crowds():
    """Three crowds of twelve members, each with ten items of its own, of which member n did not buy item n % 10."""
    held = [(member, 10 * (member // 12) + item) for member in range(36) for item in range(10) if item != member % 10]
    member, item = np.array(held, dtype=np.int32).T
    none = np.zeros(len(item), dtype=np.int32)
    ids = [np.array([f"{letter}{number:02d}" for number in range(many)]) for letter, many in (("m", 36), ("i", 30))]
    return Baskets(None, *ids, member, item, none, none + 1)


def test_ease_is_the_regression_of_every_item_on_all_others(known):
    bought = (known.matrix().toarray() > 0).astype(float)
    others = np.delete(bought, 3, axis=1)
    weights = np.linalg.solve(others.T @ others + 7 * np.eye(others.shape[1]), others.T @ bought[:, 3])
    history = known.matrix(0.9 ** known.basket.astype(float)).toarray()
    expected = np.delete(history, 3, axis=1) @ weights + 0.5 * history[:, 3]
    found = dense("ease", known, most_bought=1000, penalty=7, decay=0.9, own=0.5)
    assert found[:, 3] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_als_steps_towards_the_least_squares_of_the_paper(known):
    weight = known.matrix().astype(np.float32) * 4
    others = np.random.default_rng(0).normal(size=(weight.shape[1], 3)).astype(np.float32)
    found = np.zeros((weight.shape[0], 3), dtype=np.float32)
    for _ in range(20):
        found = improved(found, weight, others, penalty=2.0)
    for row in (0, 7, 31):
        confidence = 1 + weight[[row]].toarray()[0]
        normal = others.T @ (confidence[:, None] * others) + 2 * np.eye(3)
        expected = np.linalg.solve(normal, others.T @ (confidence * (confidence > 1)))  # equation 4
        assert found[row] == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert solved(weight[[row]], others, penalty=2.0)[0] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name, settings", LATENT)
def test_the_item_that_everybody_like_me_bought_is_recommended(crowds, name, settings):
    found = policies.peer(name, settings, crowds, seed=1)
    ids, _ = found.recommend(crowds.members, 10)
    repeat = crowds.bought(crowds.members, ids)
    first = np.argmax(~repeat, axis=1)  # the first that was not bought
    missing = [f"i{10 * (member // 12) + member % 10:02d}" for member in range(36)]
    assert ids[np.arange(36), first].tolist() == missing


def test_another_seed_gives_other_factors_and_the_same_one_the_same(crowds):
    settings = LATENT[1][1]
    first, same, other = (
        policies.peer("als", settings, crowds, seed=seed).recommend(["m00"], 5)[1] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_content_recommends_a_new_item_of_a_kind_that_the_member_buys(crowds):
    kinds = [f"kind {number // 10}" for number in range(30)]
    items = pd.DataFrame({"item_id": crowds.items, "category": kinds, "name": "thing"})
    new = pd.DataFrame({"item_id": ["i98", "i99"], "category": ["kind 0", "kind 2"], "name": "thing"})
    wider = crowds.with_items(new["item_id"])
    found = policies.peer("content", {"decay": 1, "popularity": 0.0, "own": 0.0}, wider, pd.concat([items, new]))
    ids, scores = found.recommend(["m00", "m30", "stranger"], 11)
    assert "i98" in ids[0] and "i99" not in ids[0] and "i99" in ids[1] and "i98" not in ids[1]
    assert np.isfinite(scores).all() and (ids != "").all()


def test_an_item_without_text_is_listed_to_its_buyers_and_not_before_what_is_alike_to_others(crowds):
    kinds = [None, *[f"kind {number // 10}" for number in range(1, 30)]]
    items = pd.DataFrame({"item_id": crowds.items, "category": kinds, "name": [None, *["thing"] * 29]})
    found = policies.peer("content", {"decay": 1, "popularity": 0.0, "own": 1.0}, crowds, items)
    ids, scores = found.recommend(["m00", "m01", "stranger"], 30)
    assert np.isfinite(scores).all() and (ids != "").all()
    assert "i00" not in ids[0][:10] and "i00" in ids[1][:10]  # m00 has not bought it, m01 has


@pytest.mark.parametrize("items", [None, pd.DataFrame({"item_id": ["i00"], "category": [None]})])
def test_content_without_attributes_is_refused(crowds, items):
    with pytest.raises(DataError, match=r"items have none of category, subcategory, brand, name"):
        policies.peer("content", {}, crowds, items)


@pytest.mark.parametrize("name, settings", [*LATENT, ("g_topfreq", {}), ("p_topfreq", {}), ("gp_topfreq", {})])
def test_an_item_that_was_never_sold_comes_after_all_that_the_crowd_buys(crowds, name, settings):
    wider = crowds.with_items(["a new one"])
    ids, _ = policies.peer(name, settings, wider, seed=1).recommend(["m00"], 31)
    assert "a new one" not in ids[0][:10]
