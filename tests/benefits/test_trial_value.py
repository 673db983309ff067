"""The value of one more trial: nothing where nothing is unsure or at stake, more with more members, as simulated."""

from dataclasses import replace

import known_reaction
import numpy as np
import pandas as pd
import pytest
from unsure_market import CATALOGUE, setting

from membership.benefits import allocation, trial_value


@pytest.fixture(scope="module")
def ours():
    return setting(members=600, budget=1e6, min_tier_share=0.0)


def table(ours, sizes, groups=None):
    found = allocation.allocate(ours.options(), ours.facts, ours.settings)
    return trial_value.table(ours, found, ours.facts["stage"] if groups is None else groups, sizes)


def test_more_members_tell_more_and_cost_more(ours):
    found = table(ours, [50, 200, 600])
    for _, rows in found[found["group"] == trial_value.EVERYBODY].groupby("benefit"):
        assert rows["value"].is_monotonic_increasing and rows["cost"].is_monotonic_increasing
    assert (found["value"] >= 0).all() and (found["cost"] >= -1e-9).all()


def test_where_all_is_known_a_trial_is_worth_nothing(ours):
    sure = replace(ours, reaction=known_reaction.on_orders(CATALOGUE))
    assert table(sure, [100])["value"].to_numpy() == pytest.approx(0)


def test_groups_larger_than_the_market_are_left_out_and_the_best_is_one_row_a_benefit(ours):
    groups = pd.Series(np.where(np.arange(600) < 100, "few", "many"))
    found = table(ours, [200, 10_000], groups)
    assert set(found["group"]) == {trial_value.EVERYBODY, "many"} and set(found["members"]) == {200}
    assert sorted(trial_value.best(found).index) == sorted(ours.names)


def test_the_gain_of_deciding_later_agrees_with_drawing():
    difference, sd = np.array([-2.0, 0.5, 3.0, -np.inf]), np.array([1.5, 2.0, 1.0, 1.0])
    drawn = difference[:, None] + sd[:, None] * np.random.default_rng(3).standard_normal((4, 400_000))
    expected = np.maximum(drawn, 0).mean(axis=1) - np.maximum(difference, 0)
    assert trial_value._gained(difference, sd) == pytest.approx(expected, abs=0.01)


def test_what_a_trial_is_expected_to_tell_is_the_normal_update():
    cov, x = np.diag([0.04, 0.01]), np.array([[1.0, 0.0], [1.0, 2.0]])
    information = np.array([[30.0, 5.0], [5.0, 20.0]])
    after = np.linalg.inv(np.linalg.inv(cov) + information)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", x, cov - after, x))
    assert trial_value._moved(cov, information, x) == pytest.approx(expected)
