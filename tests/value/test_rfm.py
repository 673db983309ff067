import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from membership.base.errors import DataError
from membership.value import rfm


def members(count, seed=0, monetary_of_frequency=0.0):
    rng = np.random.default_rng(seed)
    orders = rng.integers(0, 40, count)
    spend = rng.integers(0, 20000, count) + monetary_of_frequency * orders
    return pd.DataFrame(
        {"days_since_last": rng.integers(1, 181, count).astype(float), "orders_90d": orders, "spend_90d": spend},
        index=[f"m{number}" for number in range(count)],
    )


def spend_of(features, noise=0.0, seed=1):
    recent = 180 - features["days_since_last"]
    exact = 100 + 8 * recent + 30 * features["orders_90d"] + 0.2 * features["spend_90d"]
    return exact + np.random.default_rng(seed).normal(0, noise, len(features)) if noise else exact


def test_the_worked_case_of_100000_customers_is_reproduced():
    weights, slopes, offsets = np.array([0.5, 0.3, 0.2]), np.array([0.01, 0.02, 0.03]), np.array([0.5, 0.6, 0.7])
    features = members(100_000)
    parts = np.column_stack([180 - features["days_since_last"], features["orders_90d"], features["spend_90d"]])
    value = pd.Series((slopes * parts + offsets) @ weights, features.index)
    model = rfm.fit(features, value, days=180, clip_share=0.0)
    nine = model.nine_parameters()
    np.testing.assert_allclose(nine["w"] * nine["a"], [-0.005, 0.006, 0.006], rtol=1e-8)
    np.testing.assert_allclose(model.predict(features, 180), value, rtol=1e-9)


def test_fit_is_least_squares_with_weights_of_zero_or_more():
    features = members(500)
    spend = spend_of(features, noise=500) - 60 * features["orders_90d"]  # frequency now counts against
    model = rfm.fit(features, spend, days=30, clip_share=0.01)
    reference = LinearRegression(positive=True).fit(model.scores(features), spend)
    np.testing.assert_allclose(model.scale * model.weights, reference.coef_, rtol=1e-6, atol=1e-6)
    assert model.base == pytest.approx(reference.intercept_)
    assert model.weights[1] == 0
    assert model.weights.sum() == pytest.approx(1)


def test_nine_parameters_give_the_same_value_between_the_quantiles():
    features = members(400)
    model = rfm.fit(features, spend_of(features, noise=300), days=30, clip_share=0.05)
    nine = model.nine_parameters()
    columns = features[["days_since_last", "orders_90d", "spend_90d"]].to_numpy(float)
    inside = ((model.scores(features) > 0) & (model.scores(features) < 1)).all(axis=1)
    value = (nine["w"].to_numpy() * (nine["a"].to_numpy() * columns + nine["b"].to_numpy())).sum(axis=1)
    assert inside.sum() > 200
    np.testing.assert_allclose(value[inside], model.predict(features, 30)[inside], rtol=1e-9)
    assert nine["w"].sum() == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(0.01, 1000)] * 3), st.floats(0.01, 1000))
def test_weights_do_not_depend_on_the_units_of_inputs_or_spend(scales, money):
    features = members(200)
    spend = spend_of(features, noise=400)
    scaled = features * np.array(scales)
    model, other = rfm.fit(features, spend, 30, 0.01), rfm.fit(scaled, spend * money, 30, 0.01)
    np.testing.assert_allclose(other.weights, model.weights, atol=1e-7)
    np.testing.assert_allclose(other.predict(scaled, 30), money * model.predict(features, 30), rtol=1e-6)


def test_spend_is_proportional_to_the_days_and_never_negative():
    features = members(300)
    model = rfm.fit(features, spend_of(features) - 4000, 30, 0.0)
    np.testing.assert_allclose(model.predict(features, 90), 3 * model.predict(features, 30))
    assert model.predict(features, 30).min() == 0


def test_who_never_bought_is_expected_to_spend_nothing_and_teaches_nothing():
    features = members(100)
    prospects = pd.DataFrame({"days_since_last": np.nan, "orders_90d": 0, "spend_90d": 0}, index=["p1", "p2"])
    everybody, spend = pd.concat([features, prospects]), spend_of(features, noise=100)
    model = rfm.fit(everybody, spend.reindex(everybody.index, fill_value=99999), 30, 0.0)
    assert model.predict(everybody, 30)[-2:].tolist() == [0, 0]
    assert model.base == rfm.fit(features, spend, 30, 0.0).base


def test_bootstrap_intervals_hold_the_true_weights_and_repeat_exactly():
    features = members(800)
    spend = spend_of(features, noise=800)
    truth = rfm.fit(features, spend_of(features), 30, 0.0).weights
    model = rfm.fit(features, spend, 30, 0.0)
    intervals, again = (rfm.bootstrap(model, features, spend, 300, 0.99, np.random.default_rng(3)) for _ in range(2))
    assert (intervals["low"] < truth).all()
    assert (truth < intervals["high"]).all()
    assert (intervals["high"] - intervals["low"] < 0.2).all()
    pd.testing.assert_frame_equal(intervals, again)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"orders_90d": 3}, "orders_90d is 3 for all but the rarest members"),
        ({"days_since_last": 7.0}, "days_since_last is 7 for all but the rarest members"),
    ],
)
def test_a_constant_input_is_refused_by_name(change, message):
    features = members(100).assign(**change)
    with pytest.raises(DataError, match=message):
        rfm.fit(features, spend_of(features), 30, 0.01)


def test_spend_that_nothing_explains_is_refused():
    features = members(100)
    for spend in (pd.Series(500.0, features.index), 10_000 - spend_of(features)):
        with pytest.raises(DataError, match="rises with none of recency, frequency and monetary value"):
            rfm.fit(features, spend, 30, 0.01)


def test_inputs_that_say_the_same_are_refused():
    features = members(100)
    features["spend_90d"] = 250 * features["orders_90d"]
    with pytest.raises(DataError, match="weights cannot be told apart"):
        rfm.fit(features, spend_of(features), 30, 0.0)


def test_too_few_members_are_refused():
    features = members(4)
    with pytest.raises(DataError, match="4 of 4 members had bought before the cut-off; weights need at least 5"):
        rfm.fit(features, spend_of(features), 30, 0.0)


def scored(days_since_last, purchase_days, spend):
    frame = {"days_since_last": days_since_last, "purchase_days": purchase_days, "spend": spend}
    return pd.DataFrame(frame, index=[f"m{number}" for number in range(len(spend))])


def test_quintiles_and_segments_are_those_computed_by_hand():
    table = rfm.segments(scored([1.0, 50, 90, 5, 20], [30, 40, 1, 2, 8], [900, 800, 10, 20, 300]))
    assert table["recency_score"].tolist() == [5, 2, 1, 4, 3]
    assert table["frequency_score"].tolist() == [4, 5, 1, 2, 3]
    assert table["monetary_score"].tolist() == [5, 4, 1, 2, 3]
    expected = ["champion", "can't lose", "hibernating", "potential loyalist", "need attention"]
    assert table["rfm_segment"].tolist() == expected


def test_ties_are_broken_by_the_other_measures_then_by_member_id():
    table = rfm.segments(scored([9.0] * 5, [3, 3, 3, 3, 7], [100, 100, 50, 200, 1]))
    assert table["recency_score"].tolist() == [2, 3, 1, 4, 5]
    assert table["frequency_score"].tolist() == [2, 3, 1, 4, 5]
    assert table["monetary_score"].tolist() == [3, 4, 2, 5, 1]


def test_scores_do_not_depend_on_the_order_of_rows():
    features = scored(np.arange(50) % 7 + 1.0, np.arange(50) % 5 + 1, np.arange(50) % 3)
    mixed = features.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(rfm.segments(mixed).sort_index(), rfm.segments(features).sort_index())


def test_who_has_not_bought_scores_lowest_in_a_segment_of_their_own():
    table = rfm.segments(scored([np.nan, 3.0], [0, 5], [0, 100]))
    assert table.iloc[0].tolist() == [1, 1, 1, "not bought yet"]
    assert rfm.segments(scored([np.nan], [0], [0]))["rfm_segment"].tolist() == ["not bought yet"]
