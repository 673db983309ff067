from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from membership.base.errors import DataError
from membership.lifetimes.bgnbd import BgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.value import accuracy, validate

ACTUAL = pd.Series([0.0, 0, 10, 30], index=["a", "b", "c", "d"])


def test_comparison_is_that_computed_by_hand():
    predictions = pd.DataFrame({"half": [0, 0, 5, 15], "mean": 10.0, "worst": [30, 10, 0, 0]}, index=ACTUAL.index)
    table = validate.compare(ACTUAL, predictions)
    assert table.loc["half"].to_dict() == pytest.approx(
        {"mae": 5, "rmse": np.sqrt(62.5), "gini": 1, "spearman": 1, "bias": -0.5, "decile_error": 0.5, "top_share": 0.3}
    )
    assert table.loc["mean", ["gini", "spearman", "bias"]].tolist() == [0, 0, 0]
    assert table.loc["worst", "mae"] == 20
    assert table.loc["worst", "gini"] == pytest.approx(-0.8)


def test_nothing_spent_leaves_no_undefined_number():
    predictions = pd.DataFrame({"zero": 0.0, "some": [1.0, 2, 3, 4]}, index=ACTUAL.index)
    assert np.isfinite(validate.compare(0 * ACTUAL, predictions)).all(axis=None)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=3, max_size=20), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_members_with_equal_predictions(spent, random):
    actual = pd.Series(spent, dtype=float)
    predicted = pd.Series([random.randint(0, 2) for _ in spent])
    mixed = actual.sample(frac=1, random_state=1).index
    predictions = predicted.to_frame("p")
    whole = validate.compare(actual, predictions).loc["p"]
    assert validate.compare(actual[mixed], predictions.loc[mixed]).loc["p"].tolist() == pytest.approx(whole.tolist())
    assert -1 - 1e-9 <= whole["gini"] <= 1 + 1e-9


def test_metrics_are_those_of_their_libraries():
    rng = np.random.default_rng(1)
    actual, predicted = pd.Series(rng.poisson(1, 500)), pd.Series(rng.poisson(1, 500) / 3)
    found = validate.compare(actual, predicted.to_frame("p")).loc["p"]
    assert found["spearman"] == pytest.approx(stats.spearmanr(actual, predicted).statistic)
    assert found["mae"] == pytest.approx(mean_absolute_error(actual, predicted))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(actual, predicted))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 3)), min_size=3, max_size=30))
def test_a_member_who_counts_twice_is_two_such_members(rows):
    actual, predicted, times = (pd.Series(column, dtype=float) for column in zip(*rows, strict=True))
    one = accuracy.ranked(actual, predicted.to_frame("p"))["p"]
    again = np.repeat(np.arange(len(rows)), times.astype(int))
    doubled = accuracy.ranked(*(part.iloc[again].reset_index(drop=True) for part in (actual, predicted.to_frame("p"))))
    for name, metric in accuracy.METRICS.items():
        assert metric(one, times.to_numpy()) == pytest.approx(metric(doubled["p"], np.ones(len(again)))), name


def test_an_interval_of_differences_has_the_sign_of_the_better_prediction():
    rng = np.random.default_rng(0)
    actual = pd.Series(rng.normal(100, 30, 500), [f"m{number}" for number in range(500)])
    noise = pd.DataFrame(rng.normal(0, [5, 20, 6], (500, 3)), actual.index, ["near", "far", "same"])
    predictions = noise.add(actual, axis=0)
    metrics = ["rmse", "gini", "decile_error"]
    found = validate.differences(actual, predictions, "near", metrics, 200, 0.95, np.random.default_rng(1))
    assert found.loc[("rmse", "far"), "difference"] == pytest.approx(15, abs=1.5)
    assert (found["low"] <= found["difference"]).all()
    assert (found["difference"] <= found["high"]).all()
    assert found.loc[("rmse", "far"), "low"] > 0
    assert found.loc[("decile_error", "far"), "low"] > 0
    assert found.loc[("gini", "far"), "high"] < 0
    assert list(found.loc["rmse"].index) == ["far", "same"]
    whole = validate.compare(actual, predictions)
    assert found.loc["gini", "value"].tolist() == whole["gini"].tolist()[1:]
    again = validate.differences(actual, predictions, "near", metrics, 200, 0.95, np.random.default_rng(1))
    pd.testing.assert_frame_equal(found, again)


def test_equal_predictions_do_not_differ_in_any_draw():
    actual = pd.Series(np.arange(50.0))
    predictions = pd.DataFrame({"one": actual + 3, "other": actual + 3})
    found = validate.differences(actual, predictions, "one", list(accuracy.METRICS), 50, 0.9, np.random.default_rng(0))
    assert (found[["difference", "low", "high"]] == 0).all(axis=None)


def test_bootstrap_intervals_cover_a_known_difference_as_often_as_they_promise():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(100):
        error = rng.normal(0, [1.0, 1.5], (60, 2))
        zero, errors = pd.Series(0.0, range(60)), pd.DataFrame(error, columns=["a", "b"])
        found = validate.differences(zero, errors, "a", ["mae"], 100, 0.9, rng).iloc[0]
        covered += found["low"] <= 0.5 * np.sqrt(2 / np.pi) <= found["high"]
    assert 80 <= covered <= 97  # 99 % band of 100 draws at 0.9, with room below for 60 members


@pytest.mark.parametrize(
    "bad, message", [(np.nan, "p: no finite number for 1 of 4 members, e.g. b"), (np.inf, "p: no")]
)
def test_predictions_that_are_no_numbers_are_refused_by_name(bad, message):
    predictions = pd.DataFrame({"p": [1.0, bad, 2, 3]}, index=ACTUAL.index)
    with pytest.raises(DataError, match=message):
        validate.compare(ACTUAL, predictions)


def test_members_that_differ_are_refused():
    with pytest.raises(DataError, match="predictions of 3 members cannot be compared with what 4 members did"):
        validate.compare(ACTUAL, pd.DataFrame({"p": ACTUAL}).iloc[1:])
    with pytest.raises(DataError, match="at least one"):
        validate.compare(ACTUAL.iloc[:0], pd.DataFrame({"p": ACTUAL.iloc[:0]}))


def test_tenths_in_which_nothing_happened_are_left_out_of_the_decile_error():
    actual = pd.Series([10.0, 5, 0, 0, 0, 0, 0, 0, 0, 0])
    predicted = pd.DataFrame({"p": [8.0, 6, 0.5, 0.4, 0, 0, 0, 0, 0, 0]})
    assert validate.compare(actual, predicted).loc["p", "decile_error"] == pytest.approx((0.2 + 0.2) / 2)


def test_published_holdout_figures_of_cdnow_are_reproduced(cdnow):
    features, days = cdnow.features, 39 * 7
    same_rate = features["frequency"] / features["age_days"] * days
    models = {"bgnbd": BgNbd.fit(features), "pareto_nbd": ParetoNbd.fit(features)}
    predicted = {name: model.expected_purchases(features, days) for name, model in models.items()}
    predictions = pd.DataFrame({"zero": 0.0, "same_rate": same_rate} | predicted, index=features.index)
    found = validate.compare(cdnow.holdout["purchase_days"], predictions)
    published = pd.DataFrame(
        {
            "mae": [0.835, 1.038, 0.819, 0.794],
            "rmse": [2.467, 2.158, 1.733, 1.726],
            "gini": [0, 0.657, 0.663, 0.673],  # published .651 of the same rate: 70 % are tied and were not averaged
            "decile_error": [1, 0.876, 0.176, 0.338],
            "bias": [-1, 0.47, -0.14, -0.13],
        },
        index=predictions.columns,
    )
    off = (found[published.columns] - published).abs()
    assert (off <= [6e-4, 6e-4, 6e-4, 1.5e-3, 6e-3]).all(axis=None)


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
    within = actual[new].between(around["low"], around["high"])
    assert within.mean() == pytest.approx(0.9, abs=0.025)
    assert (around["low"] <= predicted[new]).all()
    assert (predicted[new] <= around["high"]).all()
    assert (around["low"] >= 0).all()


def test_error_band_grows_with_the_days_and_takes_equal_predictions():
    actual, predicted = pd.Series([0.0] * 300 + [60.0] * 300), pd.Series(30.0, index=range(600))
    band = validate.ErrorBand.fit(actual, predicted, days=30, confidence=0.9)
    month, quarter = band.around(predicted, 30), band.around(3 * predicted, 90)
    assert month.iloc[0].tolist() == [0, 60]
    np.testing.assert_allclose(quarter, 3 * month)


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
