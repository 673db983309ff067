"""Ids, numbers, currencies and times of files: one reading each, and what has two is refused with its rows."""

import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.data.sources import files
from membership.settings.dataset import Files

COLUMNS = {"member_id": "who", "item_id": "what", "at": "when", "amount": "paid"}
LINE = {"who": "k1", "what": "lamp", "when": "2023-01-05 10:00:00", "paid": "10"}


def mapping(path: str = "shop.csv", **changes) -> dict:
    return {"paths": [path], "columns": COLUMNS, "constants": {"kind": "purchase"}} | changes


def read(root, lines: list[dict], timezone: str = "UTC", others: dict | None = None, **changes):
    pd.DataFrame([LINE | line for line in lines]).to_csv(root / "shop.csv", index=False, sep=";")
    found = {"events": mapping(delimiter=";", **changes)} | (others or {})
    return files.read(Files.model_validate(found), timezone, "EUR")


def refused(root, lines: list[dict], **changes) -> str:
    with pytest.raises(DataError) as error:
        read(root, lines, **changes)
    assert "shop.csv" in str(error.value)
    return str(error.value)


# --- ids --------------------------------------------------------------------------------------------------------------


def test_an_id_is_one_whatever_blanks_and_accents_it_is_spelt_with(workspace):
    spelt = ["k1", "k1\u00a0", "\u200bk1", "k\u200b1", "\ufeffk1 ", "Zo\u00e9", "Zoe\u0301"]
    assert set(read(workspace, [{"who": name} for name in spelt]).members["member_id"]) == {"k1", "Zo\u00e9"}


def test_an_id_is_one_whatever_type_a_file_stores_it_as(workspace):
    when = pd.Timestamp("2023-01-05")
    ids = {"a": [10000001, 6123456789012], "b": [10000001.0, None], "c": ["10000001.0", "6123456789012"]}
    for name, who in ids.items():
        pd.DataFrame({"who": who, "what": "lamp", "when": when, "paid": 1.5}).to_parquet(workspace / f"{name}.parquet")
    data = files.read(Files.model_validate({"events": mapping("*.parquet")}), "UTC", "EUR")
    assert set(data.members["member_id"]) == {"10000001", "6123456789012"}


@pytest.mark.parametrize(("number", "kind"), [(2.0**53, "float64"), (6123456789012.0, "float32")])
def test_an_id_that_a_float_cannot_tell_from_its_neighbour_is_refused(workspace, number, kind):
    rows = pd.DataFrame({"who": [1.0, number], "what": "lamp", "when": pd.Timestamp("2023-01-05"), "paid": 1.5})
    rows.astype({"who": kind}).to_parquet(workspace / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: column 'who' \(member_id\): 1 ids .* in row 2"):
        files.read(Files.model_validate({"events": mapping("a.parquet")}), "UTC", "EUR")


def test_rows_without_an_event_id_stay_apart(workspace):
    lines = [{"id": "1"}, {"id": ""}, {"id": "", "who": "k2"}, {"id": ""}, {"id": "1"}]
    data = read(workspace, lines, columns=COLUMNS | {"event_id": "id"})
    assert sorted(data.events["member_id"]) == ["k1", "k1", "k1", "k2"]
    assert data.events["event_id"].is_unique


def test_ids_that_are_declared_to_be_nobody_are_no_member(workspace):
    data = read(workspace, [{"who": "0"}, {"who": " N/A "}, {"who": "10"}], nobody=["0", "N/A"])
    assert data.members["member_id"].tolist() == ["10"]
    assert data.events["member_id"].isna().sum() == 2


# --- numbers and money ------------------------------------------------------------------------------------------------


def test_only_the_declared_mark_is_a_decimal_mark(workspace):
    assert read(workspace, [{"paid": "999,50"}], decimal=",").events["amount"].tolist() == [99950]
    assert "'1.234' in row 2" in refused(workspace, [{}, {"paid": "1.234"}], decimal=",")
    assert "'1,234' in row 2" in refused(workspace, [{}, {"paid": "1,234"}])


def test_a_number_beyond_any_count_or_money_is_refused_with_its_row(workspace):
    lines = [{"n": "1"}, {"n": "99999999999999999999"}]
    assert "'99999999999999999999' in row 2" in refused(workspace, lines, columns=COLUMNS | {"quantity": "n"})


def test_a_product_beyond_any_money_is_left_to_the_rules_for_outliers(workspace):
    lines = [{"n": "4006381333931", "paid": "4006381333931"}]
    found = read(workspace, lines, columns=COLUMNS | {"quantity": "n"}, amount="unit_price").events
    assert found["quantity"].tolist() == [4006381333931] and found["amount"].iloc[0] >= 10**12


def test_amounts_of_another_currency_are_refused_and_not_added(workspace):
    lines = [{"cur": "EUR"}, {"cur": "eur"}, {"cur": ""}, {"cur": "INR"}, {"cur": "USD"}]
    told = refused(workspace, lines, columns=COLUMNS | {"currency": "cur"})
    assert "INR on 2023-01-05, USD on 2023-01-05" in told
    read(workspace, lines[:3], columns=COLUMNS | {"currency": "cur"})


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["America/Chicago", "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize(("when", "form"), [("2023-01-05", None), ("05/01/2023", "%d/%m/%Y")])
def test_a_date_is_a_local_day(workspace, zone, when, form):
    event = read(workspace, [{"when": when}], timezone=zone, time_format=form).events.iloc[0]
    assert event["local_at"] == pd.Timestamp("2023-01-05")
    assert event["at"] == pd.Timestamp("2023-01-05", tz=zone).tz_convert("UTC").tz_localize(None)


def test_a_time_with_a_clock_keeps_its_zone(workspace):
    event = read(workspace, [{}], timezone="America/Chicago").events.iloc[0]
    assert event["at"] == pd.Timestamp("2023-01-05 10:00")


@pytest.mark.parametrize("when", ["05-01-23", "5/1/23", "05.01.2023", "2023-13-01", "yesterday"])
def test_what_is_not_iso_8601_is_refused_unless_a_format_says_how_to_read_it(workspace, when):
    assert f"'{when}' in row 2" in refused(workspace, [{}, {"when": when}])


@pytest.mark.parametrize(("form", "when"), [("epoch_s", "1672912800"), ("epoch_ms", "1672912800000")])
def test_times_since_1970_can_be_declared(workspace, form, when):
    event = read(workspace, [{"when": when}], time_format=form).events.iloc[0]
    assert event["at"] == pd.Timestamp("2023-01-05 10:00")
    assert "in row 1" in refused(workspace, [{"when": "9" * 18}], time_format=form)
    assert "in row 1" in refused(workspace, [{"when": "soon"}], time_format=form)


@pytest.mark.parametrize("never", ["9999-12-31", "0001-01-01", "9999-12-31 23:59:59", "infinity"])
def test_what_stands_for_no_end_is_no_time(workspace, never):
    offers = pd.DataFrame({"id": ["o1", "o2"], "kind": "A", "start": "2023-01-01", "end": [never, "2023-03-01"]})
    offers.to_csv(workspace / "offers.csv", index=False)
    columns = {"offer_id": "id", "kind": "kind", "starts_at": "start", "ends_at": "end"}
    found = read(workspace, [{}], others={"offers": {"paths": ["offers.csv"], "columns": columns}}).offers
    assert found.set_index("offer_id")["ends_at"].isna().to_dict() == {"o1": True, "o2": False}


def test_an_id_that_a_spreadsheet_has_shortened_is_refused(workspace):
    assert "'1.23457E+12' in row 1" in refused(workspace, [{"who": "1.23457E+12"}, {"who": "k2"}])


def test_zeros_behind_the_point_and_signs_without_shape_are_no_part_of_an_id(workspace):
    ids = read(workspace, [{"who": "1001.00"}, {"who": "1001"}, {"who": "10\x1f01"}]).members["member_id"]
    assert ids.tolist() == ["1001"]


@pytest.mark.parametrize("cell", ["2023-01-05 10:00:00 EST", "2023-01-05 10:00 IST", "2023-01-05T10:00:00+30:00"])
def test_a_zone_in_letters_or_an_offset_that_is_none_is_refused(workspace, cell):
    assert cell in refused(workspace, [{"when": cell}])


@pytest.mark.parametrize(
    ("cell", "utc"),
    [
        ("2023-01-05T10:00:00Z", "2023-01-05 10:00"),
        ("2023-01-05 10:00:00.250+02:00", "2023-01-05 08:00:00.25"),
        ("2023-01-05 10:00:00-05:30", "2023-01-05 15:30"),
        ("2023-01-05T10:00+01", "2023-01-05 09:00"),
        ("2023-01-05 10:00:00 UTC", "2023-01-05 10:00"),
        ("2023-01-05 10:00:00 Europe/Berlin", "2023-01-05 09:00"),
    ],
)
def test_times_in_iso_8601_with_a_zone_that_means_one_thing_are_read(workspace, cell, utc):
    assert read(workspace, [{"when": cell}]).events["at"].tolist() == [pd.Timestamp(utc)]
