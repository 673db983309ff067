"""Exports of more trades: what patients, callers, diners and policyholders did, item rules, files of databases."""

import sqlite3

import pytest

from membership.data.guessing import guess, words
from membership.data.guessing.found import Told


def guessed(folder, **files: list[str]):
    paths = []
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        paths.append(str(folder / f"{name}.csv"))
    return guess.guess(paths, Told())


def days(n: int) -> str:
    return f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}"


def test_patients_appointments_are_of_a_service_whether_they_pay_or_not_and_a_salons_are_a_shops(tmp_path):
    rows = [f"p{n % 7},{days(n)},attended" for n in range(60)]
    paid = [f"{row},20.50" for row in rows]
    assert guessed(tmp_path, appointments=["patient_id,appointment_date,status", *rows]).field == "service"
    assert guessed(tmp_path, paid_appointments=["patient,appointment_date,status,fee", *paid]).field == "service"
    assert guessed(tmp_path, salon=["customer,appointment_date,status,price", *paid]).field == "shop"


def test_numbers_that_could_be_days_of_a_spreadsheet_are_ids_beside_a_date(tmp_path):
    rows = [f"{45000 + n % 7},{38000 + n % 5},{20001 + n % 9},{days(n)},{n}.50" for n in range(60)]
    events = guessed(tmp_path, sales=["cust,art,tag id,dt,amt", *rows]).tables["events"]
    assert events.mapping["columns"] == {"member_id": "cust", "item_id": "art", "at": "dt", "amount": "amt"}


def test_telephone_numbers_are_no_times_where_a_time_is_written_in_fourteen_digits(tmp_path):
    rows = [f"49170{n % 7:07},49151{1234567 + n},2024{n % 12 + 1:02d}03101500,{n + 5}" for n in range(60)]
    found = guessed(tmp_path, cdr=["calling_number,called_number,call_start,duration_sec", *rows])
    events = found.tables["events"].mapping
    assert events["columns"]["member_id"] == "calling_number" and events["columns"]["measure"] == "duration_sec"
    assert events["time_format"] == "%Y%m%d%H%M%S" and found.field == "content"


def test_a_column_of_months_is_a_time(tmp_path):
    rows = [f"a{n % 5},2024-{n // 5 + 1:02d},Team,{n + 1},{12.5 * (n + 1)}" for n in range(60)]
    found = guessed(tmp_path, snapshot=["account_id,month,plan,seats,mrr", *rows])
    assert found.tables["events"].mapping["time_format"] == "%Y-%m" and found.field == "subscription"


@pytest.mark.parametrize(("dishes", "kept"), [(("soup", "tea", "soup"), True), (("soup", "soup"), False)])
def test_equal_rows_are_kept_where_orders_list_an_item_twice_among_others(tmp_path, dishes, kept):
    rows = [f"{n},c{n % 7},{days(n)} 12:00,{dish},7.50" for n in range(40) for dish in dishes]
    assert guessed(tmp_path, lines=["check_no,loyalty_card,opened_at,dish,price", *rows]).repeats == kept


def test_an_order_paid_back_counts_as_none_where_orders_have_a_row_each(tmp_path):
    rows = [f"{n},c{n % 7},{days(n)},{n}.50,{'refunded' if n % 5 == 0 else 'completed'}" for n in range(60)]
    found = guessed(tmp_path, orders=["order_id,customer_id,order_date,amount,order status", *rows])
    assert found.tables["events"].mapping["kinds"] == {"completed": "purchase", "refunded": None}


def test_claims_are_contacts_of_the_policyholder_and_no_money_spent(tmp_path):
    policies = [f"P{n},H{n % 9},Home,2024-01-01,2024-12-31,240.50" for n in range(9)]
    claims = [f"C{n},P{n % 9},{days(n)},{90 + n}.50" for n in range(30)]
    found = guessed(
        tmp_path,
        policies=["policy_no,holder_id,product,inception_date,expiry_date,annual_premium", *policies],
        claims=["claim_no,policy_no,claim_date,claim_amount", *claims],
    )
    events = found.tables["events"]
    assert set(events.converted["member_id"]) == {f"H{n}" for n in range(9)} and "amount" not in events.converted
    assert events.mapping["constants"] == {"kind": "contact"}


@pytest.mark.parametrize(
    ("name", "rule", "members", "columns"),
    [
        ("availability", "available", "store", {"item_id": "sku", "shop": "store", "starts_at": "available_from"}),
        ("availability", "available", "city", {"item_id": "sku", "starts_at": "available_from"}),
        ("blocked", "blocked", "city", None),  # in one shop, of which no member is known: not in all
    ],
)
def test_rules_of_items_hold_in_the_shops_of_members(tmp_path, name, rule, members, columns):
    sales = [f"m{n % 7},S{n % 5},{days(n)},{n}.50" for n in range(60)]
    found = guessed(
        tmp_path,
        sales=["member_id,sku,date,amount", *sales],
        members=[f"member_id,{members}", *(f"m{n},East {n % 2}" for n in range(7))],
        **{name: ["sku,store,available_from", *(f"S{n},East {n % 2},2024-01-01" for n in range(5))]},
    ).tables
    assert ("item_rules" in found) == (columns is not None)
    if columns:
        assert found["item_rules"].mapping["columns"] == columns
        assert found["item_rules"].mapping["constants"] == {"rule": rule}
    assert ("shop" in found["members"].mapping["columns"]) == (members == "store")


def test_a_file_of_sqlite_holds_its_tables_and_members_have_the_key_that_orders_name(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("create table customers (id integer, email text)")
        base.execute("create table empty (id integer, what text)")
        base.execute("create table orders (id integer, customer_id integer, ordered_at text, total real)")
        base.executemany("insert into customers values (?, ?)", [(100 + n, f"p{n}@shop.se") for n in range(9)])
        base.executemany(
            "insert into orders values (?, ?, ?, ?)", [(n, 100 + n % 9, days(n), n + 0.5) for n in range(60)]
        )
    base.close()
    found = guess.guess([str(tmp_path / "shop.db")], Told()).tables
    assert set(found) == {"events", "members"}
    assert set(found["members"].converted["member_id"]) == set(found["events"].converted["member_id"])


def test_names_in_other_scripts_are_read(tmp_path):
    rows = [f"V{n % 7},D{n},{days(n)},面霜{n % 3},{n}.50" for n in range(60)]
    events = guessed(tmp_path, orders=["会员编号,订单号,下单时间,商品名称,实付金额", *rows]).tables["events"]
    assert set(events.mapping["columns"]) >= {"member_id", "order_id", "at", "item_id", "amount"}
    assert words.plain("дата заказа") == "дата заказа"


def test_invoices_among_the_events_beside_contracts_are_what_those_are_paid_by(tmp_path):
    deals = [f"c{n},Team,2024-01-01,2024-12-{n + 10},{20 + n}.50" for n in range(6)]
    log = [f"c{n % 6},{days(n)},{'invoice' if n % 3 else 'login'},{20 + n % 6}.50" for n in range(60)]
    found = guessed(
        tmp_path,
        contracts=["customer_id,plan,start_date,end_date,price", *deals],
        log=["customer_id,timestamp,event,amount", *log],
    )
    assert found.tables["events"].mapping["kinds"] == {"invoice": "renewal", "login": "visit"}
