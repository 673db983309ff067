"""CSV for people: no cell is a formula, and every text comes back as it was."""

import doctest

import pandas as pd
import pytest
from hostile import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import batches, spreadsheet

FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def test_the_examples_hold():
    assert doctest.testmod(spreadsheet).failed == 0


def test_text_that_looks_like_a_formula_is_quoted_and_numbers_are_not(tmp_path):
    frame = pd.DataFrame({"=name": TEXTS, "change": -1.5, "day": pd.Timestamp("2020-01-01")})
    spreadsheet.write(tmp_path / "a.csv", frame)
    raw = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, lineterminator="\n")
    assert list(raw) == ["'=name", "change", "day"]
    assert not any(cell.lstrip(" ")[:1] in FORMULA for cell in raw["'=name"] if cell)
    assert set(raw["change"]) == {-1.5} and set(raw["day"]) == {"2020-01-01"}


def test_missing_cells_are_empty(tmp_path):
    spreadsheet.write(tmp_path / "a.csv", pd.DataFrame({"a": ["x", None], "b": [1.0, None]}))
    assert (tmp_path / "a.csv").read_text() == "a,b\nx,1.0\n,\n"


@pytest.mark.parametrize("texts", [["x", "y", "=z"], ["x", "y", "a\rb"], []])
def test_however_few_rows_are_written_together_the_file_is_the_same(texts, tmp_path, monkeypatch):
    frame, found = pd.DataFrame({"text": texts, "n": 1.5}), set()
    for together in (1, 2, 3):
        monkeypatch.setattr(batches, "SIZE", together)
        spreadsheet.write(tmp_path / "a.csv", frame)
        found.add((tmp_path / "a.csv").read_bytes())
    assert len(found) == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.sampled_from("=+-@'\"\t\r\n ,;a\u00e9\uff1d0"), max_size=5), min_size=1, max_size=6))
def test_what_is_read_back_is_what_was_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    spreadsheet.write(path, pd.DataFrame({"=text": texts, "n": range(len(texts))}))
    read = spreadsheet.read(path)
    assert read["=text"].tolist() == texts
    assert read["n"].tolist() == [str(place) for place in range(len(texts))]


@pytest.mark.parametrize("text", TEXTS)
def test_quoting_is_undone_exactly(text):
    for cell in (text, f"'{text}", f"''{text}"):
        assert spreadsheet.original(spreadsheet.inert(cell)) == cell
