import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from membership.base.errors import DataError
from membership.value import clv, validate
from membership.value.clv import BgNbd, GammaGamma


def history(frequency, recency_days, age_days, repeat_spend_mean=None):
    frame = pd.DataFrame({"frequency": frequency, "recency_days": recency_days, "age_days": age_days}, dtype=float)
    return frame.assign(repeat_spend_mean=repeat_spend_mean)


def test_bgnbd_reproduces_the_published_cdnow_parameters(cdnow):
    sample = cdnow.features.loc[cdnow.sample]
    model = BgNbd.fit(sample)
    assert model.members == 2357
    assert [model.r, model.alpha_days / 7, model.a, model.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=6e-4)
    in_weeks = model.log_likelihood + sample["frequency"].sum() * np.log(7)
    assert in_weeks == pytest.approx(-9582.4, abs=0.05)


def test_gamma_gamma_reproduces_the_published_cdnow_parameters(cdnow):
    model = GammaGamma.fit(cdnow.features.loc[cdnow.sample])
    assert model.members == 946
    assert [model.p, model.q, model.gamma] == pytest.approx([6.25, 3.74, 15.44], abs=6e-3)
    assert model.log_likelihood == pytest.approx(-4055.92, abs=5e-3)


def test_cdnow_holdout_errors_are_those_measured_elsewhere(cdnow):
    orders, spend = BgNbd.fit(cdnow.features), GammaGamma.fit(cdnow.features)
    bought = pd.Series(orders.expected_purchases(cdnow.features, 39 * 7), cdnow.features.index)
    spent = bought * spend.expected_spend(cdnow.features)
    in_days = validate.compare(cdnow.holdout["purchase_days"], bought.to_frame("bgnbd")).loc["bgnbd"]
    in_money = validate.compare(cdnow.holdout["spend"], spent.to_frame("bgnbd")).loc["bgnbd"]
    assert [in_days["mae"], in_days["rmse"], in_days["gini"]] == pytest.approx([0.819, 1.733, 0.663], abs=2e-3)
    assert in_days["bias"] == pytest.approx(-0.14, abs=6e-3)
    assert [in_money["gini"], in_money["bias"]] == pytest.approx([0.672, -0.17], abs=6e-3)
    assert in_money["rmse"] == pytest.approx(92.9, abs=0.3)


def test_bgnbd_recovers_the_parameters_of_a_simulated_market(market):
    model, truth = BgNbd.fit(market.features), market.truth
    assert [model.r, model.alpha_days] == pytest.approx([truth.r, truth.alpha_days], rel=0.1)
    assert model.a / (model.a + model.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)


def test_gamma_gamma_recovers_the_parameters_of_a_simulated_market(market):
    model, truth = GammaGamma.fit(market.features), market.truth
    assert [model.p, model.q] == pytest.approx([truth.p, truth.q], rel=0.12)
    mean = truth.p * truth.gamma / (truth.q - 1)
    assert model.p * model.gamma / (model.q - 1) == pytest.approx(mean, rel=0.04)


def test_predictions_match_what_a_simulated_market_does_next(market):
    model = BgNbd.fit(market.features)
    expected = model.expected_purchases(market.features, market.days)
    chance = model.p_purchase(market.features, market.days)
    assert expected.mean() == pytest.approx(market.purchases.mean(), rel=0.05)
    assert chance.mean() == pytest.approx((market.purchases > 0).mean(), rel=0.04)
    often = market.features["frequency"] >= 5
    assert chance[often].mean() == pytest.approx((market.purchases[often] > 0).mean(), rel=0.06)


def test_weeks_and_days_give_the_same_model_with_and_without_a_penalty(market):
    weeks = market.features.assign(
        recency_days=market.features["recency_days"] / 7, age_days=market.features["age_days"] / 7
    )
    for penalizer in (0.0, 0.01):
        in_days, in_weeks = BgNbd.fit(market.features, penalizer), BgNbd.fit(weeks, penalizer)
        assert in_weeks.alpha_days * 7 == pytest.approx(in_days.alpha_days, rel=1e-4)
        both = in_days.expected_purchases(market.features, 28), in_weeks.expected_purchases(weeks, 4)
        np.testing.assert_allclose(*both, rtol=1e-4)


def test_cents_and_dollars_give_the_same_model(market):
    dollars = market.features.assign(repeat_spend_mean=market.features["repeat_spend_mean"] / 100)
    cents, scaled = GammaGamma.fit(market.features, 0.01), GammaGamma.fit(dollars, 0.01)
    np.testing.assert_allclose(cents.expected_spend(market.features), 100 * scaled.expected_spend(dollars), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_gradients_are_those_of_the_likelihoods(log):
    x, recency, age = np.array([0.0, 1, 4, 30]), np.array([0.0, 0.4, 0.9, 1.0]), np.array([1.0, 1.1, 1.2, 1.05])
    weight, mean = np.array([3.0, 1, 2, 1]), np.array([0.5, 1, 2.0])
    order = (x, recency, age, weight)

    def gap(likelihood, at, *columns):
        value = lambda point: likelihood(point, *columns)[0]  # noqa: E731
        return np.abs(optimize.approx_fprime(at, value, 1e-7) - likelihood(at, *columns)[1]).max()

    assert gap(clv._bgnbd, np.array(log), *order) < 1e-4
    assert gap(clv._gamma_gamma, np.array(log[:3]), x[1:], mean) < 1e-4


@pytest.mark.parametrize("a, b", [(0.793, 2.426), (1.0, 5.0), (0.03, 33.0), (2000.0, 1e4), (4e-5, 2e4)])
@pytest.mark.parametrize("x", [0, 1, 40, 900])
def test_expected_purchases_equal_the_sum_over_purchase_counts(a, b, x):
    model = BgNbd(1.4, 10.0, a, b, 0.0, 1, "")
    member, days = history([x], [300.0 if x else 0.0], [300.0]), 250.0
    count = np.arange(1, 6000)
    stays = special.gammaln(b + x + count - 1) - special.gammaln(b + x)
    stays += special.gammaln(a + b + x) - special.gammaln(a + b + x + count - 1)
    reaches = special.betainc(count, model.r + x, days / (model.alpha_days + 300.0 + days))
    expected = (np.exp(stays) * reaches).sum() * model.p_alive(member)
    assert model.expected_purchases(member, days) == pytest.approx(expected, rel=1e-7)


def test_one_purchase_counts_as_alive_and_none_as_nothing():
    model = BgNbd(0.243, 30.9, 0.793, 2.426, 0.0, 1, "")
    members = history([0, 0], [0, 0], [200, 0])
    assert model.p_alive(members).tolist() == [1, 0]
    assert model.expected_purchases(members, 90)[1] == 0 == model.p_purchase(members, 90)[1]
    assert 0 < model.expected_purchases(members, 90)[0] < 90 * 0.243 / 30.9
    nobody = model.expected_purchases(members.iloc[1:], 90)
    assert nobody.tolist() == [0]


def test_who_fell_silent_after_buying_often_is_less_alive_than_who_never_bought_often():
    model = BgNbd(0.243, 30.9, 0.793, 2.426, 0.0, 1, "")
    often, seldom, recent = model.p_alive(history([20, 2, 20], [100, 100, 270], [273, 273, 273]))
    assert often < 0.01 < seldom < recent


def test_only_single_purchases_is_an_error_in_words():
    with pytest.raises(DataError, match=r"none of 3 members has bought on a second day.*longer calibration window"):
        BgNbd.fit(history([0, 0, 0], [0, 0, 0], [10, 20, 30]))
    with pytest.raises(DataError, match="no member has spent anything on a second purchase day"):
        GammaGamma.fit(history([0, 0], [0, 0], [10, 20], np.nan))


def test_an_impossible_history_is_named():
    with pytest.raises(
        DataError, match=r"1 members have an impossible history, e.g. 1: .*recency_days 50, age_days 40"
    ):
        BgNbd.fit(history([1, 1], [5, 50], [40, 40]))


def test_a_search_that_ends_nowhere_is_an_error():
    with pytest.raises(DataError, match=r"BG/NBD did not converge from any of 1 starts.*Raise value.penalizer"):
        clv._maximise("BG/NBD", lambda log: (float(np.sin(log[0])), np.ones(1)), [np.zeros(1)], 0.0, ("r",))


def test_constant_spend_is_predicted_as_that_constant(market):
    same = market.features.assign(repeat_spend_mean=np.where(market.features["frequency"] > 0, 1250.0, np.nan))
    model = GammaGamma.fit(same)
    np.testing.assert_allclose(model.expected_spend(same), 1250, rtol=2e-3)
    assert "p, q" in model.note


def test_members_without_a_stop_are_all_alive_and_the_edge_is_reported():
    regular = history(np.arange(20, 60), np.full(40, 299.0), np.full(40, 300.0))
    model = BgNbd.fit(regular)
    assert model.p_alive(regular).min() > 0.99
    assert model.expected_purchases(regular, 30).sum() == pytest.approx(regular["frequency"].sum() / 10, rel=0.02)
    assert "ran to the edge" in model.note


def test_five_members_have_defined_answers(market):
    few = market.features[market.features["frequency"] > 0].head(5)
    orders, spend = BgNbd.fit(few), GammaGamma.fit(few)
    answers = [orders.expected_purchases(few, 30), orders.p_purchase(few, 14), spend.expected_spend(few)]
    assert np.isfinite(answers).all()
    assert (np.array(answers) >= 0).all()


def test_equal_histories_count_as_often_as_they_occur(market):
    twice = pd.concat([market.features, market.features])
    once, double = BgNbd.fit(market.features), BgNbd.fit(twice)
    assert double.members == 2 * once.members
    assert double.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-9)
