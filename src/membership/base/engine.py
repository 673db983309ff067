"""The one connection on which tables are computed: Ibis on DuckDB, on Spark, or on what else Ibis knows by address."""

import atexit
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import paths, spark, tables
from membership.base.errors import ProjectError

PATIENCE = 5  # seconds in which a server has to answer
_DUCKDB, _PYSPARK = "duckdb", spark.NAME  # backends of Ibis that read the files of data/
# A connection of Ibis's own that outlives the interpreter lets DuckDB's binding print forty lines about leaks.
atexit.register(lambda: setattr(ibis.options, "default_backend", None))
_PORTS = {"spark": 7077, "sc": 15002, "postgres": 5432, "postgresql": 5432}


def connect(chosen: Any = None) -> ibis.BaseBackend:
    """Return a fresh connection to the engine that section `engine` of the parameters (`settings.engine`) has `chosen`.

    None is DuckDB in memory, with its own defaults: for a few rows, whatever the pipeline runs on. Raises ProjectError
    where the engine is not installed, does not answer, or its database file is another run's.
    """
    # Ibis 12 sets an option that is always on in pandas 3; the user can do nothing about the warning.
    warnings.filterwarnings("ignore", message="The 'future.infer_string' option is deprecated")
    # This one is about one more copy of the rows; `Prepared` has few.
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result makes an extra copy")
    if chosen is None or chosen.name == "duckdb":
        return _duckdb(chosen)
    return _spark(chosen.spark) if chosen.name == "spark" else _by_address(chosen.name)


def load(con: ibis.BaseBackend, name: str) -> ir.Table:
    """Return the stored table `name` as an Ibis expression. Raises DataError where it has not been made yet."""
    path = tables.existing(name)
    if con.name in (_DUCKDB, _PYSPARK):
        return con.read_parquet(str(path), table_name=name)
    return keep(con, name, pd.read_parquet(path))  # a server cannot see the file


def keep(con: ibis.BaseBackend, name: str, table: ir.Table | pd.DataFrame) -> ir.Table:
    """Return `table` as table `name` of `con`, computed once however often it is asked; an older one of it is gone."""
    if con.name not in (_DUCKDB, _PYSPARK):
        if con.name == "postgres":  # whose `overwrite` Ibis 12 writes wrongly for temporary tables
            con.raw_sql(f'DROP TABLE IF EXISTS pg_temp."{name}"').close()
        rows = ibis.memtable(table) if isinstance(table, pd.DataFrame) else table
        # the session's own: on a server that many use, an older table of that name may be anybody's
        return con.create_table(name, rows, temp=True, overwrite=con.name != "postgres")
    if con.name == _DUCKDB:
        con.raw_sql(f'DROP TABLE IF EXISTS "{name}"')  # a database file may hold an earlier run's
        return con.create_table(name, ibis.memtable(table) if isinstance(table, pd.DataFrame) else table)
    table = spark.table(con, name, table) if isinstance(table, pd.DataFrame) else table
    view = con.create_view(name, table, overwrite=True)  # a table would stay in the warehouse after the session
    con.raw_sql(f"CACHE TABLE `{name}`")
    return view


def table(rows: ir.Table | pd.DataFrame) -> ir.Table:
    """Return `rows` as an expression; a frame is computed on by DuckDB in memory."""
    return ibis.memtable(rows) if isinstance(rows, pd.DataFrame) else rows


def of_members(rows: ir.Table | pd.DataFrame, members: pd.Series | pd.Index, kept: bool) -> ir.Table | pd.DataFrame:
    """Return the `rows` (with member_id) of `members` (ids), or, where not `kept`, of all others."""
    if isinstance(rows, pd.DataFrame):
        return rows[rows["member_id"].isin(members) == kept]
    ids = ibis.memtable(pd.DataFrame({"member_id": pd.Series(members, dtype="str")}))
    return rows.semi_join(ids, "member_id") if kept else rows.anti_join(ids, "member_id")


def drop(con: ibis.BaseBackend, name: str) -> None:
    """Give back what the kept table `name` takes; what was computed from it and kept stays."""
    con.raw_sql(f"UNCACHE TABLE `{name}`" if con.name == _PYSPARK else f'DROP TABLE "{name}"')


def before(events: ir.Table, cutoff: date) -> ir.Table:
    """Keep the events on local days before `cutoff`. Features see events only through this function."""
    return events.filter(events.local_at < ibis.timestamp(cutoff.isoformat()))


class Prepared:
    """A query that is made once and asked often: call it for the rows that its tables give now. DuckDB alone has them.

    For a few members' events, Ibis takes many times longer to build a query than DuckDB takes to answer it.
    """

    def __init__(self, con: ibis.BaseBackend, table: ir.Table):
        table.limit(0).execute()  # tables in memory that it reads are made known to `con` for as long as it lives
        self._con, self._table, self._schema = con.con, table, table.schema().to_pyarrow()
        self._name = f"prepared_{id(self)}"
        self._con.execute(f"PREPARE {self._name} AS {con.compile(table)}").fetchall()

    def __call__(self) -> pd.DataFrame:
        """Return the rows, with the types of the table."""
        return self._con.execute(f"EXECUTE {self._name}").to_arrow_table().cast(self._schema).to_pandas()


def _duckdb(chosen: Any) -> ibis.BaseBackend:
    file, asked = None, {}
    if chosen is not None:
        own = chosen.duckdb
        if own.database:
            file = paths.data(own.database)
            file.parent.mkdir(parents=True, exist_ok=True)
        memory = own.memory_gib and f"{own.memory_gib} GiB"
        asked = {"memory_limit": memory, "threads": own.threads, "temp_directory": _folder(own.spill)}
    try:
        con = ibis.duckdb.connect(file or ":memory:", **{name: value for name, value in asked.items() if value})
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise ProjectError(
                f"{file} is in use by another run, and DuckDB gives a database to one at a time. Wait until it has "
                "ended, close the notebook that holds it, or set engine.duckdb.database to another file or to null."
            ) from error
        raise ProjectError(
            f"{file}: not a database of this DuckDB ({_first(error)}); delete it: it is made anew."
        ) from error
    con.raw_sql("SET enable_progress_bar = false")  # it would leave a widget in every executed notebook
    return con


def _folder(spill: str | None) -> str | None:
    if spill is None:
        return None
    folder = paths.root() / Path(spill).expanduser()
    if not folder.is_dir():
        raise ProjectError(f"engine.duckdb.spill = '{spill}': there is no folder {folder}; make it, or set null.")
    return str(folder)


def _spark(chosen: Any) -> ibis.BaseBackend:
    with _told("spark", "pip install -e '.[spark]', which also needs Java 17"):
        import pyspark  # noqa: F401  (first: nobody has to start a cluster to learn that it is not installed)

        if chosen.url and "://" in chosen.url:
            _answers("engine.spark.url", chosen.url)
        return spark.connect(chosen)


def _by_address(url: str) -> ibis.BaseBackend:
    kind = urlsplit(url).scheme
    with _told(kind, f"pip install 'ibis-framework[{kind}]'"):
        _answers("engine.name", url)
        return ibis.connect(url)


def _answers(knob: str, url: str) -> None:
    """Raise ProjectError where nothing listens at `url`: clients would ask again for minutes."""
    at = urlsplit(url)
    port = at.port or _PORTS.get(at.scheme)
    if not at.hostname or port is None:
        return
    try:
        socket.create_connection((at.hostname, port), PATIENCE).close()
    except OSError as error:
        raise ProjectError(
            f"{knob} = {url}: {at.hostname}:{port} does not answer within {PATIENCE} s ({_first(error)}). Start it, or "
            "correct the address; engine.name: duckdb runs on this machine."
        ) from error


@contextmanager
def _told(name: str, install: str) -> Iterator[None]:
    """Raise ProjectError for whatever keeps engine `name` from being there."""
    try:
        yield
    except ProjectError:
        raise
    except ImportError as error:
        raise ProjectError(
            f"engine '{name}' is not installed ({_first(error)}): {install}; or set engine.name: duckdb."
        ) from error
    except Exception as error:  # each engine's client has exceptions of its own
        raise ProjectError(
            f"engine '{name}' does not start ({type(error).__name__}: {_first(error)}). Correct section engine of "
            "params.yaml, or set engine.name: duckdb."
        ) from error


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
