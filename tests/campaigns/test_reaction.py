"""Reactions: a ceiling, the assumption kept in total, known coefficients recovered, thin data that change little."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from membership.base.errors import DataError
from membership.campaigns import ceiling, covariates, reaction
from membership.settings.benefits import Benefit
from membership.settings.campaigns import Reacting

CATALOGUE = [
    Benefit(name="offer", kind="personalised_offers", cost=20, uplift=0.03, uplift_sd=0.015),
    Benefit(name="delivery", kind="free_shipping", cost_per_order=40, uplift=0.06, uplift_sd=0.03),
]
SETTINGS = Reacting()
SIMPLE = ("intercept", "log_odds")


def people(count: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    orders = rng.gamma(2, 2, count)
    return pd.DataFrame(
        {
            "member_id": [f"m{number}" for number in range(count)],
            "tier": "Member",
            "tier_rank": rng.integers(0, 3, count),
            "persona": rng.choice(["a", "b"], count),
            "expected_orders": orders,
            "expected_spend": orders * rng.lognormal(8, 0.5, count),
            "chance": special.expit(rng.normal(0, 1.5, count)),
            "days_since_last": rng.integers(1, 90, count),
        }
    )


def total(made: reaction.Reaction, members: pd.DataFrame) -> float:
    return np.average(made.uplifts(members)[0][:, 0], weights=members["expected_spend"])


def known(mean, benefits=("offer", "delivery"), overlap=0.0) -> reaction.Reaction:
    """A reaction that is certain of its coefficients of intercept and log odds, for members of `people`."""
    made = reaction.prior(CATALOGUE, people(4000), SETTINGS, names=SIMPLE)
    mean = np.array(mean, dtype=float)
    return replace(made, mean=mean, cov=np.zeros_like(made.cov), overlap=overlap, order_value_sd=np.zeros(2))


def logged(truth: reaction.Reaction, count: int, seed: int, off: float = 0.0, shares=(0.3, 0.3)) -> pd.DataFrame:
    """A randomised log of members who react as `truth`, each benefit given on its own; the forecast is off by `off`."""
    members, rng = people(count, seed), np.random.default_rng([seed, 1])
    got = rng.random((count, 2)) < shares
    shift, _ = truth.shifts(members)
    odds = special.logit(members["chance"]) + off + ceiling.combined(np.where(got, shift, 0), truth.overlap)[0]
    return members.assign(
        ordered=(rng.random(count) < special.expit(odds)).astype(int), **dict(zip(truth.benefits, got.T, strict=True))
    )


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.floats(-3, 3), st.floats(0, 2))
def test_no_chance_grows_beyond_one_and_who_is_sure_stays(chance, shift, sd):
    mean, error = ceiling.expected(np.array([chance, 1.0]), np.array([shift, shift]), np.array([sd, sd]))
    assert -1e-9 <= chance * (1 + mean[0]) <= 1 + 1e-9 and error[0] >= 0
    assert (mean[1], error[1]) == (0, 0)
    found = ceiling.uplift(np.array([chance]), np.array([shift]))[0]
    assert np.sign(found) in (np.sign(shift), 0)


def test_a_shift_changes_the_chance_as_log_odds_do():
    chance, shift = np.array([0.2, 0.7]), np.array([0.4, -0.3])
    after = special.expit(special.logit(chance) + shift)
    assert ceiling.uplift(chance, shift) == pytest.approx(after / chance - 1)
    step = 1e-6
    risen = (ceiling.uplift(chance, shift + step) - ceiling.uplift(chance, shift - step)) / (2 * step)
    assert ceiling.slope(chance, shift) == pytest.approx(risen)


def test_expectation_over_the_shift_is_that_of_the_integral():
    chance, mean, sd = 0.3, 0.5, 0.8

    def weighted(shift):
        return ceiling.uplift(chance, shift) * stats.norm.pdf(shift, mean, sd)

    whole = integrate.quad(weighted, -6, 7)[0]
    assert ceiling.expected(np.array([chance]), np.array([mean]), np.array([sd]))[0] == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("uplift, noise", [(0.03, 0.5), (0.1, 0.2), (0.01, 1.0), (0.0, 0.02)])
def test_the_assumed_uplift_and_its_sd_are_those_of_a_chance_of_one_half(uplift, noise):
    benefit = Benefit(name="offer", kind="discount", uplift=uplift, uplift_sd=noise * (uplift or 1))
    made = reaction.prior([benefit], people(500), Reacting(spread=0), names=SIMPLE)
    mean, sd = made.mean[0, 0], np.sqrt(made.cov[0, 0, 0])
    assert special.expit(mean) / 0.5 - 1 == pytest.approx(uplift)
    middle = np.array([0.5])
    low, high = (ceiling.uplift(middle, mean + side * sd)[0] for side in (-0.1, 0.1))
    assert (high - low) / 0.2 == pytest.approx(benefit.uplift_sd, rel=0.01)


def test_who_is_surer_to_come_gains_less_and_nobody_more_than_the_growth_of_the_odds():
    members = people(4).assign(chance=[0.99, 0.9, 0.5, 0.01], expected_spend=100.0, expected_orders=1.0)
    exact = Benefit(name="offer", kind="discount", uplift=0.06, uplift_sd=0)
    made = replace(
        reaction.prior([exact], members, Reacting(spread=0), names=("intercept",)), order_value_sd=np.zeros(1)
    )
    found = made.uplifts(members)[0][:, 0]
    assert found == pytest.approx([0.0012, 0.0114, 0.06, 0.1263], abs=5e-4)  # 0.94 / 1.06 of the odds are not left


def test_other_coefficients_are_nothing_give_or_take_a_share_of_the_shift():
    made = reaction.prior(CATALOGUE, people(50), Reacting(spread=0.5), names=SIMPLE)
    size = np.hypot(made.mean[:, 0], np.sqrt(made.cov[:, 0, 0]))
    assert (made.mean[:, 1] == 0).all() and np.sqrt(made.cov[:, 1, 1]) == pytest.approx(0.5 * size)


def test_no_assumption_is_read_as_more_than_the_largest_shift():
    sure = Benefit(name="offer", kind="discount", uplift=1.0, uplift_sd=1.0)
    made = reaction.prior([sure], people(50), SETTINGS)
    assert made.mean[0, 0] == pytest.approx(5) and np.isfinite(made.cov).all()


def test_the_posterior_of_one_coefficient_is_that_of_quadrature():
    members = people(400, 3).assign(expected_spend=100.0, expected_orders=1.0)
    truth = replace(known([[0.6, 0], [0, 0]]), covariates=("intercept",), centre=np.zeros(1), scale=np.ones(1))
    truth = replace(truth, mean=truth.mean[:, :1], cov=truth.cov[:, :1, :1])
    before = replace(truth, mean=np.array([[0.2], [0.0]]), cov=np.full((2, 1, 1), 0.3**2))
    rng = np.random.default_rng(5)
    log = members.assign(offer=rng.random(400) < 0.5, delivery=False)
    log["ordered"] = (rng.random(400) < special.expit(special.logit(log["chance"]) + 0.6 * log["offer"])).astype(int)
    grid, base = np.meshgrid(np.linspace(-1.5, 1.9, 200), np.linspace(-1.5, 1.5, 200), indexing="ij")
    odds = special.logit(log["chance"]).to_numpy()
    density = stats.norm.logpdf(grid, 0.2, 0.3) + stats.norm.logpdf(base, 0, 1.0)
    for offset, got, hit in zip(odds, log["offer"], log["ordered"], strict=True):
        at = offset + grid * got + base
        density += hit * at - np.logaddexp(0, at)
    weight = np.exp(density - density.max())
    mean = (weight * grid).sum() / weight.sum()
    sd = np.sqrt((weight * (grid - mean) ** 2).sum() / weight.sum())
    after = reaction.learn(before, log)
    assert after.mean[0, 0] == pytest.approx(mean, abs=0.02)
    assert np.sqrt(after.cov[0, 0, 0]) == pytest.approx(sd, rel=0.03)


def test_known_coefficients_are_recovered_and_covered_though_the_forecast_is_off():
    truth, hits, errors = known([[0.5, -0.3], [-0.2, 0.2]]), [], []
    wide = replace(truth, mean=np.zeros((2, 2)), cov=np.tile(np.eye(2), (2, 1, 1)))
    for seed in range(30):
        found = reaction.learn(wide, logged(truth, 4000, seed, off=0.4))
        sd = np.sqrt(np.diagonal(found.cov, axis1=1, axis2=2))
        hits.append(np.abs(found.mean - truth.mean) < 1.96 * sd)
        errors.append(found.mean - truth.mean)
    assert 0.88 <= np.mean(hits) <= 1.0  # of 120: more than three standard errors about 0.95
    assert np.abs(np.mean(errors, axis=0)).max() < 0.07


def test_two_logs_in_sequence_are_as_good_as_one():
    truth = known([[0.5, -0.3], [-0.2, 0.2]])
    before = reaction.prior(CATALOGUE, people(4000), SETTINGS, names=SIMPLE)
    log = logged(truth, 8000, 1)
    whole, halves = reaction.learn(before, log), before
    for part in (log[:4000], log[4000:]):
        halves = reaction.learn(halves, part)
    sd = np.sqrt(np.diagonal(whole.cov, axis1=1, axis2=2))
    assert (np.abs(whole.mean - halves.mean) < 0.35 * sd).all()
    assert np.sqrt(np.diagonal(halves.cov, axis1=1, axis2=2)) == pytest.approx(sd, rel=0.1)


def test_the_overlap_of_pairs_is_learned():
    for overlap in (0.0, 0.9):
        truth = known([[1.0, 0], [0.8, 0]], overlap=overlap)
        before = replace(truth, cov=np.tile(0.2**2 * np.eye(2), (2, 1, 1)), overlap=0.5, overlap_sd=0.3)
        found = reaction.learn(before, logged(truth, 20_000, 2, shares=(0.5, 0.5)))
        assert found.overlap == pytest.approx(overlap, abs=0.2)
        assert found.overlap_sd < 0.15


def test_a_pair_brings_less_than_its_sum_and_more_than_the_better_one():
    members, truth = people(200), known([[0.5, 0], [0.3, 0]], overlap=0.5)
    alone, _ = truth.uplifts(members)
    both, _ = truth.pair(members, "offer", "delivery")
    assert (both < alone.sum(axis=1)).all() and (both > alone.max(axis=1)).all()
    expected = ceiling.uplift(members["chance"].to_numpy(), np.full(200, 0.65))
    assert both == pytest.approx(expected)
    one, _ = truth.together(members, np.tile([True, False], (200, 1)))
    assert one == pytest.approx(alone[:, 0])


def test_a_harmful_benefit_is_no_second_one_that_loses():
    both, _ = known([[0.5, 0], [-0.3, 0]], overlap=0.5).pair(people(50), "offer", "delivery")
    assert both == pytest.approx(ceiling.uplift(people(50)["chance"].to_numpy(), np.full(50, 0.2)))


def test_what_benefits_share_is_not_counted_as_known_twice():
    truth = known([[0.0, 0], [0.0, 0]])
    wide = replace(truth, cov=np.tile(np.eye(2), (2, 1, 1)))
    found = reaction.learn(wide, logged(truth, 4000, 1, shares=(0.5, 0.5)).query("offer != delivery or not offer"))
    assert found.joint[0, 2] > 0.2 * found.joint[0, 0]  # both are compared with the same few who got nothing
    drawn = np.array([found.draw(np.random.default_rng(seed)).mean[:, 0] for seed in range(800)])
    assert np.cov(drawn.T)[0, 1] == pytest.approx(found.joint[0, 2], rel=0.3)


def test_draws_have_the_mean_and_the_covariance():
    made = reaction.prior(CATALOGUE, people(300), SETTINGS, names=SIMPLE)
    made = reaction.learn(made, logged(known([[0.5, -0.3], [-0.2, 0.2]]), 500, 1))
    rng = np.random.default_rng(0)
    drawn = np.array([made.draw(rng).mean for _ in range(1500)])
    sd = np.sqrt(np.diagonal(made.cov, axis1=1, axis2=2))
    assert (np.abs(drawn.mean(axis=0) - made.mean) < 4 * sd / np.sqrt(1500)).all()
    for number in range(2):
        assert np.cov(drawn[:, number].T) == pytest.approx(made.cov[number], abs=0.2 * np.max(made.cov[number]))
    assert not made.draw(rng).uplifts(people(10))[1].any()


def test_beliefs_survive_json():
    made = reaction.prior(CATALOGUE, people(300), SETTINGS)
    again = reaction.Reaction.from_json(json.loads(json.dumps(made.to_json())))
    assert again.benefits == made.benefits and again.source == made.source
    learned = reaction.learn(made, logged(known([[0.5, 0], [0, 0]]), 300, 1))
    back = reaction.Reaction.from_json(json.loads(json.dumps(learned.to_json())))
    assert (back.joint == learned.joint).all() and again.joint is None
    for before, after in zip(made.uplifts(people(20)), again.uplifts(people(20)), strict=True):
        assert (before == after).all()


def test_thin_data_leave_the_assumption_and_what_was_not_tried_stays():
    made = reaction.prior(CATALOGUE, people(300), SETTINGS)
    thin = reaction.learn(made, logged(known([[3.0, 0], [0, 0]]), 12, 1, shares=(0.5, 0)))
    sd = np.sqrt(made.cov[0, 0, 0])
    assert abs(thin.mean[0, 0] - made.mean[0, 0]) < sd
    assert thin.mean[1] == pytest.approx(made.mean[1], abs=1e-6) and thin.source == ("randomised", "assumed")
    everybody = logged(known([[3.0, 0], [0, 0]]), 100, 1, shares=(1.1, 0))
    assert reaction.learn(made, everybody) is made
    assert reaction.learn(made, everybody[:0]) is made


def test_seasons_are_not_taken_for_effects():
    nothing = known([[0, 0], [0, 0]])
    after = reaction.learn(replace(nothing, cov=np.tile(np.eye(2), (2, 1, 1))), logged(nothing, 20_000, 4, off=1.0))
    mean, _ = after.uplifts(people(300))
    assert np.abs(mean.mean(axis=0)).max() < 0.02


def test_fatigue_is_a_covariate_of_each_benefit():
    members = people(4000).assign(had_offer=np.arange(4000) % 2)
    made = reaction.prior(CATALOGUE, members, SETTINGS, names=("intercept", covariates.HAD))
    truth = replace(made, mean=np.array([[0.8, -0.8], [0.0, 0.0]]), cov=np.zeros_like(made.cov))
    log, rng = people(20_000, 7).assign(had_offer=np.arange(20_000) % 2), np.random.default_rng(3)
    got = rng.random((20_000, 2)) < 0.5
    shift, _ = truth.shifts(log)
    odds = special.logit(log["chance"]) + np.where(got, shift, 0).sum(axis=1)
    ordered = (rng.random(20_000) < special.expit(odds)).astype(int)
    wide = replace(made, cov=np.tile(np.eye(2), (2, 1, 1)))
    found = reaction.learn(wide, log.assign(ordered=ordered, offer=got[:, 0], delivery=got[:, 1]))
    assert found.mean[0] == pytest.approx([0.8, -0.8], abs=0.2)


def test_spend_per_order_is_learned_from_those_who_order():
    members, rng = people(20_000, 9), np.random.default_rng(9)
    got = rng.random((20_000, 2)) < 0.5
    usual = members["expected_spend"] / members["chance"]
    spend = usual * rng.lognormal(0, 0.3, 20_000) * np.where(got[:, 0], 1.05, 1.0)
    log = members.assign(ordered=1, spend=spend, offer=got[:, 0], delivery=got[:, 1])
    made = replace(reaction.prior(CATALOGUE, members, SETTINGS), order_value_sd=np.full(2, 0.1))
    found = reaction.learn(made, log)
    assert found.order_value == pytest.approx([0.05, 0.0], abs=4 * found.order_value_sd.max())
    assert found.order_value_sd.max() < 0.01
    surely = replace(found, mean=0 * found.mean, cov=0 * found.cov)
    assert surely.uplifts(members)[0][:, 0] == pytest.approx(found.order_value[0])


def test_an_effect_estimated_elsewhere_is_weighed_by_its_error():
    members = people(400)
    made = reaction.prior(CATALOGUE, members, Reacting(spread=0), names=("intercept",))
    sure = reaction.told(made, "offer", members, 0.08, 1e-5, "observational")
    assert total(sure, members) == pytest.approx(0.08, abs=1e-3)
    equal = reaction.told(made, "offer", members, 0.08, 0.015, "observational")
    assert total(equal, members) == pytest.approx(0.055, abs=0.006)
    assert equal.cov[0, 0, 0] == pytest.approx(made.cov[0, 0, 0] / 2, rel=0.2)
    assert equal.source == ("observational", "assumed")


def test_what_is_unknown_of_a_member_counts_as_the_mean():
    members = people(300)
    made = reaction.prior(CATALOGUE, members, SETTINGS)
    x = made.design(members.assign(days_since_last=np.nan, expected_orders=0.0))[0]
    assert (x[:, [2, 3]] == 0).all()
    assert reaction.prior(CATALOGUE, members, SETTINGS, names=("intercept", "persona=a")).scale[1] > 0


def test_input_that_cannot_be_used_is_refused_by_name():
    members = people(20)
    made = reaction.prior(CATALOGUE, members, SETTINGS)
    with pytest.raises(DataError, match="chance"):
        made.uplifts(members.assign(chance=1.2))
    with pytest.raises(DataError, match="days_since_last"):
        made.uplifts(members.drop(columns="days_since_last"))
    with pytest.raises(DataError, match="ordered"):
        reaction.learn(made, members.assign(offer=True, ordered=np.nan))
    with pytest.raises(DataError, match="no members"):
        reaction.prior(CATALOGUE, members[:0], SETTINGS)
    with pytest.raises(DataError, match="sd"):
        reaction.told(made, "offer", members, 0.1, 0.0, "observational")
    with pytest.raises(DataError, match="coefficients"):
        reaction.Reaction.from_json(made.to_json() | {"mean": [[1.0]]})
    with pytest.raises(DataError, match="allowed"):
        reaction.Reaction.from_json({"benefits": []})
