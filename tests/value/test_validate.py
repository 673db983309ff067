from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import params
from membership.base.errors import DataError
from membership.value import validate

ACTUAL = pd.Series([0.0, 0, 10, 30], index=["a", "b", "c", "d"])


def test_comparison_is_that_computed_by_hand():
    predictions = pd.DataFrame({"half": [0, 0, 5, 15], "mean": 10.0, "worst": [30, 10, 0, 0]}, index=ACTUAL.index)
    table = validate.compare(ACTUAL, predictions)
    assert table.loc["half"].to_dict() == pytest.approx(
        {"mae": 5, "rmse": np.sqrt(62.5), "gini": 1, "spearman": 1, "bias": -0.5}
    )
    assert table.loc["mean", ["gini", "spearman", "bias"]].tolist() == [0, 0, 0]
    assert table.loc["worst", "mae"] == 20
    assert table.loc["worst", "gini"] == pytest.approx(-0.8)


def test_nothing_spent_leaves_no_undefined_number():
    predictions = pd.DataFrame({"zero": 0.0, "some": [1.0, 2, 3, 4]}, index=ACTUAL.index)
    assert np.isfinite(validate.compare(0 * ACTUAL, predictions)).all(axis=None)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=3, max_size=20), st.randoms(use_true_random=False))
def test_gini_does_not_depend_on_the_order_of_members_with_equal_predictions(spent, random):
    actual = pd.Series(spent, dtype=float)
    predicted = pd.Series([random.randint(0, 2) for _ in spent])
    mixed = actual.sample(frac=1, random_state=1).index
    whole = validate.normalised_gini(actual, predicted)
    assert validate.normalised_gini(actual[mixed], predicted[mixed]) == pytest.approx(whole)
    assert -1 - 1e-9 <= whole <= 1 + 1e-9


def test_choice_takes_the_best_that_tells_members_apart():
    table = pd.DataFrame(
        {"rmse": [1.0, 2.0, 4.0, 4.0], "gini": [0.0, 0.0, 0.7, 0.8]}, index=["zero", "mean", "rfm", "bgnbd"]
    )
    assert validate.choose(table, "rmse") == "rfm"  # zero and mean are smaller but the same for everybody; tie: first
    assert validate.choose(table, "gini") == "bgnbd"


def test_gain_has_the_sign_of_the_better_prediction():
    rng = np.random.default_rng(0)
    actual = pd.Series(rng.normal(100, 30, 500))
    near, far = actual + rng.normal(0, 5, 500), actual + rng.normal(0, 20, 500)
    gain = validate.gain(actual, near, far, 200, 0.95, rng)
    assert gain.low < gain.share < gain.high
    assert gain.share == pytest.approx(0.75, abs=0.05)
    assert validate.gain(actual, far, near, 200, 0.95, rng).high < 0
    assert validate.gain(actual, actual, actual, 50, 0.95, rng).share == 0


def test_deciles_are_ordered_by_prediction_and_cover_every_member():
    actual = pd.Series(np.arange(25.0), index=[f"m{number:02d}" for number in range(25)])
    table = validate.deciles(actual, 2 * actual)
    assert table["decile"].tolist() == list(range(1, 11))
    assert table["members"].sum() == 25
    assert table["predicted"].is_monotonic_decreasing
    assert table.loc[0, ["predicted", "actual"]].tolist() == [46, 23]  # members 22, 23 and 24
    assert table["share"].sum() == pytest.approx(1)


def test_error_band_covers_new_members_of_the_same_kind():
    rng = np.random.default_rng(0)
    predicted = pd.Series(rng.gamma(2, 500, 4000))
    actual = predicted * rng.gamma(4, 0.25, 4000)
    old, new = predicted.index[:2000], predicted.index[2000:]
    band = validate.ErrorBand.fit(actual[old], predicted[old], days=30, confidence=0.9)
    around = band.around(predicted[new], 30)
    assert validate.coverage(actual[new], around) == pytest.approx(0.9, abs=0.025)
    assert (around["low"] <= predicted[new]).all()
    assert (predicted[new] <= around["high"]).all()
    assert (around["low"] >= 0).all()


def test_error_band_grows_with_the_days_and_takes_equal_predictions():
    actual, predicted = pd.Series([0.0] * 300 + [60.0] * 300), pd.Series(30.0, index=range(600))
    band = validate.ErrorBand.fit(actual, predicted, days=30, confidence=0.9)
    month, quarter = band.around(predicted, 30), band.around(3 * predicted, 90)
    assert month.iloc[0].tolist() == [0, 60]
    np.testing.assert_allclose(quarter, 3 * month)


def test_brier_score_is_the_mean_squared_difference():
    assert validate.brier(pd.Series([True, False]), pd.Series([0.9, 0.4])) == pytest.approx((0.01 + 0.16) / 2)


def test_features_of_a_day_that_is_not_there_are_an_error_that_lists_the_days():
    features = pd.DataFrame({"member_id": ["a"], "as_of": [pd.Timestamp("2017-11-01")]})
    assert validate.at(features, date(2017, 11, 1)).index.tolist() == ["a"]
    with pytest.raises(DataError, match=r"no rows as of 2017-12-01; there are: 2017-11-01.*dvc repro features"):
        validate.at(features, date(2017, 12, 1))


def test_what_members_did_between_two_days_is_the_difference():
    before = pd.DataFrame({"spend": [100, 0], "purchase_days": [2, 0]}, index=["a", "b"])
    after = pd.DataFrame({"spend": [50, 70], "purchase_days": [4, 1]}, index=["b", "a"])
    did = validate.between(before, after)
    assert did.loc["a"].tolist() == [-30, -1]
    assert did.loc["b"].tolist() == [50, 4]


def test_a_purchase_counts_from_the_first_day_to_before_the_last():
    at = ["2017-11-30 23:59", "2017-12-01 00:00", "2017-12-14 23:59", "2017-12-15 00:00", "2017-12-05 12:00"]
    events = ibis.memtable(
        pd.DataFrame(
            {
                "member_id": ["early", "first", "last", "late", "viewer"],
                "kind": ["purchase"] * 4 + ["view"],
                "local_at": pd.to_datetime(at),
            }
        )
    )
    members = pd.Index(["early", "first", "last", "late", "viewer", "nobody"])
    bought = validate.bought_within(events, date(2017, 12, 1), 14, members)
    assert bought[bought].index.tolist() == ["first", "last"]


def test_candidates_learn_one_validation_length_before_calibration_ends():
    windows = params.parse(params.read()).windows
    learned = windows.calibration_end - validate.earlier(windows)
    assert learned.days == windows.validation.days


def test_metrics_name_the_chosen_row_and_every_row():
    table = pd.DataFrame({metric: [1.0, 2.0] for metric in ("mae", "rmse", "gini", "bias")}, index=["zero", "rfm"])
    metrics = validate.flat(table, "holdout_spend", "rfm")
    assert metrics["holdout_spend_bias"] == metrics["holdout_spend_rmse"] == 2
    assert metrics["holdout_spend_rmse_zero"] == 1
    assert "holdout_spend_bias_zero" not in metrics
