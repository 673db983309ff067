"""Noise of sums and quantiles: its scale by hand, and how near it stays where the budget is large."""

import importlib.util

import numpy as np
import pytest

from membership.base.errors import ParamError
from membership.stats import noise

THERE = importlib.util.find_spec("opendp") is not None
needs_opendp = pytest.mark.skipif(not THERE, reason="OpenDP is not installed: pip install -e '.[privacy]'")


def test_the_scale_is_what_one_person_adds_over_the_budget():
    assert noise.scale(12, 0.5) == 24
    assert noise.within(12, 0.5) == 72  # 24 ln 20 = 71.9


@pytest.mark.skipif(THERE, reason="OpenDP is installed")
def test_without_the_extra_it_is_named():
    with pytest.raises(ParamError, match=r"pip install -e '\.\[privacy\]'"):
        noise.library()


@needs_opendp
def test_with_a_huge_budget_the_sums_are_exact_and_the_quantile_is_the_nearest_round_number():
    assert noise.sums(np.array([0, 5, 1_000_000]), 3, 3_000.0).tolist() == [0, 5, 1_000_000]
    assert noise.quantile(np.repeat([90, 150, 300], [80, 60, 60]), 0.7, 5.0) == 200


@needs_opendp
def test_noise_is_as_wide_as_told_and_no_two_draws_are_equal():
    one, other = (noise.sums(np.zeros(20_000), 2, 0.5) for _ in range(2))
    beyond = np.mean(np.abs(one) > noise.within(2, 0.5))
    assert 0.03 < beyond < 0.07  # 5 %, a standard error of .0015
    assert abs(np.abs(one).mean() - 4) < 0.3  # Laplace's mean distance is its scale; standard error .03
    assert (one != other).any()
