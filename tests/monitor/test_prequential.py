"""Forecasts of earlier periods, judged one after the other: by hand, and only what is over."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from test_monitor import END, START, events, facts, predicted

from membership.monitor import prequential

EARLIER = date(2017, 11, 1)
CHANCE = 0.8
MEMBERS = pd.Series(list("abcd"))
BOUGHT = events(
    ("a", "milk", "2017-11-14", 100),  # the last day in time of the first period
    ("b", "milk", "2017-11-15", 100),  # a day too late
    ("c", "milk", "2017-12-01", 100),
    ("a", "milk", "2017-12-14", 100),
    ("b", "milk", "2017-12-02", -100),  # a return is no order
)


def log() -> pd.DataFrame:
    first = predicted(as_of=EARLIER, people=facts(p_repurchase=CHANCE))
    return pd.concat([predicted(people=facts()), first], ignore_index=True)


def test_each_period_is_judged_by_the_orders_in_its_time_and_all_of_them_together():
    found = prequential.table(log(), MEMBERS, BOUGHT, END, 0.95)
    assert found["as_of"].tolist() == [EARLIER, START] and found["members"].tolist() == [4, 4]
    assert found["realised"].tolist() == [0.25, 0.5] and found["predicted"].tolist() == pytest.approx([CHANCE, 0.5])
    losses = [-(np.log(CHANCE) + 3 * np.log(1 - CHANCE)) / 4, np.log(2)]
    assert found["log_loss"].tolist() == pytest.approx(losses)
    expected = [-(CHANCE * np.log(CHANCE) + (1 - CHANCE) * np.log(1 - CHANCE)), np.log(2)]
    assert found["expected"].tolist() == pytest.approx(expected)
    assert found["so_far"].tolist() == pytest.approx([losses[0], np.mean(losses)])


def test_periods_count_by_their_members_and_strangers_not_at_all():
    found = prequential.table(log().iloc[3:], MEMBERS.iloc[:4], BOUGHT, END, 0.95)
    assert found["members"].tolist() == [4, 1]
    assert found["so_far"].iloc[1] == pytest.approx((4 * found["log_loss"].iloc[0] + np.log(2)) / 5)
    assert prequential.table(log(), MEMBERS.iloc[:1], BOUGHT, END, 0.95)["members"].tolist() == [1, 1]


def test_a_period_that_is_not_over_is_not_judged():
    assert prequential.table(log(), MEMBERS, BOUGHT, date(2017, 12, 14), 0.95)["as_of"].tolist() == [EARLIER]
    assert prequential.table(log(), MEMBERS, BOUGHT, EARLIER, 0.95).empty
