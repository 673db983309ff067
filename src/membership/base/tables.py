"""Tables on disk: read, checked against their schemas, and written whole or not at all."""

from pathlib import Path
from typing import TypeVar

import ibis.expr.types as ir
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq

from membership.base import absent, files, laid
from membership.base.columns import Column, Table
from membership.base.errors import DataError, NotPossible
from membership.base.schemas import ALL

Rows = TypeVar("Rows", pd.DataFrame, ir.Table)


def existing(name: str) -> Path:
    """Return the file of table `name`.

    Raises DataError where no stage has made it yet, NotPossible where its stage was not possible with these data.
    """
    path = ALL[name].path()
    if not path.is_file():
        raise DataError(f"{path}: table '{name}' has not been made yet; run `dvc repro`, which makes it.")
    absent.check(path)
    return path


def read(name: str, or_empty: bool = False) -> pd.DataFrame:
    """Read table `name`, sorted by its key. Raises DataError where it is missing or broken; see `existing`.

    `or_empty`: no row where its stage was not possible, for whoever can do without it.
    """
    try:
        path = existing(name)
    except NotPossible:
        if not or_empty:
            raise
        return empty(name)
    try:
        return pd.read_parquet(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); delete it and run `dvc repro`.") from error


def check(name: str, frame: Rows, source: str | Path | None = None) -> Rows:
    """Return `frame` with the types of table `name`, sorted by its key, other columns left out.

    It may be an expression, which has no order. Raises DataError naming the table (or `source`), the column, the first
    bad rows and what is allowed.
    """
    table = ALL[name]
    lacking = table.lacking(frame.columns)
    missing = [column for column in table.columns if column not in {*frame.columns, *lacking}]
    where = source or f"table '{name}'"
    if missing:
        have = ", ".join(map(str, frame.columns))
        raise DataError(f"{where}: column{'s' * (len(missing) > 1)} {', '.join(missing)} missing; there are: {have}.")
    if isinstance(frame, ir.Table):
        return laid.checked(table, frame, where)
    types = {name: table.columns[name].dtype for name in lacking}
    frame = frame.assign(**{name: pd.Series(index=frame.index, dtype=dtype) for name, dtype in types.items()})
    try:
        checked = _schema(table).validate(frame.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as error:
        raise DataError(_explain(where, error)) from error
    return checked.sort_values(list(table.key), kind="stable").reset_index(drop=True)


def write(name: str, frame: pd.DataFrame | ir.Table, root: Path | None = None) -> Path:
    """Check `frame` against table `name` and store it, whole or not at all; the same rows give the same bytes.

    It is stored in the project, or under another `root`.
    """
    checked = check(name, frame)
    path = ALL[name].path(root)
    if isinstance(checked, ir.Table):
        laid.write(ALL[name], checked, path, empty(name))
        return path
    with files.whole(path) as temporary:
        arrow = pyarrow.Table.from_pandas(checked, preserve_index=False)
        pq.write_table(arrow, temporary, coerce_timestamps="us", allow_truncated_timestamps=True, compression="zstd")
    return path


def empty(name: str) -> pd.DataFrame:
    """Return table `name` without a row."""
    return check(name, pd.DataFrame({column: [] for column in ALL[name].columns}))


def _schema(table: Table) -> pa.DataFrameSchema:
    """Return the pandera schema: types coerced, key unique, no unknown column unless the table is open."""
    columns = {name: _column(column) for name, column in table.columns.items()}
    return pa.DataFrameSchema(columns, strict=False if table.open else "filter", coerce=True, unique=list(table.key))


def _column(column: Column) -> pa.Column:
    checks = []
    if column.low is not None:
        checks.append(pa.Check.ge(column.low))
    if column.high is not None:
        checks.append(pa.Check.le(column.high))
    if column.among is not None:
        checks.append(pa.Check.isin(column.among))
    return pa.Column(column.dtype, checks, nullable=column.nullable)


def _explain(where: str | Path, error: pa.errors.SchemaErrors) -> str:
    cases = error.failure_cases
    column, rule = cases["column"].iloc[0], cases["check"].iloc[0]
    same = cases[(cases["column"] == column) & (cases["check"] == rule)]
    rows = ", ".join(str(index) for index in same["index"].head(5))
    values = ", ".join(repr(value) for value in same["failure_case"].head(5))
    found = f"{len(same)} values break '{rule}', e.g. {values} in rows {rows}"
    return f"{where}: column {column}: {found}. Fix them in the source data."
