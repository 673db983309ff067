import numpy as np
import pandas as pd
import pytest
import steady_buyers
from hypothesis import given
from hypothesis import strategies as st

from membership.base import batches
from membership.repurchase import rhythm
from membership.repurchase.purchase_days import PurchaseDays


def history(*days: list[int], spend: int = 100) -> PurchaseDays:
    counts = [len(one) for one in days]
    flat = np.array([day for one in days for day in one], dtype=np.int64)
    names = pd.Index([f"m{number}" for number in range(len(days))], name="member_id")
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return PurchaseDays(names, np.zeros(len(days), np.int64), starts, flat, np.full(len(flat), spend))


def test_a_rhythm_is_that_computed_by_hand():
    # day 0 is Thursday, 1970-01-01; bought on days 10, 12, 18, 30, seen on day 40
    row = rhythm.at(history([10, 12, 18, 30], []), 40).loc["m0"]
    assert (row["purchase_days"], row["frequency"], row["since"], row["age_days"], row["recency_days"]) == (
        4, 3, 10, 30, 20,
    )  # fmt: skip
    assert (row["gap_mean"], row["gap_last"], row["gap_median"]) == (pytest.approx(20 / 3), 12, 6)
    assert row["gap_three"] == pytest.approx(20 / 3) and row["silence_mean"] == pytest.approx(1.5)
    assert (row["days_7"], row["days_14"], row["days_28"], row["spend_28"]) == (0, 1, 3, 300)
    assert row["gap_spread"] == pytest.approx(np.std([2, 6, 12]) / np.mean([2, 6, 12]))
    assert row["ended_7"] == pytest.approx((1 + 1) / (1 + 1.5))  # one gap of three was 10 days or longer, and ended
    assert row[["weekday_6", "weekday_2"]].tolist() == pytest.approx([1.5 / 7.5, 0.5 / 7.5])  # one Sunday, no Wednesday
    assert row["trend"] == 2 * 3 - 4


def test_who_has_never_bought_has_waited_since_joining_and_has_no_gaps():
    row = rhythm.at(history([10], []), 40).loc["m1"]
    assert (row["bought"], row["since"], row["observed"], row["days_90"]) == (0, 40, 40, 0)
    assert row[["gap_mean", "gap_spread", "ended_7", "last_basket"]].isna().all()


@given(
    st.lists(st.lists(st.integers(0, 60), max_size=25, unique=True).map(sorted), min_size=1, max_size=4),
    st.integers(1, 70),
)
def test_nothing_of_the_day_or_later_enters(days, day):
    whole = history(*days)
    pd.testing.assert_frame_equal(rhythm.at(whole, day), rhythm.at(whole.until(day), day))


def test_blocks_of_members_make_the_same_rows(steady, monkeypatch):
    whole = rhythm.at(steady.history, steady.end)
    parts = [rhythm.at(steady.history.rows(rows), steady.end) for rows in batches.blocks(600, 128)]
    pd.testing.assert_frame_equal(pd.concat(parts), whole)
    assert len(whole) == 600 and steady_buyers.BEGINS + whole["observed"].max() == steady.end
