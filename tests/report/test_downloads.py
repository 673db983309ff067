"""What tools take of the actions: amounts in units, text that stays text, each member in the audience of each step."""

import json

import openpyxl
import pandas as pd
import pytest
from hostile import TEXTS

from membership.base import spreadsheet
from membership.report import downloads

ACTIONS = pd.DataFrame(
    {
        "member_id": ["m_1", "m_2", "m_3"],
        "value": [12345.0, 250.0, 0.0],
        "p_repurchase": [0.25, 1.0, 0.0],
        "tier": ["Gold", "=1+1", "Gold"],
        "points": [7, 8, 9],
        "next_action": ["Thank; send an offer: Bread", "Win back", "Thank"],
        "item_1": ["Bread", "Milk", "Eggs"],
        "item_1_reason": ["", "bought twice", ""],
    }
)


@pytest.fixture
def written(tmp_path):
    return downloads.write(ACTIONS, tmp_path, "EUR")


def test_the_workbook_has_units_numbers_and_a_sheet_that_explains_every_column(written):
    book = openpyxl.load_workbook(written[0])
    rows = list(book["Actions"].values)
    assert rows[0] == tuple(ACTIONS)
    assert [row[1] for row in rows[1:]] == [123.45, 2.5, 0]
    assert book["Actions"]["B2"].number_format == "#,##0.00" and book["Actions"]["C2"].number_format == "0.0%"
    assert book["Actions"].freeze_panes == "B2"
    explained = {row[0]: row[2] for row in list(book["Columns"].values)[1:]}
    assert list(explained) == list(ACTIONS)
    assert explained["value"] == "EUR" and explained["p_repurchase"] == "share"


def test_no_text_of_the_workbook_is_a_formula(tmp_path):
    hostile = pd.DataFrame({"member_id": TEXTS, "tier": TEXTS, "next_action": TEXTS})
    book = openpyxl.load_workbook(downloads.write(hostile, tmp_path, "EUR")[0])
    assert openpyxl.load_workbook(tmp_path / "actions.xlsx")["Actions"].max_row == len(TEXTS) + 1
    assert {cell.data_type for row in book["Actions"].iter_rows() for cell in row} <= {"s", "n"}


def test_a_member_is_in_the_audience_of_each_step_with_the_item_that_it_is_on(written):
    found = {path.stem: spreadsheet.read(path) for path in written[2:]}
    assert {name: list(rows["member_id"]) for name, rows in found.items()} == {
        "01-thank": ["m_1", "m_3"],
        "02-win-back": ["m_2"],
        "03-send-an-offer": ["m_1"],
    }
    assert list(found["03-send-an-offer"]["on"]) == ["Bread"]


def test_an_audience_of_earlier_goes_when_nobody_is_in_it(written, tmp_path):
    downloads.write(ACTIONS.head(1), tmp_path, "EUR")
    assert sorted(path.name for path in (tmp_path / "audiences").iterdir()) == ["01-thank.csv", "02-send-an-offer.csv"]


def test_the_schema_says_type_limits_and_meaning_of_every_column(written):
    schema = json.loads(written[1].read_text())
    assert set(schema["properties"]) == set(schema["required"]) == set(ACTIONS)
    assert schema["properties"]["points"] == {"type": "integer", "description": downloads.said("points"), "minimum": 0}
    assert schema["properties"]["p_repurchase"]["maximum"] == 1
    assert all(field["description"] for field in schema["properties"].values())
