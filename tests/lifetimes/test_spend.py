import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from membership.base.errors import DataError
from membership.lifetimes import search
from membership.lifetimes.bgnbd import BgNbd
from membership.lifetimes.spend import GammaGamma
from membership.value import validate

GIVEN = {"p": 5.0, "q": 4.0, "gamma": 1500.0}


def spent(frequency, repeat_spend_mean):
    return pd.DataFrame({"frequency": frequency, "repeat_spend_mean": repeat_spend_mean}, dtype=float)


def test_gamma_gamma_reproduces_the_published_cdnow_parameters(cdnow):
    model = GammaGamma.fit(cdnow.features.loc[cdnow.sample])
    assert model.estimate.members == 946
    assert [model.p, model.q, model.gamma] == pytest.approx([6.25, 3.74, 15.44], abs=6e-3)
    assert model.estimate.log_likelihood == pytest.approx(-4055.92, abs=5e-3)
    assert (model.estimate.agreeing, model.estimate.doubts) == (4, ())


def test_cdnow_holdout_errors_are_those_measured_elsewhere(cdnow):
    orders, spend = BgNbd.fit(cdnow.features), GammaGamma.fit(cdnow.features)
    bought = pd.Series(orders.expected_purchases(cdnow.features, 39 * 7), cdnow.features.index)
    in_money = bought * spend.expected_spend(cdnow.features)
    in_days = validate.compare(cdnow.holdout["purchase_days"], bought.to_frame("bgnbd")).loc["bgnbd"]
    in_money = validate.compare(cdnow.holdout["spend"], in_money.to_frame("bgnbd")).loc["bgnbd"]
    assert [in_days["mae"], in_days["rmse"], in_days["gini"]] == pytest.approx([0.819, 1.733, 0.663], abs=2e-3)
    assert in_days["bias"] == pytest.approx(-0.14, abs=6e-3)
    assert [in_money["gini"], in_money["bias"]] == pytest.approx([0.672, -0.17], abs=6e-3)
    assert in_money["rmse"] == pytest.approx(92.9, abs=0.3)


def test_parameters_of_a_simulated_market_are_recovered_within_their_intervals(market):
    model, truth = GammaGamma.fit(market.features), market.truth
    table = search.profile(GammaGamma.problem(market.features), model.estimate, 0.999)
    known = pd.Series({"p": truth.p, "q": truth.q, "gamma": truth.gamma})
    assert (table["low"] < known).all()
    assert (table["high"] > known).all()
    mean = truth.p * truth.gamma / (truth.q - 1)
    assert model.p * model.gamma / (model.q - 1) == pytest.approx(mean, rel=0.04)


def test_the_likelihood_is_the_mixture_over_members_scales():
    features = spent([1, 4], [700.0, 2500.0])
    problem = GammaGamma.problem(features)

    def of(nu, x, mean):
        return stats.gamma(5.0 * x, scale=1 / (nu * x)).pdf(mean) * stats.gamma(4.0, scale=1 / 1500.0).pdf(nu)

    known = [integrate.quad(of, 0, 0.05, args=tuple(row), epsrel=1e-9)[0] for row in features.to_numpy()]
    theta = np.log([5.0, 4.0, 1500.0]) - problem.shift
    assert 2 * problem.likelihood(theta)[0] + problem.constant == pytest.approx(np.log(known).sum(), rel=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_the_gradient_is_that_of_the_likelihood(log):
    problem = GammaGamma.problem(spent([1, 4, 30], [5.0, 10, 20]))
    slope = optimize.approx_fprime(np.array(log), lambda theta: problem.likelihood(theta)[0], 1e-7)
    np.testing.assert_allclose(problem.likelihood(np.array(log))[1], slope, atol=2e-5)


def test_cents_and_dollars_give_the_same_model(market):
    dollars = market.features.assign(repeat_spend_mean=market.features["repeat_spend_mean"] / 100)
    cents, scaled = GammaGamma.fit(market.features, 0.01), GammaGamma.fit(dollars, 0.01)
    np.testing.assert_allclose(cents.expected_spend(market.features), 100 * scaled.expected_spend(dollars), rtol=1e-7)
    again = (market.features["frequency"] > 0).sum()
    assert scaled.estimate.log_likelihood == pytest.approx(cents.estimate.log_likelihood + again * np.log(100))


def test_a_large_market_is_fitted_from_a_sample_to_the_same_summit(market):
    many = pd.concat([market.features] * 20)
    once, problem = GammaGamma.fit(market.features), GammaGamma.problem(many)
    assert problem.sample.members < 20001 < problem.members
    assert GammaGamma.fit(many).estimate.table(0.95)["value"].tolist() == pytest.approx(
        once.estimate.table(0.95)["value"].tolist(), rel=1e-6
    )


def test_expected_spend_lies_between_the_members_mean_and_everybodys():
    model = GammaGamma(**GIVEN)
    everybody = 5 * 1500 / 3
    none, once, often = model.expected_spend(spent([0, 1, 50], [np.nan, 9000, 9000]))
    assert none == pytest.approx(everybody)
    assert everybody < once < often < 9000
    assert once == pytest.approx((1500 + 9000) * 5 / (5 + 4 - 1))


def test_draws_of_a_members_mean_have_the_expected_mean(market):
    members, model = spent([0, 1, 20], [np.nan, 4000, 4000]), GammaGamma(**GIVEN)
    drawn = model.draw_mean(members, 50000, np.random.default_rng(0))
    assert drawn.shape == (3, 50000)
    np.testing.assert_allclose(drawn.mean(axis=1), model.expected_spend(members), rtol=0.02)
    spread = drawn.std(axis=1)
    assert spread[0] > spread[1] > spread[2] > 0


def test_how_often_and_how_much_are_compared():
    frequency = np.arange(1, 41)
    rising = GammaGamma.fit(spent(frequency, 100.0 + 10 * frequency))
    assert rising.correlation == pytest.approx(1)
    assert GammaGamma.fit(spent(np.full(40, 3), 100.0 + 10 * frequency)).correlation == 0


def test_constant_spend_is_predicted_as_that_constant(market):
    same = market.features.assign(repeat_spend_mean=np.where(market.features["frequency"] > 0, 1250.0, np.nan))
    model = GammaGamma.fit(same)
    np.testing.assert_allclose(model.expected_spend(same), 1250, rtol=2e-3)
    assert model.estimate.doubts[0].parameters[:2] == ("p", "q")


def test_zero_and_negative_spend_are_left_out_of_the_fit_and_count_as_nothing(market):
    odd = spent([3, 2, 1], [0.0, -500.0, 0.0])
    both = pd.concat([market.features, odd])
    model, without = GammaGamma.fit(both), GammaGamma.fit(market.features)
    assert (model.p, model.q, model.gamma) == pytest.approx((without.p, without.q, without.gamma), rel=1e-6)
    spend = model.expected_spend(odd)
    np.testing.assert_allclose(spend, model.gamma * model.p / (model.p * np.array([3, 2, 1]) + model.q - 1))


@pytest.mark.parametrize(
    "frequency, mean", [([2, 0, 3, 1, 1], [10.0, np.nan, 40, 20, 5]), ([4] * 30, range(1, 31)), ([1], [10.0])]
)
def test_few_members_and_constant_frequency_have_defined_answers(frequency, mean):
    features = spent(frequency, list(mean))
    model = GammaGamma.fit(features)
    spend = model.expected_spend(features)
    assert np.isfinite(spend).all()
    assert (spend > 0).all()
    tables = model.estimate.table(0.95), search.profile(GammaGamma.problem(features), model.estimate, 0.95)
    assert not any(table.isna().any(axis=None) for table in tables)


@pytest.mark.parametrize("mean", [[np.nan, np.nan], [0.0, -1.0]])
def test_nobody_with_a_second_purchase_day_worth_anything_is_an_error_in_words(mean):
    frequency = [0, 0] if np.isnan(mean[0]) else [1, 2]
    with pytest.raises(DataError, match="no member has spent anything on a second purchase day"):
        GammaGamma.fit(spent(frequency, mean))


@pytest.mark.parametrize("frequency, mean", [(2, np.nan), (np.nan, 10.0), (-1, 10.0), (2, np.inf)])
def test_a_missing_mean_is_named(frequency, mean):
    features = spent([1, frequency], [10.0, mean])
    for use in (GammaGamma.fit, GammaGamma(**GIVEN).expected_spend):
        with pytest.raises(DataError, match=r"Gamma-Gamma: 1 members have an impossible spend, e.g. 1: frequency"):
            use(features)
