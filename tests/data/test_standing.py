import numpy as np
import pandas as pd
import pytest

from membership.data import contracts
from membership.data.contracts import Terms
from membership.data.standing import Book

PLANS = {"trial": Terms("day", 7, 0), "basic": Terms("month", 1, 990), "annual": Terms("year", 1, 19900), "churn": None}
CHANGES = [
    ("annual", "trial", "2024-01-01"), ("annual", "annual", "2024-01-08"),
    ("left", "trial", "2024-01-01"), ("left", "basic", "2024-01-08"), ("left", "churn", "2024-03-20"),
    ("stays", "basic", "2024-01-10"), ("tries", "trial", "2024-05-30"), ("upgrades", "basic", "2024-01-10"),
    ("upgrades", "annual", "2024-02-25"),
]  # fmt: skip
DAY = pd.Timestamp("2024-06-01")


@pytest.fixture(scope="module")
def book():
    rows = pd.DataFrame(CHANGES, columns=["member_id", "plan", "starts_at"])
    return Book.of(contracts.from_changes(rows.assign(starts_at=pd.to_datetime(rows["starts_at"])), PLANS))


def members(*ids):
    return pd.Index(ids, name="member_id", dtype="str")


def test_standing_by_hand(book):
    known = book.standing(DAY, members("annual", "left", "nobody", "stays", "tries"))
    assert known["plan"].fillna("").tolist() == ["annual", "", "", "basic", "trial"]
    assert known["paid"].fillna(0).tolist() == [1, 0, 0, 5, 1]  # stays: 10 January to 10 May
    assert known["due_in"].fillna(-1).tolist() == [221, -1, -1, 9, 5]  # 8 January, 10 June, 6 June
    assert known["elapsed"]["stays"] == pytest.approx(22 / 31)
    assert known["ended_days"].fillna(-1).tolist() == [-1, 73, -1, -1, -1]


def test_a_contract_due_today_has_not_been_paid_yet(book):
    known = book.standing(pd.Timestamp("2024-06-10"), members("stays"))
    assert known[["paid", "due_in"]].iloc[0].tolist() == [5, 0]


def test_who_is_paid_up_runs_and_who_left_does_not(book):
    assert book.running(DAY, members("annual", "left", "nobody", "stays")).tolist() == [True, False, False, True]
    assert book.running(pd.Timestamp("2024-03-19"), members("left")).tolist() == [True]


def test_no_later_end_is_seen(book):
    before = book.standing(pd.Timestamp("2024-03-01"), members("left"))
    assert before["plan"].tolist() == ["basic"]
    assert not book.lives(pd.Timestamp("2024-03-01")).set_index("member_id").loc["left", "churned"].any()


def test_who_leaves_within_a_paid_period_is_judged_when_it_is_over(book):
    for day, churned, tenure in (("2024-03-25", False, 2), ("2024-04-09", True, 3)):
        lives = book.lives(pd.Timestamp(day)).set_index(["member_id", "plan"]).loc[("left", "basic")]
        assert (bool(lives["churned"]), int(lives["tenure"])) == (churned, tenure)
    assert lives["notice"] == pytest.approx(12 / 31)  # paid on 8 March, left on the 20th


def test_a_trial_that_goes_over_into_a_plan_was_renewed(book):
    lives = book.lives(DAY).set_index(["member_id", "plan"])
    trial = lives.loc[("annual", "trial")]
    assert (int(trial["tenure"]), trial["next"], bool(trial["moved"])) == (1, "annual", True)
    upgrade = lives.loc[("upgrades", "basic")]  # in the middle of its second month: one renewal seen
    assert (int(upgrade["tenure"]), upgrade["next"], bool(upgrade["changed"])) == (1, "annual", True)


def test_taken_as_just_paid_everybody_has_a_whole_period_to_go(book):
    known = book.paid_today().standing(DAY, members("annual", "stays"))
    assert known["due_in"].tolist() == [364, 29] and known["paid"].tolist() == [2, 6]


def test_before_the_first_contract_nobody_has_one(book):
    early, nobody = pd.Timestamp("2023-12-01"), book.standing(pd.Timestamp("2023-12-01"), members("annual", "left"))
    assert nobody.isna().all().all() and book.lives(early).empty
    assert not book.running(early, members("annual")).any()


def test_nobody_has_a_contract():
    assert Book.of(pd.DataFrame(columns=["member_id", "starts_at"])) is None


def test_due_at_is_a_day(book):
    due = book.due_at(DAY, members("stays", "left"))
    assert due["stays"] == pd.Timestamp("2024-06-10") and np.isnat(due.to_numpy()[1])
