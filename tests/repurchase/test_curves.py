import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.repurchase import curves


def test_between_horizons_the_hazard_is_constant_and_after_the_last_it_goes_on():
    known = np.array([[1 - 0.9**7, 1 - 0.9**7 * 0.8**7]])
    found = curves.within(known, (7, 14), [1, 7, 10, 14, 20])[0]
    left = [0.9, 0.9**7, 0.9**7 * 0.8**3, 0.9**7 * 0.8**7, 0.9**7 * 0.8**13]
    assert found.tolist() == pytest.approx([1 - one for one in left])


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.integers(1, 400))
def test_chances_never_fall_with_the_days_and_are_never_certain(chances, days):
    found = curves.within(np.array([chances]), (7, 14, 30), [days, days + 1, days + 50])[0]
    assert (np.diff(found) >= 0).all() and (found > 0).all() and (found < 1).all()


def test_a_steady_chance_a_day_adds_up_as_independent_days_do():
    assert curves.steady(np.array([0.1]), [1, 3])[0].tolist() == pytest.approx([0.1, 1 - 0.9**3])
