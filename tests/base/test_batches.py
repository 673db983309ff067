import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from membership.base import batches


@given(st.integers(0, 40), st.integers(1, 12))
def test_blocks_make_up_all_members_in_order(members, size):
    every = np.arange(members)
    parts = [every[block] for block in batches.blocks(members, size)]
    assert np.array_equal(np.concatenate(parts), every)
    assert all(len(part) == size for part in parts[:-1]) and len(parts[-1]) <= size


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 3))
def test_some_members_are_drawn_once_each_sorted_and_always_the_same(members, most, seed):
    rows = batches.some(members, most, seed)
    assert len(rows) == min(members, most) and (np.diff(rows) > 0).all() and set(rows) <= set(range(members))
    assert np.array_equal(rows, batches.some(members, most, seed))


def test_another_seed_draws_others():
    assert not np.array_equal(batches.some(1000, 100, 1), batches.some(1000, 100, 2))
