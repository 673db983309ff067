"""The one connection on which tables are computed: Ibis on DuckDB."""

import warnings
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import tables


def connect() -> ibis.BaseBackend:
    """Return a fresh in-memory DuckDB connection."""
    # Ibis 12 sets an option that is always on in pandas 3; the user can do nothing about the warning.
    warnings.filterwarnings("ignore", message="The 'future.infer_string' option is deprecated")
    # This one is about one more copy of the rows; `Prepared` has few.
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result makes an extra copy")
    con = ibis.duckdb.connect()
    con.raw_sql("SET enable_progress_bar = false")  # it would leave a widget in every executed notebook
    return con


def load(con: ibis.BaseBackend, name: str) -> ir.Table:
    """Return the stored table `name` as an Ibis expression. Raises DataError where it has not been made yet."""
    return con.read_parquet(str(tables.existing(name)), table_name=name)


def before(events: ir.Table, cutoff: date) -> ir.Table:
    """Keep the events on local days before `cutoff`. Features see events only through this function."""
    return events.filter(events.local_at < ibis.timestamp(cutoff.isoformat()))


class Prepared:
    """A query that is made once and asked often: call it for the rows that its tables give now.

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
