"""Qini and uplift curves: by hand, ties, arms of unequal size and chance, and the null."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.stats import uplift_curves

SCORE = np.array([4.0, 3.0, 2.0, 1.0])
TREATED = np.array([True, False, True, False])
OUTCOME = np.array([8.0, 2.0, 4.0, 3.0])


def market(rows=3000, share=0.5, seed=1):
    """Return x, treated, outcome: the effect is x, the outcome without it has nothing to do with it."""
    rng = np.random.default_rng(seed)
    x, treated = rng.normal(size=rows), rng.random(rows) < share
    return x, treated, rng.normal(size=rows) + x * treated


def ranking(score, treated, outcome, propensity=None, draws=200):
    return uplift_curves.ranking(score, treated, outcome, 0.95, draws, np.random.default_rng(1), propensity)


def test_four_members_worked_by_hand():
    found = uplift_curves.curve(SCORE, TREATED, OUTCOME)
    assert found["depth"].tolist() == [0, 0.5, 0.75, 1]  # at the first member there is no untreated one yet
    assert found["gain"].tolist() == pytest.approx([0, 0.5 * (8 - 2), 0.75 * (6 - 2), 6 - 2.5])
    assert found["qini"].tolist() == pytest.approx([0, (8 - 2) / 2, (12 - 2 * 2) / 2, (12 - 5) / 2])
    assert found["random"].tolist() == pytest.approx([0, 1.75, 2.625, 3.5])
    area = 0.5 * (0 + 1.25) / 2 + 0.25 * (1.25 + 1.375) / 2 + 0.25 * 1.375 / 2
    assert ranking(SCORE, TREATED, OUTCOME).qini == pytest.approx(area)


def test_equal_scores_make_one_step_and_one_score_for_all_ranks_nobody():
    ties = uplift_curves.curve(np.array([2, 2, 1, 1]), TREATED, OUTCOME)
    assert ties["depth"].tolist() == [0, 0.5, 1]
    found = ranking(np.zeros(4), TREATED, OUTCOME)
    assert (found.qini, found.p_value) == (0, 1)


@given(st.permutations(range(40)), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_curves_know_the_order_of_scores_and_not_the_order_of_rows(order, seed):
    rng, order = np.random.default_rng(seed), np.array(order)
    score, treated, outcome = rng.integers(8, size=40), np.arange(40) % 3 == 0, rng.normal(size=40)
    before = uplift_curves.curve(score, treated, outcome)
    after = uplift_curves.curve(np.exp(score[order] / 3.0), treated[order], outcome[order])
    np.testing.assert_allclose(before, after, atol=1e-12)


@given(st.floats(0.1, 9), st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_areas_scale_with_the_outcome_and_do_not_move_with_it(scale, shift):
    x, treated, outcome = market(200)
    before, after = ranking(x, treated, outcome, draws=5), ranking(x, treated, scale * outcome + shift, draws=5)
    assert (after.qini, after.auuc, after.effect) == pytest.approx(
        (scale * before.qini, scale * before.auuc, scale * before.effect), abs=1e-9
    )


def test_a_score_that_is_the_effect_has_the_area_of_theory_and_its_opposite_the_negative_one():
    x, treated, outcome = market(10000, seed=2)
    right, wrong = ranking(x, treated, outcome), ranking(-x, treated, outcome)
    # gain at depth q is the density at the normal quantile of q: its integral is 1 / (2 sqrt(pi))
    assert right.qini == pytest.approx(1 / (2 * np.sqrt(np.pi)), abs=0.02)
    assert right.low < 1 / (2 * np.sqrt(np.pi)) < right.high
    assert right.p_value == pytest.approx(1 / 201)
    assert wrong.qini < 0 and wrong.p_value == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_unequal_arms_change_neither_the_curve_nor_its_end(share):
    x, treated, outcome = market(40000, share)
    found = ranking(x, treated, outcome, draws=5)
    assert found.qini == pytest.approx(1 / (2 * np.sqrt(np.pi)), abs=0.05)
    assert found.effect == pytest.approx(outcome[treated].mean() - outcome[~treated].mean())


def test_unequal_chances_are_weighted_away():
    rng = np.random.default_rng(2)
    x = rng.normal(size=20000)
    chance = 1 / (1 + np.exp(-1.5 * x))
    treated = rng.random(20000) < chance
    outcome = 2 * x + rng.normal(size=20000)  # no effect at all, but the treated would have bought more anyway
    assert ranking(x, treated, outcome, draws=5).effect > 1
    assert abs(ranking(x, treated, outcome, chance, draws=5).effect) < 0.3


def test_a_score_of_noise_is_significant_as_often_as_chance_allows():
    p_values = []
    for seed in range(200):
        _, treated, outcome = market(80, seed=seed)
        score = np.random.default_rng(1000 + seed).normal(size=80)
        p_values.append(ranking(score, treated, outcome, draws=40).p_value)
    assert 2 <= (np.array(p_values) <= 0.05).sum() <= 20  # 10 expected


def test_the_interval_excludes_zero_where_the_ranking_is_good_and_holds_it_where_it_is_noise():
    x, treated, outcome = market(2000)
    assert ranking(x, treated, outcome).low > 0
    noise = ranking(np.random.default_rng(3).normal(size=2000), treated, outcome)
    assert noise.low < 0 < noise.high and noise.qini < noise.null_high


def test_members_with_several_rows_and_one_arm_are_significant_as_often_as_chance_allows():
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        member = rng.permutation(np.repeat(np.arange(60), rng.integers(6, 10, size=60)))
        score, treated, outcome = rng.normal(size=60)[member], np.arange(60)[member] % 2, rng.normal(size=60)[member]
        found = uplift_curves.ranking(score, treated, outcome, 0.95, 40, rng, clusters=member)
        p_values.append(found.p_value)
    assert 2 <= (np.array(p_values) <= 0.05).sum() <= 20  # 10 expected; with rows shuffled, 50 and more


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"score": SCORE[:3]}, "3, 4, 4, 3 scores, arms, outcomes, propensities"),
        ({"outcome": [1.0, np.nan, 1.0, 1.0]}, "1 of 4 members lack score or outcome"),
        ({"treated": [True] * 4}, "of 4 members 4 were treated"),
        ({"propensity": [0.5, 0.5, 1.0, 0.5]}, "must lie between 0 and 1"),
    ],
)
def test_bad_input_is_refused(changed, words):
    with pytest.raises(DataError, match=words):
        uplift_curves.curve(**({"score": SCORE, "treated": TREATED, "outcome": OUTCOME} | changed))
