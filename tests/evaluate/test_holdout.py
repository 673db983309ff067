from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from membership.base.errors import DataError
from membership.evaluate import holdout
from membership.evaluate.metrics import Basis
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.policy import Recommender

ITEMS = pd.DataFrame({"item_id": list("xyz"), "name": list("XYZ"), "category": "food"})
PRICES = pd.DataFrame({"item_id": ["y"], "price": [200.0], "discount": [30.0]})
TIERS = pd.DataFrame({"member_id": ["c", "a", "b"], "tier": ["Gold", "Member", "Member"]})


def always(baskets, items):
    """Recommends the same items to everybody whose history is known."""

    def top(rows, k):
        ids = np.tile(np.array(items[:k]), (len(rows), 1))
        return baskets.columns(ids), np.tile(np.arange(k, 0, -1.0), (len(rows), 1))

    return Recommender("gp_topfreq", baskets, top)


@pytest.fixture
def history():
    """Ann bought x, Ben y; nobody knows Cid."""
    one = np.array([1, 1], dtype=np.int32)
    lines = {"member": np.array([0, 1]), "item": np.array([0, 1]), "basket": one - 1, "age": one}
    return Baskets(date(2020, 1, 1), np.array(["a", "b"]), np.array(["x", "y", "z"]), **lines)


@pytest.fixture
def targets():
    """Ben bought y and z next."""
    return Targets(np.array(["b"]), sparse.csr_array(np.array([[0.0, 1.0, 1.0]])), np.zeros(1, int))


def test_every_member_is_recommended_to_and_those_with_a_next_basket_are_judged(history, targets):
    judged = holdout.judge(
        {"champion": always(history, ["x", ""]), "challenger": always(history, ["y", "x"])},
        ITEMS,
        TIERS,
        Basis(targets, history, PRICES, 0.25, 2, targets.sizes),
    )
    champion, challenger = (part for _, part in judged.recommendations.groupby("policy", sort=False))
    listed = [["a", 1, "x"], ["b", 1, "x"], ["c", 1, "x"], ["c", 2, "y"]]  # Cid gets what is popular
    assert champion[["member_id", "rank", "item_id"]].to_numpy().tolist() == listed
    assert champion["source"].tolist() == ["repeat", *["explore"] * 3]
    assert champion["reason"].tolist()[:2] == ["bought once, 1 day ago", "sells well: 1 of 2 members bought it"]
    assert challenger["rank"].tolist() == [1, 2] * 3
    assert challenger["score"].tolist() == [2.0, 1.0] * 2 + [0.5, 0.5]
    outcomes = judged.outcomes.set_index("policy")
    assert outcomes["member_id"].tolist() == ["b", "b"]
    assert outcomes["tier"].tolist() == ["Member", "Member"]
    assert outcomes["recall_at_2"].to_dict() == {"champion": 0.0, "challenger": 0.5}
    assert outcomes.loc["challenger", "repeat_recall_at_2"] == 1.0
    assert outcomes["margin_at_2"].to_dict() == {"champion": 0.0, "challenger": 50.0}


def test_a_judged_member_without_a_tier_is_named(history, targets):
    with pytest.raises(DataError, match=r"table 'tiers': 1 members .* are missing, e.g. 'b'"):
        holdout.judge(
            {"champion": always(history, ["x"])},
            ITEMS,
            TIERS[TIERS["member_id"] != "b"],
            Basis(targets, history, PRICES, 0.25, 1, targets.sizes),
        )


def test_who_is_judged_is_counted(history, targets):
    assert holdout.describe(TIERS, history, targets)["number"].tolist() == [3, 2, 1, 3, 2.0]
