"""The user's own tables, wherever they lie, as columns of text, with errors that name file, column and row."""

import glob
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from membership.base import paths
from membership.base.errors import DataError
from membership.data.sources import elsewhere
from membership.settings.dataset import FileTable

_RELATIVE = "Paths are relative to the project's root; "


def text(mapping: FileTable, key: str) -> Iterator[pa.Table]:
    """Yield the rows of `mapping` (in `params.yaml` at `key`), cells as text or null: a file or a batch at a time.

    Columns: the canonical names of `mapping`, `file` (path or address as found) and `row` (1 is the first of a file).
    Raises DataError where a file or a column is missing, a file cannot be read, or there is no row at all.
    """
    _inside(mapping, key)
    there = 0
    for place in _find(mapping.paths, key):
        begins = there
        for rows in _tables(place, mapping, key):
            yield _named(rows, place, there - begins, mapping)
            there += rows.num_rows
    if not there:
        raise DataError(f"{', '.join(mapping.paths)} ({key}.paths): no rows of data; allowed: at least one row.")


def _inside(mapping: FileTable, key: str) -> None:
    """Raise DataError for a path that leads out of the project, unless the user allows its folder."""
    allowed = [Path(os.path.abspath(paths.root() / folder)) for folder in (".", *mapping.folders)]
    for pattern in mapping.paths:
        if elsewhere.is_address(pattern):
            if not any(elsewhere.within(pattern, folder) for folder in mapping.folders):
                start = pattern.partition("::")[0] if elsewhere.is_database(pattern) else pattern.rpartition("/")[0]
                raise DataError(
                    f"{pattern} ({key}.paths): lies outside the project; allow where it lies: {key}.folders: [{start}]."
                )
            continue
        there = Path(os.path.abspath(paths.root() / pattern))  # links are followed: who put one there meant it
        if not any(there.is_relative_to(folder) for folder in allowed):
            raise DataError(
                f"{pattern} ({key}.paths): lies outside the project; copy or link the file into data/raw, or allow its "
                f"folder: {key}.folders: [{there.parent}]."
            )


def _find(patterns: list[str], key: str) -> list[str]:
    """The files and tables that `patterns` name, each once, in the order of their paths."""
    found = {pattern: _matching(pattern) for pattern in patterns}
    for pattern, places in found.items():
        if not places:
            away = elsewhere.is_address(pattern)
            raise DataError(
                f"{pattern if away else paths.root() / pattern}: no such file ({key}.paths); put it there or fix the "
                f"path. {'' if away else _RELATIVE}* and ** stand for any name and any folders."
            )
    for place in (place for places in found.values() for place in places if not elsewhere.is_address(place)):
        if (table := elsewhere.inside_lake(Path(place))) is not None:
            raise DataError(
                f"{place} ({key}.paths): is a part of the Delta table {table}, whose files hold rows of former "
                "versions too; name the folder of the table."
            )
    return sorted({place for places in found.values() for place in places})


def _matching(pattern: str) -> list[str]:
    if elsewhere.is_database(pattern):
        return [pattern]
    if elsewhere.is_address(pattern):
        return [pattern] if elsewhere.is_lake(pattern) else elsewhere.matching(pattern)
    return glob.glob(str(paths.root() / pattern), recursive=True)


def _tables(place: str, mapping: FileTable, key: str) -> Iterator[pa.Table]:
    """Yield the rows of one file, or of one table in batches, with the columns of the user that `mapping` names."""
    away = elsewhere.is_address(place)
    if elsewhere.is_database(place):
        yield from _batches(elsewhere.database(place), place, mapping, key)
    elif elsewhere.is_lake(place) if away else Path(place).is_dir():
        yield from _batches(elsewhere.lake(place), place, mapping, key)
    elif away:
        with elsewhere.fetched(place) as path:
            yield _file(path, place, mapping, key)
    else:
        yield _file(Path(place), place, mapping, key)


def _batches(
    opened: AbstractContextManager[elsewhere.Rows], place: str, mapping: FileTable, key: str
) -> Iterator[pa.Table]:
    with opened as rows:
        _check_header(place, rows.columns, mapping, key)
        yield from rows.tables(list(dict.fromkeys(mapping.columns.values())))


def _file(path: Path, called: str, mapping: FileTable, key: str) -> pa.Table:
    read = _read_parquet if path.suffix == ".parquet" else _read_csv
    try:
        return read(path, called, mapping, key)
    except (OSError, EOFError, UnicodeError, pa.ArrowException) as error:
        raise DataError(
            f"{called}: cannot be read ({' '.join(str(error).split())}); fix the file, or {key}: encoding, delimiter."
        ) from error


def _named(rows: pa.Table, place: str, before: int, mapping: FileTable) -> pa.Table:
    """The `rows` of `place`, after `before` others of it, under canonical names."""
    columns = {ours: _as_text(rows[theirs], ours, place, theirs) for ours, theirs in mapping.columns.items()}
    constants = {ours: pa.repeat(value, rows.num_rows) for ours, value in mapping.constants.items()}
    number = pa.array(range(before + 1, before + rows.num_rows + 1), pa.int64())
    return pa.table({**columns, **constants, "file": pa.repeat(place, rows.num_rows), "row": number})


def _as_text(column: pa.ChunkedArray, ours: str, path: str, theirs: str) -> pa.ChunkedArray:
    """Return `column` as text; whole numbers that passed through floats are ids without a point again.

    Raises DataError for an id that a float cannot tell from its neighbour, and for true and false.
    """
    if ours.endswith("_id") and pa.types.is_boolean(column.type):
        raise DataError(
            f"{path}: column '{theirs}' ({ours}) holds true and false, which are no ids; map another column."
        )
    if not (ours.endswith("_id") and pa.types.is_floating(column.type)):
        try:
            return column.cast(pa.string())
        except pa.ArrowException as error:
            raise DataError(
                f"{path}: column '{theirs}' ({ours}) is of type {column.type}, and its cells cannot be read as text "
                f"({' '.join(str(error).split())}); store plain numbers, times or text in UTF-8."
            ) from error
    numbers = column.to_pandas().astype("float64")
    whole, exact = numbers == numbers.round(), 2 ** (53 if pa.types.is_float64(column.type) else 24)
    blurred = numbers.abs() >= exact
    if blurred.any():
        row = int(blurred.to_numpy().argmax())
        raise DataError(
            f"{path}: column '{theirs}' ({ours}): {blurred.sum()} ids are floating-point numbers too large to be told "
            f"from their neighbours, e.g. {numbers.iloc[row]:.0f} in row {row + 1}. Store them as text or as integers."
        )
    text = [None if pd.isna(n) else str(int(n)) if w else repr(n) for n, w in zip(numbers, whole, strict=True)]
    return pa.chunked_array([pa.array(text, pa.string())])


def _read_csv(path: Path, called: str, mapping: FileTable, key: str) -> pa.Table:
    header, data = mapping.header_line, mapping.data_line or mapping.header_line + 1
    read = {"skip_rows": header - 1, "skip_rows_after_names": data - header - 1}
    if header == 0:
        read = {"skip_rows": data - 1, "autogenerate_column_names": True}
    shape = {
        "read_options": pyarrow.csv.ReadOptions(encoding=mapping.encoding, **read),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=mapping.delimiter, newlines_in_values=True),
    }
    with pa.input_stream(str(path)) as stream, pyarrow.csv.open_csv(stream, **shape) as header:
        _check_header(called, header.schema.names, mapping, key)
    wanted = list(dict.fromkeys(mapping.columns.values()))
    as_text = pyarrow.csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    with pa.input_stream(str(path)) as stream:
        return pyarrow.csv.read_csv(stream, convert_options=as_text, **shape)


def _read_parquet(path: Path, called: str, mapping: FileTable, key: str) -> pa.Table:
    _check_header(called, pq.read_schema(path).names, mapping, key)
    return pq.read_table(path, columns=list(dict.fromkeys(mapping.columns.values())))


def _check_header(path: str, there: list[str], mapping: FileTable, key: str) -> None:
    for ours, theirs in mapping.columns.items():
        if there.count(theirs) != 1:
            wrong = "no such column" if theirs not in there else "more than one column has this name"
            raise DataError(
                f"{path}: column '{theirs}' ({key}.columns.{ours}): {wrong}; there are: {', '.join(there)}. "
                "Fix the mapping in params.yaml, or the file."
            )
