"""Where a member stands in a project: rows of own files, tables, caches and packed models, and pages that name them."""

import csv
import glob
import gzip
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from membership.base import spreadsheet
from membership.data.sources import aliases, elsewhere
from membership.pipeline import masks
from membership.settings.dataset import Dataset, FileTable


@dataclass(frozen=True)
class Place:
    """Rows of the member, called by one of `names`, in one file.

    `mapping`: of the user's own files, how they are read; `whole`: the file itself goes; `said`: it is a text in which
    the names stand.
    """

    path: Path
    names: frozenset[str]
    rows: int
    mapping: FileTable | None = None
    whole: bool = False
    said: bool = False

    def told(self, root: Path) -> str:
        """Return in words what becomes of it."""
        what = "taken out" if self.whole else "the pseudonym" if self.said else f"{self.rows:,} rows"
        return f"{self.path.relative_to(root)}: {what}"


def places(root: Path, dataset: Dataset, member: str, pseudonym: str) -> list[Place]:
    """Return where in the project at `root` a member is, called by id or by pseudonym, in own files by any alias."""
    names = {member, pseudonym}
    own_rows = [one for each in aliases.of_member(dataset, member) for one in _own(root, dataset, each)]
    own_rows.sort(key=lambda place: place.mapping is dataset.files.aliases)  # the last: it says who the others are
    return [*own_rows, *_kept(root, names), *_cached(root, names), *_said(root, pseudonym)]


def own(root: Path, dataset: Dataset) -> Iterator[tuple[Path, FileTable]]:
    """Yield the user's own files, wherever they are, and how they are read."""
    for mapping in mappings(dataset):
        for path in sorted(
            {Path(one) for each in mapping.paths for one in glob.glob(str(root / each), recursive=True)}
        ):
            if path.is_file():
                yield path, mapping


def away(root: Path, dataset: Dataset) -> list[str]:
    """Return the tables of databases and lakes, and the addresses of files, that are read and never changed."""
    asked = [path for mapping in mappings(dataset) for path in mapping.paths]
    return [path for path in asked if elsewhere.is_address(path) or (root / path).is_dir()]


def mappings(dataset: Dataset) -> list[FileTable]:
    """Return how each table of the user's own is read."""
    return [mapping for mapping in (*(mapping for _, mapping in dataset.files), dataset.consent) if mapping is not None]


def _own(root: Path, dataset: Dataset, member: str) -> Iterator[Place]:
    """Yield the user's own files inside the project that have rows of the member."""
    for path, mapping in own(root, dataset):
        inside = path.resolve().is_relative_to(root) and "member_id" in mapping.columns
        if rows := sum(gone for _, gone in lines(path, mapping, member)) if inside else 0:
            yield Place(path, frozenset({member}), rows, mapping)


def _kept(root: Path, names: set[str]) -> Iterator[Place]:
    """Yield tables by `member_id` of this run and of those beside it, and what was published, packed or tried of it."""
    folders = [base / name for base in _roots(root) for name in ("data", "reports/private", "reports/live")]
    folders += [root / "trials", root / "mlruns"]
    for path in (path for folder in folders for path in sorted(folder.rglob("*.parquet"))):
        called = _named(path, names)
        if rows := _rows(path, called):
            yield Place(path, frozenset(called), rows)


def _cached(root: Path, names: set[str]) -> Iterator[Place]:
    """Yield what DVC keeps inside the project with rows of the member."""
    for base in _roots(root):
        for path in sorted((base / ".dvc" / "cache" / "files").rglob("*")):
            if path.is_file() and holds(path, names):
                yield Place(path, frozenset(names), 0, whole=True)


def _said(root: Path, pseudonym: str) -> Iterator[Place]:
    """Yield files that are no tables, or copies of tables, in which the pseudonym stands."""
    for base in _roots(root):
        for folder in (base / "reports" / "private", base / "reports" / "live"):
            for path in _texts(folder):
                beside = path.suffix == ".csv" and path.with_suffix(".parquet").exists()
                if not beside and _says(path, pseudonym):
                    yield Place(path, frozenset({pseudonym}), 0, whole=True)
    for path in (path for name in ("mlruns", "trials") for path in _texts(root / name)):
        if _says(path, pseudonym):
            yield Place(path, frozenset({pseudonym}), 0, said=True)


def _roots(root: Path) -> list[Path]:
    return [root, root / ".quick", *sorted((root / ".replay").glob("*"))]


def _texts(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".parquet"]


def _says(path: Path, pseudonym: str) -> bool:
    """Say whether the pseudonym stands in a file, or, of a workbook, in what is packed in it."""
    asked = pseudonym.encode()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            return any(asked in packed.read(name) for name in packed.namelist())
    return asked in path.read_bytes()


def holds(path: Path, names: set[str]) -> bool:
    """Say whether a file, whatever it is called, is a table with rows of somebody called by one of `names`."""
    with path.open("rb") as stream:
        begins = stream.read(4096)
    if begins[:4] == b"PAR1":
        return bool(_rows(path, names))
    head = begins.split(b"\n", 1)[0].decode("utf-8", "replace").split(",")
    return "member_id" in head and bool(spreadsheet.read(path)["member_id"].isin(names).any())


def _named(path: Path, names: set[str]) -> set[str]:
    """Return what the member is called in a table: in a packed scorer by its number, too."""
    folder = next((one for one in path.parents if (one / masks.NAMES).exists()), None)
    return names if folder is None else names | masks.numbers(folder, names)


def _rows(path: Path, names: set[str]) -> int:
    try:
        columns = [name for name in ("member_id", "pseudonym") if name in pq.read_schema(path).names]
        return int(gone(pq.read_table(path, columns=columns), names).sum()) if columns else 0
    except (OSError, pa.ArrowInvalid):
        return 0  # no readable table: it tells nobody's rows


def gone(table: pa.Table, names: Iterable[str]) -> pd.Series:
    """Return which rows of a table are of somebody called by one of `names`: bool, a row each."""
    column = table["member_id" if "member_id" in table.column_names else "pseudonym"]
    return pc.is_in(column.cast(pa.string()), pa.array(sorted(names), pa.string())).to_pandas()


def lines(path: Path, mapping: FileTable, member: str) -> Iterator[tuple[str, bool]]:
    """Yield each row of the user's file as it stands ("" of Parquet), and whether it is the member's."""
    theirs = mapping.columns["member_id"]
    if path.suffix == ".parquet":
        for cell in pq.read_table(path, columns=[theirs])[theirs].to_pylist():
            yield "", same(cell, member)
        return
    with opened(path, mapping, "rt", path.suffix == ".gz") as stream:
        raw: list[str] = []

        def fed():
            for line in stream:
                raw.append(line)
                yield line

        at = None
        for row in csv.reader(fed(), delimiter=mapping.delimiter):
            is_theirs = at is not None and len(row) > at and same(row[at], member)
            if at is None:
                at = [cell.strip().removeprefix("\ufeff") for cell in row].index(theirs)
            yield "".join(raw), is_theirs
            raw.clear()


def opened(path: Path, mapping: FileTable, mode: str, packed: bool) -> IO[str]:
    """Return the user's file, packed with gzip or not, as text in `mode` rt or wt; line ends stay as they are."""
    return (gzip.open if packed else open)(path, mode, encoding=mapping.encoding, newline="")


def same(cell: object, member: str) -> bool:
    """Say whether a cell is the member's id, also where a whole number went through a float."""
    text = "" if cell is None else str(cell).strip()
    return text == member or (text.endswith(".0") and text[:-2] == member)
