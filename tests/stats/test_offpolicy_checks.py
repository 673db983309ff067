"""What weights say, how clipping moves values, and values by group."""

from functools import partial

import numpy as np
import pytest

from membership.stats import bandit_log, offpolicy, offpolicy_checks


def log(rows=2000, wrong=1.0, seed=1, unit=None):
    rng = np.random.default_rng(seed)
    arm = (rng.random(rows) < 0.2).astype(int)
    propensity = np.where(arm == 1, 0.2, 0.8) * wrong
    return bandit_log.read(arm, rng.normal(arm, 1.0), propensity, np.array([0.3, 0.7]), unit)


def test_weights_worked_by_hand():
    small = bandit_log.read([0, 1, 1], [1.0, 0.0, 2.0], [0.5, 0.5, 0.25], [0.25, 0.75], unit=["a", "b", "b"])
    found = offpolicy_checks.weights(small, 0.95)
    assert (found.rows, found.units, found.largest) == (3, 2, 3.0)
    assert found.mean == pytest.approx(5 / 3)
    assert found.effective_rows == pytest.approx(25 / (0.25 + 2.25 + 9))
    assert found.effective_units == pytest.approx(25 / (0.25 + 20.25))
    assert found.quantiles[0.5] == 1.5


def test_right_propensities_have_a_mean_weight_of_one_and_wrong_ones_do_not():
    right, wrong = offpolicy_checks.weights(log(), 0.999), offpolicy_checks.weights(log(wrong=0.8), 0.999)
    assert right.mean_is_one
    assert not wrong.mean_is_one


def test_the_logging_policy_itself_is_worth_all_its_rows():
    rng = np.random.default_rng(2)
    arm = rng.integers(2, size=100)
    found = offpolicy_checks.weights(bandit_log.read(arm, rng.normal(size=100), np.full(100, 0.5), [0.5, 0.5]), 0.95)
    assert (found.effective_rows, found.mean, found.largest) == pytest.approx((100, 1, 1))


def test_one_unit_leaves_the_mean_weight_unjudged():
    found = offpolicy_checks.weights(log(50, unit=np.zeros(50)), 0.95)
    assert np.isnan(found.low) and not found.mean_is_one


def test_clipping_trades_rows_cut_for_rows_that_count():
    whole = log()
    makers = [offpolicy.ips, offpolicy.snips, partial(offpolicy.doubly_robust, expected=np.tile([0.0, 1.0], (2000, 1)))]
    found = offpolicy_checks.clipping(whole, makers, [np.inf, 2.0, 0.375], 0.95, 50, np.random.default_rng(1))
    assert found["estimator"].tolist() == ["IPS", "SNIPS", "DR"] * 3
    by_level = found.groupby("clip", sort=False)[["clipped", "effective_rows"]].first()
    share = (whole.arm == 1).mean()
    assert by_level["clipped"].tolist() == pytest.approx([0, share, share])
    assert by_level["effective_rows"].is_monotonic_increasing
    assert by_level["effective_rows"].iloc[-1] == pytest.approx(2000)
    ips = found[found["estimator"] == "IPS"].set_index("clip")["value"]
    assert ips[np.inf] == offpolicy.estimate(offpolicy.ips(whole), 0.95, 50, np.random.default_rng(1)).value
    assert ips[np.inf] > ips[2.0] > ips[0.375]  # the rare arm, which pays, is cut
    robust = found[found["estimator"] == "DR"].set_index("clip")["value"]
    assert np.ptp(robust) < 0.1 < 0.4 < np.ptp(ips)  # a right model needs no weights


def test_values_by_group_are_those_of_each_group_alone():
    whole = log()
    tier = np.where(np.arange(2000) % 2, "gold", "silver")
    terms = [offpolicy.ips(whole), offpolicy.snips(whole)]
    found = offpolicy_checks.by_group(terms, tier, 0.95, 50, np.random.default_rng(1))
    assert found["group"].tolist() == ["gold", "gold", "silver", "silver"]
    gold = tier == "gold"
    assert found["value"][0] == pytest.approx(whole.weight[gold] @ whole.reward[gold] / 1000)
    assert found["rows"].tolist() == [1000] * 4


def test_a_group_that_the_policy_never_reaches_has_no_value():
    arm, tier = np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "b"])
    small = bandit_log.read(arm, np.ones(4), np.full(4, 0.5), np.array([0.0, 1.0]))
    found = offpolicy_checks.by_group([offpolicy.snips(small)], tier, 0.95, 50, np.random.default_rng(1))
    assert np.isnan(found["value"][0]) and found["low"][0] == -np.inf
    assert found["value"][1] == 1.0
