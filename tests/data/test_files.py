"""The user's own files: what a mapping makes of them, what is counted once, and what is refused with which words."""

import functools
import gzip
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from meaning import meant

from membership.base import tables
from membership.base.errors import DataError, ParamError
from membership.base.schemas import MEANING
from membership.data import clean, ingest
from membership.data.sources import files
from membership.settings import params
from membership.settings.clean import Clean
from membership.settings.dataset import Files

COLUMNS = {"member_id": "who", "item_id": "what", "at": "when", "quantity": "n", "amount": "paid", "order_id": "bill"}
HEADER = "who,what,when,n,paid,bill"
LINE = "7,tea,2020-01-05 10:00:00,2,3.50,b1"


def mapping(path: str = "shop.csv", **changes) -> dict:
    return {"paths": [path], "columns": COLUMNS, "constants": {"kind": "purchase"}} | changes


def write(root: Path, *lines: str, name: str = "shop.csv", header: str = HEADER, encoding: str = "utf-8") -> None:
    (root / name).write_text("\n".join((header, *lines)) + "\n", encoding=encoding)


def read(events: dict, timezone: str = "UTC", **others: dict):
    return files.read(Files.model_validate({"events": events} | others), timezone, "EUR")


def refusal(events: dict, **others: dict) -> str:
    with pytest.raises(DataError) as error:
        read(events, **others)
    return str(error.value)


# --- what a row becomes -----------------------------------------------------------------------------------------------


def test_a_row_becomes_an_event_with_defaults_for_what_it_does_not_say(workspace):
    write(workspace, " 17850.0 , tea ,2020-01-05 23:30:00,2,3.50,b1")
    data = read(mapping(timezone="Europe/London"), timezone="Europe/Berlin")
    event = tables.check("events", meant(data.events)).drop(columns=["event_id", *MEANING]).iloc[0]
    assert event.dropna().to_dict() == {
        "member_id": "17850",
        "item_id": "tea",
        "kind": "purchase",
        "at": pd.Timestamp("2020-01-05 23:30"),
        "local_at": pd.Timestamp("2020-01-06 00:30"),
        "quantity": 2,
        "amount": 350,
        "discount": 0,
        "currency": "EUR",
        "order_id": "b1",
    }


def test_arms_can_be_renamed_and_others_keep_their_name(workspace):
    write(workspace, LINE)
    write(workspace, "7,mail,spring", "8, 0 ,spring", "9,,spring", name="sent.csv", header="who,arm,offer")
    columns = {"member_id": "who", "exposure_id": "who", "offer_id": "offer", "arm": "arm"}
    sent = {"paths": ["sent.csv"], "columns": columns, "arms": {0: "control"}}
    arms = tables.check("exposures", read(mapping(), exposures=sent).exposures).set_index("member_id")["arm"]
    assert arms.dropna().to_dict() == {"7": "mail", "8": "control"}


def test_every_canonical_table_fits_its_schema_when_only_events_are_given(workspace):
    write(workspace, LINE)
    data = read(mapping())
    found = vars(data) | {"events": meant(data.events)}
    rows = {name: len(tables.check(name, frame)) for name, frame in found.items() if name in tables.ALL}
    there = {"members": 1, "items": 1, "events": 1}
    assert rows == dict.fromkeys(rows, 0) | there


@pytest.mark.parametrize(
    ("quantity", "price", "cents"),
    [("3", "0.335", 101), ("1", "1.005", 101), ("-1", "1.005", -101), ("74215", "1.04", 7718360), ("", "2.5", 250)],
)
def test_money_for_a_unit_is_multiplied_and_rounded_half_away_from_zero(workspace, quantity, price, cents):
    write(workspace, f"7,tea,2020-01-05,{quantity},{price},b1")
    assert read(mapping(amount="unit_price")).events["amount"].tolist() == [cents]


def test_weights_are_rounded_up_in_size(workspace):
    write(workspace, *(f"7,tea,2020-01-0{day},{n},1,b1" for day, n in ((1, "0.532"), (2, "-1.2"), (3, "4.0"))))
    events = read(mapping()).events.sort_values("at")
    assert events["quantity"].tolist() == [1, -2, 4]


@pytest.mark.parametrize(
    ("when", "changes", "utc"),
    [
        ("2020-07-01 12:00", {"timezone": "Europe/Berlin"}, "2020-07-01 10:00"),
        ("2020-07-01T12:00:00+09:00", {"timezone": "Europe/Berlin"}, "2020-07-01 03:00"),
        ("2020-07-01T12:00:00Z", {"timezone": "Europe/Berlin"}, "2020-07-01 12:00"),
        ("2020-03-29 02:30", {"timezone": "Europe/Berlin"}, "2020-03-29 01:30"),  # a time that clocks skipped
        ("2020-10-25 02:30", {"timezone": "Europe/Berlin"}, "2020-10-25 01:30"),  # a time that clocks showed twice
        ("1.7.2020 9:05", {"time_format": "%d.%m.%Y %H:%M"}, "2020-07-01 09:05"),
        ("2020-07-01 12:00 +0200", {"time_format": "%Y-%m-%d %H:%M %z"}, "2020-07-01 10:00"),
        ("2-29", {"time_format": "%m-%d", "year": 2020}, "2020-02-29"),
    ],
)
def test_times_are_read_in_their_format_zone_and_year(workspace, when, changes, utc):
    write(workspace, f"7,tea,{when},2,3.50,b1")
    assert read(mapping(**changes)).events["at"].tolist() == [pd.Timestamp(utc)]


def test_kinds_are_translated(workspace):
    write(workspace, "7,tea,2020-01-05,0", "7,tea,2020-01-06,1", header="who,what,when,type")
    columns = {"member_id": "who", "item_id": "what", "at": "when", "kind": "type"}
    events = read(mapping(columns=columns, constants={}, kinds={0: "view", 1: "purchase"})).events
    assert events.sort_values("at")["kind"].tolist() == ["view", "purchase"]


def test_a_measure_is_kept_with_its_parts_and_a_rating_is_no_number_of_units(workspace):
    columns = {"member_id": "who", "at": "when", "kind": "type", "quantity": "n", "measure": "miles"}
    rows = ("7,2020-01-05,rating,3.5,", "7,2020-01-06,trip,1,402.25", "7,2020-01-07,purchase,0.5,")
    write(workspace, *rows, header="who,when,type,n,miles")
    events = read(mapping(columns=columns, constants={})).events.sort_values("at")
    assert events["measure"].fillna(-1).tolist() == [3.5, 402.25, -1] and events["quantity"].tolist() == [1, 1, 1]


def test_when_a_member_left_is_a_local_day(workspace):
    (workspace / "people.csv").write_text("id,until\n7,2020-03-05\n8,9999-12-31\n")
    people = {"paths": ["people.csv"], "columns": {"member_id": "id", "left_at": "until"}}
    write(workspace, LINE)
    members = read(mapping(), timezone="Asia/Tokyo", members=people).members.set_index("member_id")["left_at"]
    assert members.loc["7"] == pd.Timestamp("2020-03-05") and pd.isna(members.loc["8"])


@pytest.mark.parametrize("own", [True, False])
def test_equal_rows_with_ids_of_their_own_are_never_duplicates(workspace, own):
    write(workspace, "7,2020-01-05,purchase,e1", "7,2020-01-05,purchase,e2", header="who,when,type,id")
    columns = {"member_id": "who", "at": "when", "kind": "type"} | ({"event_id": "id"} if own else {})
    cleaned = clean.clean(read(mapping(columns=columns, constants={})), Clean())
    assert len(cleaned.data.events) == (2 if own else 1)


def test_an_item_has_the_name_that_most_rows_give_it_and_ties_the_first(workspace):
    names = ("Tea", "Black tea", "Tea", "", "Jam", "Fig jam")
    items = ("tea", "tea", "tea", "tea", "jam", "jam")
    rows = (f"7,{item},2020-01-0{day},{name}" for day, (item, name) in enumerate(zip(items, names, strict=True), 1))
    write(workspace, *rows, "7,salt,2020-01-07,", header="who,what,when,name")
    columns = {"member_id": "who", "item_id": "what", "at": "when", "name": "name"}
    found = read(mapping(columns=columns)).items.set_index("item_id")["name"].to_dict()
    assert found == {"tea": "Tea", "jam": "Fig jam", "salt": "salt"}


def test_own_tables_are_taken_with_their_attributes_and_gain_what_only_events_know(workspace):
    write(workspace, LINE, "8,jam,2020-01-06,1,2,b2")
    write(workspace, "7,2019-05-01,Bonn", name="people.csv", header="id,since,city")
    write(workspace, "spring,coupon,1.25", name="offers.csv", header="id,type,cost")
    people = {"paths": ["people.csv"], "columns": {"member_id": "id", "joined_at": "since", "city": "city"}}
    offers = {"paths": ["offers.csv"], "columns": {"offer_id": "id", "kind": "type", "cost": "cost"}}
    data = read(mapping(), members=people, offers=offers)
    members = tables.check("members", data.members)
    assert members["member_id"].tolist() == ["7", "8"]
    assert members["city"].fillna("").tolist() == ["Bonn", ""]
    assert members["joined_at"].isna().tolist() == [False, True]
    assert tables.check("offers", data.offers)["cost"].tolist() == [125.0]


# --- forms of files ---------------------------------------------------------------------------------------------------


def test_csv_gzip_and_parquet_of_the_same_rows_are_the_same_events(workspace):
    write(workspace, LINE, "8,jam,2020-01-06 09:15:00,1,2.5,b2")
    (workspace / "shop.csv.gz").write_bytes(gzip.compress((workspace / "shop.csv").read_bytes()))
    frame = pd.read_csv(workspace / "shop.csv", parse_dates=["when"])
    frame.to_parquet(workspace / "shop.parquet")
    names = ("shop.csv", "shop.csv.gz", "shop.parquet")
    first, *others = (tables.check("events", meant(read(mapping(name)).events)) for name in names)
    for other in others:
        pd.testing.assert_frame_equal(first, other)


def test_delimiter_decimal_mark_and_encoding_are_the_users(workspace):
    write(workspace, "7;thé;2020-01-05;2;3,50;b1", header=HEADER.replace(",", ";"), encoding="latin-1")
    event = read(mapping(delimiter=";", decimal=",", encoding="latin-1")).events.iloc[0]
    assert (event["item_id"], event["amount"]) == ("thé", 350)


# --- what counts once -------------------------------------------------------------------------------------------------


def test_a_file_given_twice_and_files_that_overlap_count_once(workspace):
    click, other = "7,tea,2020-01-05 10:00,1,0,b", "7,tea,2020-01-05 11:00,1,0,b"
    write(workspace, click, click, name="may-1.csv")
    once = read(mapping("may-*.csv")).events
    write(workspace, click, click, name="may-2.csv")
    assert sorted(read(mapping("may-*.csv")).events["event_id"]) == sorted(once["event_id"])
    write(workspace, click, other, click, name="may-3.csv")
    assert len(read(mapping("may-*.csv")).events) == 3


@hypothesis(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(1, 3), min_size=1, max_size=6), cut=st.integers(0, 6))
def test_appending_any_part_of_a_file_again_changes_nothing(workspace, rows, cut):
    lines = [f"7,tea,2020-01-0{day},1,1,b" for day in rows]
    write(workspace, *lines, name="a.csv")
    write(workspace, *lines[:cut], name="b.csv")
    once, twice = read(mapping("a.csv")).events, read(mapping("*.csv")).events
    assert len(once) == len(lines)
    assert sorted(once["event_id"]) == sorted(twice["event_id"])


def test_where_rows_have_an_id_the_last_file_stands(workspace):
    header = "id,who,when,paid"
    write(workspace, "1,7,2020-01-05,2", "2,7,2020-01-06,3", name="a.csv", header=header)
    write(workspace, "2,7,2020-01-06,4", name="b.csv", header=header)
    columns = {"event_id": "id", "member_id": "who", "at": "when", "amount": "paid"}
    events = read(mapping("*.csv", columns=columns)).events
    assert events.set_index("event_id")["amount"].to_dict() == {"1": 200, "2": 400}


# --- bad input --------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named_with_what_to_do(workspace):
    message = refusal(mapping("lost/*.csv"))
    assert f"{workspace}/lost/*.csv: no such file (dataset.files.events.paths); put it there" in message


def test_a_missing_column_is_named_with_those_there_are(workspace):
    write(workspace, LINE)
    message = refusal(mapping(columns=COLUMNS | {"amount": "price"}))
    assert (
        "shop.csv: column 'price' (dataset.files.events.columns.amount): no such column; there are: who, what"
        in message
    )


@pytest.mark.parametrize(
    ("bad", "column", "allowed"),
    [
        ("7,tea,2020-01-05,two,1,b", "column 'n'", "numbers such as 1234.50"),
        ("7,tea,2020-01-05,1,£3,b", "column 'paid'", "numbers such as 1234.50"),
        ("7,tea,5 May,1,3,b", "column 'when'", "times in ISO 8601"),
        ("7,tea,2020-02-30,1,3,b", "column 'when'", "times in ISO 8601"),
    ],
)
def test_a_cell_of_the_wrong_type_is_shown_with_file_column_row_and_what_is_allowed(workspace, bad, column, allowed):
    write(workspace, LINE, bad, LINE, bad)
    message = refusal(mapping())
    assert message.startswith(f"{workspace}/shop.csv: {column}")
    assert "2 bad values" in message
    assert re.search(r"in row 2, .* in row 4\. Allowed: " + re.escape(allowed), message)


def test_an_unknown_kind_is_shown_with_those_that_are_mapped(workspace):
    write(workspace, "7,2020-01-05,9", header="who,when,type")
    columns = {"member_id": "who", "at": "when", "kind": "type"}
    message = refusal(mapping(columns=columns, constants={}, kinds={0: "view"}))
    assert "'9' in row 1. Allowed: 0 (dataset.files.events.kinds)" in message


@pytest.mark.parametrize("content", ["", HEADER + "\n"])
def test_an_empty_table_is_refused(workspace, content):
    (workspace / "shop.csv").write_text(content)
    assert re.search(r"shop\.csv.*(no rows of data|cannot be read \(Empty CSV)", refusal(mapping()))


def test_a_broken_file_is_named(workspace):
    write(workspace, LINE, "7,tea")
    assert re.search(r"shop\.csv: cannot be read \(CSV parse error: .*Expected 6 columns, got 2", refusal(mapping()))
    write(workspace, "7,thé,2020-01-05,1,1,b", encoding="latin-1")
    assert "shop.csv: cannot be read (" in refusal(mapping())
    (workspace / "shop.csv.gz").write_bytes(gzip.compress((HEADER + "\n" + LINE).encode() * 99)[:40])
    assert "shop.csv.gz: cannot be read (" in refusal(mapping("shop.csv.gz"))
    (workspace / "shop.parquet").write_bytes(b"PAR1 no more")
    assert "shop.parquet: cannot be read (" in refusal(mapping("shop.parquet"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timezone": "Mars/Base"}, r"events\.timezone = 'Mars/Base': not a known time zone; allowed: an IANA name"),
        ({"encoding": "utf-9"}, r"events\.encoding = 'utf-9': not a known encoding"),
        ({"kinds": {"0": "look"}}, r"events\.kinds\.0 = 'look': Input should be 'view', 'cart'"),
        ({"constants": {}}, r"events: no column for kind; add it to columns or to constants"),
        (
            {"columns": {"member_id": "who", "kind": "what"}},
            r"events: no column for at; add it to columns or to constants",
        ),
        ({"columns": COLUMNS | {"kind": "what"}}, r"events: kind in columns and in constants; take it out of one"),
        (
            {"columns": COLUMNS | {"item_id": COLUMNS["member_id"]}},
            r"events: column '.*' is mapped to member_id and to item",
        ),
        (
            {"columns": COLUMNS | {"amount": "n", "quantity": "n"}},
            r"events: column 'n' is mapped to amount and to quantity",
        ),
        ({"columns": COLUMNS | {"prize": "paid"}}, r"events: unknown column prize; allowed: event_id, member_id"),
        ({"paths": []}, r"events\.paths = \[\]: List should have at least 1 item"),
        ({"colums": {}}, r"events\.colums = \{\}: unknown key"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_any_file_is_opened(workspace, changes, message):
    raw = params.read()
    raw["dataset"] |= {"source": "files", "files": {"events": mapping(**changes)}}
    with pytest.raises(ParamError, match=message):
        params.parse(raw)


# --- the worked examples of the data README, on the real files --------------------------------------------------------


@functools.cache
def example(number: int, file: Path) -> clean.Cleaned:
    """The data of `file`, read and cleaned as example `number` of the README says."""
    text = (Path(clean.__file__).parent / "README.md").read_text(encoding="utf-8")
    raw = params.read()
    for section, values in yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[number]).items():
        raw[section] |= values
    raw["dataset"]["files"]["events"]["paths"] = [str(file)]
    raw["dataset"]["files"]["events"]["folders"] = [str(file.parent)]
    p = params.parse(raw)
    cleaned = clean.clean(files.read(p.dataset.files, p.dataset.timezone, p.dataset.currency), p.clean)
    ingest.check_windows(cleaned.data.events, p.windows)
    return cleaned


@pytest.fixture
def online_retail(shared_data):
    return example(0, shared_data / "online_retail" / "online_retail_2010_2011_raw.csv.gz")


@pytest.fixture
def tmall(shared_data):
    return example(1, shared_data / "tmall_brand_2013" / "t_alibaba_data.csv.gz")


def test_online_retail_has_the_defects_that_are_known_of_it(online_retail):
    found = online_retail.quality.set_index("rule")["rows"]
    assert found["as_read"] == 541_909
    assert found["missing_member"] == 135_080
    assert found["cancellation"] == 9_288
    assert found["return"] == 10_624 - 9_288
    assert found["negative_amount"] == 2  # of the 2,517 prices at or below zero
    assert found["zero_amount"] == 2_515 + 4  # the others, and four prices of 0.001
    assert found["exact_duplicate"] == 5_268 + 2  # two more rows differ only in the description of the item
    assert found["impossible_time"] == found["zero_quantity"] == 0


def test_online_retail_keeps_its_members_and_what_is_kept_fits_the_schemas(online_retail):
    data = online_retail.data
    assert len(tables.check("members", data.members)) == 4_372
    events = tables.check("events", data.events)
    assert len(events) == online_retail.quality["left"].iloc[-1]
    assert not events["order_id"].str.startswith("C").where(events["kind"] == "purchase", False).any()
    assert (events.groupby("kind")["amount"].agg(["min", "max"]).loc["return"] < 0).all()


def test_online_retail_has_its_products_apart_from_postage_fees_and_vouchers(online_retail):
    items = tables.check("items", online_retail.data.items)
    others = {"AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "POST", "S"}
    vouchers = {f"gift_0001_{value}" for value in (10, 20, 30, 40, 50)}
    assert set(items.loc[~items["is_product"], "item_id"]) == others | vouchers
    products = set(items.loc[items["is_product"], "item_id"])
    assert {"PADS", "DCGSSGIRL", "DCGS0003", "85123A"} <= products


def test_online_retails_112_codes_that_differ_by_case_are_one_item_each(online_retail):
    items = online_retail.data.items["item_id"]
    assert len(items) == 4_070 - 112
    assert not items.str.upper().duplicated().any()
    assert set(online_retail.data.events["item_id"]) <= set(items)


def test_online_retails_descriptions_are_trimmed_and_the_usual_one_of_several(online_retail):
    names = online_retail.data.items.set_index("item_id")["name"]
    assert names["85123A"] == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert (names == names.str.strip()).all()


def test_the_browse_log_is_read_whole_and_its_repeated_clicks_stay(tmall):
    data = tmall.data
    assert len(tables.check("events", meant(data.events))) == 182_880
    assert (len(data.members), len(data.items)) == (884, 9_531)
    repeats = tmall.quality.set_index("rule").loc["exact_duplicate"]
    assert repeats["action"] == "kept"
    assert repeats["rows"] > 0
    kinds = data.events["kind"].value_counts().to_dict()
    assert kinds == {"view": 174_539, "purchase": 6_984, "favourite": 1_204, "cart": 153}


def test_the_browse_logs_days_are_local_days_of_the_year_given(tmall):
    days = tmall.data.events["local_at"]
    assert (days.min(), days.max()) == (pd.Timestamp("2013-04-15"), pd.Timestamp("2013-08-15"))


# --- how files are written ----------------------------------------------------------------------------------------


def test_lines_above_and_below_the_header_are_skipped(workspace):
    (workspace / "shop.csv").write_text(f"Orders of 2020\n\n{HEADER}\nid,name,day,pieces,EUR,id\n{LINE}\n")
    events = read(mapping(header_line=3, data_line=5)).events
    assert events["amount"].tolist() == [350]


def test_a_file_without_a_header_has_numbered_columns(workspace):
    (workspace / "shop.csv").write_text(f"{LINE}\n{LINE}\n")
    columns = {"member_id": "f0", "at": "f2", "amount": "f4"}
    assert read(mapping(columns=columns, header_line=0)).events["amount"].tolist() == [350, 350]


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "cents"),
    [("1.234,50", ",", ".", 123_450), ("1.234", ",", ".", 123_400), ("1,234,567.8", ".", ",", 123_456_780),
     ("1 234", ".", " ", 123_400), ("-1'234.50", ".", "'", -123_450), ("12", ",", ".", 1200)],
)  # fmt: skip
def test_marks_between_thousands_are_read_where_they_are_declared(workspace, cell, decimal, thousands, cents):
    write(workspace, f'7,tea,2020-01-05,1,"{cell}",b1')
    assert read(mapping(decimal=decimal, thousands=thousands)).events["amount"].tolist() == [cents]


@pytest.mark.parametrize("cell", ["12.34", "1.2345", "1.234.5", "1,234.50"])
def test_a_mark_between_thousands_in_another_place_is_refused(workspace, cell):
    write(workspace, f'7,tea,2020-01-05,1,"{cell}",b1')
    assert cell in refusal(mapping(decimal=",", thousands="."))


def test_the_mark_before_the_cents_cannot_stand_between_thousands():
    with pytest.raises(ValueError, match="thousands"):
        Files.model_validate({"events": mapping(decimal=".", thousands=".")})


def test_days_of_a_spreadsheet_are_local_days_and_moments_local_clocks(workspace):
    write(workspace, "7,tea,43835,1,1,b1", "7,tea,43835.75,1,1,b2")
    events = read(mapping(time_format="excel_days", timezone="Europe/Berlin"), timezone="Europe/Berlin").events
    assert sorted(events["local_at"]) == [pd.Timestamp("2020-01-05"), pd.Timestamp("2020-01-05 18:00")]


def test_rows_of_a_kind_that_is_null_are_left_out(workspace):
    columns = {"member_id": "who", "at": "when", "kind": "what"}
    write(workspace, "7,buy,2020-01-05", "7,test,2020-01-05", "8,test,2020-01-06", header="who,what,when")
    found = read(mapping(columns=columns, constants={}, kinds={"buy": "purchase", "test": None}))
    assert (found.events["kind"].tolist(), found.members["member_id"].tolist()) == (["purchase"], ["7"])


def test_purchases_of_less_than_nothing_can_be_returns(workspace):
    write(workspace, "7,tea,2020-01-05,1,100,b1", "7,tea,2020-01-20,1,-60,b2")
    kinds = read(mapping(negative_amounts="returns")).events.sort_values("at")["kind"]
    assert kinds.tolist() == ["purchase", "return"]
