"""The bootstrap of very many members: the weights are what they must be, and its intervals are the plain one's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.stats import bootstrap, resample


def generator(seed=1):
    return np.random.default_rng(seed)


def test_the_weights_have_mean_and_variance_one_and_nearly_the_skewness_of_poisson():
    weights = bootstrap._WEIGHTS.astype(float)
    assert len(weights) == 256
    assert (weights.mean(), weights.var()) == (1.0, 1.0)
    assert ((weights - 1) ** 3).mean() == pytest.approx(1, abs=0.03)


def test_two_bytes_looked_up_together_are_two_weights():
    drawn = bootstrap.weights(3, 5, generator())
    random = generator().integers(2**64 - 1, size=(3, 1), dtype=np.uint64, endpoint=True)
    expected = bootstrap._WEIGHTS[random.astype("<u8").view(np.uint8)]
    np.testing.assert_array_equal(drawn, expected[:, :5])


def test_counting_by_value_gives_the_plain_bootstraps_mean_and_spread():
    counts = np.array([700, 200, 100])
    means = bootstrap.by_value(np.array([0.0, 0.5, 1.0]), counts, 20_000, generator())
    values = np.repeat([0.0, 0.5, 1.0], counts)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(1000 * 20_000))
    assert means.std() == pytest.approx(values.std() / np.sqrt(1000), rel=0.02)


def test_weights_give_the_plain_bootstraps_interval_on_skewed_values():
    values = generator(2).lognormal(0, 1, 20_000)
    plain = resample._plain_means(values, 2000, generator(3))
    weighted = bootstrap.by_weight(values, 2000, generator(4))
    error = values.std() / np.sqrt(len(values))
    assert weighted.std() == pytest.approx(error, rel=0.06)
    np.testing.assert_allclose(
        np.quantile(weighted, [0.025, 0.975]), np.quantile(plain, [0.025, 0.975]), atol=error / 5
    )


def test_which_way_is_taken_hangs_on_size_and_distinct_values_alone(monkeypatch):
    few, many = np.repeat([0.0, 1.0], 50), np.linspace(0, 1, 100)
    small = resample.bootstrap_means(many, 10, generator())
    np.testing.assert_array_equal(small, resample._plain_means(many, 10, generator()))
    monkeypatch.setattr(resample, "_MOST", 999)
    monkeypatch.setattr(bootstrap, "FEW", 2)
    by_value = bootstrap.by_value(np.array([0.0, 1.0]), np.array([50, 50]), 10, generator())
    np.testing.assert_array_equal(resample.bootstrap_means(few, 10, generator()), by_value)
    np.testing.assert_array_equal(
        resample.bootstrap_means(many, 10, generator()), bootstrap.by_weight(many, 10, generator())
    )


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-6, 1e9), shift=st.floats(-1e6, 1e6), seed=st.integers(0, 99))
def test_means_move_with_the_unit_of_the_metric(scale, shift, seed):
    values = generator(seed).exponential(size=300)
    plain = bootstrap.by_weight(values, 50, generator(seed))
    moved = bootstrap.by_weight(scale * values + shift, 50, generator(seed))
    np.testing.assert_allclose(moved, scale * plain + shift, atol=1e-5 * scale + 1e-9 * abs(shift), rtol=1e-6)


def test_members_who_are_all_alike_have_one_mean():
    np.testing.assert_array_equal(bootstrap.by_weight(np.full(9000, 0.3), 5, generator()), np.full(5, 0.3))


def test_the_same_seed_gives_the_same_means_over_several_blocks():
    values = generator(5).normal(size=2 * bootstrap._BLOCK + 7)
    first = bootstrap.by_weight(values, 20, generator(6))
    np.testing.assert_array_equal(bootstrap.by_weight(values, 20, generator(6)), first)
    assert len(np.unique(first)) == 20
