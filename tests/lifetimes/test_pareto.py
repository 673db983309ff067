"""Pareto/NBD: published figures, formulas of the papers, recovery, and data that say little or are wrong."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from membership.base.errors import DataError
from membership.lifetimes import markets
from membership.lifetimes.histories import Scale
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.search import Reason
from membership.lifetimes.spend import GammaGamma
from membership.value import accuracy

CDNOW = ParetoNbd(r=0.553, alpha_days=10.578 * 7, s=0.606, beta_days=11.669 * 7)  # as published
HOLDOUT_DAYS = 273


def rows(frequency, recency_days, age_days) -> pd.DataFrame:
    columns = {"frequency": frequency, "recency_days": recency_days, "age_days": age_days}
    frame = pd.DataFrame({name: np.asarray(column, float) for name, column in columns.items()})
    return frame.set_axis([f"m{number}" for number in range(len(frame))])


def simulated(members=4000, seed=2, **changed):
    options = {"r": 0.6, "alpha_days": 40.0, "s": 0.8, "beta_days": 90.0, "age_days": (100, 300), "future_days": 120}
    return markets.pareto_nbd(members, **{**options, **changed}, rng=np.random.default_rng(seed))


MIXED = rows([0, 0, 1, 2, 7, 40, 3000], [0, 0, 30, 90, 250, 199, 299], [5, 270, 200, 91, 260, 273, 300])


# Published figures


def test_cdnow_sample_gives_the_published_parameters_in_weeks(cdnow):
    sample = cdnow.features.loc[cdnow.sample]
    weeks = sample.assign(recency_days=sample["recency_days"] / 7, age_days=sample["age_days"] / 7)
    model = ParetoNbd.fit(weeks)
    assert round(model.r, 3) == 0.553
    assert round(model.alpha_days, 3) == 10.578
    assert round(model.s, 3) == 0.606
    assert round(model.beta_days, 3) == 11.669
    assert round(model.estimate.log_likelihood, 1) == -9595.0
    assert (model.estimate.agreeing, model.estimate.doubts) == (model.estimate.starts, ())


def test_weeks_and_days_give_the_same_answer(cdnow):
    days = cdnow.features.loc[cdnow.sample]
    weeks = days.assign(recency_days=days["recency_days"] / 7, age_days=days["age_days"] / 7)
    by_day, by_week = ParetoNbd.fit(days), ParetoNbd.fit(weeks)
    np.testing.assert_allclose(by_day.alpha_days, 7 * by_week.alpha_days, rtol=1e-6)
    np.testing.assert_allclose(by_day.p_alive(days), by_week.p_alive(weeks), rtol=1e-6)
    np.testing.assert_allclose(by_day.expected_purchases(days, 70), by_week.expected_purchases(weeks, 10), rtol=1e-6)
    np.testing.assert_allclose(by_day.p_purchase(days, 70), by_week.p_purchase(weeks, 10), rtol=1e-6)


def test_cdnow_master_gives_the_measured_holdout(cdnow):
    features = cdnow.features
    orders = ParetoNbd.fit(features).expected_purchases(features, HOLDOUT_DAYS)
    spend = orders * GammaGamma.fit(features).expected_spend(features)
    found = {}
    for name, predicted in {"purchase_days": orders, "spend": spend}.items():
        one = accuracy.ranked(cdnow.holdout[name], pd.DataFrame({name: predicted}, features.index))[name]
        found[name] = {metric: of(one, np.ones(len(features))) for metric, of in accuracy.METRICS.items()}
    table = pd.DataFrame(found).round(3)
    assert table.loc[["mae", "rmse", "gini", "decile_error"], "purchase_days"].tolist() == [0.794, 1.726, 0.673, 0.338]
    assert table.loc["rmse", "spend"].round(1) == 92.9
    assert table.loc["gini", "spend"] == 0.684
    assert table.loc["bias"].round(2).tolist() == [-0.13, -0.16]


# The likelihood


def log_likelihood_2f1(x, recency, age, r, alpha, s, beta):
    """The closed form of Fader & Hardie's note, for alpha >= beta, to 30 digits."""
    with mpmath.workdps(30):
        total = mpmath.mpf(r) + s + x

        def piece(t):
            return mpmath.hyp2f1(total, s + 1, total + 1, mpmath.mpf(alpha - beta) / (alpha + t)) / (
                mpmath.mpf(alpha + t) ** total
            )

        alive = mpmath.mpf(alpha + age) ** -(r + x) * mpmath.mpf(beta + age) ** -s
        dead = s / total * (piece(recency) - piece(age))
        front = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha) + s * mpmath.log(beta)
        return float(front + mpmath.log(alive + dead))


def test_likelihood_is_that_of_the_paper_for_rare_and_for_frequent_buyers():
    natural = (0.9, 60.0, 0.7, 25.0)
    for member in range(1, len(MIXED)):
        problem = ParetoNbd.problem(MIXED.iloc[[member, 2]])
        both, _ = problem.likelihood(np.log(natural) - problem.shift)
        expected = sum(log_likelihood_2f1(*MIXED.iloc[one], *natural) for one in (member, 2))
        assert problem.members * both + problem.constant == pytest.approx(expected, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=6, max_size=6))
def test_gradient_is_the_slope_of_the_likelihood(theta):
    features = pd.concat([MIXED, simulated(200).features]).assign(income=np.arange(len(MIXED) + 200.0) ** 2)
    problem = ParetoNbd.problem(features, ["income"])
    _, gradient = problem.likelihood(np.array(theta))
    steps = 1e-5 * np.eye(6)
    slopes = [(problem.likelihood(theta + h)[0] - problem.likelihood(theta - h)[0]) / 2e-5 for h in steps]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())


def test_members_alike_count_as_often_as_they_are():
    features = simulated(500, whole_days=True).features
    once, thrice = ParetoNbd.fit(features), ParetoNbd.fit(pd.concat([features] * 3))
    assert thrice.estimate.log_likelihood == pytest.approx(3 * once.estimate.log_likelihood, rel=1e-9)
    np.testing.assert_allclose([thrice.r, thrice.s], [once.r, once.s], rtol=1e-4)


def test_a_fit_repeats_bit_by_bit():
    features = simulated(800).features
    once, again = ParetoNbd.fit(features).estimate, ParetoNbd.fit(features.copy()).estimate
    pd.testing.assert_frame_equal(once.table(0.95), again.table(0.95), check_exact=True)


# Recovery of known truth


def test_parameters_and_effects_of_covariates_are_recovered():
    truth = {"r": 0.9, "alpha_days": 30.0, "s": 1.1, "beta_days": 150.0, "rate:income": 0.4, "stop:income": -0.5}
    effects = {name: truth[name] for name in ("rate:income", "stop:income")}
    scales = {name: truth[name] for name in ("r", "alpha_days", "s", "beta_days")}
    market = simulated(8000, **scales, effects=effects)
    table = ParetoNbd.fit(market.features, ["income"]).estimate.table(0.9999)
    assert list(table.index) == list(truth)
    assert table["low"].lt(pd.Series(truth)).all()
    assert table["high"].gt(pd.Series(truth)).all()
    assert np.isfinite(table).all(axis=None)


def test_predictions_come_true_on_average():
    market = simulated(30_000)
    model = ParetoNbd(0.6, 40.0, 0.8, 90.0)
    happened = {
        "p_alive": (model.p_alive(market.features), market.after["alive"]),
        "purchases": (model.expected_purchases(market.features, 120), market.after["purchases"]),
        "p_purchase": (model.p_purchase(market.features, 120), market.after["purchases"] > 0),
    }
    for name, (expected, actual) in happened.items():
        off = pd.DataFrame({"off": actual - expected, "group": pd.qcut(expected, 8, labels=False, duplicates="drop")})
        by = off.groupby("group")["off"]
        assert (by.mean().abs() < 4 * by.std() / np.sqrt(by.size()) + 1e-4).all(), name


# Each prediction against its definition


def test_expected_purchases_integrates_the_rate_while_alive():
    for model in (CDNOW, ParetoNbd(1.2, 50.0, 1.0, 70.0), ParetoNbd(1.2, 50.0, 2.5, 70.0)):
        found = model.expected_purchases(MIXED, HOLDOUT_DAYS) / model.p_alive(MIXED)
        for member, (x, _, age) in enumerate(MIXED.to_numpy()):
            beta = model.beta_days + age
            days, _ = integrate.quad(lambda u, b=beta, m=model: (1 + u / b) ** -m.s, 0, HOLDOUT_DAYS, epsabs=1e-12)
            assert found[member] == pytest.approx((model.r + x) / (model.alpha_days + age) * days, rel=1e-10)


def test_s_of_one_is_no_exception():
    near = [ParetoNbd(0.6, 40.0, s, 90.0).expected_purchases(MIXED, 90) for s in (1 - 1e-9, 1.0, 1 + 1e-9)]
    np.testing.assert_allclose(near[0], near[1], rtol=1e-7)
    np.testing.assert_allclose(near[2], near[1], rtol=1e-7)


def test_p_purchase_is_one_less_the_chance_that_a_longer_silence_has():
    found = CDNOW.p_purchase(MIXED, 90)
    log = np.log([CDNOW.r, CDNOW.alpha_days, CDNOW.s, CDNOW.beta_days])
    for member in (2, 3, 4):
        now = MIXED.iloc[[member, 5]]
        later = now.assign(age_days=now["age_days"] + [90, 0])
        summed = []
        for features in (now, later):
            problem = ParetoNbd.problem(features)
            summed.append(problem.members * problem.likelihood(log - problem.shift)[0] + problem.constant)
        assert found[member] == pytest.approx(-np.expm1(summed[1] - summed[0]), rel=1e-9)


def test_discounting_at_no_rate_counts_every_purchase_fully():
    for days in (1, 90, 1825, 36_500):
        np.testing.assert_allclose(
            CDNOW.discounted_purchases(MIXED, 0.0, days), CDNOW.expected_purchases(MIXED, days), rtol=1e-10
        )


def test_discounted_purchases_integrate_the_discounted_rate_while_alive():
    daily = np.log1p(0.1) / 365
    found = CDNOW.discounted_purchases(MIXED, 0.1, 1825) / CDNOW.p_alive(MIXED)
    for member, (x, _, age) in enumerate(MIXED.to_numpy()):
        a, b = CDNOW.alpha_days + age, CDNOW.beta_days + age
        worth, _ = integrate.quad(lambda u, b=b: np.exp(-daily * u) * (1 + u / b) ** -CDNOW.s, 0, 1825, epsrel=1e-12)
        assert found[member] == pytest.approx((CDNOW.r + x) / a * worth, rel=1e-9)


def test_without_an_end_they_are_the_published_dert():
    daily = np.log1p(0.15) / 365
    x, age = MIXED["frequency"].to_numpy(), MIXED["age_days"].to_numpy()
    a, b, s = CDNOW.alpha_days + age, CDNOW.beta_days + age, CDNOW.s
    dert = (CDNOW.r + x) / a * b**s * daily ** (s - 1) * special.hyperu(s, s, daily * b) * CDNOW.p_alive(MIXED)
    np.testing.assert_allclose(CDNOW.discounted_purchases(MIXED, 0.15, np.inf), dert, rtol=1e-9)


def test_expected_repeats_and_frequencies_are_those_of_a_simulated_market():
    market = simulated(40_000)
    model, seen = ParetoNbd(0.6, 40.0, 0.8, 90.0), market.features["frequency"]
    expected = model.frequencies(market.features, 10)
    actual = np.append(np.bincount(np.minimum(seen, 11), minlength=12)[:11], (seen > 10).sum())
    assert expected.sum() == pytest.approx(len(seen), rel=1e-12)
    assert (np.abs(actual - expected) < 4 * np.sqrt(expected)).all()
    repeats = model.expected_repeats(market.features.iloc[:3], np.array([0.0, 100.0, 300.0]))
    assert repeats.shape == (3, 3)
    ends = model.frequencies(rows([0, 0], [0, 0], [300, 0]), 400)
    assert repeats[0, 2] == pytest.approx(ends[:-1] @ np.arange(401), rel=1e-4)
    assert (repeats[:, 0] == 0).all()


def test_covariates_move_each_members_scales():
    scale = Scale(("income",), np.array([2.0]), np.array([0.5]))
    model = ParetoNbd(0.6, 40.0, 0.8, 90.0, np.array([[0.3], [-0.2]]), scale)
    z = np.array([-1.0, 2.0])
    features = rows([2, 2], [50, 50], [100, 100]).assign(income=np.expm1(2.0 + 0.5 * z))
    for member in (0, 1):
        own = ParetoNbd(0.6, 40.0 * np.exp(-0.3 * z[member]), 0.8, 90.0 * np.exp(0.2 * z[member]))
        one = features.iloc[[member]]
        assert model.p_alive(features)[member] == pytest.approx(own.p_alive(one)[0], rel=1e-12)
        assert model.frequencies(one, 5) == pytest.approx(own.frequencies(one, 5), rel=1e-12)
        repeats = model.expected_repeats(features, np.array([30.0, 60.0]))[member]
        assert repeats == pytest.approx(own.expected_repeats(one, np.array([30.0, 60.0]))[0], rel=1e-12)


def test_draws_have_the_mean_that_is_expected_and_spread_as_members_do():
    features, rng = MIXED.iloc[:6], np.random.default_rng(1)
    counts = CDNOW.draw(features, 365, 40_000, rng)
    worths = CDNOW.draw(features, 365, 40_000, rng, yearly_rate=0.5)
    assert (counts == np.round(counts)).all()
    for drawn, expected in (
        (counts, CDNOW.expected_purchases(features, 365)),
        (worths, CDNOW.discounted_purchases(features, 0.5, 365)),
        (counts > 0, CDNOW.p_purchase(features, 365)),
    ):
        assert (np.abs(drawn.mean(axis=1) - expected) < 4 * drawn.std(axis=1) / np.sqrt(40_000)).all()


# What is asked of every answer


def test_who_never_bought_has_nothing_to_come():
    never = rows([0, 0], [0, 0], [0, 50])
    for found in (
        CDNOW.p_alive(never),
        CDNOW.expected_purchases(never, 90),
        CDNOW.p_purchase(never, 90),
        CDNOW.discounted_purchases(never, 0.1, 1825),
        CDNOW.draw(never, 90, 300, np.random.default_rng(0)).sum(axis=1),
    ):
        assert found[0] == 0
        assert found[1] > 0
    assert CDNOW.frequencies(never, 3).sum() == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-7, 7), min_size=4, max_size=4),
    st.integers(0, 5000),
    st.floats(0, 1),
    st.floats(0.01, 3000),
)
def test_predictions_are_finite_and_in_order_for_any_parameters(log, frequency, share, age):
    r, alpha, s, beta = np.exp(log)
    model = ParetoNbd(r, alpha * 100, s, beta * 100)
    features = rows([frequency], [share * age if frequency else 0], [age])
    alive, expected = model.p_alive(features)[0], model.expected_purchases(features, 90)[0]
    some, worth = model.p_purchase(features, 90)[0], model.discounted_purchases(features, 0.1, 90)[0]
    assert 0 <= alive <= 1
    assert 0 <= some <= min(alive, expected) + 1e-9
    assert 0 <= worth <= expected * (1 + 1e-9)
    assert np.isfinite(expected)


# Bad input


def test_members_who_bought_once_only_are_refused_in_words():
    with pytest.raises(DataError, match=r"Pareto/NBD: none of 30 members has bought on a second day.*calibration"):
        ParetoNbd.fit(rows([0] * 30, [0] * 30, [100] * 30))


@pytest.mark.parametrize(
    ("column", "value"), [("recency_days", 400.0), ("frequency", -1.0), ("age_days", np.nan), ("frequency", np.nan)]
)
def test_impossible_histories_are_named(column, value):
    features = simulated(50).features.astype(float)
    features.loc[7, column] = value
    for act in (ParetoNbd.fit, CDNOW.p_alive, lambda rows: CDNOW.draw(rows, 90, 2, np.random.default_rng(0))):
        with pytest.raises(DataError, match=r"Pareto/NBD: 1 members have an impossible history, e\.g\. 7"):
            act(features)


def test_a_negative_covariate_is_named():
    with pytest.raises(DataError, match=r"Pareto/NBD: 1 members have an impossible covariate, e\.g\. 3: income -1"):
        ParetoNbd.fit(simulated(50).features.assign(income=np.where(np.arange(50) == 3, -1.0, 1.0)), ["income"])


LITTLE = {
    "constant frequency": rows([3] * 60, np.linspace(50, 110, 60), [120] * 60),
    "all members alike": rows([2] * 50, [30] * 50, [100] * 50),
    "all bought on the last day": rows([2] * 50, [100] * 50, [100] * 50),
    "five members": rows([0, 1, 2, 5, 0], [0, 20, 60, 90, 0], [100, 90, 80, 95, 70]),
    "one repeat purchase": rows([1] + [0] * 99, [5] + [0] * 99, [100] * 100),
    "one who buys every hour": pd.concat([simulated(300).features, rows([9000], [299], [300])]),
}


@pytest.mark.parametrize("data", LITTLE.values(), ids=LITTLE)
def test_data_that_say_little_give_finite_answers_and_a_doubt(data):
    model = ParetoNbd.fit(data)
    assert {doubt.model for doubt in model.estimate.doubts} == {"Pareto/NBD"}
    assert not np.isnan(model.estimate.table(0.95)).any(axis=None)
    for found in (model.p_alive(data), model.expected_purchases(data, 90), model.discounted_purchases(data, 0.1, 1825)):
        assert (np.isfinite(found) & (found >= 0)).all()


def test_a_covariate_that_is_the_same_for_all_changes_nothing():
    features = simulated(800).features.assign(income=5.0)
    with_it, without = ParetoNbd.fit(features, ["income"]), ParetoNbd.fit(features)
    np.testing.assert_allclose(with_it.p_alive(features), without.p_alive(features), rtol=1e-4)
    vague = next(doubt for doubt in with_it.estimate.doubts if doubt.reason == Reason.VAGUE)
    assert vague.parameters[-2:] == ("rate:income", "stop:income")


def test_a_window_shorter_than_a_typical_interval_is_a_doubt():
    market = simulated(3000, r=0.9, alpha_days=200.0, age_days=(20, 60))
    assert Reason.SHORT_WINDOW in {doubt.reason for doubt in ParetoNbd.fit(market.features).estimate.doubts}
