"""A table that lies in an engine is checked and stored as the same rows in a frame are."""

import pandas as pd
import pyarrow.parquet as parquet
import pytest

from membership.base import engine, laid, tables
from membership.base.errors import DataError


def events(rows: int = 3) -> pd.DataFrame:
    at = pd.date_range("2020-01-01", periods=rows, freq="h").astype("datetime64[us]")
    numbers = [str(number) for number in reversed(range(rows))]
    text = {"event_id": numbers, "member_id": "m", "item_id": None, "kind": "purchase", "currency": "EUR"}
    more = {"order_id": "o", "channel": None, "quantity": 1, "amount": 100, "discount": 0, "at": at, "local_at": at}
    marks = {"comes_back": True, "pays": True, "interest": False, "effort": False}
    found = pd.DataFrame(text | more | marks).astype({"item_id": "str", "channel": "str"})
    return found[[name for name in tables.ALL["events"].columns if name in found]]


def placed(frame: pd.DataFrame):
    return engine.keep(engine.connect(), "given", frame)


def test_an_expression_gives_the_bytes_of_its_frame_also_in_several_groups_of_rows(tmp_path, monkeypatch):
    given = events(7).assign(unknown=1)
    ours, theirs = (
        tables.write("events", rows, tmp_path / name) for name, rows in (("e", placed(given)), ("f", given))
    )
    assert ours.read_bytes() == theirs.read_bytes()
    monkeypatch.setattr(laid, "ROWS", 2)
    grouped = tables.write("events", placed(given), tmp_path / "groups")
    assert parquet.read_metadata(grouped).num_row_groups == 4
    pd.testing.assert_frame_equal(pd.read_parquet(grouped), pd.read_parquet(theirs))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"member_id": ["m", None, "m"]}, "column member_id: 1 values break 'not_nullable'"),
        ({"kind": "theft"}, "column kind: 3 values break 'isin"),
        ({"event_id": ["1", "1", "2"]}, "column event_id: 2 values break 'multiple_fields_uniqueness', e.g. '1'"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_both(wrong, told, tmp_path):
    broken = events().assign(**wrong)
    for given in (broken, placed(broken)):
        with pytest.raises(DataError, match=f"table 'events': {told}"):
            tables.write("events", given, tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_column_that_is_missing_is_named():
    with pytest.raises(DataError, match="table 'events': column kind missing; there are: event_id"):
        tables.check("events", placed(events().drop(columns="kind")))
