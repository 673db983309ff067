"""Tables that are no plain files of this machine: of a database, of a lake (Delta, Iceberg), files at an address."""

import glob
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from membership.base import secret
from membership.base.errors import DataError

BATCH = 250_000  # rows of a table that are in memory at a time
_SHOWN = 20  # tables of a database that a message lists
_DATABASE = re.compile(r"[a-z][a-z0-9+]*://.*?::[^:/]+")
_BY_FSSPEC = {"py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"}  # so that all that lies elsewhere is reached in one way
_NUMBER = re.compile(r"v?(\d+)")  # v3.metadata.json, 00003-2f0e....metadata.json
_FILES = (".csv", ".gz", ".parquet")
_DELTA, _ICEBERG = "_delta_log", "metadata"  # folders that make a folder a table


@dataclass(frozen=True)
class Rows:
    """A table whose rows come in batches: the names of its `columns`; `read` yields those that it is given."""

    columns: list[str]
    read: Callable[[list[str]], Iterable[pa.RecordBatch]]

    def tables(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield the rows with `columns` in that order, a batch at a time."""
        for batch in self.read(columns):
            yield pa.Table.from_batches([batch]).select(columns)


def is_address(place: str) -> bool:
    """Say whether `place` is no path on this machine.

    >>> is_address("s3://shop/orders.csv"), is_address("postgres://me@host/db::orders"), is_address("raw/*.csv")
    (True, True, False)
    """
    return "://" in place


def is_database(place: str) -> bool:
    """Say whether `place` is a table of a database, `<url>::<table>` or `<url>::<schema>.<table>`.

    >>> is_database("postgres://me@host/db::crm.orders"), is_database("s3://shop/orders.csv")
    (True, False)
    """
    return _DATABASE.fullmatch(place) is not None


def holds_files(place: str) -> bool:
    """Say whether the address `place` is of a storage of files, as against a database.

    >>> holds_files("s3://shop/orders.csv"), holds_files("postgres://me@host/db")
    (True, False)
    """
    return place.partition("://")[0] in fsspec.available_protocols() and not is_database(place)


def within(place: str, folder: str) -> bool:
    """Say whether the address `place` lies in `folder`, an address too: a bucket, a folder, a database, one table.

    >>> within("s3://shop/raw/a.csv", "s3://shop/raw"), within("s3://shop/rawer/a.csv", "s3://shop/raw")
    (True, False)
    >>> within("postgres://me@host/db::orders", "postgres://me@host/db"), within("s3://shop/raw/../a", "s3://shop/raw")
    (True, False)
    """
    start = folder.rstrip("/")
    return ".." not in place.split("/") and (place == start or place.startswith((f"{start}/", f"{start}::")))


# --- databases --------------------------------------------------------------------------------------------------------


@contextmanager
def database(place: str) -> Iterator[Rows]:
    """Yield the table `place` (`is_database`), cells but nested ones spelled by the database, which knows its types.

    Its password stands where its client looks for one, e.g. in $PGPASSWORD. Raises DataError where there is no such
    table, or it cannot be read.
    """
    url, _, name = place.partition("::")
    con = _connected(url)
    try:
        table = _spelled(con, name)
        yield Rows(list(table.columns), lambda columns: _rows(con, table.select(columns)))
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{secret.masked(url)}: table '{name}' cannot be read ({_line(error)}){_there(con)}. "
            "One in another schema is <url>::<schema>.<table>."
        ) from error
    finally:
        con.disconnect()


def names(url: str) -> list[str]:
    """Return the tables of the usual schema of a database, sorted. Raises DataError where it cannot be opened."""
    con = _connected(url)
    try:
        return sorted(con.list_tables())
    finally:
        con.disconnect()


def _rows(con: ibis.BaseBackend, table: ir.Table) -> Iterable[pa.RecordBatch]:
    if con.name == "duckdb":  # DuckDB 2 has renamed what Ibis 12 asks it for
        return con.con.execute(con.compile(table)).to_arrow_reader(BATCH)
    return table.to_pyarrow_batches(chunk_size=BATCH)


def _connected(url: str) -> ibis.BaseBackend:
    try:
        return ibis.connect(url)
    except ImportError as error:
        raise DataError(
            f"{secret.masked(url)}: this database needs a package that is not installed ({_line(error)})."
        ) from error
    except Exception as error:  # every driver has errors of its own
        raise DataError(f"{secret.masked(url)}: no connection ({_line(error)}).") from error


def _spelled(con: ibis.BaseBackend, name: str) -> ir.Table:
    schema, _, bare = name.rpartition(".")
    table = con.table(bare, database=schema or None)
    if con.name == "sqlite":  # it keeps no types: what Ibis makes of its cells is nearer to what was meant
        return table
    plain = [column for column, kind in table.schema().items() if not kind.is_nested()]
    return table.mutate(**{column: table[column].cast("string") for column in plain})


def _there(con: ibis.BaseBackend) -> str:
    """The tables of the usual schema, as the end of a message; nothing where the driver cannot list them."""
    try:
        return f"; there are: {', '.join(sorted(con.list_tables())[:_SHOWN]) or 'none'}"
    except Exception:  # what failed before is what has to be told
        return ""


# --- lakes ------------------------------------------------------------------------------------------------------------


def is_lake(place: str) -> bool:
    """Say whether the folder `place`, a path or an address, is one table of Delta or Iceberg as it stands today."""
    return _kind(place) is not None


@contextmanager
def lake(place: str) -> Iterator[Rows]:
    """Yield the newest version of the Delta or Iceberg table in folder `place`, a path or an address.

    Raises DataError where `place` is none, the package for it is not installed, or it cannot read the table.
    """
    opened = {_DELTA: _delta, _ICEBERG: _iceberg}.get(_kind(place))
    if opened is None:
        raise DataError(f"{place}: is a folder, and no table of Delta or Iceberg; for the files in it: {place}/*.csv.")
    with _told(place, "pip install -e '.[lake]'"):
        yield opened(place)


def inside_lake(path: Path) -> Path | None:
    """Return the folder of the table of a lake of which the file `path` is a part, if it is one."""
    return next((folder for folder in path.parents if (folder / _DELTA).is_dir()), None)


def _kind(place: str) -> str | None:
    """Return the folder by which `place` is a lake's table, None where it is none."""
    last = place.rpartition("/")[2]
    if Path(last).suffix in _FILES or glob.has_magic(last):  # not asked: a server may not like to be asked for folders
        return None
    with _told(place):
        files, folder = _filesystem(place)
        if files.isdir(f"{folder}/{_DELTA}"):
            return _DELTA
        return _ICEBERG if files.glob(f"{folder}/{_ICEBERG}/*.metadata.json") else None


def _delta(place: str) -> Rows:
    import deltalake

    rows = deltalake.DeltaTable(place).to_pyarrow_dataset()
    return Rows(list(rows.schema.names), lambda columns: rows.to_batches(columns=columns, batch_size=BATCH))


def _iceberg(place: str) -> Rows:
    from pyiceberg.table import StaticTable

    files, folder = _filesystem(place)
    versions = files.glob(f"{folder}/{_ICEBERG}/*.metadata.json")
    newest = max(versions, key=lambda path: int(_NUMBER.match(path.rpartition("/")[2])[1]))
    table = StaticTable.from_metadata(files.unstrip_protocol(newest), _BY_FSSPEC)
    names = [field.name for field in table.schema().fields]
    return Rows(names, lambda columns: table.scan(selected_fields=tuple(columns)).to_arrow_batch_reader())


# --- files at an address ----------------------------------------------------------------------------------------------


def matching(place: str) -> list[str]:
    """Return the addresses of the files that the address `place`, which may be a pattern, names; sorted."""
    with _told(place):
        files, path = _filesystem(place)
        found = [path] if files.isfile(path) else files.glob(path)
        return sorted(files.unstrip_protocol(one) for one in found if files.isfile(one))


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """Yield a copy of the file at `address`, under its own name, for as long as it is asked for."""
    with tempfile.TemporaryDirectory() as folder, _told(address):
        files, path = _filesystem(address)
        copy = Path(folder) / path.rpartition("/")[2]
        files.get_file(path, str(copy))
        yield copy


def _filesystem(place: str) -> tuple[fsspec.AbstractFileSystem, str]:
    return fsspec.core.url_to_fs(place.rstrip("/"))


@contextmanager
def _told(place: str, install: str = "install the package that it names") -> Iterator[None]:
    """Raise DataError for whatever keeps `place` from being read: each kind of storage has errors of its own."""
    try:
        yield
    except DataError:
        raise
    except ImportError as error:
        raise DataError(f"{secret.masked(place)}: cannot be read here ({_line(error)}): {install}.") from error
    except Exception as error:
        raise DataError(
            f"{secret.masked(place)}: cannot be read ({type(error).__name__}: {_line(error)}); see that it is there, "
            "that its server answers, and that you may read it."
        ) from error


def _line(error: Exception) -> str:
    """Return the words of `error` on one line, without passwords."""
    return secret.masked(" ".join(str(error).split())[:200])
