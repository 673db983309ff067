"""Fitted objects are stored as JSON and arrays, come back as they were, and nothing else is let in."""

from dataclasses import dataclass

import numpy as np
import pytest

from membership.base import stored
from membership.base.errors import DataError


@dataclass(frozen=True)
class Part:
    weights: dict
    estimate: object = None


@dataclass(frozen=True)
class Whole:
    name: str
    parts: tuple
    array: np.ndarray
    limit: float


def test_what_is_stored_comes_back_with_its_order_and_without_estimates(tmp_path):
    given = Whole("a", (Part({"z": 0.1, "a": 1 / 3}, estimate="left out"), None), np.arange(3.0), float("inf"))
    stored.save(tmp_path, given)
    found = stored.load(tmp_path, (Whole, Part))
    assert list(found.parts[0].weights.items()) == [("z", 0.1), ("a", 1 / 3)]
    assert (found.name, found.limit, found.parts[1], found.parts[0].estimate) == ("a", float("inf"), None, None)
    np.testing.assert_array_equal(found.array, given.array)


def test_an_unexpected_class_a_missing_file_and_what_cannot_be_stored_are_refused(tmp_path):
    stored.save(tmp_path / "a", Part({}))
    with pytest.raises(DataError, match="not a stored model of this version"):
        stored.load(tmp_path / "a", (Whole,))
    with pytest.raises(DataError, match="no such file"):
        stored.load(tmp_path / "b", (Part,))
    with pytest.raises(TypeError, match="/weights/f: function cannot be stored"):
        stored.save(tmp_path / "c", Part({"f": lambda: 0}))
    assert not (tmp_path / "c").exists()
