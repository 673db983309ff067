"""The examples in the docstrings of the models are run."""

import doctest

import pytest

from membership.lifetimes import bgnbd, pareto, spend, subscription


@pytest.mark.parametrize("module", [bgnbd, pareto, spend, subscription], ids=lambda module: module.__name__)
def test_the_example_of_a_model_gives_what_it_says(module):
    found = doctest.testmod(module)
    assert found.attempted >= 2 and found.failed == 0
