"""Columns of text to numbers, times and kinds of event; a cell of another kind is an error, not a null."""

import re

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from membership.base import engine, schemas
from membership.base.errors import DataError
from membership.data.clock import of_instant, to_utc
from membership.data.sources import reading
from membership.settings.dataset import FileTable

NO_VALUE = ("", "NULL", "null", "NaN", "nan")  # cells without a value
NUMBER, TIME, KIND, ARM, ID, TEXT = "decimal(38, 6)", "timestamp(6)", "kind", "arm", "id", "text"
CHANCE = "float64"  # a propensity may be far smaller than a decimal's last digit, and its inverse is what counts
SHOWN = 5  # bad cells that an error shows
MOST = 10**13  # a number from here on is a slip of a scanner; two of them multiply without overflow
EDGE = r"[\s\p{Z}\p{C}]+"  # blanks and signs without width or shape, at the edge of a cell no part of it
UNSEEN = (  # nobody sees them in an id, wherever they stand
    r"[\x{00}-\x{08}\x{0E}-\x{1F}\x{7F}\x{00AD}\x{200B}\x{200E}\x{200F}\x{2060}\x{FEFF}]"
)
DATE = r"^\d{4}-\d{1,2}-\d{1,2}"  # all of a day in ISO 8601
CLOCK_TIME = r"([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?"
ZONE = r"( ?([Zz]|UTC|GMT|[-+](0\d|1[0-4])(:?\d{2})?)| [A-Z][A-Za-z]+/[A-Za-z_/+-]+)?"  # letters may mean several
SHORTENED = r"^\d([.,]\d+)?[eE]\+\d+$"  # a long number as spreadsheets show it: its last digits are gone
NARROW = r"\x{00A0}\x{202F}"  # blanks that stand between thousands, too
OPEN = r"(?i)\b(9999|0001)\b|infinity"  # what stands for "no end", or for a beginning that nobody knows
CLOCK = re.compile(r"%-?[HIMSfgnpcXTRrs]|^epoch_")  # in a format of times: they have more than a day
UNITS = {"epoch_s": ("s", 10**11), "epoch_ms": ("ms", 10**14)}  # since 1970; the count that is none any more
_GIVEN = "given"  # the file that is being read
SPREADSHEET = 25_569  # days of a spreadsheet on 1970-01-01; its day 0 is 1899-12-30


@ibis.udf.scalar.builtin(name="try_strptime")
def _strptime(text: str, pattern: str) -> dt.timestamp: ...


@ibis.udf.scalar.builtin(name="nfc_normalize")
def _composed(text: str) -> str: ...


def parsed(con: ibis.BaseBackend, name: str, mapping: FileTable, zone: str) -> ir.Table:
    """Return the rows of `mapping` with the types of table `name`, and their `file` and `row`.

    Text is trimmed, ids have one spelling (composed, NFC), numbers (money too, in units of currency) are decimals,
    times are UTC without zone; a day without a clock is a local day of `zone`. A time that means "no end" is null, but
    for events. Raises DataError, naming file, column and first bad rows, where a cell is not what its column needs.
    """
    key = f"dataset.files.{name}"
    wanted = {column: _wanted(name, column) for column in (*mapping.columns, *mapping.constants)}
    cells = None
    for text in reading.text(mapping, key):  # a file at a time: all of them may be more than memory holds
        con.con.register(_GIVEN, text)
        rows = _trimmed_rows(con.table(_GIVEN), name, wanted, mapping)
        if cells is None:
            cells = engine.keep(con, f"{name} text", rows)
        else:
            con.insert(f"{name} text", rows)
        con.con.unregister(_GIVEN)
    for column in (column for column, kind in wanted.items() if kind == ID):
        _whole(cells, column, mapping, key)
    con.raw_sql(f"SET TimeZone = '{mapping.timezone}'")  # in which DuckDB reads times that do not say their zone
    values = {column: _value(cells[column], kind, mapping, zone) for column, kind in wanted.items()}
    checked = [column for column, kind in wanted.items() if kind in (NUMBER, CHANCE, TIME, KIND)]
    asked = {f"{column} text": cells[column] for column in checked}
    rows = engine.keep(con, f"{name} values", cells.select("file", "row", **values, **asked))
    con.raw_sql("SET TimeZone = 'UTC'")
    engine.drop(con, f"{name} text")
    left_out = [kind for kind, ours in mapping.kinds.items() if ours is None]
    if left_out and "kind text" in rows.columns:
        rows = engine.keep(con, f"{name} kept", rows.filter(rows["kind text"].notin(left_out).fill_null(True)))
    for column in checked:
        _refuse(rows, column, wanted[column], mapping, key)
    return rows.drop(*asked)


def types(name: str) -> dict[str, str]:
    """Return the columns of the canonical table `name` and their types as Ibis calls them."""
    return schemas.READ[name].kinds()


def _wanted(name: str, column: str) -> str:
    if column == "kind" and name == "events":
        return KIND
    if column == "arm" and name == "exposures":
        return ARM
    if column.endswith("_id"):
        return ID
    if column in ("propensity", "rate"):
        return CHANCE
    return {"int64": NUMBER, "float64": NUMBER, "timestamp(6)": TIME}.get(types(name).get(column), TEXT)


def _trimmed_rows(text: ir.Table, name: str, wanted: dict[str, str], mapping: FileTable) -> ir.Table:
    trimmed = {column: _trimmed(text[column]) for column in wanted}
    for column in (column for column, kind in wanted.items() if kind == TIME and name != "events"):
        trimmed[column] = trimmed[column].re_search(OPEN).ifelse(None, trimmed[column])
    if mapping.nobody and "member_id" in trimmed:
        trimmed["member_id"] = trimmed["member_id"].isin(mapping.nobody).ifelse(None, trimmed["member_id"])
    return text.mutate(**trimmed)


def _trimmed(cell: ir.StringValue) -> ir.StringValue:
    inside = cell.re_replace(f"^{EDGE}|{EDGE}$", "")
    return inside.isin(NO_VALUE).ifelse(None, inside)


def _value(cell: ir.StringValue, wanted: str, mapping: FileTable, zone: str) -> ir.Value:
    """`cell` as what is wanted, or null."""
    if wanted in (NUMBER, CHANCE):
        number = _plain(cell, mapping).try_cast(wanted)
        return (number.abs() < MOST).ifelse(number, None)
    if wanted == TIME:
        return _time(cell, mapping, zone)
    if wanted == KIND:
        return cell.cases(*((theirs, ours) for theirs, ours in _kinds(mapping).items() if ours is not None))
    if wanted == ARM and mapping.arms:
        return cell.cases(*mapping.arms.items(), else_=cell)
    if wanted == ID:
        whole = cell.re_replace(r"^(\d+)\.0+$", r"\1")  # a whole number that once passed through a float
        return _composed(whole.re_replace(UNSEEN, ""))
    return cell


def _plain(cell: ir.StringValue, mapping: FileTable) -> ir.StringValue:
    """The number that `cell` says with a point before the cents and no mark between thousands, or null."""
    if mapping.thousands is not None:
        gap = f"[{mapping.thousands}{NARROW if mapping.thousands == ' ' else ''}]"
        right = cell.re_search(rf"^[-+]?(\d{{1,3}}({gap}\d{{3}})+|\d+)([{mapping.decimal}]\d*)?$")
        cell = right.ifelse(cell.re_replace(gap, ""), None)
    # A mark that is not declared may be of thousands, and 1.234 is 1234 to one reader and 1.23 to another.
    return cell.contains(".").ifelse(None, cell.replace(",", ".")) if mapping.decimal == "," else cell


def _time(cell: ir.StringValue, mapping: FileTable, zone: str) -> ir.TimestampValue:
    """The UTC time that `cell` says; a day is its first moment on the clocks of `zone`."""
    form = mapping.time_format
    if form in UNITS:
        unit, most = UNITS[form]
        count = cell.try_cast("int64")
        return of_instant((count.abs() < most).ifelse(count, None).as_timestamp(unit).cast("timestamp('UTC')"))
    if form == "excel_days":
        days = cell.replace(",", ".").try_cast("float64")
        second = ((days - SPREADSHEET) * 86_400).round().cast("int64")
        count = (days.abs() < 10**6).ifelse(second, None)
        clock = of_instant(count.as_timestamp("s").cast("timestamp('UTC')"))  # what the wall shows
        return (days == days.floor()).ifelse(to_utc(clock, zone), to_utc(clock, mapping.timezone))
    if form is None:
        iso = cell.re_search(f"{DATE}{CLOCK_TIME}{ZONE}$").ifelse(cell, None)
        at = of_instant(iso.try_cast("timestamp('UTC')"))
        return iso.re_search(f"{DATE}$").ifelse(to_utc(iso.try_cast("timestamp"), zone), at)
    read = _strptime(cell, form) if mapping.year is None else _strptime(f"{mapping.year} " + cell, f"%Y {form}")
    return of_instant(read.cast("timestamp('UTC')")) if CLOCK.search(form) else to_utc(read, zone)


def _kinds(mapping: FileTable) -> dict[str, str]:
    return mapping.kinds or {kind: kind for kind in schemas.KINDS}


def _whole(cells: ir.Table, column: str, mapping: FileTable, key: str) -> None:
    """Raise DataError with the first ids of `column` whose last digits a spreadsheet has taken."""
    first = cells.filter(cells[column].re_search(SHORTENED)).order_by("file", "row").limit(SHOWN).to_pandas()
    if len(first):
        ids = ", ".join(f"'{text}' in row {row}" for text, row in zip(first[column], first["row"], strict=True))
        raise DataError(
            f"{first['file'][0]}: column '{mapping.columns.get(column, 'constants')}' ({key}: {column}): ids that a "
            f"spreadsheet has shortened, e.g. {ids}; several ids become one. Export the column as text."
        )


def _refuse(rows: ir.Table, column: str, wanted: str, mapping: FileTable, key: str) -> None:
    """Raise DataError with the first cells of `column` that are not what is wanted."""
    bad = rows.filter(rows[f"{column} text"].notnull() & rows[column].isnull())
    first = bad.order_by("file", "row").limit(SHOWN).to_pandas()
    if first.empty:
        return
    form = mapping.time_format or "in ISO 8601, e.g. 2017-12-31 23:59:00"
    allowed = {
        NUMBER: f"numbers such as 1234{mapping.decimal}50 below {MOST:,}, without signs of currency or thousands",
        CHANCE: f"numbers {'above 0' if column == 'rate' else 'from 0 to 1'} such as 0{mapping.decimal}5",
        TIME: f"times {form} ({key}.time_format) that exist",
        KIND: f"{', '.join(_kinds(mapping))} ({key}.kinds)",
    }
    cells = ", ".join(f"'{text}' in row {row}" for text, row in zip(first[f"{column} text"], first["row"], strict=True))
    raise DataError(
        f"{first['file'][0]}: column '{mapping.columns.get(column, 'constants')}' ({key}: {column}): "
        f"{bad.count().to_pyarrow().as_py()} bad values, e.g. {cells}. Allowed: {allowed[wanted]}, or nothing. "
        "Fix the file, or the mapping in params.yaml."
    )
