"""Exports of other trades, by their headers: what is looked at, rated, missed or counted from a start nobody tells."""

import pytest

from membership.data.guessing import guess
from membership.data.guessing.found import Told


def guessed(folder, **files: list[str]):
    paths = []
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        paths.append(str(folder / f"{name}.csv"))
    return guess.guess(paths, Told())


def test_ratings_are_no_money_and_films_with_small_numbers_are_no_members(tmp_path):
    rows = [f"{n % 7},{n % 19},{n % 10 / 2 + 0.5},{964982703 + n * 40000}" for n in range(60)]
    films = [f"{n},Film {n} (1995),Comedy" for n in range(19)]
    found = guessed(
        tmp_path, ratings=["userId,movieId,rating,timestamp", *rows], movies=["movieId,title,genres", *films]
    )
    assert found.tables["events"].mapping["constants"] == {"kind": "rating"}
    assert found.tables["events"].mapping["columns"]["measure"] == "rating"
    assert found.tables["items"].mapping["columns"]["item_id"] == "movieId" and "members" not in found.tables
    assert found.field == "content"


def test_an_appointment_is_a_visit_on_its_day_unless_it_was_missed(tmp_path):
    head = "PatientId,AppointmentID,ScheduledDay,AppointmentDay,No-show"
    rows = [
        f"{n % 7}000{n % 7},{5600 + n},2016-04-{n % 20 + 1:02d}T10:00:00Z,2016-05-{n % 28 + 1:02d}T00:00:00Z,"
        f"{'Yes' if n % 5 == 0 else 'No'}"
        for n in range(60)
    ]
    events = guessed(tmp_path, noshow=[head, *rows]).tables["events"].mapping
    assert events["columns"]["at"] == "AppointmentDay" and events["kinds"] == {"No": "visit", "Yes": None}


def test_days_since_a_start_that_nobody_tells_are_days_and_clicks_are_no_money(tmp_path):
    rows = [f"AAA,{28400 + n % 7},{546614 + n % 9},{n - 10},{n % 4 + 1}" for n in range(60)]
    found = guessed(tmp_path, vle=["code_module,id_student,id_site,date,sum_click", *rows])
    events = found.tables["events"]
    assert "amount" not in events.mapping["columns"] and events.mapping["constants"] == {"kind": "view"}
    first, last = events.converted["at"].iloc[[0, -1]]
    assert (first, last) == ("2000-12-22 00:00:00", "2001-02-19 00:00:00")
    assert {remark.code for remark in events.remarks} >= {"since_nothing"}


@pytest.mark.parametrize("name", ["Drug", "Project ID", "Title"])
def test_what_was_had_is_the_item_also_where_only_its_name_is_known(tmp_path, name):
    rows = [f"{4000 + n % 7},2024-01-{n % 28 + 1:02d},X{n % 5}" for n in range(60)]
    found = guessed(tmp_path, dispensed=[f"NHS_No,Dispensed,{name}", *rows])
    assert found.tables["events"].mapping["columns"]["item_id"] == name


@pytest.mark.parametrize(("plan", "void"), [("is_auto_renew", "cancel"), ("queue", None)])
def test_what_was_cancelled_is_the_contract_where_a_plan_renews_itself(tmp_path, plan, void):
    rows = [f"m{n % 7}=,1,{149}.00,2016-{n % 12 + 1:02d}-11,{int(n % 6 == 5)}" for n in range(60)]
    found = guessed(tmp_path, transactions=[f"msno,{plan},actual_amount_paid,transaction_date,is_cancel", *rows])
    assert found.tables["events"].mapping["kinds"] == {"0": "purchase", "1": void}


def test_a_bill_is_for_the_plan_that_it_names(tmp_path):
    rows = [f"m{n % 7},2024-{n % 12 + 1:02d}-01,{('S', 'L')[n % 2]},{n}.50" for n in range(60)]
    found = guessed(tmp_path, bills=["account_no,billed_on,tariff,amount", *rows])
    assert found.tables["events"].mapping["columns"]["item_id"] == "tariff"


@pytest.mark.parametrize(
    ("head", "cells", "kinds"),
    [
        ("status,paid", ("SUCCESS,5.50", "FAILED,5.50"), {"SUCCESS": "purchase", "FAILED": None}),
        ("transaction_type,barcode", ("Loan,b1", "Return,b1"), {"Loan": "purchase", "Return": None}),  # lent, not sold
        ("transaction_type,amount", ("Sale,5.50", "Return,-5.50"), {"Sale": "purchase", "Return": "return"}),
    ],
)
def test_what_failed_or_was_brought_back_is_no_order(tmp_path, head, cells, kinds):
    rows = [f"m{n % 7},2024-{n % 12 + 1:02d}-{n % 28 + 1:02d},{cells[n % 2]}" for n in range(60)]
    assert guessed(tmp_path, log=[f"msisdn,date,{head}", *rows]).tables["events"].mapping["kinds"] == kinds


def test_the_name_of_a_show_is_what_was_bought_on_the_day_of_buying(tmp_path):
    rows = [
        f"f{n % 7}@x.org,Show {n % 3},2025-01-{n % 28 + 1:02d},2024-05-{n % 28 + 1:02d},{n % 3 + 1},35.50"
        for n in range(60)
    ]
    found = guessed(tmp_path, sales=["buyer_email,event_name,event_date,purchased_at,tickets,price_each", *rows])
    columns = found.tables["events"].mapping["columns"]
    assert (columns["item_id"], columns["at"], columns["quantity"]) == ("event_name", "purchased_at", "tickets")


def test_points_with_their_sign_are_books_and_what_earned_them_a_purchase(tmp_path):
    rows = ["m1,2024-01-05,EARN,120", "m1,2024-02-05,BURN,-100", "m2,2024-02-06,EARN,50", "m2,2024-03-01,EXPIRE,-50"]
    found = guessed(tmp_path, ledger=["member_no,posting_date,txn_type,points", *rows])
    books = found.tables["points"].converted[["earned", "redeemed", "expired"]].astype(int)
    assert books.to_numpy().tolist() == [[120, 0, 0], [0, 100, 0], [50, 0, 0], [0, 0, 50]]
    events = found.tables["events"].mapping
    assert [kind for kind in events["kinds"].values() if kind] == ["purchase"] and "amount" not in events["columns"]


def test_a_column_a_month_of_what_is_no_money_is_a_measure(tmp_path):
    rows = [f"m{n},{n}.5,{n + 1}.5,{n + 2}.5" for n in range(1, 20)]
    columns = guessed(tmp_path, kwh=["meter_id,2024-01,2024-02,2024-03", *rows]).tables["events"].mapping["columns"]
    assert "measure" in columns and "amount" not in columns


def test_files_of_several_kinds_have_the_member_that_all_of_them_name(tmp_path):
    usage = [f"ws{n % 6},u{n % 9}@x.io,login,2024-{n % 12 + 1:02d}-03" for n in range(60)]
    bills = [f"in{n},ws{n % 6},2024-{n % 12 + 1:02d}-01,49.00" for n in range(36)]
    found = guessed(
        tmp_path,
        usage=["workspace_id,user_email,event,timestamp", *usage],
        invoices=["invoice_id,workspace_id,invoice_date,amount_due", *bills],
    )
    assert set(found.tables["events"].converted["member_id"]) == {f"ws{n}" for n in range(6)}


def test_what_else_two_files_share_is_no_member(tmp_path):
    shop = [f"c{n % 6},2024-{n % 12 + 1:02d}-03,SKU{n % 5},DE,5.50" for n in range(60)]
    web = [f"v{n % 7},2024-{n % 12 + 1:02d}-01,SKU{n % 5},DE,view" for n in range(60)]
    found = guessed(
        tmp_path,
        orders=["customer_id,order_date,sku,country,paid", *shop],
        clicks=["visitor_id,clicked_at,sku,country,event", *web],
    )
    assert set(found.tables["events"].converted["member_id"].str[0]) == {"c", "v"}
