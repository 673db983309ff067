"""The user's CSV and Parquet files as columns of text, with errors that name file, column and row."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from membership.base import paths
from membership.base.errors import DataError
from membership.settings.dataset import FileTable


def text(mapping: FileTable, key: str) -> Iterator[pa.Table]:
    """Yield the rows of each file of `mapping` (in `params.yaml` at `key`), every cell as text or null.

    Columns: the canonical names of `mapping`, `file` (path as found) and `row` (1 is the first row of data).
    Raises DataError where a file or a column is missing, a file cannot be read, or there is no row at all.
    """
    _inside(mapping, key)
    there = 0
    for path in _find(mapping.paths, key):
        rows = _file(path, mapping, key)
        there += rows.num_rows
        yield rows
    if not there:
        raise DataError(f"{', '.join(mapping.paths)} ({key}.paths): no rows of data; allowed: at least one row.")


def _inside(mapping: FileTable, key: str) -> None:
    """Raise DataError for a path that leads out of the project, unless the user allows its folder."""
    allowed = [Path(os.path.abspath(paths.root() / folder)) for folder in (".", *mapping.folders)]
    for pattern in mapping.paths:
        there = Path(os.path.abspath(paths.root() / pattern))  # links are followed: who put one there meant it
        if not any(there.is_relative_to(folder) for folder in allowed):
            raise DataError(
                f"{pattern} ({key}.paths): lies outside the project; copy or link the file into data/raw, or allow its "
                f"folder: {key}.folders: [{there.parent}]."
            )


def _find(patterns: list[str], key: str) -> list[Path]:
    """The files that `patterns` name, each once, in the order of their paths."""
    found = {pattern: glob.glob(str(paths.root() / pattern), recursive=True) for pattern in patterns}
    for pattern, files in found.items():
        if not files:
            raise DataError(
                f"{paths.root() / pattern}: no such file ({key}.paths); put it there or fix the path. "
                "Paths are relative to the project's root; * and ** stand for any name and any folders."
            )
    return [Path(name) for name in sorted({name for files in found.values() for name in files})]


def _file(path: Path, mapping: FileTable, key: str) -> pa.Table:
    read = _read_parquet if path.suffix == ".parquet" else _read_csv
    try:
        found = read(path, mapping, key)
    except (OSError, EOFError, UnicodeError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: cannot be read ({' '.join(str(error).split())}); fix the file, or {key}: encoding, delimiter."
        ) from error
    columns = {ours: _as_text(found[theirs], ours, path, theirs) for ours, theirs in mapping.columns.items()}
    constants = {ours: pa.repeat(value, found.num_rows) for ours, value in mapping.constants.items()}
    place = {"file": pa.repeat(str(path), found.num_rows), "row": pa.array(range(1, found.num_rows + 1), pa.int64())}
    return pa.table({**columns, **constants, **place})


def _as_text(column: pa.ChunkedArray, ours: str, path: Path, theirs: str) -> pa.ChunkedArray:
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


def _read_csv(path: Path, mapping: FileTable, key: str) -> pa.Table:
    header, data = mapping.header_line, mapping.data_line or mapping.header_line + 1
    read = {"skip_rows": header - 1, "skip_rows_after_names": data - header - 1}
    if header == 0:
        read = {"skip_rows": data - 1, "autogenerate_column_names": True}
    shape = {
        "read_options": pyarrow.csv.ReadOptions(encoding=mapping.encoding, **read),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=mapping.delimiter, newlines_in_values=True),
    }
    with pa.input_stream(str(path)) as stream, pyarrow.csv.open_csv(stream, **shape) as header:
        _check_header(path, header.schema.names, mapping, key)
    wanted = list(dict.fromkeys(mapping.columns.values()))
    as_text = pyarrow.csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    with pa.input_stream(str(path)) as stream:
        return pyarrow.csv.read_csv(stream, convert_options=as_text, **shape)


def _read_parquet(path: Path, mapping: FileTable, key: str) -> pa.Table:
    _check_header(path, pq.read_schema(path).names, mapping, key)
    return pq.read_table(path, columns=list(dict.fromkeys(mapping.columns.values())))


def _check_header(path: Path, there: list[str], mapping: FileTable, key: str) -> None:
    for ours, theirs in mapping.columns.items():
        if there.count(theirs) != 1:
            wrong = "no such column" if theirs not in there else "more than one column has this name"
            raise DataError(
                f"{path}: column '{theirs}' ({key}.columns.{ours}): {wrong}; there are: {', '.join(there)}. "
                "Fix the mapping in params.yaml, or the file."
            )
