"""Ranges of sums of independent normal errors."""

import doctest

import numpy as np
import pandas as pd
import pytest

from membership.stats import ranges


def test_independent_errors_add_up_in_squares():
    assert ranges.sd([3.0, -4.0]) == 5
    assert ranges.sd(pd.DataFrame({"a": [3.0, 0.0], "b": [4.0, 2.0]}), axis=1).tolist() == [5, 2]
    assert ranges.sd([]) == 0


def test_the_interval_agrees_with_draws_and_is_a_point_without_error():
    low, high = ranges.normal(10.0, 2.0, 0.9)
    drawn = np.random.default_rng(1).normal(10, 2, 200_000)
    assert [low, high] == pytest.approx(np.quantile(drawn, [0.05, 0.95]), abs=0.03)
    assert ranges.normal(10.0, 0.0, 0.9) == (10.0, 10.0)


def test_the_examples_in_docstrings_hold():
    assert doctest.testmod(ranges).failed == 0
