"""Policies, passes and subscriptions: what is a contract, for how long, and what several at a time come to."""

import pytest

from membership.data.guessing import guess
from membership.data.guessing.found import Told


def guessed(folder, **texts: list[str]):
    for name, lines in texts.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return guess.guess([str(folder / f"{name}.csv") for name in texts], Told())


def test_policies_are_contracts_and_known_until_the_last_end(tmp_path):
    rows = ["P1,c1,Full,2024-01-05,,40.00,monthly", "P2,c2,Basic,2024-02-05,2024-08-05,120.00,quarterly"]
    head = "policy_number,customer_number,cover,policy_start,policy_end,premium,payment_frequency"
    found = guessed(tmp_path, policies=[head, *rows])
    contracts = found.tables["contracts"]
    assert contracts.converted[["period", "every"]].to_numpy().tolist() == [["month", "1"], ["month", "3"]]
    assert (contracts.mapping["until"], found.field) == ("2024-08-06", "subscription")


@pytest.mark.parametrize(
    ("ends", "terms"),
    [
        (("2025-01-05", "2025-02-05"), {"period": "year", "every": 1, "auto_renew": False}),
        (("2024-04-05", "2024-05-05"), {"period": "month", "every": 3, "auto_renew": False}),
        (("2024-01-15", "2024-02-15"), {"period": "day", "every": 10, "auto_renew": False}),
        (("2024-03-05", "2025-02-05"), {"period": "month"}),  # of two lengths: each is paid by the month until it ends
        (("2025-01-05", ""), {"period": "month"}),
    ],
)
def test_passes_that_all_last_as_long_are_paid_once(tmp_path, ends, terms):
    rows = [f"p1,Family,2024-01-05,{ends[0]},60.00", f"p2,Family,2024-02-05,{ends[1]},60.00"]
    found = guessed(tmp_path, passes=["pass_no,pass_type,valid_from,valid_to,price", *rows])
    assert found.tables["contracts"].mapping["plans"] == {"Family": terms}


def test_what_a_pass_is_for_is_the_product_where_nothing_is_called_a_plan(tmp_path):
    rows = [f"s{n},{('Weekend', 'Daily')[n % 2]},2024-01-{n + 1:02d},,22.50,month" for n in range(6)]
    found = guessed(tmp_path, subscriptions=["subscriber_no,product,start_date,end_date,price,billing", *rows])
    assert found.tables["contracts"].mapping["columns"]["plan"] == "product"


def test_pauses_of_contracts_are_neither_events_nor_members(tmp_path):
    rows = [f"s{n},Daily,2024-01-{n + 1:02d},,22.50,month" for n in range(6)]
    found = guessed(
        tmp_path,
        subscriptions=["subscriber_no,edition,start_date,end_date,price,billing", *rows],
        pauses=["subscriber_no,pause_from,pause_to", "s1,2024-03-01,2024-03-14", "s2,2024-03-01,2024-03-14"],
    )
    assert set(found.tables) == {"contracts"} and len(found.unused) == 1


def test_policies_beside_each_other_become_payments_and_the_last_end_means_leaving(tmp_path):
    rows = [
        "P1,c1,home,2023-01-10,,100.00,yearly",
        "P2,c1,motor,2023-03-10,2024-03-10,200.00,yearly",  # home runs on: c1 has not left
        "P3,c2,motor,2023-02-01,2024-02-01,300.00,yearly",
    ]
    head = "policy_no,policyholder_no,product,inception_date,cancellation_date,annual_premium,payment_frequency"
    found = guessed(tmp_path, policies=[head, *rows])
    events = found.tables["events"].converted
    assert set(found.tables) == {"events"} and found.field == "subscription"
    assert sorted(events[["member_id", "item_id", "kind", "at", "amount"]].fillna("").to_numpy().tolist()) == [
        ["c1", "home", "purchase", "2023-01-10", "100.00"],
        ["c1", "home", "renewal", "2024-01-10", "100.00"],
        ["c1", "motor", "purchase", "2023-03-10", "200.00"],
        ["c2", "", "cancel", "2024-02-01", "0.00"],
        ["c2", "motor", "purchase", "2023-02-01", "300.00"],
    ]


def test_a_change_of_plan_is_not_two_contracts_at_a_time(tmp_path):
    rows = ["P1,c1,home,2023-01-10,2023-06-10,100.00,yearly", "P2,c1,motor,2023-06-10,,200.00,yearly"]
    head = "policy_no,policyholder_no,cover,policy_start,policy_end,premium,payment_frequency"
    assert set(guessed(tmp_path, policies=[head, *rows]).tables) == {"contracts"}
