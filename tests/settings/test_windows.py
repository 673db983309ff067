"""`windows.as_of` moves three dates together; null leaves them."""

from datetime import date

import pytest

from membership.base.errors import ParamError
from membership.settings import params
from membership.settings.windows import Windows


def windows(as_of=None) -> Windows:
    return params.parse(params.read(), {"windows.as_of": as_of}).windows


def test_null_is_the_end_of_the_validation_window():
    found = windows()
    assert found.as_of == found.validation_end == date(2017, 12, 1)


def test_all_windows_but_their_start_move_and_keep_their_lengths():
    before, found = windows(), windows("2017-09-30")
    assert found.as_of == found.validation_end == date(2017, 9, 30)
    assert found.start == before.start
    assert (found.validation.days, found.holdout.days) == (before.validation.days, before.holdout.days)


def test_moved_windows_read_again_do_not_move_again():
    found = windows("2017-09-30")
    assert Windows.model_validate(found.model_dump(mode="json")) == found


def test_a_day_that_leaves_nothing_to_fit_on_is_refused_in_one_line():
    with pytest.raises(
        ParamError, match=r"windows = .*with as_of = 2017-01-15 they are 2017-01-01 < 2016-12-16"
    ) as error:
        windows("2017-01-15")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("day", ["yesterday", "2017-02-30", 3.5])
def test_what_is_no_day_is_refused(day):
    with pytest.raises(ParamError, match=r"windows\.as_of = "):
        windows(day)
