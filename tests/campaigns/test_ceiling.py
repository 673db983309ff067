"""Shifts of log-odds: two at once, as the general rule has them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from membership.campaigns import ceiling

SHIFTS = arrays.arrays(float, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-5, 5) | st.just(0.25))


@settings(max_examples=200, deadline=None)
@given(SHIFTS, st.floats(0, 1))
def test_a_pair_is_the_general_rule_to_the_last_digit(shifts, overlap):
    joint, _ = ceiling.combined(shifts, overlap)
    np.testing.assert_array_equal(ceiling.pair(*shifts.T, overlap), joint)
