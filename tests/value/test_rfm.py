import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from membership.base.errors import DataError
from membership.report.figures import value as figures
from membership.settings import params
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


def test_slopes_and_intercept_are_recovered_from_values_without_noise():
    features = members(5000)
    model = rfm.fit(features, spend_of(features), days=180, clip_share=0.0)
    nine = model.nine_parameters()
    np.testing.assert_allclose(nine["w"] * nine["a"], [-8, 30, 0.2], rtol=1e-8)
    assert nine["w"] @ nine["b"] == pytest.approx(100 + 8 * 180)
    np.testing.assert_allclose(model.predict(features, 180), spend_of(features), rtol=1e-9)


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
    beyond = np.abs(value - model.predict(features, 30))[~inside]
    assert beyond.max() > 10  # there scores stop at 0 and 1


def test_data_fix_four_of_the_nine_parameters():
    features = members(400)
    nine = rfm.fit(features, spend_of(features, noise=300), days=30, clip_share=0.05).nine_parameters()
    x = features[["days_since_last", "orders_90d", "spend_90d"]].to_numpy(float)
    w, a, b = nine.to_numpy().T
    jacobian = np.hstack([a * x + b, w * x, np.tile(w, (len(x), 1))])
    assert np.linalg.matrix_rank(jacobian / np.linalg.norm(jacobian, axis=0)) == 4


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
    noise = pd.Series(np.random.default_rng(4).gamma(0.5, 2000, 100), features.index)
    for spend in (pd.Series(500.0, features.index), pd.Series(0.0, features.index), 10_000 - spend_of(features), noise):
        with pytest.raises(DataError, match="rises with none of recency, frequency and monetary value"):
            rfm.fit(features, spend, 30, 0.01)


def test_chance_is_taken_for_an_explanation_in_at_most_one_of_twenty_markets():
    features, rng = members(200), np.random.default_rng(5)
    refused = 0
    for _ in range(100):
        try:
            rfm.fit(features, pd.Series(rng.gamma(0.5, 2000, 200), features.index), 30, 0.01)
        except DataError:
            refused += 1
    assert refused >= 91  # the 1 % quantile of 100 draws with a chance of 0.95 each; signs make it rarer still


def test_inputs_that_say_the_same_are_refused():
    features = members(100)
    features["spend_90d"] = 250 * features["orders_90d"] + (features.index == "m7")
    with pytest.raises(
        DataError, match=r"nearly the same for all 100 members \(condition index .*, allowed below 30\)"
    ):
        rfm.fit(features, spend_of(features), 30, 0.0)


def test_condition_index_of_two_correlated_scores_is_that_computed_by_hand():
    one, two, three = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])  # uncorrelated
    correlation = 0.8
    scores = np.column_stack([one, correlation * one + 0.6 * two, three])
    assert rfm.condition_index(scores) == pytest.approx(np.sqrt((1 + correlation) / (1 - correlation)))


def test_five_members_are_too_few():
    features = members(5)
    with pytest.raises(DataError, match="5 of 5 members had bought before the cut-off; weights need at least 20"):
        rfm.fit(features, spend_of(features), 30, 0.0)


def test_members_who_are_all_alike_are_refused():
    features = members(50).assign(days_since_last=3.0, orders_90d=2, spend_90d=500)
    with pytest.raises(DataError, match="days_since_last is 3 for all but the rarest members"):
        rfm.fit(features, spend_of(members(50)), 30, 0.0)


@pytest.mark.parametrize("column, found", [("spend_90d", np.nan), ("orders_90d", np.inf), (None, np.nan)])
def test_unknown_numbers_are_refused_by_name_and_count(column, found):
    known = members(100).astype(float)
    known = known.assign(target=spend_of(known))
    known.loc[["m3", "m8"], column or "target"] = found
    name = column or "what happened afterwards"
    with pytest.raises(
        DataError, match=rf"{name} is unknown or infinite for 2 of 100 members who have bought, e\.g\. m3"
    ):
        rfm.fit(known, known["target"], 30, 0.01)


def test_more_was_sent_back_than_bought_is_a_negative_spend_and_no_error():
    features = members(400)
    features.loc["m0", "spend_90d"] = -3000
    model = rfm.fit(features, spend_of(features, noise=2000) - 3000, 30, 0.01)
    assert model.scores(features).min() >= 0
    assert np.isfinite(model.predict(features, 30)).all()
    assert model.predict(features, 30).min() == 0


def test_purchase_days_can_be_the_target_and_other_columns_the_inputs():
    features = members(400).rename(columns={"orders_90d": "purchase_days", "spend_90d": "spend"})
    orders = 0.1 * features["purchase_days"] + 0.01 * (180 - features["days_since_last"])
    model = rfm.fit(features, orders, 30, 0.0, ("days_since_last", "purchase_days", "spend"))
    np.testing.assert_allclose(model.predict(features, 60), 2 * orders)
    np.testing.assert_allclose(model.weights, [1.79, 3.9, 0] / np.float64(5.69))


def test_weights_that_the_data_do_not_determine_are_an_answer_and_no_error():
    knobs = params.load("value").value
    features = members(200)
    found = rfm.weigh(features, spend_of(features), 30, knobs, np.random.default_rng(0))
    assert found.refusal is None
    assert list(found.weights.index) == list(rfm.PARTS)
    refused = rfm.weigh(features.head(5), spend_of(features.head(5)), 30, knobs, np.random.default_rng(0))
    assert refused.weights.empty
    assert isinstance(refused.refusal, DataError)
    assert figures.weights(refused.weights, 0.95) is None
