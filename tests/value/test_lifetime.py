"""Residual lifetime value: what is expected comes true, and its intervals hold what they promise."""

import numpy as np
import pandas as pd
import pytest

from membership.lifetimes import markets
from membership.lifetimes.bgnbd import BgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.spend import GammaGamma
from membership.value import lifetime

DAYS = 730
RATE = 0.25  # a year
SPEND = GammaGamma(p=4.0, q=5.0, gamma=4000.0)
PARETO = ParetoNbd(r=0.9, alpha_days=40.0, s=0.8, beta_days=300.0)
BGNBD = BgNbd(r=0.9, alpha_days=40.0, a=0.9, b=6.0)
MODELS = {
    "Pareto/NBD": (PARETO, markets.pareto_nbd, {"s": 0.8, "beta_days": 300.0}),
    "BG/NBD": (BGNBD, markets.bgnbd, {"a": 0.9, "b": 6.0}),
}


def market(simulate, scales, members=6000):
    """Members of a model at their cut-off, and what they spend in the DAYS after it."""
    rng = np.random.default_rng(11)
    window = {"age_days": (100, 400), "future_days": DAYS, "rng": rng}
    return markets.gamma_gamma(simulate(members, 0.9, 40.0, **scales, **window), SPEND.p, SPEND.q, SPEND.gamma, rng)


def dated_spend(members, rng):
    """Members of PARETO at their cut-off, and the worth of what each spends in the DAYS after, by its very day."""
    rate = rng.gamma(PARETO.r, 1 / PARETO.alpha_days, members)
    life = rng.exponential(1 / rng.gamma(PARETO.s, 1 / PARETO.beta_days, members))
    age, nu = rng.uniform(100, 400, members), rng.gamma(SPEND.q, 1 / SPEND.gamma, members)
    seen = np.minimum(life, age)
    x = rng.poisson(rate * seen)
    recency = np.where(x > 0, seen * rng.beta(np.maximum(x, 1), 1), 0.0)
    mean = np.where(x > 0, rng.gamma(SPEND.p * np.maximum(x, 1), 1 / nu) / np.maximum(x, 1), np.nan)
    active = np.clip(life - age, 0, DAYS)
    who = np.repeat(np.arange(members), rng.poisson(rate * active))
    worth = rng.gamma(SPEND.p, 1 / nu[who]) * (1 + RATE) ** (-rng.random(len(who)) * active[who] / 365)
    features = pd.DataFrame({"frequency": x, "recency_days": recency, "age_days": age, "repeat_spend_mean": mean})
    return features, np.bincount(who, worth, members)


def held(ends, actual):
    return (actual >= ends["low"]) & (actual <= ends["high"])


def promised(orders, features, confidence):
    """The chance that an interval holds: where nothing at all is likelier than `confidence`, it is just that."""
    return np.maximum(confidence, 1 - orders.p_purchase(features, DAYS))


@pytest.mark.parametrize(("orders", "simulate", "scales"), MODELS.values(), ids=MODELS)
def test_intervals_hold_what_they_promise(orders, simulate, scales):
    simulated = market(simulate, scales)
    for confidence in (0.5, 0.95):
        rng = np.random.default_rng(0)
        ends = lifetime.interval(orders, SPEND, simulated.features, 0.0, DAYS, 400, confidence, rng)
        chance = promised(orders, simulated.features, confidence)
        allowed = 4 * np.sqrt((chance * (1 - chance)).sum()) / len(chance) + 1 / 400  # and the ends are of 400 draws
        assert abs(held(ends, simulated.after["spend"]).mean() - chance.mean()) < allowed
        assert (ends["low"] <= ends["high"]).all()


def test_intervals_of_discounted_spend_hold_by_very_day_and_with_fitted_models():
    features, worth = dated_spend(6000, np.random.default_rng(5))
    orders, spend = ParetoNbd.fit(features), GammaGamma.fit(features)
    ends = lifetime.interval(orders, spend, features, RATE, DAYS, 400, 0.95, np.random.default_rng(0))
    within = held(ends, worth)
    # The parameters are taken as known; with 6,000 members that costs well below a hundredth of coverage.
    assert abs(within.mean() - promised(PARETO, features, 0.95).mean()) < 0.0125


def test_intervals_of_who_surely_buys_leave_out_as_much_below_as_above():
    orders, members = ParetoNbd(r=8.0, alpha_days=100.0, s=0.05, beta_days=1000.0), 4000
    rng, window = np.random.default_rng(4), {"age_days": (100, 400), "future_days": DAYS}
    simulated = markets.pareto_nbd(members, 8.0, 100.0, 0.05, 1000.0, **window, rng=rng)
    simulated = markets.gamma_gamma(simulated, SPEND.p, SPEND.q, SPEND.gamma, rng)
    sure = orders.p_purchase(simulated.features, DAYS) > 0.99
    ends = lifetime.interval(orders, SPEND, simulated.features, 0.0, DAYS, 400, 0.95, rng)[sure]
    spent = simulated.after["spend"][sure]
    for out in (spent < ends["low"], spent > ends["high"]):
        assert abs(out.mean() - 0.025) < 4 * np.sqrt(0.025 / sure.sum()) + 1 / 400
    assert sure.mean() > 0.5


def test_residual_comes_true_on_average():
    features, worth = dated_spend(40_000, np.random.default_rng(6))
    off = worth - lifetime.residual(PARETO, SPEND, features, RATE, DAYS)
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))


def test_who_is_known_to_be_gone_spends_nothing_and_who_is_known_to_be_there_more_than_the_model_says():
    features, _ = dated_spend(60, np.random.default_rng(2))
    known, draw = (PARETO, SPEND, features, RATE, DAYS, 500), np.random.default_rng(3)
    drawn = [lifetime.drawn_spend(*known, draw, alive) for alive in (np.zeros(60), None, np.ones(60))]
    assert (drawn[0] == 0).all() and drawn[0].mean() < drawn[1].mean() < drawn[2].mean()


@pytest.mark.parametrize(("orders", "simulate", "scales"), MODELS.values(), ids=MODELS)
def test_drawn_spend_has_the_residual_as_its_mean(orders, simulate, scales):
    features = market(simulate, scales, 40).features
    drawn = lifetime.drawn_spend(orders, SPEND, features, RATE, DAYS, 20_000, np.random.default_rng(3))
    expected = lifetime.residual(orders, SPEND, features, RATE, DAYS)
    assert (np.abs(drawn.mean(axis=1) - expected) < 4.5 * drawn.std(axis=1) / np.sqrt(20_000) + 2e-3 * expected).all()


def test_weeks_and_days_cents_and_dollars_give_the_same_answer():
    features, _ = dated_spend(50, np.random.default_rng(7))
    weeks = features.assign(
        recency_days=features["recency_days"] / 7,
        age_days=features["age_days"] / 7,
        repeat_spend_mean=features["repeat_spend_mean"] / 100,
    )
    by_week, in_dollars = ParetoNbd(0.9, 40.0 / 7, 0.8, 300.0 / 7), GammaGamma(4.0, 5.0, 40.0)
    own = lifetime.residual(PARETO, SPEND, features, RATE, DAYS)
    other = lifetime.residual(by_week, in_dollars, weeks, (1 + RATE) ** 7 - 1, DAYS / 7)
    np.testing.assert_allclose(other, own / 100, rtol=1e-9)
    own = lifetime.interval(PARETO, SPEND, features, RATE, DAYS, 50, 0.9, np.random.default_rng(1))
    other = lifetime.interval(
        by_week, in_dollars, weeks, (1 + RATE) ** 7 - 1, DAYS / 7, 50, 0.9, np.random.default_rng(1)
    )
    np.testing.assert_allclose(other, own / 100, rtol=1e-9)


def test_fewer_members_at_a_time_change_no_ones_chances(monkeypatch):
    features, _ = dated_spend(300, np.random.default_rng(8))
    whole = lifetime.interval(PARETO, SPEND, features, RATE, DAYS, 4000, 0.8, np.random.default_rng(1))
    monkeypatch.setattr(lifetime, "_DRAWN", 10_000)
    parts = lifetime.interval(PARETO, SPEND, features, RATE, DAYS, 4000, 0.8, np.random.default_rng(1))
    assert parts.index.equals(features.index)
    assert np.abs(parts["high"] / whole["high"] - 1).median() < 0.1
    np.testing.assert_allclose(parts.sum(), whole.sum(), rtol=0.03)


def test_who_never_bought_or_spent_nothing_has_a_defined_worth():
    features, _ = dated_spend(4, np.random.default_rng(9))
    features.loc[:, "frequency"] = [0, 0, 2, 3]
    features.loc[:, "recency_days"] = [0, 0, 20.0, 60.0]
    features.loc[:, "age_days"] = [0, 90.0, 90.0, 90.0]
    features.loc[:, "repeat_spend_mean"] = [np.nan, np.nan, 0.0, -50.0]
    value = lifetime.residual(PARETO, SPEND, features, RATE, DAYS)
    ends = lifetime.interval(PARETO, SPEND, features, RATE, DAYS, 500, 0.95, np.random.default_rng(1))
    assert value[0] == 0
    assert (ends.iloc[0] == 0).all()
    assert (value[1:] > 0).all()
    assert (ends["high"].iloc[1:] > 0).all()


def test_the_dead_are_worth_nothing_for_sure():
    features = pd.DataFrame(
        {"frequency": [60], "recency_days": [90.0], "age_days": [900.0], "repeat_spend_mean": 900.0}
    )
    ends = lifetime.interval(PARETO, SPEND, features, RATE, DAYS, 500, 0.95, np.random.default_rng(1))
    assert (ends == 0).all(axis=None)
