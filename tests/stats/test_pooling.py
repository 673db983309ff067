"""Pooling: groups drawn to the whole as far as they are noisy, bias from placebos, priors by precision."""

import numpy as np
import pytest

from membership.stats import pooling


def test_groups_that_differ_by_no_more_than_chance_are_all_the_whole():
    means, errors = pooling.shrink(np.array([0.1, -0.1, 0.0]), np.full(3, 0.2), centre=0.02, centre_error=0.1)
    np.testing.assert_allclose(means, 0.02)
    np.testing.assert_allclose(errors, 0.1)


def test_groups_that_truly_differ_keep_most_of_their_own():
    means, errors = pooling.shrink(np.array([-1.0, 0.0, 1.0]), np.full(3, 0.1), centre=0.0, centre_error=0.1)
    # DerSimonian and Laird by hand: the variance of the estimates, 1, less that of their errors, 0.01
    own = 0.99 / (0.99 + 0.01)
    np.testing.assert_allclose(means, [-own, 0, own])
    np.testing.assert_allclose(errors, np.sqrt(0.01 * own + (0.01 * 0.1) ** 2), rtol=1e-4)


def test_a_group_without_an_estimate_gets_the_whole_and_is_less_sure():
    means, errors = pooling.shrink(np.array([-1.0, 1.0, np.nan]), np.array([0.1, 0.1, np.nan]), 0.3, 0.1)
    assert means[2] == 0.3
    assert errors[2] > errors[0]
    nothing = pooling.shrink(np.array([np.nan]), np.array([np.nan]), 0.3, 0.1)
    assert [float(part[0]) for part in nothing] == pytest.approx([0.3, 0.1])


def test_drawing_to_the_whole_is_nearer_the_truth_than_groups_alone():
    rng = np.random.default_rng(0)
    truth = rng.normal(0.1, 0.05, 400)
    seen = rng.normal(truth, 0.1)
    means, errors = pooling.shrink(seen, np.full(400, 0.1), seen.mean(), 0.1 / 20)
    assert np.square(means - truth).mean() < 0.4 * np.square(seen - truth).mean()
    assert 0.9 < (np.abs(means - truth) < 1.96 * errors).mean() < 0.99


def test_heterogeneity_of_random_effects_is_recovered():
    rng = np.random.default_rng(1)
    errors = rng.uniform(0.05, 0.2, 3000)
    mean, error, spread = pooling.heterogeneity(rng.normal(rng.normal(0.3, 0.1, 3000), errors), errors)
    assert mean == pytest.approx(0.3, abs=4 * error)
    assert spread == pytest.approx(0.1, rel=0.1)


def test_placebos_within_their_errors_reveal_no_bias_and_a_common_bias_counts_in_full():
    assert pooling.systematic_error(np.array([0.01, -0.01]), np.array([0.02, 0.02])) == 0
    assert pooling.systematic_error(np.array([0.1, 0.1]), np.array([0.01, 0.01])) == pytest.approx(np.sqrt(0.0099))
    assert pooling.systematic_error(np.array([np.nan]), np.array([np.nan])) == 0


def test_assumption_and_evidence_weigh_by_precision():
    mean, error = pooling.combine([[0.0, 0.2], [0.3, np.nan]], [[0.1, 0.1], [0.2, np.nan]])
    np.testing.assert_allclose(mean, [0.3 * 25 / 125, 0.2])
    np.testing.assert_allclose(error, [1 / np.sqrt(125), 0.1])


def test_an_assumption_that_is_certain_stays():
    mean, error = pooling.combine([[0.05], [0.3]], [[0.0], [0.01]])
    assert (mean[0], error[0]) == (0.05, 0)
