"""Tables that lie in an engine: checked there by counting, stored in batches, so that no memory has to hold them."""

from collections.abc import Iterator
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from membership.base import files
from membership.base.columns import Table
from membership.base.errors import DataError

ROWS = 2**20  # of a group of rows in a file, as pyarrow makes them of a frame
_SHOWN = 5


def checked(table: Table, rows: ir.Table, where: str) -> ir.Table:
    """Return `rows` with the columns and types of `table`, others left out.

    Raises DataError naming `where`, the column, the first bad values and what is allowed.
    """
    kinds = table.kinds()
    lacking = {name: ibis.null(kinds[name]) for name in table.lacking(rows.columns)}
    rows = rows.mutate(**lacking).select(**{name: lambda t, name=name: t[name].cast(kinds[name]) for name in kinds})
    broken = dict(_broken(table, rows))
    counts = rows.agg(**{f"{n}": one.sum() for n, one in enumerate(broken.values())}).to_pandas().iloc[0].fillna(0)
    for (column, rule), count, one in zip(broken, counts, broken.values(), strict=True):
        if count:
            raise DataError(_told(where, column, rule, int(count), rows.filter(one)[column]))
    again = rows.group_by(list(table.key)).agg(rows=rows.count()).filter(lambda t: t["rows"] > 1)
    count = again["rows"].sum().to_pyarrow().as_py()
    if count:
        raise DataError(_told(where, ", ".join(table.key), "multiple_fields_uniqueness", count, again[table.key[0]]))
    return rows


def write(table: Table, rows: ir.Table, to: Path, empty: pd.DataFrame) -> None:
    """Store `rows`, checked, in the order of the key, whole or not at all: the bytes that a frame would give.

    `empty` is the table as a frame without rows.
    """
    schema = pyarrow.Table.from_pandas(empty, preserve_index=False).schema
    batches = _batches(rows.order_by(list(table.key)))
    shape = {"coerce_timestamps": "us", "allow_truncated_timestamps": True, "compression": "zstd"}
    with files.whole(to) as temporary, pq.ParquetWriter(temporary, schema, **shape) as file:
        for group in _groups(batches):
            file.write_table(group.cast(schema), ROWS)


def _broken(table: Table, rows: ir.Table) -> Iterator[tuple[tuple[str, str], ir.BooleanValue]]:
    """Yield column, rule and which rows break it, for each rule of the columns of `table`."""
    for name, column in table.columns.items():
        cell = rows[name]
        if not column.nullable:
            yield (name, "not_nullable"), cell.isnull()  # noqa: PD003  (no frame)
        if column.low is not None:
            yield (name, f"greater_than_or_equal_to({column.low})"), cell < column.low
        if column.high is not None:
            yield (name, f"less_than_or_equal_to({column.high})"), cell > column.high
        if column.among is not None:
            yield (name, f"isin({list(column.among)})"), cell.notin(column.among)


def _told(where: str, column: str, rule: str, count: int, bad: ir.Value) -> str:
    values = ", ".join(map(repr, bad.as_table().limit(_SHOWN).to_pandas().iloc[:, 0]))
    return f"{where}: column {column}: {count} values break '{rule}', e.g. {values}. Fix them in the source data."


def _batches(rows: ir.Table) -> Iterator[pyarrow.RecordBatch]:
    con = rows.get_backend()
    if con.name != "duckdb":
        return rows.to_pyarrow_batches(chunk_size=ROWS)
    rows.limit(0).execute()  # tables in memory that it reads are made known to `con`
    # Ibis 12 asks DuckDB 2 for a name that it had; `execute` would hold all rows at once, `sql` streams them
    return con.con.sql(con.compile(rows)).to_arrow_reader(ROWS)


def _groups(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.Table]:
    """Yield the rows of `batches` in groups of ROWS, and what is left over."""
    held, there = [], 0
    for batch in batches:
        held.append(batch)
        there += batch.num_rows
        while there >= ROWS:
            every = pyarrow.Table.from_batches(held)
            yield every.slice(0, ROWS)
            held, there = every.slice(ROWS).to_batches(), there - ROWS
    if held:
        yield pyarrow.Table.from_batches(held)
