"""Off-policy estimators: by hand, by exhaustive expectation, by invariance, by known truth."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.stats import bandit_log, causal, offpolicy

ARM, REWARD, PROPENSITY = np.array([0, 1, 1]), np.array([1.0, 0.0, 2.0]), np.array([0.5, 0.5, 0.25])
EVALUATED = np.array([0.25, 0.75])  # weights 0.5, 1.5, 3
EXPECTED = np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]])


@pytest.fixture
def log():
    return bandit_log.read(ARM, REWARD, PROPENSITY, EVALUATED)


def value(terms, confidence=0.95, draws=50):
    return offpolicy.estimate(terms, confidence, draws, np.random.default_rng(1))


def drawn_log(rows, arms, rng, policy=None):
    """A log whose arms were drawn from random probabilities; `policy` None: the logging policy is evaluated."""
    behaviour = rng.dirichlet(np.full(arms, 2.0), size=rows) * 0.8 + 0.2 / arms
    arm = (behaviour.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    arm[:arms] = np.arange(arms)  # every arm is there
    given = behaviour[np.arange(rows), arm]
    return bandit_log.read(arm, rng.normal(size=rows), given, behaviour if policy is None else policy)


def test_a_log_of_three_rows_worked_by_hand(log):
    assert value(offpolicy.naive(log)).value == pytest.approx(1.0)
    assert value(offpolicy.ips(log)).value == pytest.approx((0.5 * 1 + 0 + 3 * 2) / 3)
    assert value(offpolicy.snips(log)).value == pytest.approx((0.5 * 1 + 0 + 3 * 2) / 5)
    planned = np.array([0.25 + 1.5, 0.75, 1.0])
    assert value(offpolicy.direct(log, EXPECTED)).value == pytest.approx(planned.mean())
    residual = np.array([0.5 * 0, 1.5 * -1, 3 * 1])
    assert value(offpolicy.doubly_robust(log, EXPECTED)).value == pytest.approx((planned + residual).mean())


def test_clipping_cuts_weights_to_the_limit(log):
    assert offpolicy.clipped(log, 1.0).tolist() == [0.5, 1.0, 1.0]
    assert value(offpolicy.ips(log, clip=1.0)).value == pytest.approx((0.5 + 2) / 3)
    assert value(offpolicy.snips(log, clip=1.0)).value == pytest.approx((0.5 + 2) / 2.5)
    with pytest.raises(DataError, match="clipped at 0; the limit must be above 0"):
        offpolicy.ips(log, clip=0.0)


def test_standard_error_of_ips_is_that_of_a_mean(log):
    found, terms = value(offpolicy.ips(log)), np.array([0.5, 0.0, 6.0])
    assert found.error == pytest.approx(terms.std(ddof=1) / np.sqrt(3))
    assert (found.low + found.high) / 2 == pytest.approx(found.value)


def exhaustive(estimator):
    """Expectation of `estimator` over every log of two rows of a bandit of 2 contexts, 2 arms and rewards 0 and 1."""
    behaviour, evaluated = np.array([[0.3, 0.7], [0.6, 0.4]]), np.array([[0.8, 0.2], [0.1, 0.9]])
    chance, mean = np.array([0.25, 0.75]), np.array([[0.1, 0.6], [0.5, 0.3]])
    truth = float((chance[:, None] * evaluated * mean).sum())
    total = 0.0
    for rows in itertools.product(itertools.product((0, 1), (0, 1), (0, 1)), repeat=2):
        context, arm, reward = np.array(rows).T
        given = behaviour[context, arm]
        paid = np.where(reward == 1, mean[context, arm], 1 - mean[context, arm])
        log = bandit_log.read(arm, reward, given, evaluated[context], unlogged=1.0)
        terms = estimator(log, context)
        total += (chance[context] * given * paid).prod() * terms.numerator.sum() / terms.denominator.sum()
    return total, truth


@pytest.mark.parametrize(
    "estimator",
    [
        lambda log, _: offpolicy.ips(log),
        lambda log, context: offpolicy.doubly_robust(log, np.array([[0.9, 0.1], [0.2, 0.7]])[context]),  # wrong model
        lambda log, context: offpolicy.direct(log, np.array([[0.1, 0.6], [0.5, 0.3]])[context]),  # right model
    ],
    ids=["ips", "doubly robust, wrong model", "direct, right model"],
)
def test_unbiased_over_every_possible_log(estimator):
    found, truth = exhaustive(estimator)
    assert found == pytest.approx(truth, abs=1e-12)


def test_biased_over_every_possible_log_where_that_is_known():
    wrong, truth = exhaustive(lambda log, context: offpolicy.direct(log, np.array([[0.9, 0.1], [0.2, 0.7]])[context]))
    assert abs(wrong - truth) > 0.1
    own, _ = exhaustive(lambda log, _: offpolicy.snips(log))  # two rows: its bias of order 1 / rows is plain
    assert 1e-3 < abs(own - truth) < 0.1


logs = st.tuples(st.integers(5, 60), st.integers(2, 5), st.integers(0, 10**6))


@given(logs)
@settings(max_examples=50, deadline=None)
def test_under_the_logging_policy_ips_and_snips_are_the_mean_of_the_log(drawn):
    rows, arms, seed = drawn
    log = drawn_log(rows, arms, np.random.default_rng(seed))
    for terms in (offpolicy.ips(log), offpolicy.snips(log)):
        np.testing.assert_allclose(terms.numerator.sum() / terms.denominator.sum(), log.reward.mean(), atol=1e-12)


@given(logs, st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=50, deadline=None)
def test_snips_follows_scale_and_shift_of_rewards_and_stays_in_their_range(drawn, scale, shift):
    rows, arms, seed = drawn
    rng = np.random.default_rng(seed)
    log = drawn_log(rows, arms, rng, policy=rng.dirichlet(np.ones(arms)))
    moved = bandit_log.read(log.arm, scale * log.reward + shift, log.propensity, log.evaluated)
    before, after = value(offpolicy.snips(log)), value(offpolicy.snips(moved))
    assert after.value == pytest.approx(scale * before.value + shift, abs=1e-9)
    assert after.error == pytest.approx(scale * before.error, abs=1e-9)
    assert after.bootstrap_low == pytest.approx(scale * before.bootstrap_low + shift, abs=1e-9)
    assert log.reward.min() - 1e-9 <= before.value <= log.reward.max() + 1e-9


@given(logs)
@settings(max_examples=50, deadline=None)
def test_an_exact_model_makes_doubly_robust_the_direct_method_and_zeros_make_it_ips(drawn):
    rows, arms, seed = drawn
    rng = np.random.default_rng(seed)
    log = drawn_log(rows, arms, rng, policy=rng.dirichlet(np.ones(arms)))
    exact = rng.normal(size=(rows, arms))
    exact[np.arange(rows), log.arm] = log.reward
    same = offpolicy.direct(log, exact).numerator
    np.testing.assert_allclose(offpolicy.doubly_robust(log, exact).numerator, same, atol=1e-12)
    nothing = offpolicy.doubly_robust(log, np.zeros((rows, arms))).numerator
    np.testing.assert_allclose(nothing, offpolicy.ips(log).numerator, atol=1e-12)


def test_rows_of_one_unit_count_as_one(log):
    repeated = [np.repeat(part, 50, axis=0) for part in (ARM, REWARD, PROPENSITY)]
    once = value(offpolicy.snips(log), draws=4000)
    units = bandit_log.read(*repeated, EVALUATED, unit=np.repeat(["a", "b", "c"], 50))
    rows = bandit_log.read(*repeated, EVALUATED)
    by_unit, by_row = value(offpolicy.snips(units), draws=4000), value(offpolicy.snips(rows), draws=4000)
    assert (by_unit.units, by_row.units) == (3, 150)
    assert (by_unit.value, by_unit.error, by_unit.low) == pytest.approx((once.value, once.error, once.low))
    assert by_unit.bootstrap_high - by_unit.bootstrap_low > 3 * (by_row.bootstrap_high - by_row.bootstrap_low)


def test_bootstrap_agrees_with_the_analytic_interval_on_many_rows():
    rng = np.random.default_rng(3)
    log = drawn_log(5000, 3, rng, policy=np.array([0.6, 0.3, 0.1]))
    for terms in (offpolicy.ips(log), offpolicy.snips(log)):
        found = value(terms, draws=2000)
        width = found.high - found.low
        assert (found.bootstrap_low, found.bootstrap_high) == pytest.approx((found.low, found.high), abs=0.06 * width)


def test_same_seed_same_interval(log):
    assert value(offpolicy.ips(log)) == value(offpolicy.ips(log))


def test_one_unit_has_a_value_and_excludes_nothing(log):
    one = bandit_log.read(ARM, REWARD, PROPENSITY, EVALUATED, unit=np.array(["a", "a", "a"]))
    found = value(offpolicy.snips(one))
    assert found.value == value(offpolicy.snips(log)).value
    assert (found.low, found.high, found.bootstrap_low, found.bootstrap_high) == (-np.inf, np.inf, -np.inf, np.inf)
    assert np.isnan(found.error)


def test_the_value_of_some_rows_is_that_of_a_log_of_these_rows(log):
    some = bandit_log.read(ARM[1:], REWARD[1:], PROPENSITY[1:], EVALUATED, unlogged=1.0)
    found = offpolicy.estimate(offpolicy.ips(log), 0.95, 50, np.random.default_rng(1), log.reward != 1)
    assert found == value(offpolicy.ips(some))


def test_snips_without_any_weight_is_refused():
    log = bandit_log.read([0, 0], [1.0, 0.0], [0.5, 0.5], np.array([0.0, 1.0]), unlogged=1.0)
    with pytest.raises(DataError, match="SNIPS over 2 rows has no weight at all"):
        value(offpolicy.snips(log))


def test_expected_rewards_of_another_shape_are_refused(log):
    with pytest.raises(DataError, match=r"\(rows, arms\) = \(3, 2\); got \(3, 3\)"):
        offpolicy.direct(log, np.zeros((3, 3)))


def test_a_difference_cancels_what_both_policies_share():
    rng = np.random.default_rng(4)
    log = drawn_log(2000, 3, rng, policy=np.array([0.5, 0.3, 0.2]))
    close = bandit_log.read(log.arm, log.reward, log.propensity, np.array([0.49, 0.31, 0.2]))
    found = offpolicy.difference(offpolicy.snips(log), offpolicy.snips(close), 0.95, 200, rng)
    one, other = value(offpolicy.snips(log)), value(offpolicy.snips(close))
    assert found.value == pytest.approx(one.value - other.value)
    assert found.error < 0.1 * one.error
    with pytest.raises(DataError, match="same rows"):
        offpolicy.difference(offpolicy.snips(log), offpolicy.snips(drawn_log(10, 3, rng)), 0.95, 10, rng)


def test_ips_of_treating_everybody_is_the_inverse_propensity_score_of_the_room():
    rng = np.random.default_rng(5)
    treated, outcome, propensity = rng.random(200) < 0.3, rng.normal(size=200), np.full(200, 0.3)
    scores = causal.scores(treated, outcome, causal.Nuisance(propensity, np.zeros(200), np.zeros(200)))
    log = bandit_log.read(treated.astype(int), outcome, np.where(treated, 0.3, 0.7), np.array([0.0, 1.0]))
    np.testing.assert_allclose(offpolicy.ips(log).numerator, scores.treated)
