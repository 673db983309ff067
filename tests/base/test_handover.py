"""What is handed to another process comes back equal to the last bit, and is never code."""

import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from membership.base import handover
from membership.settings.train import Train

KINDS = (np.bool_, np.int8, np.int64, np.float32, np.float64, "<U3")
SETTINGS = {"learning_rate": 0.1 + 0.2, "weight_decay": 1e-300, "dropout": 0.5, "hidden": 3}


@dataclass(frozen=True)
class Pair:
    """Two things."""

    left: object
    right: object


def back(thing, *classes):
    file = io.BytesIO()
    head = handover.write(file, thing)
    return handover.read(memoryview(bytearray(file.getvalue())), head, classes)


@settings(deadline=None)
@given(st.sampled_from(KINDS).flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(min_side=0, max_dims=3))))
def test_an_array_keeps_its_type_shape_order_and_every_bit(array):
    for one in (array, array.T, np.asfortranarray(array)):
        found = back(one)
        assert (found.dtype, found.shape, found.tobytes()) == (one.dtype, one.shape, one.tobytes())
        assert found.flags.f_contiguous == one.flags.f_contiguous and found.flags.writeable


def test_what_a_search_is_made_of_comes_back():
    matrix = sparse.random_array((5, 4), density=0.4, format="csr", rng=np.random.default_rng(1))
    given_ = Pair(
        [matrix, date(2017, 1, 31), None, 0.1 + 0.2, ("a", True)], Pair(Path("a/b"), Train(settings=SETTINGS))
    )
    found = back(given_, Pair, Train)
    for name in ("data", "indices", "indptr"):
        mine, other = getattr(found.left[0], name), getattr(matrix, name)
        assert mine.dtype == other.dtype and np.array_equal(mine, other)
    assert found.left[1:] == [date(2017, 1, 31), None, 0.1 + 0.2, ["a", True]]
    assert found.right == given_.right


def test_what_is_not_data_is_refused_on_both_sides():
    for thing in (print, np.array([print]), object()):
        with pytest.raises(TypeError, match="cannot be handed to another process"):
            handover.write(io.BytesIO(), thing)
    with pytest.raises(KeyError, match="Pair"):
        back(Pair(1, 2))
