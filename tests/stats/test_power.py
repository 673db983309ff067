"""Sizes and sample ratios of the textbook, and what no number of members can do."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import ParamError
from membership.stats import power

SLEEP = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]) - np.array(
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
)


@pytest.mark.parametrize(("effect_size", "members"), [(0.5, 63.7656), (0.2, 393.4057), (-0.2, 393.4057)])
def test_members_of_the_textbook(effect_size, members):
    assert power.members_per_arm(effect_size, 0.8, 0.95) == pytest.approx(members, abs=5e-5)


@given(st.floats(0.05, 3), st.floats(0.1, 0.99), st.sampled_from([0.9, 0.95, 0.99]))
@settings(max_examples=50, deadline=None)
def test_members_have_the_power_they_were_asked_for(effect_size, asked, confidence):
    members = power.members_per_arm(effect_size, asked, confidence)
    found = power.power_of_two_arms(members, effect_size, confidence)
    assert found == pytest.approx(asked, abs=1e-6) or (members == 2 and found > asked)


def test_power_is_the_share_of_rejections():
    rng = np.random.default_rng(1)
    treatment, control = rng.normal(0.5, 1, (2000, 40)), rng.normal(0, 1, (2000, 40))
    rejected = (scipy.stats.ttest_ind(treatment, control, axis=1).pvalue < 0.05).sum()
    expected = power.power_of_two_arms(40, 0.5, 0.95)
    assert rejected / 2000 == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2000))


@pytest.mark.parametrize(
    ("effect_size", "asked", "confidence"), [(0.0, 0.8, 0.95), (0.5, 1.0, 0.95), (0.5, 0.05, 0.95), (0.5, 0.8, 1.0)]
)
def test_what_no_number_of_members_can_do_is_refused(effect_size, asked, confidence):
    with pytest.raises(ParamError, match="the effect must not be 0"):
        power.members_per_arm(effect_size, asked, confidence)


@pytest.mark.parametrize("effect_size", [50.0, 1e6, 1e15])
def test_an_effect_far_beyond_the_noise_takes_two_members_an_arm(effect_size):
    assert power.members_per_arm(effect_size, 0.8, 0.95) == 2.0
