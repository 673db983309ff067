"""Counts over time: as they are for many members, means of longer periods in steps for few."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.report import coarse, few
from membership.settings.privacy import Privacy
from membership.stats import disclosure

WEEKS = pd.DataFrame(
    {
        "week": pd.date_range("2023-01-01", periods=10, freq="7D"),
        "members": [400, 404, 396, 400, 420, 380, 400, 400, 300, 500],
        "orders": [900, 910, 890, 900, 900, 900, 900, 900, 700, 1100],
    }
)


@pytest.fixture
def told(monkeypatch):
    """Set `privacy.told`."""
    return lambda level: monkeypatch.setattr(few, "privacy", lambda: Privacy(told=level))


def test_of_many_members_and_where_nothing_is_asked_the_weeks_stay(told):
    told(None)
    assert coarse.over_time(WEEKS, 10) is WEEKS
    told(0.05)
    pd.testing.assert_frame_equal(coarse.over_time(WEEKS, 10**6), WEEKS, check_dtype=False)


def test_of_fewer_members_four_weeks_are_told_together(told):
    told(0.05)
    found = coarse.over_time(WEEKS, 1_000)  # 7.9 exact numbers are allowed, and 3 periods of 2 columns are 6
    assert found["week"].dt.strftime("%m-%d").tolist() == ["01-01", "01-29", "02-26"]
    assert found["members"].tolist() == [400, 400, 400]
    assert found["orders"].tolist() == [900, 900, 900]


def test_steps_are_round_and_at_least_as_wide_as_asked():
    counts = pd.Series([390.0, 412, 455])
    assert coarse._rounded(counts, 4.0, 10_000).tolist() == [400, 420, 460]  # 4 standard errors are 16.8: steps of 20
    assert coarse._rounded(counts, 0.0, 10_000).tolist() == counts.tolist()


def test_kinds_are_told_apart_and_a_week_without_one_counts(told):
    told(0.05)
    weeks = pd.DataFrame(
        {"week": [WEEKS["week"][n] for n in (0, 0, 1, 3)], "kind": ["view", "buy", "view", "view"],
         "events": [40, 8, 40, 80]}
    )  # fmt: skip
    found = coarse.over_time(weeks, 300).set_index("kind")["events"]  # one period of four weeks, 2.4 numbers allowed
    assert found.to_dict() == {"view": 40, "buy": 2}


def test_each_week_tells_the_mean_of_its_period_and_periods_end_at_week_nought(told):
    told(0.05)
    counts = pd.Series({-2: 10, -1: 30, 0: 100, 1: 200, 2: 100, 3: 200, 4: 70}, name="repeats")
    found = coarse.by_week(counts, 400)  # 3.1 allowed: 3 periods
    assert found.to_dict() == {-2: 20, -1: 20, 0: 150, 1: 150, 2: 150, 3: 150, 4: 70}


@given(st.integers(1, 300), st.integers(1, 6), st.integers(1, 10**6), st.floats(0.01, 0.5))
def test_a_plan_keeps_within_what_is_allowed(weeks, columns, members, level):
    length, step = coarse.plan(weeks, columns, members, level)
    numbers = columns * -(-weeks // length)
    assert disclosure.advantage(numbers * disclosure.kept(step), members) <= level + 1e-9
    assert length in coarse.PERIODS and (step <= coarse.WIDE or length == coarse.PERIODS[-1])


SHARES = pd.DataFrame(
    {"new": [0.30, 0.20, 0.10, 0.20, 0.25, 0.35], "loyal": [0.70, 0.80, 0.90, 0.80, 0.75, 0.65]},
    pd.date_range("2023-01-01", periods=6, freq="MS", name="as_of"),
)


def test_shares_by_month_stay_for_many_and_are_told_by_periods_in_steps_for_few(told):
    told(0.1)
    pd.testing.assert_frame_equal(coarse.shares(SHARES, 10_000), SHARES, check_freq=False)
    found = coarse.shares(SHARES, 60)  # 1.9 exact numbers are allowed: of 6, 5.7 errors; of three, 2.6 errors of .05
    assert found.index.strftime("%m").tolist() == ["01", "03", "05"]
    assert found["new"].tolist() == [0.3, 0.15, 0.3]  # .25, .15 and .30 in steps of .15
    assert found["loyal"].tolist() == [0.75, 0.9, 0.75]
    told(None)
    assert coarse.shares(SHARES, 60) is SHARES


def test_a_share_that_is_hidden_in_a_month_is_hidden_in_its_period(told):
    told(0.1)
    hidden = SHARES.mask(SHARES == 0.2)
    assert coarse.shares(hidden, 60)["new"].isna().tolist() == [True, True, False]


def test_members_known_and_the_share_of_them_who_came_back_are_two_numbers_a_month(told):
    told(0.1)
    months = pd.DataFrame({"start": SHARES.index, "members": [900] * 6, "share": [0.5] * 6})
    pd.testing.assert_frame_equal(coarse.rates(months, 1_000), months, check_freq=False)
    found = coarse.rates(months, 60)
    assert len(found) == 2 and found.columns.tolist() == ["start", "members", "share"]


def test_nothing_that_is_told_is_not_a_number(told):
    told(0.05)
    for members in (0, 1):
        assert np.isfinite(coarse.over_time(WEEKS, members)[["members", "orders"]]).all(axis=None)
    assert coarse.over_time(WEEKS.head(0), 5).empty
