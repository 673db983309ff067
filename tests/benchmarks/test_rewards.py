"""Models of rewards: out of fold, one a position, and what cannot be fitted."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from benchmarks import rewards
from membership.base.errors import DataError
from membership.stats import bandit_log


def market(rows=600, positions=2, seed=1):
    """Rewards linear in context and arm, 10 more at position 1, without noise."""
    rng = np.random.default_rng(seed)
    context, arm, position = rng.normal(size=(rows, 2)), rng.integers(3, size=rows), rng.integers(positions, size=rows)
    truth = context @ [1.0, -2.0] + 10 * position
    reward = truth + np.array([0.0, 1.0, 5.0])[arm]
    log = bandit_log.read(arm, reward, np.full(rows, 1 / 3), np.full(3, 1 / 3), position=position)
    return log, context, truth[:, None] + [0.0, 1.0, 5.0]


def test_a_right_model_finds_the_reward_of_every_arm_at_every_position():
    log, context, truth = market()
    found = rewards.cross_fit(log, context, np.arange(600) % 3, LinearRegression())
    np.testing.assert_allclose(found, truth, atol=1e-9)


def test_descriptions_of_arms_take_the_place_of_indicators():
    log, context, truth = market()
    found = rewards.cross_fit(log, context, np.arange(600) % 3, LinearRegression(), np.array([[0.0], [1.0], [5.0]]))
    np.testing.assert_allclose(found, truth, atol=1e-9)


def test_a_row_is_predicted_by_models_that_did_not_see_its_fold():
    log, context, _ = market()
    fold = np.arange(600) % 3
    changed = np.where(fold == 0, 1e6, log.reward)
    other = bandit_log.read(log.arm, changed, log.propensity, log.evaluated, position=log.position)
    before, after = (rewards.cross_fit(one, context, fold, LinearRegression()) for one in (log, other))
    np.testing.assert_array_equal(before[fold == 0], after[fold == 0])
    assert (before[fold == 1] != after[fold == 1]).all()


def test_folds_without_any_success_expect_none():
    log = bandit_log.read([0, 1, 0, 1], [0, 0, 0, 1], np.full(4, 0.5), [0.5, 0.5])
    found = rewards.cross_fit(log, np.zeros((4, 1)), np.array([0, 0, 1, 1]), LogisticRegression())
    assert (found[2:] == 0).all()
    assert (found[:2] > 0).all() and (found[:2] < 1).all()


@pytest.mark.parametrize(
    ("context", "fold", "model", "words"),
    [
        (np.zeros((3, 1)), np.arange(4) % 2, LinearRegression(), "4 rows .* there are 3 contexts"),
        (np.zeros((4, 1)), np.arange(3) % 2, LinearRegression(), "3 fold numbers"),
        (np.zeros((4, 1)), np.arange(4) % 2, LogisticRegression(), "a classifier takes rewards of 0 and 1 only"),
        (np.zeros((4, 1)), np.zeros(4, dtype=int), LinearRegression(), "position 0 has rows in fold 0 only"),
    ],
)
def test_what_cannot_be_fitted_is_refused(context, fold, model, words):
    log = bandit_log.read([0, 1, 0, 1], [0, 0, 2, 1], np.full(4, 0.5), [0.5, 0.5])
    with pytest.raises(DataError, match=words):
        rewards.cross_fit(log, context, fold, model)
