import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.lifetimes.histories import Histories, arrivals, short_window
from membership.lifetimes.search import Doubt, Reason


def history(frequency, recency_days, age_days, **columns):
    frame = {"frequency": frequency, "recency_days": recency_days, "age_days": age_days}
    return pd.DataFrame(frame, dtype=float).assign(**columns)


def rows_of(found):
    columns = found.frequency, found.recency_days, found.age_days, *found.covariates.T
    return pd.DataFrame(np.column_stack(columns)).assign(weight=found.weight)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(0, 1)), min_size=1, max_size=40))
def test_equal_rows_become_one_row_of_greater_weight(drawn):
    x, age, kind = np.array([(2, 3, 1), *drawn]).T
    features = history(x, np.where(x > 0, age / 2, 0), age, spend=kind)
    found = Histories.of(features, "any", ["spend"])
    assert found.members == len(features)
    logs = np.log1p(features["spend"])
    features["spend"] = (logs - logs.mean()) / (logs.std(ddof=0) or 1)
    expected = features.round(9).value_counts().sort_index()
    got = rows_of(found).round(9).groupby([0, 1, 2, 3])["weight"].sum()
    assert got.index.tolist() == expected.index.tolist()
    assert got.tolist() == expected.tolist()


def test_rows_that_are_all_different_are_left_as_they_are():
    age = np.random.default_rng(0).uniform(1, 2, 300)
    found = Histories.of(history(np.ones(300), age / 2, age), "any")
    np.testing.assert_array_equal(found.age_days, age)
    assert found.members == 300
    assert found.mean_age_days == pytest.approx(age.mean())


def test_members_who_never_bought_are_left_out():
    found = Histories.of(history([1, 0, 0], [4, 0, 0], [10, 20, 0]), "any")
    assert found.members == 2
    assert found.mean_age_days == 15


def test_a_sample_takes_rows_from_the_whole_length():
    age = np.arange(1.0, 101)
    few = Histories.of(history(np.ones(100), age / 2, age), "any").sample(20)
    assert few.age_days.tolist() == list(range(1, 100, 5))
    assert few.members == 20


def test_covariates_of_new_members_are_put_on_the_scale_of_the_fitted_ones():
    features = history([1, 1, 1], [1, 1, 1], [2, 3, 4], spend=np.expm1([0.0, 2.0, 4.0]), same=5.0)
    found = Histories.of(features, "any", ["spend", "same"])
    spread = np.sqrt(8 / 3)
    np.testing.assert_allclose(found.covariates, [[-2 / spread, 0], [0, 0], [2 / spread, 0]], atol=1e-12)
    new = pd.DataFrame({"same": [5.0], "spend": np.expm1([6.0])})
    np.testing.assert_allclose(found.scale.standardised(new, "any"), [[4 / spread, 0]], atol=1e-12)


@pytest.mark.parametrize(
    "x, recency, age",
    [
        (1, 50, 40),
        (-1, 0, 40),
        (1, -3, 40),
        (np.nan, 1, 40),
        (1, np.nan, 40),
        (1, 1, np.nan),
        (np.inf, 1, 40),
        (1, 1, np.inf),
        (0, 5, 40),
        (1.5, 5, 40),
    ],
)
def test_an_impossible_history_is_named(x, recency, age):
    with pytest.raises(
        DataError, match=r"any: 1 members have an impossible history, e.g. 1: frequency .*; allowed: .*"
    ):
        Histories.of(history([1, x], [5, recency], [40, age]), "any")


def test_a_history_that_ends_before_the_last_purchase_shows_its_numbers():
    with pytest.raises(DataError, match=r"frequency 1, recency_days 50, age_days 40; allowed: .*<= age_days"):
        Histories.of(history([1], [50], [40]), "any")


@pytest.mark.parametrize("ages", [[10, 20, 30], [0, 0], []])
def test_no_second_purchase_is_an_error_in_words(ages):
    nothing = np.zeros(len(ages))
    with pytest.raises(DataError, match=r"none of \d members has bought on a second day.*longer calibration window"):
        Histories.of(history(nothing, nothing, ages), "any")


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf])
def test_a_covariate_that_is_missing_or_negative_is_named(wrong):
    features = history([1, 1], [1, 1], [2, 3], spend=[1.0, wrong])
    with pytest.raises(DataError, match=r"1 members have an impossible covariate, e.g. 1: spend .*value.covariates"):
        Histories.of(features, "any", ["spend"])


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(
        DataError, match="no column first_spend in features; there are: frequency, recency_days, age_days"
    ):
        Histories.of(history([1], [1], [2]), "any", ["first_spend"])


def test_arrivals_spread_over_the_window_are_not_called_left_truncated(cdnow):
    rng = np.random.default_rng(0)
    assert not arrivals(pd.DataFrame({"age_days": 365 - rng.uniform(0, 365, 5000)}), 365).left_truncated
    assert not arrivals(cdnow.features, 273).left_truncated  # a cohort that came in the first 12 of 39 weeks


def test_members_who_bought_before_the_data_begin_are_recognised():
    rng = np.random.default_rng(0)
    since = rng.exponential(1 / rng.gamma(1.4, 1 / 10, 2000))  # from the start of the data to the next purchase
    found = arrivals(pd.DataFrame({"age_days": np.maximum(365 - since, 0)}), 365)
    assert found.left_truncated
    assert (found.members, found.first, found.days) == ((since < 365).sum(), (since < 365 / 20).sum(), 365 / 20)
    on_one_day = arrivals(pd.DataFrame({"age_days": np.full(300, 365.0)}), 365)
    assert on_one_day.left_truncated and (on_one_day.first, on_one_day.second) == (300, 0)


def test_a_window_shorter_than_a_typical_interval_is_a_doubt():
    found = Histories.of(history([1, 0], [10, 0], [30, 50]), "any")
    assert short_window("any", found, 39) == ()
    assert short_window("any", found, 90) == (Doubt("any", Reason.SHORT_WINDOW, (), 90, 40),)
