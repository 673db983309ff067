"""Overlap: who can be compared, how well weighting balances, and how many members that is worth."""

import numpy as np
import pandas as pd
import pytest

from membership.stats import overlap


def test_rows_near_0_or_1_are_not_compared_and_certain_ones_never():
    propensity = np.array([0.0, 0.04, 0.05, 0.5, 0.95, 0.96, 1.0])
    assert overlap.comparable(propensity, 0.05).tolist() == [False, False, True, True, True, False, False]
    assert overlap.comparable(propensity, 0.0).tolist() == [False, True, True, True, True, True, False]


def test_equal_weights_are_worth_their_clusters_and_one_large_weight_only_itself():
    assert overlap.effective_size(np.ones(6), np.array(["a", "a", "b", "b", "c", "c"])) == pytest.approx(3)
    assert overlap.effective_size(np.array([1000.0, 1.0, 1.0]), np.arange(3)) == pytest.approx(1, abs=0.01)
    assert overlap.effective_size(np.array([]), np.array([])) == 0


def test_differences_by_hand():
    x = pd.DataFrame({"spend": [1.0, 3.0, 2.0, 6.0], "same": [5.0] * 4})
    treated = np.array([True, True, False, False])
    found = overlap.balance(x, treated, np.array([0.5, 0.25, 0.5, 0.75]))
    spread = np.sqrt((1 + 4) / 2)
    assert found.loc["spend", "before"] == pytest.approx((2 - 4) / spread)
    assert found.loc["spend", "after"] == pytest.approx(((2 * 1 + 4 * 3) / 6 - (2 * 2 + 4 * 6) / 6) / spread)
    assert found.loc["same"].tolist() == [0, 0]


def test_the_right_weights_balance_what_was_confounded():
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": rng.normal(size=20_000)})
    propensity = 1 / (1 + np.exp(-x["x"].to_numpy()))
    found = overlap.balance(x, rng.random(20_000) < propensity, propensity)
    assert found.loc["x", "before"] > 0.7
    assert abs(found.loc["x", "after"]) < 0.05


def test_with_an_empty_arm_there_is_nothing_to_compare():
    x = pd.DataFrame({"x": [1.0, 2.0]})
    assert overlap.balance(x, np.array([True, True]), np.full(2, 0.5)).isna().all().all()
