"""Tables: checked before they are written, whole or not there, the same bytes for the same rows."""

import errno

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import files, tables
from membership.base.errors import DataError


def answers(**changes) -> pd.DataFrame:
    frame = {"member_id": ["b", "a"], "question": ["q", "q"], "answer": ["2", "1"], "asked_at": [pd.NaT, pd.NaT]}
    return pd.DataFrame(frame | changes)


def test_what_is_written_is_read_back_sorted_by_its_key(workspace):
    tables.write("survey", answers())
    assert tables.read("survey")["member_id"].tolist() == ["a", "b"]


def test_the_same_rows_in_any_order_give_the_same_bytes(workspace):
    path = tables.write("survey", answers())
    first = path.read_bytes()
    tables.write("survey", answers().iloc[::-1])
    assert path.read_bytes() == first


def test_a_missing_column_is_named_with_those_there_are(workspace):
    with pytest.raises(
        DataError, match="table 'survey': column answer missing; there are: member_id, question, asked_at"
    ):
        tables.write("survey", answers().drop(columns="answer"))


def test_a_text_where_a_number_should_be_is_shown_with_its_row(workspace):
    frame = pd.DataFrame({"offer_id": ["o"], "kind": ["x"], "cost": ["much"]}).assign(
        starts_at=pd.NaT, ends_at=pd.NaT, applies_to=None
    )
    with pytest.raises(DataError, match=r"column cost: .*'much'"):
        tables.write("offers", frame)


def test_a_repeated_key_is_an_error_and_leaves_the_old_file(workspace):
    path = tables.write("survey", answers())
    before = path.read_bytes()
    with pytest.raises(DataError, match="uniqueness"):
        tables.write("survey", answers(member_id=["a", "a"], answer=["1", "1"]))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_table_that_is_not_there_says_what_makes_it(workspace):
    with pytest.raises(DataError, match=r"value\.parquet: table 'value' has not been made yet; run `dvc repro`"):
        tables.read("value")


def test_a_broken_file_is_named(workspace):
    path = tables.ALL["value"].path()
    path.parent.mkdir()
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        tables.read("value")


def test_a_full_disk_leaves_the_old_file_and_no_other(workspace, monkeypatch):
    path = tables.write("survey", answers())
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tables.pq, "write_table", full)
    with pytest.raises(DataError, match=r"survey\.parquet: cannot be written \(No space left on device\)"):
        tables.write("survey", answers(answer=["9", "9"]))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(KeyboardInterrupt), files.whole(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert files.read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@given(st.dictionaries(st.text(min_size=1), st.floats() | st.integers() | st.text()))
@settings(max_examples=50, deadline=None)
def test_any_numbers_can_be_written_as_json_and_only_finite_ones_come_back(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("json") / "a.json"
    files.write_json(path, values)
    back = files.read_json(path)
    assert back.keys() == values.keys()
    assert all(back[key] is None or back[key] == value for key, value in values.items())


def test_every_table_has_a_key_among_its_required_columns():
    for name, table in tables.ALL.items():
        assert table.name == name
        assert all(not table.columns[column].nullable for column in table.key)
