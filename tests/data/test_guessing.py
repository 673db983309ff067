"""What is guessed of people's own files: twelve messy ones, written here, and what the pipeline then reads of each.

Each file holds the same few orders, written in another way: `TRUTH` says what has to come out of all of them.
"""

import gzip
import json
import sqlite3
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.data.guessing import guess
from membership.data.guessing.found import Told
from membership.data.sources import files
from membership.settings.dataset import Files

NOTHING = Told()
BIG = 9_007_199_254_740_993  # 2**53 + 1: a float takes it for its neighbour
DAYS = ["2023-01-05", "2023-01-17", "2023-02-03", "2023-02-28", "2023-03-15", "2023-04-21"]
CENTS = [123_450, 9_990, 2_550, -2_550, 1_000_025, 700]
WHO = ["k1", "k2", "k1", "k1", "k3", "k2"]


def guessed(tmp_path, name: str, text: str | bytes, told: Told = NOTHING):
    path = tmp_path / name
    raw = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return guess.guess([str(path)], told)


def read(found, tmp_path, monkeypatch):
    """The events that the pipeline's reader makes of what was guessed, in the order of time."""
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(tmp_path))
    tables = {}
    for name, one in found.tables.items():
        path = f"{name}.parquet"
        if one.converted is not None:
            one.converted.astype("str").where(one.converted.notna(), None).to_parquet(tmp_path / path)
        else:
            path = one.sources[0].path.name
        tables[name] = {"paths": [path], **one.mapping}
    return files.read(Files.model_validate(tables), found.timezone, found.currency)


def assert_right(found, tmp_path, monkeypatch, who=WHO, cents=CENTS, days=DAYS):
    events = read(found, tmp_path, monkeypatch).events.sort_values(["local_at", "amount"], ascending=[True, False])
    assert events["member_id"].tolist() == list(who)
    assert events["amount"].tolist() == list(cents)
    assert events["local_at"].dt.strftime("%Y-%m-%d").tolist() == list(days)


def lines(*cells, sep=";"):
    return [sep.join(row) for row in zip(*cells, strict=True)]


def german(cents: int) -> str:
    whole, rest = divmod(abs(cents), 100)
    return ("-" if cents < 0 else "") + f"{whole:,}".replace(",", ".") + f",{rest:02d}"


def dmy(day: str) -> str:
    return datetime.fromisoformat(day).strftime("%d.%m.%Y")


# --- twelve messy files ---------------------------------------------------------------------------------------------


def test_1_windows_encoding_semicolons_decimal_commas_and_thousands_points(tmp_path, monkeypatch):
    rows = lines(WHO, map(dmy, DAYS), map(german, CENTS), ["Käse", "Brötchen", "Öl", "Öl", "Möbel", "Tee"])
    text = "\r\n".join(["Kundennummer;Bestelldatum;Betrag;Artikel", *rows])
    found = guessed(tmp_path, "umsatz.csv", text.encode("cp1252"))
    assert found.tables["events"].mapping["encoding"] == "cp1252"
    assert_right(found, tmp_path, monkeypatch)
    assert "Käse" in read(found, tmp_path, monkeypatch).events["item_id"].tolist()


def test_2_a_byte_order_mark_and_tabs(tmp_path, monkeypatch):
    rows = lines(WHO, DAYS, [f"{cents / 100:.2f}" for cents in CENTS], sep="\t")
    found = guessed(tmp_path, "orders.tsv", b"\xef\xbb\xbf" + "\n".join(["customer_id\tdate\ttotal", *rows]).encode())
    assert_right(found, tmp_path, monkeypatch)


def test_3_utf_16_and_signs_of_currency(tmp_path, monkeypatch):
    amounts = [f"{'-' if cents < 0 else ''}€{abs(cents) / 100:,.2f}" for cents in CENTS]
    rows = lines(WHO, DAYS, amounts)
    found = guessed(tmp_path, "orders.csv", "\n".join(["Client;Order date;Amount", *rows]).encode("utf-16"))
    assert (found.currency, found.currency_by) == ("EUR", "sign")
    assert_right(found, tmp_path, monkeypatch)


def test_4_epoch_milliseconds_and_ids_beyond_floats(tmp_path, monkeypatch):
    ids = {name: str(BIG + number) for number, name in enumerate(("k1", "k2", "k3"))}
    times = [str(int(pd.Timestamp(f"{day} 12:00", tz="UTC").timestamp() * 1000)) for day in DAYS]
    rows = lines([ids[name] for name in WHO], times, [f"{cents / 100:.2f}" for cents in CENTS], sep=",")
    found = guessed(tmp_path, "log.csv", "\n".join(["user_id,ts,revenue", *rows]))
    assert_right(found, tmp_path, monkeypatch, who=[ids[name] for name in WHO])


def test_5_days_of_a_spreadsheet_in_text(tmp_path, monkeypatch):
    serial = [str((pd.Timestamp(day) - pd.Timestamp("1899-12-30")).days) for day in DAYS]
    rows = lines(WHO, serial, [f"{cents / 100:.2f}" for cents in CENTS], sep=",")
    found = guessed(tmp_path, "export.csv", "\n".join(["Customer No,Invoice Date,Sales", *rows]))
    assert found.tables["events"].mapping["time_format"] == "excel_days"
    assert_right(found, tmp_path, monkeypatch)


def test_6_an_excel_sheet_with_a_title_above_its_header(tmp_path, monkeypatch):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Orders of 2023"])
    sheet.append([])
    sheet.append(["Customer ID", "Order Date", "Total"])
    for name, day, cents in zip(WHO, DAYS, CENTS, strict=True):
        sheet.append([name, datetime.fromisoformat(day), cents / 100])
    book.save(tmp_path / "orders.xlsx")
    assert_right(guess.guess([str(tmp_path / "orders.xlsx")], Told()), tmp_path, monkeypatch)


def test_7_leading_zeros_stay(tmp_path, monkeypatch):
    ids = {"k1": "00017", "k2": "00230", "k3": "01999"}
    rows = lines(
        [ids[name] for name in WHO], [day.replace("-", "/") for day in DAYS], [f"{c / 100:.2f}" for c in CENTS], sep="|"
    )
    found = guessed(tmp_path, "sales.csv.gz", "\n".join(["cust_id|purchase_date|amount_paid", *rows]))
    assert_right(found, tmp_path, monkeypatch, who=[ids[name] for name in WHO])


def test_8_two_lines_of_header(tmp_path, monkeypatch):
    rows = lines(WHO, ["b1", "b2", "b3", "b3", "b4", "b5"], map(dmy, DAYS), map(german, CENTS))
    text = "\n".join(["Kunde;Bestellung;;", "Kundennr;Bestellnr;Datum;Summe", *rows])
    found = guessed(tmp_path, "bestellungen.csv", text)
    assert found.tables["events"].mapping["header_line"] == 2
    assert_right(found, tmp_path, monkeypatch)
    assert read(found, tmp_path, monkeypatch).events["order_id"].nunique() == 5


def test_9_a_line_of_units_below_the_header_and_day_first(tmp_path, monkeypatch):
    times = [datetime.fromisoformat(day).strftime("%d/%m/%Y 09:30") for day in DAYS]
    rows = lines(WHO, times, [f"{cents / 100:.2f}" for cents in CENTS], sep=",")
    found = guessed(tmp_path, "bookings.csv", "\n".join(["Client,Date,Amount", "code,dd/mm/yyyy,GBP", *rows]))
    assert_right(found, tmp_path, monkeypatch)


def test_10_negative_refunds_prices_of_a_unit_and_quantities(tmp_path, monkeypatch):
    header = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID"
    bought = [
        f"{570 + day},{item},{number},2023-01-{day:02d} 10:00,{price},{who}.0"
        for day, who in ((2, 11), (3, 12), (9, 11), (20, 12))
        for item, price in (("a", "2.50"), ("b", "10.00"), ("c", "0.75"))
        for number in (day % 4 + 1,)
    ]
    found = guessed(tmp_path, "retail.csv", "\n".join([header, *bought, "C580,a,-1,2023-01-25 10:00,2.50,11.0"]))
    data = read(found, tmp_path, monkeypatch)
    assert found.tables["events"].mapping["amount"] == "unit_price"
    assert data.events.loc[data.events["order_id"] == "C580", "amount"].tolist() == [-250]
    assert set(data.members["member_id"]) == {"11", "12"}
    assert data.events["amount"].sum() == (3 + 4 + 2 + 1) * 1325 - 250


def test_11_nested_objects_a_line_each(tmp_path, monkeypatch):
    rows = [
        {"person": name, "event": "transaction", "when": f"{day}T10:00:00Z", "value": {"amount": cents / 100}}
        for name, day, cents in zip(WHO, DAYS, CENTS, strict=True)
    ] + [{"person": "k1", "event": "offer viewed", "when": "2023-01-01T10:00:00Z", "value": {"offer id": "o1"}}]
    found = guessed(tmp_path, "log.jsonl", "\n".join(map(json.dumps, rows)))
    assert_right(found, tmp_path, monkeypatch)


def test_12_a_column_a_month(tmp_path, monkeypatch):
    text = "customer;segment;Jan 2023;Feb 2023;Mar 2023\nk1;a;10,50;;3,00\nk2;b;0,00;7,25;0\nk3;a;;;1.200,00\n"
    found = guessed(tmp_path, "months.csv", text)
    who, cents = ["k1", "k2", "k3", "k1"], [1050, 725, 120_000, 300]
    assert_right(found, tmp_path, monkeypatch, who, cents, ["2023-01-01", "2023-02-01", "2023-03-01", "2023-03-01"])


# --- other layouts --------------------------------------------------------------------------------------------------


def test_orders_and_their_lines_are_joined_by_the_order(tmp_path, monkeypatch):
    (tmp_path / "orders.csv").write_text(
        "order_id,customer_id,order_date\n" + "\n".join(f"{n},c{n % 3},2023-01-{n:02d}" for n in range(1, 10))
    )
    (tmp_path / "order_items.csv").write_text(
        "order_id,product_id,price\n" + "\n".join(f"{n},p{n % 2},{n}.50\n{n},p3,1.00" for n in range(1, 10))
    )
    found = guess.guess([str(tmp_path / "orders.csv"), str(tmp_path / "order_items.csv")], Told())
    events = read(found, tmp_path, monkeypatch).events
    assert (len(events), events["order_id"].nunique(), events["amount"].sum()) == (18, 9, 4950 + 900)


def test_members_and_items_are_known_by_their_keys(tmp_path):
    (tmp_path / "sales.csv").write_text(
        "customer_id,product_id,date,amount\n"
        + "\n".join(f"c{n % 3},p{n % 2},2023-01-{n:02d},5.00" for n in range(1, 10))
    )
    (tmp_path / "a.csv").write_text("id,city\nc0,Bonn\nc1,Ulm\nc2,Ulm\nc3,Bonn\n")
    (tmp_path / "b.csv").write_text("id,title\np0,Tea\np1,Jam\n")
    found = guess.guess([str(tmp_path / name) for name in ("sales.csv", "a.csv", "b.csv")], Told())
    assert {table: one.sources[0].stem for table, one in found.tables.items()} == {
        "events": "sales",
        "members": "a",
        "items": "b",
    }


def test_a_table_of_a_database_is_read_by_its_url(tmp_path, monkeypatch):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        rows = pd.DataFrame({"customer_id": WHO, "order_date": DAYS, "amount": [cents / 100 for cents in CENTS]})
        rows.to_sql("orders", base, index=False)
    found = guess.guess([f"sqlite:///{tmp_path / 'shop.db'}::orders"], Told())
    assert_right(found, tmp_path, monkeypatch)


def test_kinds_are_known_by_their_words_and_others_left_out(tmp_path):
    rows = [
        f"u{n % 4},i{n % 3},{kind},2023-01-{n % 28 + 1:02d} 10:00"
        for n in range(40)
        for kind in ("view", "add_to_cart", "buy", "xyz")
    ]
    found = guessed(tmp_path, "events.csv", "\n".join(["user_id,item_id,event_type,timestamp", *rows]))
    assert found.tables["events"].mapping["kinds"] == {
        "add_to_cart": "cart",
        "buy": "purchase",
        "view": "view",
        "xyz": None,
    }


def test_what_the_person_says_goes_before_every_guess(tmp_path):
    rows = [f"a{n % 3},b{n % 4},2023-01-{n:02d},5.00" for n in range(1, 20)]
    text = "\n".join(["customer,client,date,amount", *rows])
    assert guessed(tmp_path, "x.csv", text).tables["events"].parts["member_id"].others == ("client",)
    told = Told(roles={"member_id": "client"}, currency="SEK", timezone="Europe/Stockholm")
    found = guessed(tmp_path, "x.csv", text, told)
    assert found.tables["events"].mapping["columns"]["member_id"] == "client"
    assert (found.currency, found.timezone) == ("SEK", "Europe/Stockholm")


def test_a_column_that_is_called_like_an_amount_and_holds_none_is_told(tmp_path):
    rows = [f"a{n % 3},2023-01-{n:02d},{'five' if n % 3 else '5.00'}" for n in range(1, 20)]
    found = guessed(tmp_path, "x.csv", "\n".join(["customer,date,amount", *rows]))
    assert "amount" not in found.tables["events"].parts
    assert found.doubts == (("amount", "amount", "five"),)


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("customer,date,amount\n", "no rows"),
        ("customer,amount\na,1.50\nb,2.50\na,3.50\n", "times"),
        ("date,amount\n2023-01-01,1.50\n2023-01-02,2.50\n", "member"),
        ("user,type,when\na,1,2023-01-01\na,2,2023-01-02\nb,1,2023-01-03\n", "--kind"),
        ('{"1": [[-1], [3, 4], [-1]]}', "names"),
    ],
)
def test_one_message_says_what_is_missing(tmp_path, text, named):
    with pytest.raises(DataError, match=named):
        guessed(tmp_path, "x.json" if text.startswith("{") else "x.csv", text)


@pytest.mark.parametrize(
    "told",
    [
        Told(roles={"at": "When"}),
        Told(roles={"buyer": "date"}),
        Told(tables={"x": "people"}),
        Told(tables={"y": "items"}),
    ],
)
def test_what_is_said_of_what_is_not_there_is_refused(tmp_path, told):
    with pytest.raises(DataError, match="there is no such"):
        guessed(tmp_path, "x.csv", "customer,date\na,2023-01-01\na,2023-01-02\nb,2023-01-03\n", told)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv"):
        guess.guess([str(tmp_path / "nothing.csv")], Told())


def test_points_beside_what_happened_are_books(tmp_path, monkeypatch):
    names = "Loyalty Number,Date,Total Flights,Points Accumulated,Points Redeemed"
    text = f"{names}\nk1,2023-01-05,2,10.5,0\nk2,2023-02-03,1,4,6\n"
    found = guessed(tmp_path, "flights.csv", text)
    books = read(found, tmp_path, monkeypatch).points.sort_values("member_id")
    assert books[["member_id", "earned", "redeemed", "expired"]].to_numpy().tolist() == [
        ["k1", 10.5, 0, 0],
        ["k2", 4, 6, 0],
    ]
    assert (
        "points"
        not in guessed(tmp_path, "plain.csv", "Loyalty Number,Date,Points\nk1,2023-01-05,2\nk1,2023-01-06,2\n").tables
    )


# --- rows that are no orders ----------------------------------------------------------------------------------------


def of_members(header: str, *cells: str) -> str:
    """A row for each of `cells`, for three members on ten days each, and the same name of columns before them."""
    rows = [f"a{n % 3},2024-{n // 3 + 1:02d}-{n % 3 + 5:02d},{cell}" for n in range(30) for cell in cells]
    return "\n".join([header, *rows])


@pytest.mark.parametrize(("column", "kept", "out"), [("status", "attended", "no-show"), ("cancelled", "no", "yes")])
def test_what_did_not_take_place_is_left_out(tmp_path, column, kept, out):
    text = of_members(f"patient,appointment_date,fee,{column}", f"20.50,{kept}", f"20.50,{out}")
    found = guessed(tmp_path, "appointments.csv", text).tables["events"].mapping
    assert found["kinds"] == {kept: "contact", out: None}  # of a patient


@pytest.mark.parametrize(
    ("name", "header", "kind", "field"),
    [
        ("course_visits.csv", "student_id,date,minutes", "visit", "content"),
        ("log.csv", "user,played_at,minutes_watched", "play", "content"),
        ("checkins.csv", "member,ts,minutes", "visit", "content"),
        ("sales.csv", "customer,date,amount", "purchase", "shop"),
    ],
)
def test_a_name_tells_what_happened_where_nothing_is_sold(tmp_path, name, header, kind, field):
    found = guessed(tmp_path, name, of_members(header, "12.5"))
    assert (found.tables["events"].mapping["constants"]["kind"], found.field) == (kind, field)
    assert ("amount" in found.tables["events"].parts) == (kind == "purchase")


def test_ids_of_titles_are_items_and_minutes_are_no_money(tmp_path):
    text = of_members("user_id,played_at,title_id,minutes_watched", "t1,20.5", "t2,3.25")
    columns = guessed(tmp_path, "plays.csv", text).tables["events"].mapping["columns"]
    assert columns == {
        "member_id": "user_id",
        "at": "played_at",
        "item_id": "title_id",
        "measure": "minutes_watched",
    }


def test_balances_open_a_product_once_and_then_hold_it(tmp_path):
    rows = ["m1,2024-01-31,card,5.00", "m1,2024-02-29,card,6.50", "m1,2024-02-29,loan,9.00", "m2,2024-01-31,card,0.00",
            "m2,2024-02-29,card,7.00"]  # fmt: skip
    found = guessed(tmp_path, "bank.csv", "\n".join(["customer_no,month_end,product,balance_eur", *rows]))
    events = found.tables["events"].converted
    assert found.field == "finance" and "amount" not in events
    assert events[["member_id", "item_id", "kind", "measure"]].to_numpy().tolist() == [
        ["m1", "card", "purchase", "5.00"],
        ["m1", "card", "renewal", "6.50"],
        ["m1", "loan", "purchase", "9.00"],
        ["m2", "card", "purchase", "7.00"],
    ]


def test_who_graduated_left_and_who_enrolled_joined(tmp_path):
    (tmp_path / "visits.csv").write_text(of_members("student_id,visited_at,course_id", "c1"))
    (tmp_path / "students.csv").write_text(
        "student_id,enrolled_on,graduated_on\na0,2023-01-01,2024-09-30\na1,2023-05-01,\na2,2023-06-01,\n"
    )
    found = guess.guess([str(tmp_path / name) for name in ("visits.csv", "students.csv")], Told())
    columns = found.tables["members"].mapping["columns"]
    assert (columns["joined_at"], columns["left_at"]) == ("enrolled_on", "graduated_on")


def test_a_contract_a_member_is_no_table_of_members(tmp_path):
    (tmp_path / "checkins.csv").write_text(of_members("member,ts,club", "north"))
    (tmp_path / "gym.csv").write_text(
        "member,plan,contract_start,contract_end,price,billing_period\n"
        "a0,Flex,2024-01-01,2024-09-30,29.90,month\na1,Flex,2024-02-01,,29.90,month\na2,Year,2024-02-01,,299.00,year\n"
    )
    found = guess.guess([str(tmp_path / name) for name in ("checkins.csv", "gym.csv")], Told())
    assert set(found.tables) == {"events", "contracts"} and found.field == "subscription"
    assert found.tables["events"].mapping["constants"]["kind"] == "visit"
