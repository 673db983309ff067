import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.data import contracts
from membership.data.contracts import Terms

PLANS = {
    "trial": Terms("day", 7, 0),
    "basic": Terms("month", 1, 990),
    "annual": Terms("year", 1, 19900),
    "churn": None,
}


def rows(*given, **same):
    """Return contracts (member, plan, start, end), monthly at 10.00 unless `same` says otherwise."""
    found = pd.DataFrame(given, columns=["member_id", "plan", "starts_at", "ends_at"])
    found[["starts_at", "ends_at"]] = found[["starts_at", "ends_at"]].apply(pd.to_datetime)
    return found.assign(**{"period": "month", "price": 1000} | same)


def changes(*given):
    found = pd.DataFrame(given, columns=["member_id", "plan", "starts_at"])
    return found.assign(starts_at=pd.to_datetime(found["starts_at"]))


def made(table, end):
    """Return (kind, day, cents) of the events of `table` before `end`."""
    found = contracts.payments(table, pd.Timestamp(end), "UTC", "USD").sort_values("local_at")
    return [(one.kind, f"{one.local_at:%m-%d}", one.amount) for one in found.itertuples()]


def test_a_month_is_due_on_the_day_of_its_start_or_on_the_last_of_a_shorter_month():
    table = contracts.checked(rows(("a", "basic", "2024-01-31 09:00", None)))
    due = [contracts.due(table, number)[0] for number in range(4)]
    assert [f"{one:%m-%d %H}" for one in due] == ["01-31 09", "02-29 09", "03-31 09", "04-30 09"]


def test_dues_are_counted_as_they_fall():
    """Of 500 contracts of any period and length the payment counted last is before the day, and the next is not."""
    rng, many = np.random.default_rng(7), 500
    begins = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 800, many), unit="D")
    until = pd.Series(begins + pd.to_timedelta(rng.integers(0, 3000, many), unit="D"))
    table = pd.DataFrame({"starts_at": begins, "every": rng.integers(1, 15, many)})
    table["period"] = rng.choice(["day", "week", "month", "year"], many)
    number = contracts.dues_before(table, until)
    assert ((number == 0) | (contracts.due(table, number - 1) < until)).all()
    assert (contracts.due(table, number) >= until).all()


def test_the_first_payment_is_a_purchase_and_later_ones_are_renewals_until_the_end_of_the_data():
    table = contracts.checked(rows(("a", "basic", "2024-01-10", None)))
    assert made(table, "2024-03-10") == [("purchase", "01-10", 1000), ("renewal", "02-10", 1000)]
    assert made(table, "2024-03-11")[-1] == ("renewal", "03-10", 1000)


def test_who_ends_a_contract_pays_no_more_and_leaves():
    table = contracts.checked(rows(("a", "basic", "2024-01-10", "2024-02-25")))
    assert [one[:2] for one in made(table, "2024-06-01")] == [
        ("purchase", "01-10"), ("renewal", "02-10"), ("cancel", "02-25")
    ]  # fmt: skip


def test_an_upgrade_within_a_period_is_a_purchase_and_nobody_leaves():
    changed = contracts.from_changes(
        changes(("a", "trial", "2024-01-01"), ("a", "basic", "2024-01-08"), ("a", "annual", "2024-02-20")), PLANS
    )
    assert changed["ends_at"].dt.strftime("%m-%d").fillna("").tolist() == ["01-08", "02-20", ""]
    paid = [("purchase", "01-08", 990), ("renewal", "02-08", 990), ("purchase", "02-20", 19900)]
    assert made(changed, "2024-12-31") == paid


def test_a_row_that_says_left_ends_the_plan_before_it():
    table = contracts.from_changes(changes(("a", "basic", "2024-01-01"), ("a", "churn", "2024-03-15")), PLANS)
    assert table["plan"].tolist() == ["basic"] and table["ends_at"].tolist() == [pd.Timestamp("2024-03-15")]


def test_the_same_plan_again_is_no_change():
    again = changes(("a", "basic", "2024-01-01"), ("a", "basic", "2024-02-01"))
    assert len(contracts.from_changes(again, PLANS)) == 1


def test_another_plan_ends_one_that_runs_on():
    table = contracts.checked(rows(("a", "basic", "2024-01-01", None), ("a", "pro", "2024-05-05", None)))
    assert table["ends_at"].iloc[0] == pd.Timestamp("2024-05-05")


def test_contracts_of_one_period_each_are_one_contract_that_renews():
    table = contracts.checked(
        rows(
            ("a", "basic", "2024-01-31", "2024-02-29"),
            ("a", "basic", "2024-02-29", "2024-03-29"),
            ("b", "basic", "2024-01-10", "2024-02-10"),
            ("b", "basic", "2024-02-20", "2024-03-20"),
            auto_renew=False,
        )
    )
    assert table["member_id"].tolist() == ["a", "b", "b"]
    assert table["ends_at"].iloc[0] == pd.Timestamp("2024-03-29")


def test_without_renewal_a_contract_ends_with_its_first_period():
    table = contracts.checked(rows(("a", "basic", "2024-01-10", None), auto_renew=False))
    assert table["ends_at"].tolist() == [pd.Timestamp("2024-02-10")]


def test_what_is_to_come_is_not_known():
    table = contracts.checked(rows(("a", "basic", "2024-01-10", "2024-06-01"), ("b", "basic", "2024-03-01", None)))
    known = contracts.known_at(table, pd.Timestamp("2024-02-01"))
    assert known["member_id"].tolist() == ["a"] and known["ends_at"].isna().all()


def test_events_do_not_change_when_data_grow():
    table = contracts.checked(rows(("a", "basic", "2024-01-10", None)))
    early, late = (contracts.payments(table, pd.Timestamp(end), "UTC", "USD") for end in ("2024-03-01", "2024-06-01"))
    assert set(early["event_id"]) < set(late["event_id"])


@pytest.mark.parametrize(
    ("bad", "row"),
    [
        (rows(("a", "basic", "2024-03-01", "2024-02-01")), "0"),
        (rows(("a", "basic", "2024-01-01", "2024-05-01"), ("a", "pro", "2024-04-01", None)), "0"),
        (rows(("a", "basic", "2024-01-01", None), ("a", "basic", "2024-04-01", None)), "1"),
        (rows(("a", "basic", "2024-03-01", None), price=-5), "0"),
        (rows(("a", "basic", "2024-03-01", None), price=None), "0"),
        (rows(("a", "basic", "2024-03-01", None), period="fortnight"), "0"),
        (rows(("a", "basic", None, None)), "0"),
    ],
)
def test_a_contradiction_names_file_and_row(bad, row):
    with pytest.raises(DataError) as caught:
        contracts.checked(bad.assign(file="plans.csv", row=bad.index + 10))
    assert "plans.csv" in str(caught.value) and f"row 1{row}" in str(caught.value)


def test_changes_to_a_plan_that_nobody_described_are_refused():
    with pytest.raises(DataError, match="platinum"):
        contracts.from_changes(changes(("a", "platinum", "2024-01-01")), PLANS)
    with pytest.raises(DataError, match="same time"):
        contracts.from_changes(changes(("a", "basic", "2024-01-01"), ("a", "annual", "2024-01-01")), PLANS)
