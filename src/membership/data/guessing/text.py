"""Tables in text: encoding, delimiter and header found, every cell as text.

The rows are read as the pipeline's reader reads them, so that what is guessed here holds there.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from membership.data.guessing import cells, words

DELIMITERS = (",", ";", "\t", "|")
LINES = 300  # at the head of a file, from which delimiter and header are guessed
HEADERS = 5  # lines that a header, with a title above it, may have


@dataclass(frozen=True)
class Table:
    """What text holds: `rows`, the `shape` that reads them, why no mapping can (or nothing), and rows left out."""

    rows: pd.DataFrame
    shape: dict
    why: str = ""
    left_out: int = 0


def table(raw: bytes) -> Table | None:
    """Return the table in `raw`; None where there is nothing but blanks."""
    encoding = encoding_of(raw)
    text = raw.decode(encoding)
    head = text.removeprefix("\ufeff").splitlines()[:LINES]
    if not any(line.strip() for line in head):
        return None
    delimiter = _delimiter(head)
    if delimiter is None and _aligned(head):
        return _blanks(text)
    delimiter = delimiter or ","
    names, header_line, data_line, joined = header(head, delimiter)
    shape = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding, "delimiter": delimiter}
    shape |= {"header_line": header_line} if header_line != 1 else {}
    shape |= {"data_line": data_line} if data_line != header_line + 1 else {}
    rows, ragged, left_out = _rows(raw, text, shape | {"header_line": header_line, "data_line": data_line}, names)
    unique = len(set(names)) == len(names)
    why = "joined_header" if joined or not unique else "ragged" if ragged else ""
    if not unique:
        rows.columns = apart(names)
    return Table(rows, shape, why, left_out)


def encoding_of(raw: bytes) -> str:
    """Return the encoding of text: by its first bytes, UTF-8 where it can be, else that of one byte a letter."""
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


def _blanks(text: str) -> Table:
    """A table in columns apart by blanks, which the reader does not know."""
    rows = [line.split() for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    kept = [row for row in rows if len(row) == width]
    names, _, data_line, _ = header([" ".join(row) for row in kept[:LINES]], " ")
    frame = pd.DataFrame(kept[data_line - 1 :], columns=names, dtype=object)
    return Table(frame, {}, "blanks", len(rows) - len(kept))


def header(head: list[str], delimiter: str) -> tuple[list[str], int, int, bool]:
    """Return names of the columns, the line that has them, that of the first row, and whether lines were joined.

    Lines count from 1; a file without a header has its names in line 0: f0, f1 and so on.
    """
    lines = [next(csv.reader([line], delimiter=delimiter), []) for line in head]
    width = Counter(len(row) for row in lines if row).most_common(1)[0][0]
    first = next((index for index in range(len(lines)) if _may_name(lines, index, width)), 0)
    whole = [row for row in lines[first + 1 :] if len(row) == width]
    body = whole[HEADERS - 1 :] or whole
    typed = [column for column in range(width) if _typed([row[column] for row in body])]
    above = []
    for row in lines[first : first + HEADERS]:
        if len(row) != width or any(_is_value(row[column]) for column in typed) or (above and not typed):
            break
        above.append(row)
    if not above:
        return [f"f{column}" for column in range(width)], 0, first + 1, False
    apart = [index for index, row in enumerate(above) if len(set(row)) == width]
    full = [index for index in apart if all(cell.strip() for cell in above[index])]
    known = {index: sum(map(_is_known, above[index])) for index in full or apart}  # a row number may have no name
    if known:
        best = max(known, key=lambda index: (known[index], -index))
        return above[best], first + best + 1, first + len(above) + 1, False
    if len(above) == 1:
        return above[0], first + 1, first + 2, False
    return _joined(above), first + len(above), first + len(above) + 1, True


def _may_name(lines: list[list[str]], index: int, width: int) -> bool:
    """Whether a line may be part of the header: as wide as most, and mostly filled or without values."""
    row = lines[index]
    if len(row) != width or not any(row):
        return False
    return sum(map(bool, row)) > width / 2 or (index + 1 < len(lines) and not any(map(_is_value, row)))


def _is_known(name: str) -> bool:
    return any(words.likeness(name, said) >= 2 for said in words.ROLES.values())


def _joined(above: list[list[str]]) -> list[str]:
    """One name a column of several lines, of which the upper ones stand for the columns to their right, too."""
    filled = [pd.Series([cell.strip() or None for cell in row], dtype=object).ffill().fillna("") for row in above[:-1]]
    parts = zip(*filled, [cell.strip() for cell in above[-1]], strict=True)
    return [" ".join(dict.fromkeys(part for part in column if part)) for column in parts]


def _is_value(cell: str) -> bool:
    cell = cell.strip()
    times = set(cells._time_formats((cell,), (1,))) - set(cells.MONTHS)  # which a column may be called
    return bool(cell) and (cells._core(cell) is not None or bool(times))


def _typed(values: list[str]) -> bool:
    some = [value for value in values if value.strip() and value.strip().lower() not in cells.NONE]
    return bool(some) and sum(map(_is_value, some[:50])) >= 0.8 * len(some[:50])


def apart(names: list[str]) -> list[str]:
    """Return `names`, those that come again with a number."""
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
            encoding=shape["encoding"], skip_rows=data - 1, column_names=apart(names)
        ),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=shape["delimiter"], newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(apart(names), pa.string()), strings_can_be_null=False
        ),
    }
    try:
        return objects(pyarrow.csv.read_csv(io.BytesIO(raw), **options)), False, 0
    except pa.ArrowException:
        rows = [
            row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=shape["delimiter"]) if row
        ]
        kept = [row for row in rows[max(header, data - 1) :] if len(row) == len(names)]
        return pd.DataFrame(kept, columns=apart(names), dtype=object), True, len(rows) - data + 1 - len(kept)


def objects(table: pa.Table) -> pd.DataFrame:
    """Return `table` as a frame of text or None."""
    return pd.DataFrame({name: table[name].to_pandas().astype(object) for name in table.column_names})
