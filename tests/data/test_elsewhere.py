"""Own tables that lie elsewhere: in a database, in a lake, at an address. They are the same events as from a file."""

import sqlite3

import duckdb
import fsspec
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks import postgres
from membership.base.errors import DataError
from membership.data.guessing import opening
from membership.data.sources import elsewhere, files
from membership.settings.dataset import Files

ROWS = pd.DataFrame(
    {
        "who": ["7", "8", "7", "9"],
        "what": ["tea", "tea", "jam", "jam"],
        "when": pd.to_datetime(
            ["2020-01-05 10:00:00", "2020-01-05 11:30:05", "2020-02-01 09:00:00", "2020-02-03 18:00:00"]
        ),
        "paid": [3.5, 3.25, 12.0, 0.1],
    }
)
COLUMNS = {"member_id": "who", "item_id": "what", "at": "when", "amount": "paid"}


def read(*places: str, folders: list[str] | None = None) -> pd.DataFrame:
    given = {"paths": list(places), "folders": folders or [], "columns": COLUMNS, "constants": {"kind": "purchase"}}
    events = files.read(Files.model_validate({"events": given}), "UTC", "EUR").events
    return events.sort_values("event_id", ignore_index=True)


def refusal(*places: str, **given) -> str:
    with pytest.raises(DataError) as error:
        read(*places, **given)
    return str(error.value)


def sqlite_url(folder, rows: pd.DataFrame) -> str:
    """Return the address of a database in `folder` with `rows` as its table orders."""
    with sqlite3.connect(folder / "shop.db") as base:
        rows.assign(when=rows["when"].astype(str)).to_sql("orders", base, index=False)
    return f"sqlite:///{folder / 'shop.db'}"


@pytest.fixture
def from_file(workspace) -> pd.DataFrame:
    ROWS.to_csv(workspace / "shop.csv", index=False)
    return read("shop.csv")


@pytest.fixture
def bucket():
    """A storage of files at an address: one of fsspec's own, which lives in memory."""
    storage = fsspec.filesystem("memory")
    yield storage
    storage.rm("/shop", recursive=True)


def put(storage, path: str, rows: pd.DataFrame) -> None:
    with storage.open(path, "wb") as stream:
        rows.to_parquet(stream) if path.endswith("parquet") else rows.to_csv(stream, index=False)


def test_a_table_of_a_database_is_the_same_events(workspace, from_file, monkeypatch):
    monkeypatch.setattr(elsewhere, "BATCH", 3)
    with duckdb.connect(str(workspace / "shop.duckdb")) as con:
        con.execute("create schema crm; create table crm.orders as select * from ROWS")
    tables = {f"duckdb:///{workspace / 'shop.duckdb'}": "crm.orders", sqlite_url(workspace, ROWS): "orders"}
    for url, name in tables.items():
        pd.testing.assert_frame_equal(read(f"{url}::{name}", folders=[url]), from_file)


def test_a_table_that_the_user_may_not_read_is_named_with_what_the_database_says(workspace):
    if postgres.local_postgres.programs() is None:
        pytest.skip("no PostgreSQL here; install one (`apt install postgresql`) to try its tables")
    with postgres.Server(disk=False) as server:
        with server.connect() as connection:
            columns = 'who text, what text, "when" timestamp, paid float'
            connection.execute(f"CREATE TABLE orders ({columns}); CREATE ROLE guest LOGIN")
        url = server.url().replace("postgres@", "guest@")
        told = refusal(f"{url}::orders", folders=[url])
    assert "table 'orders' cannot be read" in told and "permission denied" in told


def test_files_at_an_address_are_the_same_events(bucket, from_file):
    put(bucket, "/shop/raw/a.csv", ROWS[:2])
    put(bucket, "/shop/raw/b.parquet", ROWS[2:])
    pd.testing.assert_frame_equal(read("memory://shop/raw/*", folders=["memory://shop"]), from_file)
    both = [f"memory://shop/raw/{name}" for name in ("a.csv", "b.parquet")]
    pd.testing.assert_frame_equal(read(*both, folders=both), from_file)


def test_an_address_that_nobody_allowed_is_refused_before_anything_is_asked(workspace):
    assert "dataset.files.events.folders: [s3://shop/raw]" in refusal("s3://shop/raw/a.csv")
    assert "dataset.files.events.folders: [postgres://me@host/db]" in refusal("postgres://me@host/db::crm.orders")
    assert "lies outside" in refusal("s3://shop/raw/a.csv", folders=["s3://shop/ra"])


def test_what_is_not_there_is_named_with_its_address(bucket, workspace):
    put(bucket, "/shop/raw/a.csv", ROWS.rename(columns={"paid": "price"}))
    assert "memory://shop/raw/b.csv: no such file" in refusal("memory://shop/raw/b.csv", folders=["memory://shop"])
    told = refusal("memory://shop/raw/a.csv", folders=["memory://shop"])
    assert told.startswith("memory://") and "shop/raw/a.csv: column 'paid'" in told
    url = sqlite_url(workspace, ROWS.drop(columns="paid"))
    assert f"{url}::orders: column 'paid'" in refusal(f"{url}::orders", folders=[url])
    assert "table 'order' cannot be read" in refusal(f"{url}::order", folders=[url])


def test_a_password_in_an_address_is_refused():
    with pytest.raises(ValueError, match="holds a password"):
        read("postgres://me:secret@host/db::orders", folders=["postgres://me@host/db"])


def test_a_part_of_a_delta_table_is_refused_since_it_may_hold_rows_that_are_gone(workspace):
    (workspace / "orders" / "_delta_log").mkdir(parents=True)
    ROWS.to_parquet(workspace / "orders" / "part-0.parquet")
    assert "name the folder of the table" in refusal("orders/*.parquet")


def test_a_folder_that_is_no_table_is_refused(workspace):
    (workspace / "orders").mkdir()
    assert "no table of Delta or Iceberg" in refusal("orders")


def test_a_delta_table_is_its_newest_version(workspace, from_file):
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(str(workspace / "orders"), ROWS.assign(paid=99.0))
    deltalake.write_deltalake(str(workspace / "orders"), ROWS, mode="overwrite")
    pd.testing.assert_frame_equal(read("orders"), from_file)
    (found,) = opening.opened(str(workspace / "orders"))
    assert found.frame["paid"].tolist() == ["3.5", "3.25", "12", "0.1"] and not found.plain


def test_an_iceberg_table_is_its_newest_version(workspace, from_file):
    catalogue = pytest.importorskip("pyiceberg.catalog.sql", exc_type=ImportError)
    own = catalogue.SqlCatalog("own", uri="sqlite:///:memory:", warehouse=f"file://{workspace}")
    own.create_namespace("shop")
    rows = pa.Table.from_pandas(ROWS.astype({"when": "datetime64[us]"}), preserve_index=False)
    table = own.create_table("shop.orders", rows.schema)
    table.append(rows.slice(0, 2))
    table.overwrite(rows)
    pd.testing.assert_frame_equal(read(table.location().removeprefix(f"file://{workspace}/")), from_file)


def test_start_reads_files_at_an_address(bucket):
    put(bucket, "/shop/raw/orders.csv", ROWS)
    (found,) = opening.opened("memory://shop/raw/*.csv")
    assert found.stem == "orders" and not found.plain
    assert found.frame["what"].tolist() == ROWS["what"].tolist()
