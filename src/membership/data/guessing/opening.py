"""Files as people have them, opened: encoding, delimiter and header found, every cell as text or null.

CSV (also .gz), text in columns apart by blanks, Parquet, Excel, JSON lines or a JSON list, and tables of a database.
"""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from membership.base.errors import DataError
from membership.data.guessing import cells, words

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm", ".json", ".jsonl", ".ndjson", ".gz")
DELIMITERS = (",", ";", "\t", "|")
LINES = 300  # at the head of a file, from which delimiter and header are guessed
HEADERS = 5  # lines that a header, with a title above it, may have


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
    """Return the tables in `source`: a file, a folder of files, or a database's table `<url>::<table>`.

    Raises DataError, naming the file, where it is not there, is empty, or cannot be read.
    """
    if "://" in source:
        return [_database(source)]
    path = Path(source)
    if path.is_dir():
        inside = [one for one in sorted(path.iterdir()) if one.name.lower().endswith(SUFFIXES)]
        return [table for one in inside for table in opened(str(one))]
    if not path.exists():
        raise DataError(f"{source}: no such file; give paths of files, folders, or <database url>::<table>.")
    if path.stat().st_size == 0:
        raise DataError(f"{source}: the file is empty; allowed: a header and at least one row.")
    ending = "".join(path.suffixes[-2:]).lower().removesuffix(".gz").rpartition(".")[2]
    try:
        if ending == "parquet":
            tables = [_parquet(path)]
        elif ending in ("xlsx", "xlsm"):
            tables = _excel(path)
        elif ending in ("json", "jsonl", "ndjson"):
            tables = [_json(path)]
        elif ending in ("xls", "ods", "zip", "pdf", "docx"):
            raise DataError(f"{source}: files of this kind are not read; save it as CSV, Parquet or Excel (.xlsx).")
        else:
            tables = [_text(path)]
    except (OSError, EOFError, UnicodeError, pa.ArrowException, ValueError, KeyError) as error:
        raise DataError(f"{source}: cannot be read ({' '.join(str(error).split())[:200]}).") from error
    if not any(len(table.frame) for table in tables):
        raise DataError(f"{source}: no rows below the header; allowed: at least one row of data.")
    return [table for table in tables if len(table.frame)]


# --- text ---------------------------------------------------------------------------------------------------------


def _text(path: Path) -> Opened:
    raw = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    encoding = _encoding(raw)
    text = raw.decode(encoding)
    head = text.removeprefix("\ufeff").splitlines()[:LINES]
    if not any(line.strip() for line in head):
        raise DataError(f"{path}: the file is empty; allowed: a header and at least one row.")
    delimiter = _delimiter(head)
    if delimiter is None and _aligned(head):
        return _blanks(path, text)
    delimiter = delimiter or ","
    names, header_line, data_line, joined = _header(head, delimiter)
    shape = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding, "delimiter": delimiter}
    shape |= {"header_line": header_line} if header_line != 1 else {}
    shape |= {"data_line": data_line} if data_line != header_line + 1 else {}
    rows, ragged, left_out = _rows(raw, text, shape | {"header_line": header_line, "data_line": data_line}, names)
    unique = len(set(names)) == len(names)
    why = "joined_header" if joined or not unique else "ragged" if ragged else ""
    if not unique:
        rows.columns = _apart(names)
    return Opened(str(path), path, rows, shape, not why, why, left_out)


def _encoding(raw: bytes) -> str:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return name
    if raw[:200].count(b"\0") > len(raw[:200]) // 4:
        return "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    try:
        raw.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return _one_byte(raw)


def _one_byte(raw: bytes) -> str:
    """The encoding of text that is not Unicode: western Europe's, unless its letters make no words of it."""
    lines = [line for line in raw.splitlines() if any(byte > 127 for byte in line)][:2000]
    sample = b"\n".join(lines)
    western = set("äöüÄÖÜßéèêëàâáãåæçñóòôõøíìîïúùûœÉÈÀÁÇÑÓÖØÅÆ€£§°\u2013\u2019“”„«»\u00b4·®©²½¡¿ª\xa0")
    try:
        high = [letter for letter in sample.decode("cp1252") if ord(letter) > 127]
        if sum(letter in western for letter in high) >= 0.9 * len(high):
            return "cp1252"
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best is not None else "latin-1"


def _delimiter(head: list[str]) -> str | None:
    """The mark that cuts most lines into the same number of cells, above one; None where none does."""
    found = []
    for mark in DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(head, delimiter=mark) if row)
        width, lines = widths.most_common(1)[0]
        if width > 1:
            found.append((lines / sum(widths.values()), width, mark))
    best = max(found, default=None, key=lambda one: (round(one[0], 1), one[1]))
    return best[2] if best and best[0] >= 0.5 else None


def _aligned(head: list[str]) -> bool:
    widths = Counter(len(line.split()) for line in head if line.strip())
    width, lines = widths.most_common(1)[0]
    return width > 2 and lines >= 0.9 * sum(widths.values())


def _blanks(path: Path, text: str) -> Opened:
    """A table in columns apart by blanks, which the reader does not know."""
    rows = [line.split() for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    kept = [row for row in rows if len(row) == width]
    names, _, data_line, _ = _header([" ".join(row) for row in kept[:LINES]], " ")
    frame = pd.DataFrame(kept[data_line - 1 :], columns=names, dtype=object)
    return Opened(str(path), path, frame, {}, False, "blanks", len(rows) - len(kept))


def _header(head: list[str], delimiter: str) -> tuple[list[str], int, int, bool]:
    """Names of the columns, the line that has them, that of the first row, and whether lines were joined.

    Lines count from 1; a file without a header has its names in line 0: f0, f1 and so on.
    """
    lines = [next(csv.reader([line], delimiter=delimiter), []) for line in head]
    width = Counter(len(row) for row in lines if row).most_common(1)[0][0]
    first = next(
        index
        for index, row in enumerate(lines)
        if (len(row) == width and sum(map(bool, row)) > width / 2)
        or (len(row) == width and index + 1 < len(lines) and not any(map(_is_value, row)) and any(row))
    )
    body = [row for row in lines[first + HEADERS - 1 :] if len(row) == width] or [
        row for row in lines[first + 1 :] if len(row) == width
    ]
    typed = [column for column in range(width) if _typed([row[column] for row in body])]
    above = []
    for row in lines[first : first + HEADERS]:
        if len(row) != width or any(_is_value(row[column]) for column in typed) or (above and not typed):
            break
        above.append(row)
    if not above:
        return [f"f{column}" for column in range(width)], 0, first + 1, False
    whole = [index for index, row in enumerate(above) if all(cell.strip() for cell in row) and len(set(row)) == width]
    blank = [
        index for index, row in enumerate(above) if len(set(row)) == width
    ]  # one name may be missing: a row number's
    known = {
        index: sum(any(words.likeness(cell, role) >= 2 for role in words.ROLES.values()) for cell in above[index])
        for index in whole or blank
    }
    if known:
        best = max(known, key=lambda index: (known[index], -index))
        return above[best], first + best + 1, first + len(above) + 1, False
    if len(above) == 1:
        return above[0], first + 1, first + 2, False
    return _joined(above), first + len(above), first + len(above) + 1, True


def _joined(above: list[list[str]]) -> list[str]:
    """One name a column of several lines, of which the upper ones stand for the columns to their right, too."""
    filled = [pd.Series([cell.strip() or None for cell in row], dtype=object).ffill().fillna("") for row in above[:-1]]
    parts = zip(*filled, [cell.strip() for cell in above[-1]], strict=True)
    return [" ".join(dict.fromkeys(part for part in column if part)) for column in parts]


def _is_value(cell: str) -> bool:
    cell = cell.strip()
    return bool(cell) and (cells._core(cell) is not None or bool(cells._time_formats((cell,), (1,))))


def _typed(values: list[str]) -> bool:
    some = [value for value in values if value.strip() and value.strip().lower() not in cells.NONE]
    return bool(some) and sum(map(_is_value, some[:50])) >= 0.8 * len(some[:50])


def _apart(names: list[str]) -> list[str]:
    counts: Counter = Counter()
    found = []
    for name in names:
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name} {counts[name]}")
    return found


def _rows(raw: bytes, text: str, shape: dict, names: list[str]) -> tuple[pd.DataFrame, bool, int]:
    """All rows as the pipeline's reader reads them; where it cannot, those of the usual width, and how many are not."""
    header, data = shape["header_line"], shape["data_line"]
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            encoding=shape["encoding"], skip_rows=data - 1, column_names=_apart(names)
        ),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=shape["delimiter"], newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(_apart(names), pa.string()), strings_can_be_null=False
        ),
    }
    try:
        return _objects(pyarrow.csv.read_csv(io.BytesIO(raw), **options)), False, 0
    except pa.ArrowException:
        rows = [
            row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=shape["delimiter"]) if row
        ]
        kept = [row for row in rows[max(header, data - 1) :] if len(row) == len(names)]
        return pd.DataFrame(kept, columns=_apart(names), dtype=object), True, len(rows) - data + 1 - len(kept)


def _objects(table: pa.Table) -> pd.DataFrame:
    return pd.DataFrame({name: table[name].to_pandas().astype(object) for name in table.column_names})


# --- files that say their types --------------------------------------------------------------------------------------


def _parquet(path: Path) -> Opened:
    table = pq.read_table(path)
    nested = any(pa.types.is_nested(kind) for kind in table.schema.types)
    frame = flat(table.to_pylist()) if nested else _typed_texts(table)
    return Opened(str(path), path, frame, {}, not nested, "nested" if nested else "")


def _typed_texts(table: pa.Table) -> pd.DataFrame:
    """The cells of `table` as the pipeline's reader spells them."""
    return _objects(table.cast(pa.schema([(name, pa.string()) for name in table.column_names])))


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
            csv.writer(buffer).writerows([[cell.replace("\n", " ") for cell in row] for row in rows[:LINES]])
            names, _, data_line, _ = _header(buffer.getvalue().splitlines(), ",")
            frame = pd.DataFrame(rows[data_line - 1 :], columns=_apart(names), dtype=object)
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
    raw = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    text = raw.decode(_encoding(raw))
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except json.JSONDecodeError:
        rows = [json.loads(text)]
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
        for name, text in _leaves(row, ""):
            cells_of.setdefault(names.setdefault(words.plain(name), name), text)
        found.append(cells_of)
    return pd.DataFrame(found, columns=list(names.values()), dtype=object).astype(object)


def _spread(row: dict) -> list[dict]:
    lines = [key for key, value in row.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if not lines:
        return [row]
    rest = {key: value for key, value in row.items() if key != lines[0]}
    return [rest | {lines[0]: line} for line in row[lines[0]]]


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Names and texts of what `value` holds; nothing for what is missing. Numbers keep all their digits."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ", ".join(str(one) for one in value)
    elif value is not None:
        yield name, str(value)


def _database(source: str) -> Opened:
    """A table of a database, read through Ibis; its password stands in the environment ($PGPASSWORD)."""
    import ibis

    url, _, table = source.partition("::")
    if not table:
        raise DataError(f"{_hidden(url)}: names no table; write <url>::<table>, e.g. sqlite:///shop.db::orders.")
    try:
        frame = _typed_texts(ibis.connect(url).table(table).to_pyarrow())
    except ImportError as error:
        raise DataError(f"{_hidden(url)}: this database needs a package that is not installed ({error}).") from error
    except Exception as error:  # every driver has errors of its own
        raise DataError(
            f"{_hidden(url)}: table '{table}' cannot be read ({' '.join(str(error).split())[:200]})."
        ) from error
    return Opened(f"{_hidden(url)}::{table}", None, frame, {}, False, "database")


def _hidden(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1@", url)
