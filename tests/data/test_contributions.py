"""What members add to totals by month: by hand, and never more than the limit, whoever joins or leaves."""

from datetime import date

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_activity import bought

from membership.data import contributions
from membership.settings.windows import Windows

DAYS = {"start": date(2017, 1, 1), "calibration_end": date(2017, 2, 1), "holdout_end": date(2018, 1, 1)}


def test_months_are_whole_and_at_most_a_year():
    months = contributions.months(Windows(**DAYS, validation_end=date(2017, 4, 15)))
    assert months.strftime("%m-%d").tolist() == ["01-01", "02-01", "03-01"]
    earlier = DAYS | {"start": date(2015, 3, 5)}
    months = contributions.months(Windows(**earlier, validation_end=date(2017, 4, 1)))
    assert (len(months), months[0], months[-1]) == (12, pd.Timestamp("2016-04-01"), pd.Timestamp("2017-03-01"))
    assert contributions.months(
        Windows(**earlier | {"start": date(2017, 1, 20)}, validation_end=date(2017, 2, 5))
    ).empty


def test_orders_and_net_spend_of_each_member_and_month():
    events = bought(
        ("a", "2017-01-01 00:00", 100),
        ("a", "2017-01-31 23:59", 200),
        ("a", "2017-03-01 00:00", 9),
        ("b", "2017-02-14 12:00", 400),
    )
    found = contributions.by_month(events, pd.date_range("2017-01-01", "2017-02-01", freq="MS"))
    assert found["orders"].to_dict("split")["data"] == [[2, 0], [0, 1]]
    assert found["spend"].to_dict("split")["data"] == [[300, 0], [0, 400]]


def test_without_a_whole_month_there_is_nothing():
    assert contributions.by_month(bought(("a", "2017-01-01 00:00", 100)), pd.DatetimeIndex([]))["orders"].empty


@given(
    arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.integers(0, 50)), st.integers(1, 40)
)
def test_one_member_moves_all_sums_together_by_no_more_than_the_limit(each, most):
    with_all = contributions.limited(each, most).sum(axis=0)
    without_first = contributions.limited(each[1:], most).sum(axis=0)
    assert np.abs(with_all - without_first).sum() <= most
    assert (with_all - without_first).min() >= 0
