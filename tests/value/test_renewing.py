"""Value where members pay for contracts: what renewals bring, and what is shown of subscriptions."""

from datetime import date

import numpy as np
import pandas as pd
import paying_members
import pytest
import small_panel

from membership.base import stored
from membership.base.errors import DataError
from membership.data import contracts
from membership.data.contracts import Terms
from membership.data.standing import Book
from membership.lifetimes.renewals import Renewals
from membership.settings import params
from membership.settings.windows import Windows
from membership.value import candidate_models, panel, score, subscriptions

DAYS = (date(2020, 8, 1), date(2020, 9, 1), date(2020, 10, 1))
WINDOWS = Windows(
    start=date(2020, 1, 1), calibration_end=date(2020, 9, 1), validation_end=date(2020, 10, 1),
    holdout_end=date(2021, 1, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    return paying_members.table()


@pytest.fixture(scope="module")
def known(rows):
    """The panel of these members, with no more of its features than the candidate reads."""
    book = Book.of(rows)
    members = pd.Index(sorted(rows["member_id"].unique()), name="member_id")
    return panel.Panel({day: book.standing(day, members) for day in DAYS}, book)


def test_expected_payments_are_those_that_come(rows, known):
    candidate, now = candidate_models.renewals(known), known.now
    made = paying_members.payments(rows)
    after = made[(made["local_at"] >= pd.Timestamp(DAYS[-1])) & (made["local_at"] < pd.Timestamp("2020-12-30"))]
    assert candidate.orders(now, 90).sum() == pytest.approx(len(after), rel=0.12)
    assert candidate.spend(now, 90).sum() == pytest.approx(after["amount"].sum(), rel=0.12)


def test_who_has_no_contract_pays_nothing_and_who_is_paid_up_for_longer_neither(known):
    spend = pd.Series(candidate_models.renewals(known).spend(known.now, 60), known.now.index)
    assert (spend[known.now["plan"].isna()] == 0).all()
    assert (spend[known.now["plan"] == "yearly"] == 0).all()  # due from January on
    assert (spend[known.now["plan"] == "monthly"] > 0.8 * paying_members.MONTHLY).all()


def test_it_learns_nothing_that_came_after_the_cut_off(rows, known):
    later = rows.assign(
        ends_at=rows["ends_at"].mask(rows["ends_at"] > pd.Timestamp(DAYS[-1]), pd.Timestamp("2020-12-01"))
    )
    book = Book.of(later)
    again = panel.Panel({day: book.standing(day, known.now.index) for day in DAYS}, book)
    both = (candidate_models.renewals(one).spend(one.now, 90) for one in (known, again))
    np.testing.assert_array_equal(*both)


def test_without_contracts_the_candidate_is_refused():
    with pytest.raises(DataError, match="contract"):
        candidate_models.renewals(panel.Panel({day: pd.DataFrame() for day in DAYS}))


def test_what_is_stored_says_the_same(known, tmp_path):
    rule = candidate_models.renewals(known).rule
    stored.save(tmp_path / "rule", rule)
    again = stored.load(tmp_path / "rule", score.STORED)
    np.testing.assert_array_equal(again.spend(known.now, 90), rule.spend(known.now, 90))


def test_recurring_revenue_counts_what_runs_by_the_month(rows):
    book = Book.of(rows)
    found = subscriptions.of(book, Renewals.fit(book.lives(WINDOWS.as_of)), WINDOWS)
    day = pd.Timestamp("2020-06-01")
    runs = rows[(rows["starts_at"] < day) & ~(rows["ends_at"] < day)]["plan"].value_counts()
    assert found.revenue.loc[day, "monthly"] == runs["monthly"] * paying_members.MONTHLY
    assert found.revenue.loc[day, "yearly"] == pytest.approx(runs["yearly"] * paying_members.YEARLY / 12)
    assert (found.cohorts[0] == 1).all() and found.cohorts.max().max() == 1
    assert found.plans["members"].sum() == book.running(WINDOWS.as_of, pd.Index(rows["member_id"])).sum()


def test_upgrades_are_told_from_downgrades():
    changes = pd.DataFrame(
        {
            "member_id": ["a", "a", "b", "b"],
            "plan": ["small", "large", "large", "small"],
            "starts_at": pd.to_datetime(["2020-01-01", "2020-03-01", "2020-01-01", "2020-04-01"]),
        }
    )
    terms = {"small": Terms("month", 1, 500), "large": Terms("month", 1, 900)}
    book = Book.of(contracts.from_changes(changes, terms))
    found = subscriptions.of(book, Renewals.fit(book.lives(WINDOWS.as_of)), WINDOWS).changes
    assert found[["plan", "next", "up"]].to_numpy().tolist() == [["large", "small", False], ["small", "large", True]]


def test_nothing_is_shown_where_nobody_has_a_contract():
    assert subscriptions.of(None, None, WINDOWS) is None


def test_a_panel_of_a_shop_has_no_column_of_contracts():
    shop = small_panel.build(small_panel.purchases(20), 20)
    assert "plan" not in shop.now and shop.contracts is None


def test_who_is_paid_up_may_not_be_gone():
    value = pd.DataFrame(
        {"value": [1.0, 1.0], "p_horizon": [0.01, 0.01], "rfm_segment": ["loyal", "loyal"]}, index=["a", "b"]
    )
    settings = params.load("value").value
    assert list(score.groups(value, settings, np.array([True, False]))) == ["others", "may be gone"]
