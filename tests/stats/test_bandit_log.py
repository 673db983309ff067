"""Logs that can be read, and those that are refused with words."""

import numpy as np
import pytest

from membership.base.errors import DataError
from membership.stats import bandit_log

GOOD = {"arm": [0, 1, 1], "reward": [1.0, 0.0, 2.0], "propensity": [0.5, 0.5, 0.25], "evaluated": [0.25, 0.75]}


def read(**changed):
    return bandit_log.read(**{name: np.array(value) for name, value in (GOOD | changed).items()})


def test_weights_are_evaluated_over_logged_probabilities():
    log = read()
    assert log.weight.tolist() == [0.5, 1.5, 3.0]
    assert (log.rows, log.arms, log.unit.tolist()) == (3, 2, [0, 1, 2])


def test_one_policy_for_all_rows_is_the_same_as_its_rows():
    np.testing.assert_array_equal(read(evaluated=[[0.25, 0.75]] * 3).weight, read().weight)


def test_probabilities_are_those_of_the_rows_position():
    table = np.array([[0.9, 0.2], [0.1, 0.8]])  # arms x positions
    found = bandit_log.at_position(table, np.array([0, 1, 1]))
    assert found.tolist() == [[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"propensity": [0.5, 0.0, 0.25]}, r"1 of 3 rows have a propensity that is not above 0.*\(row 1: 0\)"),
        ({"propensity": [0.5, 1.5, 0.25]}, r"at most 1 \(row 1: 1.5\)"),
        ({"propensity": [0.5, np.nan, 0.25]}, r"1 of 3 rows have no propensity \(row 1\)"),
        ({"reward": [np.nan, 0, np.nan]}, r"2 of 3 rows have no reward \(row 0, row 2\)"),
        ({"reward": [1.0, 0.0]}, "3 arms were logged, but reward 2"),
        ({"unit": ["a", None, "b"]}, r"1 of 3 rows have no unit \(row 1\)"),
        ({"unit": ["a", "b"]}, "3 arms were logged, but unit 2"),
        ({"evaluated": [0.5, 0.6]}, r"do not sum to 1 \(row 0: 1.1"),
        ({"evaluated": [-0.5, 1.5]}, "negative"),
        ({"evaluated": [np.nan, 1.0]}, "do not sum to 1"),
        ({"arm": [0, 2, 1]}, r"none of 0 to 1 \(row 1: 2\)"),
        ({"arm": ["0", "1", "1"]}, r"none of 0 to 1 \(row 0: '0', .*as whole numbers"),
        ({"arm": [0, 0, 0]}, r"no overlap: 75.00% of what .* never logged \(position 0: arms 1\)"),
        ({"arm": [0, 1, 0], "position": [0, 0, 1]}, r"no overlap: 25.00% .*\(position 1: arms 1\)"),
        ({"arm": [], "reward": [], "propensity": []}, "there are no rows"),
    ],
)
def test_bad_logs_are_refused_with_what_is_wrong(changed, words):
    with pytest.raises(DataError, match=words):
        read(**changed)


def test_a_log_without_propensities_is_refused():
    with pytest.raises(DataError, match="the log has no propensities"):
        bandit_log.read([0, 1], [1.0, 0.0], None, np.array([0.5, 0.5]))


def test_unlogged_arms_may_be_allowed_by_a_share():
    log = read(arm=[0, 0, 0], evaluated=[0.99, 0.01], unlogged=0.02)
    np.testing.assert_allclose(bandit_log.never_logged(log), 0.01)


def test_a_position_that_is_not_in_the_table_is_refused():
    with pytest.raises(DataError, match=r"none of 0 to 1 \(row 0: 3\); count positions from 0"):
        bandit_log.at_position(np.full((2, 2), 0.5), np.array([3, 1]))
