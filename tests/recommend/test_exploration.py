"""How far lists lead to something new, on three members and six items counted by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from membership.recommend import exploration
from membership.recommend.baskets import Baskets, Targets

IDS = np.array(list("abcdef"))
ITEMS = pd.DataFrame({"item_id": IDS, "category": ["fruit", "fruit", "bread", "bread", None, "wine"]})


def known(day: date | None = date(2024, 6, 1)) -> Baskets:
    """All of l, m, n bought a, long ago; l and m b, too; n c, 30 days ago; nobody d, e and f."""
    member = np.array([0, 0, 1, 1, 2, 2], dtype=np.int32)
    item = np.array([0, 1, 0, 1, 0, 2], dtype=np.int32)
    age = np.array([90, 90, 31, 31, 40, 30], dtype=np.int32)
    basket = np.array([0, 0, 0, 0, 1, 0], dtype=np.int32)
    order = np.lexsort((item, basket, member))
    return Baskets(day, np.array(["l", "m", "n"]), IDS, *(each[order] for each in (member, item, basket, age)))


def judged(members: str, *lists: str, k: int = 3, after: str = "d", **given) -> pd.DataFrame:
    ids = np.array([[*each, *[""] * k][:k] for each in lists])
    matrix = sparse.csr_array(np.tile((after == IDS) * 1.0, (len(members), 1)))
    targets = Targets(np.array(list(members)), matrix, np.zeros(len(members), dtype=np.int64))
    found = exploration.per_member(ids, targets, given.get("baskets", known()), k, given.get("items", ITEMS))
    return found.set_index("member_id").rename(columns=lambda name: name.removesuffix(f"_at_{k}"))


def test_novelty_goes_from_what_everybody_has_to_what_nobody_has():
    found = judged("lmn", "a", "c", "abd")["novelty"]
    assert found.tolist() == pytest.approx([0, 1, (0 + 1 - np.log(2) / np.log(3) + 1) / 3])


def test_diversity_counts_pairs_of_two_categories_among_those_that_are_known():
    found = judged("lmn", "abc", "abe", "ae")["diversity"]
    assert found.tolist()[:2] == pytest.approx([2 / 3, 0]) and np.isnan(found["n"])
    assert judged("l", "abc", items=None)["diversity"].isna().all()


def test_serendipity_is_what_is_bought_new_and_no_best_seller():
    assert judged("lm", "adf", "abf")["serendipity"].tolist() == pytest.approx([1 / 3, 0])
    assert judged("l", "c", after="c")["serendipity"].tolist() == [0]  # of three best sellers
    assert judged("ln", "bc", "bc", k=2, after="c")["serendipity"].tolist() == [0.5, 0]  # n has had it


def test_fresh_is_what_nobody_had_bought_until_thirty_days_ago():
    assert judged("lmn", "ab", "abc", "cd")["freshness"].tolist() == pytest.approx([0, 1 / 3, 1])
    assert judged("l", "abc", baskets=known(None))["freshness"].isna().all()


def test_popularity_bias_is_against_what_the_member_has_bought():
    found = judged("lnx", "a", "df", "a")["popularity_bias"]
    assert found.tolist()[:2] == pytest.approx([1 - 5 / 6, -2 / 3]) and np.isnan(found["x"])


def test_an_empty_list_has_none_of_them():
    assert judged("l", "").isna().all(axis=None)
