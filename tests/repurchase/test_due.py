"""The next order of who has a contract: on its due date, if it is renewed."""

from datetime import date

import numpy as np
import pandas as pd
import paying_members
import pytest

from membership.base.errors import DataError
from membership.repurchase import purchase_days, rhythm, score
from membership.repurchase.candidates import STORED
from membership.repurchase.rules import Due

DAY = purchase_days.number(date(2020, 10, 1))


def history_of(rows):
    made = paying_members.payments(rows)
    days = (made["local_at"].dt.normalize() - pd.Timestamp("1970-01-01")).dt.days
    bought = pd.DataFrame({"member_id": made["member_id"], "day": days, "spend": made["amount"], "bought": True})
    joined = rows.groupby("member_id")["starts_at"].min()
    bought = bought.assign(visited=False, active=False)
    return purchase_days.of(bought, joined, date(2020, 1, 1), contracts=paying_members.Book.of(rows))


@pytest.fixture(scope="module")
def history():
    return history_of(paying_members.table(members=900))


def test_chances_are_those_of_the_due_date(history):
    known = rhythm.at(history, DAY)
    found = pd.DataFrame(Due.fit(history.until(DAY), DAY).chances(known, DAY, [3, 31]), known.index, [3, 31])
    yearly, monthly = known["plan"] == "yearly", known["plan"] == "monthly"
    assert (found.loc[yearly, 31] < 0.1).all()  # paid up until January
    assert (found.loc[monthly, 31] > 0.7).all()
    assert (found.loc[monthly & (known["due_in"] >= 3), 3] < 0.1).all()


def test_as_many_pay_as_the_chances_say(history):
    known, waited = rhythm.at(history, DAY), history.since(DAY)
    chance = Due.fit(history.until(DAY), DAY).chances(known, DAY, [31])[:, 0]
    came, due = (waited >= 0) & (waited < 31), (known["due_in"] < 31).to_numpy()
    assert chance[due].mean() == pytest.approx(came[due].mean(), abs=0.04)
    assert chance[~due].mean() == pytest.approx(came[~due].mean(), abs=0.02)


def test_the_table_says_when_the_next_payment_falls_due(history):
    model = Due.fit(history.until(DAY), DAY)
    table = score.table(score.Forecast.of(model, history, DAY), history, DAY, 31, [7, 31])
    due = table.set_index("member_id")["due_at"]
    runs = history.contracts.running(date(2020, 10, 1), history.members)
    assert (due[runs] >= pd.Timestamp("2020-10-01")).all() and due[~runs].isna().all()
    assert np.isfinite(table["expected_orders"]).all() and (table["expected_orders"] <= 2.1).all()


def test_blocks_of_members_say_the_same(history):
    model, part = Due.fit(history.until(DAY), DAY), history.only(np.arange(len(history.members)) % 7 == 0)
    whole = pd.Series(model.chances(rhythm.at(history, DAY), DAY, [31])[:, 0], history.members)
    few = model.chances(rhythm.at(part, DAY), DAY, [31])[:, 0]
    np.testing.assert_array_equal(whole[part.members], few)


def test_without_contracts_it_is_refused(steady):
    with pytest.raises(DataError, match="contract"):
        Due.fit(steady.history, DAY)


def test_what_it_is_made_of_can_be_stored():
    assert {"Due", "Renewals", "Plan"} <= {one.__name__ for one in STORED}
