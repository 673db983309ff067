import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from membership.base.errors import DataError
from membership.lifetimes import markets, search
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.search import Doubt, Reason

BOTH = pytest.mark.parametrize("model", [BgNbd, MbgNbd])
GIVEN = {"r": 0.8, "alpha_days": 25.0, "a": 1.2, "b": 4.0}
FIVE = ([1, 0, 3, 2, 0], [10, 0, 50, 60, 0], [100, 90, 80, 70, 60])


def history(frequency, recency_days, age_days, **columns):
    frame = {"frequency": frequency, "recency_days": recency_days, "age_days": age_days}
    return pd.DataFrame(frame, dtype=float).assign(**columns)


def simulated(model, members, seed=0, **options):
    draw = markets.mbgnbd if model is MbgNbd else markets.bgnbd
    rng = np.random.default_rng(seed)
    return draw(members, **GIVEN, age_days=(100.0, 300.0), future_days=90.0, rng=rng, **options)


def test_bgnbd_reproduces_the_published_cdnow_parameters(cdnow):
    sample = cdnow.features.loc[cdnow.sample]
    model = BgNbd.fit(sample)
    assert model.estimate.members == 2357
    assert [model.r, model.alpha_days / 7, model.a, model.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=6e-4)
    in_weeks = model.estimate.log_likelihood + sample["frequency"].sum() * np.log(7)
    assert in_weeks == pytest.approx(-9582.4, abs=0.05)
    assert (model.estimate.agreeing, model.estimate.doubts) == (4, ())


def test_mbgnbd_reproduces_the_published_cdnow_parameters(cdnow):
    """The estimates for this sample in the vignette of the R package BTYDplus (Platzer 2016)."""
    model = MbgNbd.fit(cdnow.features.loc[cdnow.sample])
    assert [model.r, model.alpha_days / 7, model.a, model.b] == pytest.approx([0.525, 6.183, 0.891, 1.614], abs=6e-4)


@BOTH
@settings(max_examples=10, deadline=None)
@given(log=st.lists(st.floats(-2, 2), min_size=4, max_size=4), drawn=st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_gradients_are_those_of_the_likelihoods(model, log, drawn):
    features = history(
        [0, 1, 4, 30, 0], [0, 40, 90, 100, 0], [100, 110, 120, 105, 30], z=[1.0, 0, 9, 3, 3], w=[0.0, 1, 0, 5, 2]
    )
    for names, effects in (((), []), (("z", "w"), drawn)):
        problem, theta = model.problem(features, names), np.array(log + effects)
        slope = optimize.approx_fprime(theta, lambda point, problem=problem: problem.likelihood(point)[0], 1e-7)
        np.testing.assert_allclose(problem.likelihood(theta)[1], slope, atol=2e-5)


@BOTH
def test_the_likelihood_is_the_mixture_over_rates_and_chances_of_stopping(model):
    features, first = history([0, 3, 1], [0, 50, 2], [80, 90, 100]), model.at_first
    problem = model.problem(features)
    r, alpha, a, b = GIVEN.values()
    rate, of_rate = special.roots_genlaguerre(80, r - 1)
    node, of_node = special.roots_jacobi(80, b - 1, a - 1)
    rate, p = rate / alpha, ((1 + node) / 2)[:, None]

    def mixed(x, recency, age):
        stays = (1 - p) ** (x + first) * rate**x * np.exp(-rate * age)
        stops = p * (1 - p) ** (x + first - 1) * rate**x * np.exp(-rate * recency) if x + first else 0.0
        return of_node @ (stays + stops) @ of_rate / of_node.sum() / of_rate.sum()

    known = [mixed(*row) for row in features[["frequency", "recency_days", "age_days"]].to_numpy()]
    theta = np.log([r, alpha, a, b]) - problem.shift
    summed = problem.members * problem.likelihood(theta)[0] + problem.constant
    assert summed == pytest.approx(np.log(known).sum(), rel=1e-9)


@BOTH
def test_parameters_of_a_simulated_market_are_recovered_within_their_intervals(model):
    market = simulated(model, 6000)
    fitted = model.fit(market.features)
    table = search.profile(model.problem(market.features), fitted.estimate, 0.999)
    assert (table["low"] < pd.Series(GIVEN)).all()
    assert (table["high"] > pd.Series(GIVEN)).all()
    assert (table["high"] / table["low"]).max() < 6
    assert (fitted.r, fitted.b) == tuple(table["value"][["r", "b"]])


@BOTH
def test_effects_of_a_covariate_are_recovered_and_used(model):
    effects = {"rate:income": 0.6, "stop:income": 0.5, "stay:income": -0.4}
    market = simulated(model, 8000, effects=effects)
    fitted = model.fit(market.features, ["income"])
    table = fitted.estimate.table(0.999)
    for name, truth in (GIVEN | effects).items():
        assert table.loc[name, "low"] < truth < table.loc[name, "high"]
    assert fitted.estimate.log_likelihood > model.fit(market.features).estimate.log_likelihood + 100
    expected = fitted.expected_purchases(market.features, 90.0)
    rich = market.features["income"] > market.features["income"].median()
    for group in (rich, ~rich):
        assert expected[group].mean() == pytest.approx(market.after["purchases"][group].mean(), rel=0.1)


@BOTH
def test_predictions_match_what_a_simulated_market_does_next(model):
    market = simulated(model, 20000)
    fitted, after = model(**GIVEN), market.after
    assert fitted.expected_purchases(market.features, 90).mean() == pytest.approx(after["purchases"].mean(), rel=0.03)
    chance = fitted.p_purchase(market.features, 90)
    assert chance.mean() == pytest.approx((after["purchases"] > 0).mean(), rel=0.03)
    alive = fitted.p_alive(market.features)
    for group in (market.features["frequency"] == 0, market.features["frequency"] >= 3, alive < 0.5):
        assert alive[group].mean() == pytest.approx(after["alive"][group].mean(), abs=0.02)


@BOTH
def test_tracking_and_frequencies_are_those_of_a_simulated_market(model):
    market = simulated(model, 20000)
    fitted, age, x = model(**GIVEN), market.features["age_days"].to_numpy(), market.features["frequency"].to_numpy()
    days = np.linspace(0, 300, 61)
    repeats = fitted.expected_repeats(market.features.head(2), days)
    assert repeats.shape == (2, 61)
    assert np.interp(age, days, repeats[0]).sum() == pytest.approx(x.sum(), rel=0.03)
    expected = fitted.frequencies(market.features, 5)
    assert expected.sum() == pytest.approx(20000)
    observed = np.bincount(np.minimum(x, 6), minlength=7)
    assert stats.chisquare(observed, expected).pvalue > 0.001
    many = fitted.frequencies(market.features.head(1), 900)
    assert np.arange(901) @ many[:901] == pytest.approx(np.interp(age[0], days, repeats[0]), rel=1e-3)


@BOTH
def test_draws_have_the_mean_that_is_predicted_and_spread_around_it(model):
    members, rng = history([0, 2, 9, 0], [0, 60, 270, 0], [80, 90, 300, 0]), np.random.default_rng(1)
    fitted = model(**GIVEN)
    drawn = fitted.draw(members, 200, 40000, rng)
    assert drawn.shape == (4, 40000)
    np.testing.assert_array_equal(drawn, np.rint(drawn))
    np.testing.assert_allclose(drawn.mean(axis=1), fitted.expected_purchases(members, 200), rtol=0.04)
    np.testing.assert_allclose((drawn > 0).mean(axis=1), fitted.p_purchase(members, 200), atol=0.01)
    worth = fitted.draw(members, 700, 40000, rng, yearly_rate=0.5)
    np.testing.assert_allclose(worth.mean(axis=1), fitted.discounted_purchases(members, 0.5, 700), rtol=0.04)


@pytest.mark.parametrize("a, b", [(0.793, 2.426), (1.0, 5.0), (0.03, 33.0), (2000.0, 1e4), (4e-5, 2e4)])
@pytest.mark.parametrize("x", [0, 1, 40, 900])
def test_expected_purchases_equal_the_sum_over_purchase_counts(a, b, x):
    model = BgNbd(1.4, 10.0, a, b)
    member, days = history([x], [300.0 if x else 0.0], [300.0]), 250.0
    count = np.arange(1, 6000)
    stays = special.gammaln(b + x + count - 1) - special.gammaln(b + x)
    stays += special.gammaln(a + b + x) - special.gammaln(a + b + x + count - 1)
    reaches = special.betainc(count, model.r + x, days / (model.alpha_days + 300.0 + days))
    expected = (np.exp(stays) * reaches).sum() * model.p_alive(member)
    assert model.expected_purchases(member, days) == pytest.approx(expected, rel=1e-7)


@BOTH
def test_discounted_purchases_are_the_integral_of_the_discounted_rate(model):
    fitted, members = model(0.3, 30.0, 0.8, 2.4), history([0, 1, 40], [0, 30, 290], [20, 40, 300])
    for row in range(3):
        member = members.iloc[[row]]
        rate = lambda t, member=member: 0.9 ** (t / 365) * fitted.expected_purchases(member, t)[0]  # noqa: E731
        by_parts = np.log(1 / 0.9) / 365 * integrate.quad(rate, 0, 1825, epsrel=1e-10, limit=200)[0] + rate(1825)
        assert fitted.discounted_purchases(member, 1 / 0.9 - 1, 1825) == pytest.approx(by_parts, rel=1e-8)


@BOTH
def test_without_interest_a_discounted_purchase_is_a_purchase(model):
    features, fitted = simulated(model, 500).features, model(**GIVEN)
    undiscounted, nearly = (fitted.discounted_purchases(features, rate, 400) for rate in (0.0, 1e-12))
    np.testing.assert_array_equal(undiscounted, fitted.expected_purchases(features, 400))
    np.testing.assert_allclose(nearly, undiscounted, rtol=1e-8)


@BOTH
def test_predictions_of_many_members_are_those_of_each_alone(model):
    features, fitted = simulated(model, 3000).features, model(**GIVEN)
    for predict in (
        lambda rows: fitted.expected_purchases(rows, 90),
        lambda rows: fitted.discounted_purchases(rows, 0.1, 1825),
    ):
        together, alone = predict(features), [predict(features.iloc[[row]])[0] for row in range(0, 3000, 100)]
        np.testing.assert_allclose(together[::100], alone, rtol=1e-8)


@BOTH
def test_weeks_and_days_give_the_same_model_with_and_without_a_penalty(market, model):
    days = market.features
    weeks = days.assign(recency_days=days["recency_days"] / 7, age_days=days["age_days"] / 7)
    for penalizer in (0.0, 0.01):
        in_days, in_weeks = model.fit(days, penalizer=penalizer), model.fit(weeks, penalizer=penalizer)
        assert in_weeks.alpha_days * 7 == pytest.approx(in_days.alpha_days, rel=1e-6)
        both = in_days.expected_purchases(days, 28), in_weeks.expected_purchases(weeks, 4)
        np.testing.assert_allclose(*both, rtol=1e-6)
        both = in_days.discounted_purchases(days, 0.1, 364), in_weeks.discounted_purchases(weeks, 1.1**7 - 1, 52)
        np.testing.assert_allclose(*both, rtol=1e-6)


def test_equal_histories_count_as_often_as_they_occur(market):
    twice = pd.concat([market.features, market.features])
    once, double = BgNbd.fit(market.features).estimate, BgNbd.fit(twice).estimate
    assert double.members == 2 * once.members
    assert double.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-9)
    np.testing.assert_allclose(double.covariance, once.covariance / 2, rtol=1e-4)


def test_a_large_market_is_fitted_from_a_sample_to_the_same_summit():
    market = simulated(BgNbd, 50000)
    problem, fitted = BgNbd.problem(market.features), BgNbd.fit(market.features).estimate
    assert problem.sample.members < 25000
    slope = problem.likelihood(np.log(fitted.values) - problem.shift)[1]
    assert np.abs(slope).max() < 1e-7
    assert fitted.agreeing == 4


def test_one_purchase_counts_as_alive_for_bgnbd_but_not_surely_for_mbgnbd():
    members = history([0, 0], [0, 0], [200, 0])
    assert BgNbd(**GIVEN).p_alive(members).tolist() == [1, 0]
    alive = MbgNbd(**GIVEN).p_alive(members)
    assert alive == pytest.approx([1 / (1 + 1.2 / 4 * (225 / 25) ** 0.8), 0])


@BOTH
def test_who_never_bought_is_expected_to_do_nothing(model):
    members, fitted = history([0, 3], [0, 20], [0, 30]), model(**GIVEN)
    answers = [
        fitted.p_alive(members),
        fitted.expected_purchases(members, 90),
        fitted.p_purchase(members, 90),
        fitted.discounted_purchases(members, 0.1, 90),
        fitted.expected_repeats(members, np.array([90.0]))[:, 0],
        fitted.draw(members, 90, 500, np.random.default_rng(0)).mean(axis=1),
    ]
    assert all(nobody == 0 < somebody for nobody, somebody in answers)
    assert fitted.expected_purchases(members.iloc[:1], 90).tolist() == [0]
    assert fitted.frequencies(members, 3).sum() == pytest.approx(1)


def test_who_fell_silent_after_buying_often_is_less_alive_than_who_never_bought_often():
    model = BgNbd(0.243, 30.9, 0.793, 2.426)
    often, seldom, recent = model.p_alive(history([20, 2, 20], [100, 100, 270], [273, 273, 273]))
    assert often < 0.01 < seldom < recent


@BOTH
@pytest.mark.parametrize(
    "columns",
    [
        FIVE,
        ([2] * 40, np.linspace(5, 90, 40), np.linspace(91, 150, 40)),
        ([3] * 50, [30] * 50, [100] * 50),
        ([0] * 500 + [1] * 3, [0] * 500 + [1, 5, 2], [30] * 503),
        ([1000, 800, 3000], [300, 299, 300], [300] * 3),
        ([1], [10], [100]),
    ],
    ids=["five members", "constant frequency", "all alike", "hardly anyone again", "very frequent", "one member"],
)
def test_poor_data_have_defined_answers_and_a_note(model, columns):
    features = history(*columns)
    fitted = model.fit(features)
    answers = [
        fitted.p_alive(features),
        fitted.expected_purchases(features, 30),
        fitted.p_purchase(features, 14),
        fitted.discounted_purchases(features, 0.1, 1825),
        fitted.frequencies(features, 4),
    ]
    assert all(np.isfinite(answer).all() and (answer >= 0).all() for answer in answers)
    tables = fitted.estimate.table(0.95), search.profile(model.problem(features), fitted.estimate, 0.95)
    assert not any(table.isna().any(axis=None) for table in tables)
    assert {doubt.reason for doubt in fitted.estimate.doubts} & {Reason.AT_EDGE, Reason.VAGUE}


def test_members_without_a_stop_are_all_alive_and_the_edge_is_reported():
    regular = history(np.arange(20, 60), np.full(40, 299.0), np.full(40, 300.0))
    model = BgNbd.fit(regular)
    assert model.p_alive(regular).min() > 0.99
    assert model.expected_purchases(regular, 30).sum() == pytest.approx(regular["frequency"].sum() / 10, rel=0.02)
    assert model.estimate.doubts[0] == Doubt("BG/NBD", Reason.AT_EDGE, ("a", "b"))


def test_a_window_shorter_than_a_typical_interval_is_a_doubt():
    model = BgNbd.fit(history([0] * 500 + [1] * 3, [0] * 500 + [1, 5, 2], [30] * 503))
    doubt = model.estimate.doubts[-1]
    assert doubt.reason == Reason.SHORT_WINDOW and doubt.interval_days > doubt.seen_days == 30


@BOTH
def test_only_single_purchases_and_impossible_histories_are_errors_in_words(model):
    with pytest.raises(DataError, match=rf"{model.name}: none of 3 members has bought on a second day"):
        model.fit(history([0, 0, 0], [0, 0, 0], [10, 20, 30]))
    wrong = history([1, 1], [5, 50], [40, 40])
    for use in (model.fit, model(**GIVEN).p_alive, lambda rows: model(**GIVEN).expected_purchases(rows, 30)):
        with pytest.raises(DataError, match=rf"{model.name}: 1 members have an impossible history"):
            use(wrong)
    with pytest.raises(DataError, match="impossible history"):
        model(**GIVEN).draw(history([np.nan], [1], [2]), 30, 2, np.random.default_rng(0))
