"""Thinned sets: one item is left of each basket, by a rule with a seed."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import thinned_data
from benchmarks.thinned_data import Thinned


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """Twenty members with seven baskets of three items each out of five, and one with two."""
    rng = np.random.default_rng(1)
    rows = [
        (f"m{member:02d}", back, f"i{item}")
        for member in range(21)
        for back in range(2 if member == 20 else 7)
        for item in rng.choice(5, 3, replace=False)
    ]
    return pd.DataFrame(rows, columns=["member", "back", "item"])


def made(lines: pd.DataFrame, fresh: float, members: int = 100) -> pd.DataFrame:
    return thinned_data.thinned(lines, Thinned("toy", 2, 4, fresh, members), np.random.default_rng(7))


def test_one_item_is_left_of_each_of_the_last_baskets(lines):
    found = made(lines, 0.0)
    assert not found.duplicated(["member", "back"]).any()
    assert len(found.merge(lines)) == len(found)  # each is of its own basket
    last = found.groupby("member")["back"].max()
    assert set(last) == {2, 3, 4} and "m20" not in last  # it has too few
    assert (found.groupby("member")["back"].nunique() == last + 1).all()
    assert made(lines, 0.0).equals(found)


def test_what_was_left_before_is_not_left_again_while_a_basket_holds_anything_else(lines):
    repeats = {fresh: made(lines, fresh).duplicated(["member", "item"]).sum() for fresh in (0.0, 1.0)}
    assert repeats[1.0] < repeats[0.0]
    some = made(lines, 0.0, members=5)
    assert some["member"].nunique() == 5


def test_what_is_bought_next_is_asked_and_an_item_that_no_history_holds_is_counted():
    rows = [("a", "tea", 0), ("a", "jam", 1), ("a", "tea", 2), ("b", "new", 0), ("b", "jam", 1), ("b", "jam", 2)]
    data = thinned_data.as_data(pd.DataFrame(rows, columns=["member", "item", "back"]))
    assert data.baskets.items.tolist() == ["jam", "tea"]
    assert data.baskets.matrix().toarray().tolist() == [[1, 1], [2, 0]]
    assert data.futures.matrix.toarray().tolist() == [[0, 1], [0, 0]]
    assert data.futures.sizes.tolist() == [1, 1]
