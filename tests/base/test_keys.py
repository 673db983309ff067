"""Names of people become keys of metrics: no two share one, and most stay plain."""

import doctest

from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import keys


def test_the_examples_hold():
    assert doctest.testmod(keys).failed == 0


@settings(deadline=None)
@given(st.lists(st.text(max_size=5), unique=True))
def test_two_names_never_share_a_key(names):
    assert len(set(keys.of(names).values())) == len(names)


def test_tiers_that_differ_by_case_alone_have_metrics_of_their_own():
    found = keys.of(["Member", "VIP", "vip"])
    assert found["Member"] == "member" and found["VIP"] != found["vip"]
