from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.repurchase import purchase_days

START = date(2020, 1, 1)
DAY = purchase_days.number(START)


@pytest.fixture
def history():
    """a buys on days 2, 5 and 9, b views on day 4, c buys twice on day 3 and returns it on day 6."""
    rows = [
        ("a", 2, "purchase", 100), ("a", 5, "purchase", 200), ("a", 9, "purchase", 600), ("b", 4, "view", 0),
        ("c", 3, "purchase", 50), ("c", 3, "purchase", 70), ("c", 6, "return", -50), ("stranger", 3, "purchase", 5),
    ]  # fmt: skip
    events = pd.DataFrame(rows, columns=["member_id", "day", "kind", "amount"])
    events["local_at"] = (pd.Timestamp(START) + pd.to_timedelta(events["day"] * 24 + 20, unit="h")).astype(
        "datetime64[us]"
    )
    members = pd.DataFrame(
        {"member_id": ["c", "a", "b"], "joined_at": pd.to_datetime([None, "2019-05-01", "2020-01-04"])}
    )
    return purchase_days.read(ibis.memtable(meant(events)), members, START, date(2020, 2, 1))


def test_a_day_with_several_purchases_is_one_and_returns_and_strangers_are_none(history):
    assert history.members.tolist() == ["a", "b", "c"] and history.starts.tolist() == [0, 3, 3, 4]
    assert (history.days - DAY).tolist() == [2, 5, 9, 3] and history.spend.tolist() == [100, 200, 600, 120]
    assert (history.joined - DAY).tolist() == [0, 3, 0]  # not before the data begin
    assert (history.visits.days - DAY).tolist() == [4]


def test_the_wait_is_counted_from_the_day_itself(history):
    assert history.since(DAY + 5).tolist() == [0, -1, -1]
    assert history.since(DAY + 3).tolist() == [2, -1, 0]
    assert history.present(DAY + 3).tolist() == [True, False, True]


def test_what_was_known_on_a_day_holds_nothing_of_it_or_later(history):
    known = history.until(DAY + 5)
    assert (known.days - DAY).tolist() == [2, 3] and known.starts.tolist() == [0, 1, 1, 2]
    assert len(history.until(DAY + 4).visits.days) == 0


def test_gaps_are_summed_as_logarithms_within_a_member(history):
    sums, before = history.gap_sums(DAY + 30), history.gap_sums(DAY + 9)
    np.testing.assert_allclose(sums["log_gaps"], [np.log(3) + np.log(4), 0, 0])
    np.testing.assert_allclose(sums["inverse_gaps"], [1 / 3 + 1 / 4, 0, 0])
    np.testing.assert_allclose(sums["inverse_squares"], [1 / 9 + 1 / 16, 0, 0])
    np.testing.assert_allclose(before["log_gaps"], [np.log(3), 0, 0])


def test_had_everybody_bought_on_a_day_it_is_the_last_for_the_usual_amount(history):
    also = history.bought_on(DAY + 6)
    assert (also.days - DAY).tolist() == [2, 5, 6, 6, 3, 6] and also.spend.tolist() == [100, 200, 150, 0, 120, 120]
    assert also.starts.tolist() == [0, 3, 4, 6]


def test_a_block_of_members_is_what_they_did(history):
    block = history.rows(slice(1, 3))
    assert block.members.tolist() == ["b", "c"] and (block.days - DAY).tolist() == [3]
    assert history.every(2).members.tolist() == ["a", "c"] and (history.every(2).days - DAY).tolist() == [2, 5, 9, 3]
