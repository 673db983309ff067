import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from membership.lifetimes import markets

MANY = 200_000


def rng(seed=0):
    return np.random.default_rng(seed)


def assert_mean(draws, expected):
    assert abs(np.mean(draws) - expected) < 4.5 * np.std(draws) / np.sqrt(len(draws))


def bgnbd_mean(days, r, alpha, a, b):
    """Fader, Hardie & Lee (2005)."""
    reach = days / (alpha + days)
    return (a + b - 1) / (a - 1) * (1 - (1 - reach) ** r * hyp2f1(r, b, a + b - 1, reach))


def mbgnbd_mean(days, r, alpha, a, b):
    """Batislam, Denizel & Filiztekin (2007)."""
    reach = days / (alpha + days)
    return b / (a - 1) * (1 - (1 - reach) ** r * hyp2f1(r, b + 1, a + b, reach))


def pareto_mean(days, r, alpha, s, beta):
    """Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model."""
    return r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + days)) ** (s - 1))


@pytest.mark.parametrize(
    ("draw", "parameters", "mean"),
    [
        (markets.bgnbd, (0.8, 20.0, 1.4, 3.0), bgnbd_mean),
        (markets.mbgnbd, (0.8, 20.0, 1.4, 3.0), mbgnbd_mean),
        (markets.pareto_nbd, (0.6, 12.0, 0.7, 60.0), pareto_mean),
    ],
)
def test_purchases_before_and_after_the_cutoff_have_the_published_mean(draw, parameters, mean):
    market = draw(MANY, *parameters, age_days=(100, 100), future_days=150, rng=rng())
    before, after = market.features["frequency"], market.after["purchases"]
    assert_mean(before, mean(100, *parameters))
    assert_mean(before + after, mean(250, *parameters))


def test_bgnbd_market_is_that_of_members_who_are_followed_purchase_by_purchase():
    parameters, ages = (0.9, 15.0, 0.8, 2.5), np.full(MANY, 120.0)
    one, two = rng(1), rng(2)
    rate, stop = one.gamma(0.9, 1 / 15, MANY), one.beta(0.8, 2.5, MANY)
    bought, last, clock, alive = np.zeros(MANY), np.zeros(MANY), np.zeros(MANY), np.full(MANY, True)
    while (alive & (clock < ages)).any():
        clock = clock + one.exponential(1 / rate)
        bought, last = bought + (alive & (clock < ages)), np.where(alive & (clock < ages), clock, last)
        alive &= (clock >= ages) | (one.random(MANY) >= stop)
    drawn = markets.bgnbd(MANY, *parameters, age_days=(120, 120), future_days=1, rng=two)
    assert_mean(drawn.after["alive"], alive.mean())
    for most in (0, 1, 3, 8):
        few = bought <= most
        assert_mean(drawn.features["frequency"] <= most, few.mean())
        assert_mean(
            drawn.features["recency_days"].to_numpy() * (drawn.features["frequency"] > most), (last * ~few).mean()
        )


def test_last_purchase_of_a_steady_buyer_is_the_last_of_uniform_days():
    """A Poisson number of mean m of uniform days: the last is at T (1 - (1 - exp(-m)) / m) in the mean."""
    market = markets.pareto_nbd(MANY, 1e6, 1e7, 1.0, 1e12, age_days=(20, 20), future_days=10, rng=rng())
    assert_mean(market.features["recency_days"], 20 * (1 - (1 - np.exp(-2)) / 2))
    assert_mean(market.features["recency_days"] == 0, np.exp(-2))
    assert market.after["alive"].all()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([markets.bgnbd, markets.mbgnbd, markets.pareto_nbd]),
    st.tuples(*[st.floats(0.01, 50)] * 4),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_history_is_possible(draw, parameters, whole_days, seed):
    ages = {"age_days": (30, 90), "whole_days": whole_days}
    market = draw(200, *parameters, future_days=60, rng=rng(seed), **ages)
    frequency, recency, age = (market.features[name] for name in ("frequency", "recency_days", "age_days"))
    assert (recency <= age).all() and age.between(30, 90).all()
    assert (recency[frequency == 0] == 0).all() and (recency[frequency > 0] >= 0).all()
    assert (market.after["purchases"] >= 0).all()
    assert (market.after["purchases"][~market.after["alive"]] == 0).all()
    if whole_days:
        assert (age % 1 == 0).all() and (recency % 1 == 0).all()


def test_the_same_seed_draws_the_same_market_and_another_seed_another():
    one, same, other = (
        markets.bgnbd(500, 0.8, 20, 1.2, 6, age_days=(50, 90), future_days=9, rng=rng(seed)) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one.features, same.features)
    pd.testing.assert_frame_equal(one.after, same.after)
    assert not one.features.equals(other.features)


def test_covariates_move_rates_and_stopping_by_their_effects():
    """Without stopping E[x] = r T exp(g z) / alpha: log-linear in the standardised log1p of the covariate."""
    market = markets.pareto_nbd(
        MANY, 2.0, 20, 1, 1e12, age_days=(50, 50), future_days=1, rng=rng(), effects={"rate:income": 0.5}
    )
    z = np.log1p(market.features["income"])
    z = (z - z.mean()) / z.std(ddof=0)
    assert_mean(market.features["frequency"] / np.exp(0.5 * z), 2.0 * 50 / 20)
    calm = markets.bgnbd(
        MANY,
        2.0,
        20,
        1,
        3,
        age_days=(50, 50),
        future_days=1,
        rng=rng(),
        effects={"stop:income": 1.0, "stay:income": -1.0},
    )
    rich = calm.features["income"] > calm.features["income"].median()
    assert calm.after["alive"][rich].mean() < 0.6 * calm.after["alive"][~rich].mean()


def test_spend_has_the_mean_of_gamma_gamma_and_does_not_depend_on_how_often():
    market = markets.bgnbd(MANY, 0.8, 20, 1.2, 6, age_days=(50, 90), future_days=90, rng=rng())
    market = markets.gamma_gamma(market, 5.0, 6.0, 1500.0, rng(1))
    features, after = market.features, market.after
    again = features[features["frequency"] > 0]
    assert_mean(features["first_spend"], 5 * 1500 / 5)
    assert_mean(again["repeat_spend_mean"], 5 * 1500 / 5)
    assert_mean(after["spend"] - after["purchases"] * 1500, 0)
    assert abs(np.corrcoef(again["frequency"], again["repeat_spend_mean"])[0, 1]) < 0.02
    assert features["repeat_spend_mean"].isna().eq(features["frequency"] == 0).all()
    assert (after["spend"][after["purchases"] == 0] == 0).all()
    total = features["first_spend"] + features["frequency"] * features["repeat_spend_mean"].fillna(0)
    np.testing.assert_allclose(features["spend"], total)


def test_bgbb_market_has_the_published_mean_and_possible_histories():
    """E[X(n)] = alpha / (alpha + beta) * sum of E[(1 - stop)^k], k = 1 to n: Fader, Hardie & Shang (2010)."""
    market = markets.bgbb(MANY, 1.2, 0.75, 0.66, 2.78, rounds=(6, 6), future_rounds=5, rng=rng())
    rows = market.features
    assert_mean(rows["rounds_bought"], 2.2202)  # the published figures, cells of Hardie's spreadsheet
    assert_mean(rows["rounds_bought"] + market.after["purchases"], 3.3887)
    assert (rows["rounds_bought"] <= rows["last_round"]).all() and (rows["last_round"] <= 6).all()
    assert ((rows["rounds_bought"] == 0) == (rows["last_round"] == 0)).all()
    assert (market.after["purchases"][~market.after["alive"]] == 0).all()


def test_sbg_market_loses_a_share_alpha_of_alpha_plus_beta_at_the_first_renewal():
    contracts = markets.sbg(MANY, 0.7, 1.2, renewals=(3, 3), rng=rng())
    assert_mean(contracts["churned"] & (contracts["tenure"] == 1), 0.7 / 1.9)
    assert_mean(contracts["churned"], 1 - (1.2 / 1.9) * (2.2 / 2.9) * (3.2 / 3.9))
    assert contracts["tenure"].between(1, 3).all() and (contracts["tenure"][~contracts["churned"]] == 3).all()


def test_chances_of_stopping_that_underflow_to_nothing_are_drawn_as_never():
    market = markets.bgnbd(2000, 1.0, 10, 1e-4, 5, age_days=(50, 50), future_days=9, rng=rng())
    assert market.after["alive"].mean() > 0.99
