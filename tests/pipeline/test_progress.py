"""The line of a running stage: what it took last, and what is left; what fails is not remembered."""

import doctest
import io
import json
from pathlib import Path

import pytest

from membership.base import graph
from membership.pipeline import progress


def test_what_is_left_is_of_this_stage_and_those_after_it(workspace):
    (workspace / "notebooks").symlink_to(Path(__file__).resolve().parents[2] / "notebooks")
    first, *_, last = [node.name for node in graph.nodes()]
    took = {first: 60.0, last: 30.0}
    assert "about 80 s left" in progress.line(first, 10, took)
    assert progress.line(last, 10, took) == f"{last}: 10 s of about 30 s"
    assert progress.line(first, 3, {}) == f"{first}: 3 s"


def test_a_run_that_ends_well_is_remembered_and_one_that_fails_is_not(workspace):
    out = io.StringIO()
    with progress.shown("value", out):
        pass
    with pytest.raises(KeyError), progress.shown("needs", out):
        raise KeyError
    assert json.loads(progress._store().read_text()).keys() == {"value"}
    assert out.getvalue().splitlines()[0] == "value: 0 s"


def test_the_example():
    assert doctest.testmod(progress).failed == 0
