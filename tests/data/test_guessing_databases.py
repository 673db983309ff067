"""Tables of databases by their URL: what only the database can spell, schemas, and messages that say what is there."""

import sqlite3

import duckdb
import pytest

from membership.base.errors import DataError
from membership.data.guessing import opening

ID = "00000000-0000-0000-0000-00000000000"
MAKE = f"""
create schema crm; create type state as enum ('open', 'paid');
create table crm.orders (
  id uuid, moment timestamp, paid decimal(10, 2), s state, tags varchar[], big bigint, rate float
);
insert into crm.orders values
  ('{ID}1', '2024-01-01 10:00', 12.50, 'paid', ['a', 'b'], 9007199254740993, 1.1),
  ('{ID}2', '2024-01-02 11:30:05', 1, 'open', null, null, null);
"""


@pytest.fixture
def url(tmp_path) -> str:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as con:
        con.execute(MAKE)
    return f"duckdb://{tmp_path / 'shop.duckdb'}"


def test_types_that_only_the_database_knows_are_read_as_it_spells_them(url):
    (found,) = opening.opened(f"{url}::crm.orders")
    first, second = found.frame.to_dict("records")
    told = {"moment": "2024-01-01 10:00:00", "paid": "12.50", "s": "paid", "big": "9007199254740993", "rate": "1.1"}
    assert first == {"id": f"{ID}1", "tags": "a, b", **told}
    assert (second["id"], second["paid"]) == (f"{ID}2", "1.00")
    assert found.frame[["tags", "big", "rate"]].isna().iloc[1].all()


def test_a_table_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("create table orders (a int)")
    with pytest.raises(DataError, match=r"table 'order' cannot be read .*there are: orders\."):
        opening.opened(f"sqlite:///{tmp_path / 'shop.db'}::order")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://me:secret@localhost/shop", "package that is not installed"),  # no driver of it is in the lock
        ("postgres://me:secret@127.0.0.1:1/shop", "no connection|not installed"),
        ("nothing://localhost", "no connection"),
    ],
)
def test_a_driver_or_server_that_is_missing_is_told_in_one_line_without_the_password(url, said):
    with pytest.raises(DataError, match=said) as error:
        opening.opened(f"{url}::orders")
    assert "\n" not in str(error.value) and "secret" not in str(error.value)
