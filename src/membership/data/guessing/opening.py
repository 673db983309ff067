"""Files as people have them, opened: encoding, delimiter and header found, every cell as text or null.

CSV (also .gz), text in columns apart by blanks, Parquet, Excel, JSON lines or a JSON list, here or at an address;
tables of a database or of a lake.
"""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from membership.base import secret
from membership.base.errors import DataError
from membership.data.guessing import text, words
from membership.data.sources import elsewhere

_ANEW = {"shape": {}, "plain": False, "why": "address"}  # what is read from elsewhere is written anew, as it was seen
_BASKETS = {"items", "basket", "cart", "products", "lines", "skus", "dishes", "articles", "warenkorb", "artikel"}
_LISTS = 100  # cells of a column from which it is seen that it holds lists
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm", ".json", ".jsonl", ".ndjson", ".gz")


@dataclass(frozen=True)
class Opened:
    """One table as it was found: `frame` of text or null, and the `shape` (fields of FileTable) that reads it.

    `plain`: the pipeline's reader can read it where it lies; if not, it has to be written anew (`why`: the reason).
    `left_out`: rows that did not have the header's number of cells.
    """

    source: str
    path: Path | None
    frame: pd.DataFrame
    shape: dict = field(default_factory=dict)
    plain: bool = True
    why: str = ""
    left_out: int = 0

    @property
    def stem(self) -> str:
        """The name of the file or table without folders and endings."""
        return re.split(r"[/\\:]", self.source)[-1].split(".")[0]


def opened(source: str) -> list[Opened]:
    """Return the tables in `source`: a file, a folder of files or of a lake's table, or a table `<url>::<table>`.

    Raises DataError, naming the file, where it is not there, is empty, or cannot be read.
    """
    if elsewhere.is_address(source):
        return _at_address(source) if elsewhere.holds_files(source) else [_table(source)]
    path = Path(source)
    if path.is_dir() and elsewhere.is_lake(source):
        return [_whole(elsewhere.lake(source), source, "lake")]
    if path.is_dir():
        inside = [one for one in sorted(path.iterdir()) if one.name.lower().endswith(SUFFIXES)]
        return [table for one in inside for table in opened(str(one))]
    if not path.exists():
        raise DataError(f"{source}: no such file; give paths of files, folders, or <database url>::<table>.")
    if path.stat().st_size == 0:
        raise DataError(f"{source}: the file is empty; allowed: a header and at least one row.")
    ending = "".join(path.suffixes[-2:]).lower().removesuffix(".gz").rpartition(".")[2]
    try:
        if (made_by := _database_of(path)) is not None:
            tables = _tables(f"{made_by}://{path.resolve()}")
        elif ending == "parquet":
            tables = [_parquet(path)]
        elif ending in ("xlsx", "xlsm"):
            tables = _excel(path)
        elif ending in ("json", "jsonl", "ndjson"):
            tables = [_json(path)]
        elif ending in ("xls", "ods", "zip", "pdf", "docx"):
            raise DataError(f"{source}: files of this kind are not read; save it as CSV, Parquet or Excel (.xlsx).")
        else:
            tables = _text(path)
    except (OSError, EOFError, UnicodeError, pa.ArrowException, ValueError, KeyError) as error:
        raise DataError(f"{source}: cannot be read ({' '.join(str(error).split())[:200]}).") from error
    if not any(len(table.frame) for table in tables):
        raise DataError(f"{source}: no rows below the header; allowed: at least one row of data.")
    return [table for table in tables if len(table.frame)]


def _database_of(path: Path) -> str | None:
    """The database whose file this is, by its first bytes; None where it is none."""
    with path.open("rb") as file:
        head = file.read(16)
    return "sqlite" if head == b"SQLite format 3\0" else "duckdb" if head[8:12] == b"DUCK" else None


def _text(path: Path) -> list[Opened]:
    found = text.table(_bytes(path))
    if found is None:
        raise DataError(f"{path}: the file is empty; allowed: a header and at least one row.")
    rows = _unpacked(found.rows)
    if rows is not found.rows:
        return [Opened(str(path), path, rows, found.shape, False, "nested", found.left_out)]
    return [Opened(str(path), path, rows, found.shape, not found.why, found.why, found.left_out)]


def _bytes(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()


# --- files that say their types --------------------------------------------------------------------------------------


def _parquet(path: Path) -> Opened:
    table = pq.read_table(path)
    nested = any(pa.types.is_nested(kind) for kind in table.schema.types)
    return Opened(str(path), path, _cells(table), {}, not nested, "nested" if nested else "")


def _typed_texts(table: pa.Table) -> pd.DataFrame:
    """The cells of `table` as the pipeline's reader spells them."""
    return text.objects(table.cast(pa.schema([(name, pa.string()) for name in table.column_names])))


def _excel(path: Path) -> list[Opened]:
    """A table for each sheet that holds one, its header found as in text."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    found = []
    for sheet in book.worksheets:
        rows = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
        used = [
            column
            for column in range(max(map(len, rows), default=0))
            if any(row[column] for row in rows if column < len(row))
        ]
        rows = [[row[column] if column < len(row) else "" for column in used] for row in rows]
        rows = [row for row in rows if any(row)]
        if len(rows) > 1 and len(used) > 1:
            buffer = io.StringIO()
            csv.writer(buffer).writerows([[cell.replace("\n", " ") for cell in row] for row in rows[: text.LINES]])
            names, _, data_line, _ = text.header(buffer.getvalue().splitlines(), ",")
            frame = pd.DataFrame(rows[data_line - 1 :], columns=text.apart(names), dtype=object)
            name = str(path) if len(book.sheetnames) == 1 else f"{path}:{sheet.title}"
            found.append(Opened(name, path, frame, {}, False, "excel"))
    return found


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _json(path: Path) -> Opened:
    raw = _bytes(path)
    said = raw.decode(text.encoding_of(raw))
    try:
        rows = [json.loads(line) for line in said.splitlines() if line.strip()]
    except json.JSONDecodeError:
        rows = [json.loads(said)]
    if len(rows) == 1 and isinstance(rows[0], list):
        rows = rows[0]
    if len(rows) == 1 and isinstance(rows[0], dict):
        lists = [
            value for value in rows[0].values() if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        rows = lists[0] if len(lists) == 1 else rows
    if not all(isinstance(row, dict) and any(not isinstance(cell, list) for cell in row.values()) for row in rows):
        raise DataError(
            f"{path}: holds lists without names, so nothing says which value is a member, a time or an amount; "
            "allowed: one JSON object a row, with names."
        )
    return Opened(str(path), path, flat(rows), {}, False, "json")


def flat(rows: list[dict]) -> pd.DataFrame:
    """Return `rows`, objects within objects, as text: a list of objects gives a row each, other lists one cell.

    Names within are joined by a point; names that are the same in plain form (`offer id`, `offer_id`) are one column.
    """
    names: dict[str, str] = {}
    found = []
    for row in (one for whole in rows for one in _spread(whole)):
        cells_of: dict[str, str] = {}
        for name, cell in _leaves(row, ""):
            cells_of.setdefault(names.setdefault(words.plain(name), name), cell)
        found.append(cells_of)
    return pd.DataFrame(found, columns=list(names.values()), dtype=object).astype(object)


def _spread(row: dict) -> list[dict]:
    """A row for each line of an order; what it came to stands on none where lines have prices, else on the first."""
    key = next((key for key, value in row.items() if _are_lines(key, value)), None)
    if key is None:
        return [row]
    lines = row[key] if isinstance(row[key][0], dict) else _counted(row[key])
    rest = {name: value for name, value in row.items() if name != key}
    priced = any(words.is_price(name) for line in lines for name, _ in _leaves(line, ""))
    without = {name: value for name, value in rest.items() if not (words.is_total(name) and _is_number(value))}
    first = without if priced else rest
    return [(without if number else first) | {key: line} for number, line in enumerate(lines)]


def _is_number(value: object) -> bool:
    return bool(re.fullmatch(r"-?\d+([.,]\d+)?", str(value).strip()))


def _counted(names: list) -> list[dict]:
    """A line for each different name in a basket, and how often it is there."""
    return [{"item": name, "quantity": number} for name, number in Counter(map(str, names)).items()]


def _are_lines(name: str, value: object) -> bool:
    """Whether a cell lists what was bought: objects, or names in a basket."""
    if not isinstance(value, list) or not value:
        return False
    return isinstance(value[0], dict) or bool(set(words.plain(name).split()) & _BASKETS)


def _unpacked(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of a text file with a row a line where a column holds lists as JSON; else as it is."""
    heads = {name: frame[name].dropna().head(_LISTS) for name in frame}
    packed = [
        name for name, some in heads.items() if len(some) and some.str.fullmatch(r"\s*\[.*\]\s*", flags=re.S).all()
    ]
    if not packed:
        return frame
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    try:
        whole = [row | {name: json.loads(row[name]) if row[name] else None for name in packed} for row in rows]
    except json.JSONDecodeError:
        return frame
    return flat(whole)


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Names and texts of what `value` holds; nothing for what is missing. Numbers keep all their digits."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ", ".join(str(one) for one in value)
    elif value is not None:
        yield name, str(value)


def _table(source: str) -> Opened:
    """A table of a database."""
    if not elsewhere.is_database(source):
        raise DataError(
            f"{secret.masked(source)}: names no table; write <url>::<table>, e.g. sqlite:///shop.db::orders."
        )
    return _whole(elsewhere.database(source), secret.masked(source), "database")


def _tables(url: str) -> list[Opened]:
    """All tables of a database that hold a row."""
    names = [f"{url}::{name}" for name in elsewhere.names(url)]
    found = [_rows(elsewhere.database(name), name, "database") for name in names]
    return [table for table in found if table is not None]


def _whole(opened: AbstractContextManager[elsewhere.Rows], source: str, why: str) -> Opened:
    found = _rows(opened, source, why)
    if found is None:
        raise DataError(f"{source}: no rows; allowed: at least one row of data.")
    return found


def _rows(opened: AbstractContextManager[elsewhere.Rows], source: str, why: str) -> Opened | None:
    with opened as rows:
        parts = list(rows.tables(rows.columns))
    return Opened(source, None, _cells(pa.concat_tables(parts)), {}, False, why) if parts else None


def _at_address(source: str) -> list[Opened]:
    """A table of a lake, or files, which `source` may name by a pattern."""
    if elsewhere.is_lake(source):
        return [_whole(elsewhere.lake(source), source, "lake")]
    found = elsewhere.matching(source)
    if not found:
        raise DataError(f"{source}: no such file; give addresses of files, of tables, or <database url>::<table>.")
    tables = []
    for address in found:
        with elsewhere.fetched(address) as path:
            tables += [replace(one, source=address, path=None, **_ANEW) for one in opened(str(path))]
    return tables


def _cells(table: pa.Table) -> pd.DataFrame:
    nested = any(pa.types.is_nested(kind) for kind in table.schema.types)
    return flat(table.to_pylist()) if nested else _typed_texts(table)
