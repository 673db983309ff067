"""Whether predictions come true: slopes of known truth, errors of tenths by hand, and what cannot be told."""

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression

from membership.stats import calibration


@pytest.fixture
def odds():
    return np.random.default_rng(3).normal(0, 1.2, 20_000)


def test_true_chances_have_slope_one_and_over_confident_ones_less(odds):
    happened = np.random.default_rng(4).random(len(odds)) < special.expit(odds)
    honest = calibration.of_chance(happened, special.expit(odds), 0.95)
    assert honest.low < 1 < honest.high
    assert honest.intercept == pytest.approx(0, abs=0.06)
    assert honest.error < 0.015
    boastful = calibration.of_chance(happened, special.expit(2 * odds), 0.95)
    assert boastful.slope == pytest.approx(honest.slope / 2)
    assert boastful.high < 1 < honest.high
    assert boastful.error > 0.05


def test_a_few_certain_zeros_that_err_do_not_decide_the_slope(odds):
    chance, some = special.expit(odds), slice(0, 300)
    happened = np.random.default_rng(4).random(len(odds)) < chance
    chance[some], happened[some] = 0.0, np.arange(300) < 60
    found = calibration.of_chance(happened, chance, 0.95)
    assert found.low < 1 < found.high
    assert np.isnan(calibration.of_chance(np.array([0, 1]), np.array([0.0, 0.0]), 0.95).slope)


def test_the_logistic_fit_is_that_of_scikit_learn(odds):
    happened = np.random.default_rng(5).random(500) < special.expit(odds[:500] / 2 + 0.3)
    chance = special.expit(odds[:500])
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(odds[:500, None], happened)
    found = calibration.of_chance(happened, chance, 0.95)
    assert found.slope == pytest.approx(peer.coef_[0, 0], rel=1e-4)
    assert found.intercept == pytest.approx(peer.intercept_[0], abs=1e-4)


def test_an_amount_by_hand():
    found = calibration.of_amount(np.array([1.0, 3, 5, 7]), np.array([0.0, 1, 2, 3]), 0.95)
    assert (found.intercept, found.slope) == pytest.approx((1, 2))
    assert found.low == pytest.approx(2) == found.high


def test_the_slope_interval_of_amounts_covers_the_truth_where_spread_grows():
    rng, covered = np.random.default_rng(6), 0
    for _ in range(300):
        predicted = rng.gamma(1, 10, 400)
        found = calibration.of_amount(predicted * rng.gamma(1, 1, 400), predicted, 0.95)
        covered += found.low <= 1 <= found.high
    assert 0.87 < covered / 300 < 0.99


def test_the_error_of_tenths_by_hand():
    """Ten members, one a tenth."""
    predicted = np.linspace(0.05, 0.95, 10)
    assert calibration.tenths_error(predicted + 0.02, predicted) == pytest.approx(0.02)
    assert calibration.tenths_error(np.where(predicted > 0.5, predicted + 0.1, predicted), predicted) == pytest.approx(
        0.05
    )


def test_equal_predictions_share_a_tenth():
    assert set(calibration.tenths(pd.Series([0.3] * 8))) == {6}
    assert calibration.tenths(pd.Series(np.arange(20.0))).tolist() == sorted(list(range(1, 11)) * 2)


@pytest.mark.parametrize(
    ("happened", "chance"),
    [([0, 1, 1], [0.5, 0.5, 0.5]), ([1, 1, 1], [0.2, 0.5, 0.9]), ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])],
)
def test_where_nothing_varies_or_all_is_told_apart_no_slope_is_given(happened, chance):
    found = calibration.of_chance(np.array(happened), np.array(chance), 0.95)
    assert np.isnan([found.intercept, found.slope, found.low, found.high]).all()
    assert found.error >= 0


def test_amounts_without_spread_have_no_slope():
    assert np.isnan(calibration.of_amount(np.array([1.0, 2, 3]), np.ones(3), 0.95).slope)


def test_reliability_is_that_computed_by_hand():
    happened = pd.Series([True, False, True, True, False])
    chance = pd.Series([0.2, 0.4, 0.6, 1.0, 0.9])
    found = calibration.reliability(happened, chance, 0.95, groups=2)
    assert found[["from_chance", "to_chance"]].to_numpy().tolist() == [[0, 0.5], [0.5, 1]]
    assert found["members"].tolist() == [2, 3]
    assert found["predicted"].tolist() == pytest.approx([0.3, 2.5 / 3])
    assert found["actual"].tolist() == pytest.approx([0.5, 2 / 3])
    assert found["low"].tolist() == pytest.approx([0.0945, 0.2077], abs=1e-4)  # Wilson, 1 of 2 and 2 of 3
    assert found["high"].tolist() == pytest.approx([0.9055, 0.9385], abs=1e-4)


def test_intervals_of_reliability_hold_calibrated_chances_as_often_as_they_promise():
    rng = np.random.default_rng(3)
    chance = pd.Series(np.repeat(np.arange(10) / 10 + 0.05, 100))
    inside = [
        ((found["low"] <= found["predicted"]) & (found["predicted"] <= found["high"])).mean()
        for found in (calibration.reliability(pd.Series(rng.random(1000) < chance), chance, 0.9) for _ in range(40))
    ]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.05)
