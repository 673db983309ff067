import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from membership.base.errors import DataError
from membership.stats import resample

SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

pairs = st.integers(2, 30).flatmap(lambda n: arrays(np.float64, (2, n), elements=st.floats(0, 1, width=16)))


def compare(control, treatment, draws=200):
    return resample.paired(control, treatment, 0.95, draws, 0.8, np.random.default_rng(1))


def test_sleep_data_give_students_figures():
    result = compare(SLEEP_2, SLEEP_1)
    assert result.p_value == pytest.approx(0.00283289, abs=5e-9)
    assert (result.low, result.high) == pytest.approx((-2.459886, -0.700114), abs=5e-7)
    assert result.effect_size * np.sqrt(10) == pytest.approx(-4.062128, abs=5e-7)  # t is d_z times root n


def test_hand_computed_pairs():
    result = compare(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    assert (result.members, result.control, result.treatment, result.difference) == (3, 1.0, 3.0, 2.0)
    assert result.effect_size == pytest.approx(2.0)  # differences 1, 2, 3: mean 2, standard deviation 1


def test_bootstrap_agrees_with_t_on_many_members():
    rng = np.random.default_rng(2)
    control = rng.normal(size=2000)
    result = compare(control, control + rng.normal(0.1, 1, 2000), draws=4000)
    assert (result.bootstrap_low, result.bootstrap_high) == pytest.approx((result.low, result.high), abs=0.005)


def test_bootstrap_draws_do_not_depend_on_the_size_of_a_chunk(monkeypatch):
    values = np.arange(7.0)
    whole = resample.bootstrap_means(values, 100, np.random.default_rng(3))
    monkeypatch.setattr(resample, "_CHUNK", 30)
    np.testing.assert_array_equal(resample.bootstrap_means(values, 100, np.random.default_rng(3)), whole)


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_swapping_the_policies_turns_the_sign(pair):
    there, back = compare(*pair), compare(*pair[::-1])
    assert there.difference == -back.difference
    assert there.effect_size == -back.effect_size
    assert (there.low, there.high) == (-back.high, -back.low)
    assert there.p_value == back.p_value


@settings(max_examples=20, deadline=None)
@given(pairs)
def test_identical_policies_differ_by_nothing(pair):
    result = compare(pair[0], pair[0])
    assert (result.difference, result.low, result.high, result.effect_size, result.p_value) == (0, 0, 0, 0, 1)


def test_members_without_a_value_in_either_arm_are_left_out():
    with_gaps = compare(np.array([0.0, np.nan, 1.0, 2.0]), np.array([1.0, 5.0, np.nan, 2.5]))
    assert with_gaps == compare(np.array([0.0, 2.0]), np.array([1.0, 2.5]))


def test_no_member_and_one_member_are_defined_and_certain_of_nothing():
    nobody, one = compare(np.array([]), np.array([])), compare(np.array([0.2]), np.array([0.5]))
    assert nobody.members == 0
    assert np.isnan(nobody.difference)
    assert one.difference == pytest.approx(0.3)
    for result in (nobody, one):
        assert (result.low, result.high, result.p_value) == (-np.inf, np.inf, 1.0)
        assert (result.bootstrap_low, result.bootstrap_high) == (-np.inf, np.inf)


def test_a_constant_difference_is_certain():
    result = compare(np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.5, 2.5]))
    assert (result.low, result.high, result.p_value, result.effect_size) == (0.5, 0.5, 0.0, np.inf)


def test_unequal_arms_are_refused():
    with pytest.raises(DataError, match=r"same members; got shapes \(2,\) and \(3,\)"):
        compare(np.zeros(2), np.zeros(3))


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    treatment = rng.exponential(0.3, (600, 80)) - 0.3 + 0.05
    results = [compare(np.zeros(80), row, draws=300) for row in treatment]
    by_t = np.mean([result.low <= 0.05 <= result.high for result in results])
    by_bootstrap = np.mean([result.bootstrap_low <= 0.05 <= result.bootstrap_high for result in results])
    assert 0.92 <= by_t <= 0.97
    assert 0.90 <= by_bootstrap <= 0.97


def test_the_detectable_difference_is_found_as_often_as_asked():
    rng = np.random.default_rng(5)
    smallest = resample.detectable(rng.normal(size=100_000)[:200], 0.95, 0.8)
    found = [compare(np.zeros(200), rng.normal(smallest, 1, 200), draws=1).p_value < 0.05 for _ in range(500)]
    assert 0.72 <= np.mean(found) <= 0.88


def test_rows_in_place_of_members_reject_a_true_null_far_too_often():
    rng = np.random.default_rng(6)
    members = rng.normal(size=(300, 40))
    rows = members[:, :, None] + rng.normal(0, 0.5, (300, 40, 10))
    by_member = [compare(np.zeros(40), row.mean(axis=1), draws=1).p_value < 0.05 for row in rows]
    by_row = [compare(np.zeros(400), row.ravel(), draws=1).p_value < 0.05 for row in rows]
    assert np.mean(by_member) < 0.09
    assert np.mean(by_row) > 0.3


def test_aa_halves_differ_about_as_often_as_chance_allows():
    check = resample.aa_check(np.random.default_rng(7).beta(0.3, 1, 400), 600, 0.95, 0.99, np.random.default_rng(8))
    assert check.passed
    assert 0.03 <= check.rejection_share <= 0.07
    assert check.low < check.expected_share < check.high
    assert 0.4 < check.p_values.mean() < 0.6


def test_an_aa_check_outside_its_band_fails():
    check = resample.AACheck(np.zeros(100), rejection_share=0.3, expected_share=0.05, low=0.0, high=0.11)
    assert not check.passed


def test_an_aa_check_of_a_constant_never_rejects():
    check = resample.aa_check(np.full(50, 0.2), 100, 0.95, 0.99, np.random.default_rng(9))
    assert check.rejection_share == 0


def test_an_aa_check_needs_two_members_a_half():
    with pytest.raises(DataError, match="3 members have an outcome; at least 4"):
        resample.aa_check(np.array([0.1, 0.2, 0.3, np.nan]), 20, 0.95, 0.99, np.random.default_rng(10))
