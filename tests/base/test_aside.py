"""What a process of its own computes meanwhile comes back as if it had been computed here."""

import math
import operator
import os

import numpy as np
import pytest

from membership.base.aside import Aside
from membership.base.errors import DataError
from membership.settings import params


def test_several_compute_at_once_and_each_result_is_the_one_of_this_process():
    works = [Aside(np.linalg.norm, np.arange(5.0) + number) for number in range(2)]
    assert [work.result for work in works] == [np.linalg.norm(np.arange(5.0) + number) for number in range(2)]


def test_a_result_can_be_asked_for_again():
    work = Aside(operator.add, [1], [2])
    assert work.result == [1, 2] and work.result is work.result


def test_what_goes_wrong_there_is_raised_here():
    with pytest.raises(ValueError, match="math domain"):
        _ = Aside(math.sqrt, -1).result


def test_errors_of_the_project_keep_their_words():
    with pytest.raises(params.ParamError, match=r"value\.horizon_days"):
        _ = Aside(params.load, "value", {"value.horizon_days": -1}).result


def test_a_process_that_was_ended_is_told_with_its_status_and_what_to_do():
    with pytest.raises(DataError, match=r"status 9.*free some, then run again"):
        _ = Aside(os._exit, 9).result
