"""Columns of text to numbers, times and kinds of event; a cell of another kind is an error, not a null."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from membership.base import schemas, tables
from membership.base.errors import DataError
from membership.data.clock import of_instant
from membership.data.sources import reading
from membership.settings.dataset import FileTable

NO_VALUE = ("", "NULL", "null", "NaN", "nan")  # cells without a value
NUMBER, TIME, KIND, ARM, ID, TEXT = "decimal(38, 6)", "timestamp(6)", "kind", "arm", "id", "text"
CHANCE = "float64"  # a propensity may be far smaller than a decimal's last digit, and its inverse is what counts
SHOWN = 5  # bad cells that an error shows


@ibis.udf.scalar.builtin(name="try_strptime")
def _strptime(text: str, pattern: str) -> dt.timestamp: ...


def parsed(con: ibis.BaseBackend, name: str, mapping: FileTable) -> ir.Table:
    """Return the rows of `mapping` with the types of table `name`, and their `file` and `row`.

    Text is trimmed, numbers (money too, in units of currency) are decimals, times are UTC without zone. Raises
    DataError, naming file, column and first bad rows, where a cell is not what its column needs.
    """
    key = f"dataset.files.{name}"
    text = ibis.memtable(reading.text(mapping, key))
    wanted = {column: _wanted(name, column) for column in (*mapping.columns, *mapping.constants)}
    cells = con.create_table(f"{name} text", text.mutate(**{column: _trimmed(text[column]) for column in wanted}))
    con.raw_sql(f"SET TimeZone = '{mapping.timezone}'")  # in which DuckDB reads times that do not say their zone
    values = {column: _value(cells[column], kind, mapping) for column, kind in wanted.items()}
    checked = [column for column, kind in wanted.items() if kind in (NUMBER, CHANCE, TIME, KIND)]
    asked = {f"{column} text": cells[column] for column in checked}
    rows = con.create_table(f"{name} values", cells.select("file", "row", **values, **asked))
    for column in checked:
        _refuse(rows, column, wanted[column], mapping, key)
    return rows.drop(*asked)


def types(name: str) -> dict[str, str]:
    """Return the columns of the canonical table `name` and their types as Ibis calls them."""
    columns = {column: str(rule.dtype) for column, rule in tables.ALL[name].columns.items()}
    families = {"string": "string", "datetime64": "timestamp(6)"}
    return {column: families.get(dtype.split("[")[0], dtype) for column, dtype in columns.items()}


def _wanted(name: str, column: str) -> str:
    if column == "kind" and name == "events":
        return KIND
    if column == "arm" and name == "exposures":
        return ARM
    if column.endswith("_id"):
        return ID
    if column == "propensity":
        return CHANCE
    return {"int64": NUMBER, "float64": NUMBER, "timestamp(6)": TIME}.get(types(name).get(column), TEXT)


def _trimmed(cell: ir.StringValue) -> ir.StringValue:
    return cell.strip().isin(NO_VALUE).ifelse(None, cell.strip())


def _value(cell: ir.StringValue, wanted: str, mapping: FileTable) -> ir.Value:
    """`cell` as what is wanted, or null."""
    if wanted in (NUMBER, CHANCE):
        return cell.replace(mapping.decimal, ".").try_cast(wanted)
    if wanted == TIME:
        return of_instant(_instant(cell, mapping))
    if wanted == KIND:
        return cell.cases(*_kinds(mapping).items())
    if wanted == ARM and mapping.arms:
        return cell.cases(*mapping.arms.items(), else_=cell)
    if wanted == ID:
        return cell.re_replace(r"^(\d+)\.0$", r"\1")  # a whole number that once passed through a float
    return cell


def _instant(cell: ir.StringValue, mapping: FileTable) -> ir.TimestampValue:
    if mapping.time_format is None:
        return cell.try_cast("timestamp('UTC')")
    if mapping.year is None:
        return _strptime(cell, mapping.time_format).cast("timestamp('UTC')")
    return _strptime(f"{mapping.year} " + cell, f"%Y {mapping.time_format}").cast("timestamp('UTC')")


def _kinds(mapping: FileTable) -> dict[str, str]:
    return mapping.kinds or {kind: kind for kind in schemas.KINDS}


def _refuse(rows: ir.Table, column: str, wanted: str, mapping: FileTable, key: str) -> None:
    """Raise DataError with the first cells of `column` that are not what is wanted."""
    bad = rows.filter(rows[f"{column} text"].notnull() & rows[column].isnull())
    first = bad.order_by("file", "row").limit(SHOWN).to_pandas()
    if first.empty:
        return
    form = mapping.time_format or "in ISO 8601, e.g. 2017-12-31 23:59:00"
    allowed = {
        NUMBER: f"numbers such as 1234{mapping.decimal}50, without signs of currency or thousands",
        CHANCE: f"numbers from 0 to 1 such as 0{mapping.decimal}5",
        TIME: f"times {form} ({key}.time_format) that exist",
        KIND: f"{', '.join(_kinds(mapping))} ({key}.kinds)",
    }
    cells = ", ".join(f"'{text}' in row {row}" for text, row in zip(first[f"{column} text"], first["row"], strict=True))
    raise DataError(
        f"{first['file'][0]}: column '{mapping.columns.get(column, 'constants')}' ({key}: {column}): "
        f"{bad.count().to_pyarrow().as_py()} bad values, e.g. {cells}. Allowed: {allowed[wanted]}, or nothing. "
        "Fix the file, or the mapping in params.yaml."
    )
