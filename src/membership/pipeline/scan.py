"""`make scan`: looks through all that leaves `data/` for ids of members and for groups of fewer than `privacy.k`.

It opens pages, notebooks, JSON, CSV, Parquet, SQLite, the headers of safetensors, and what is packed with gzip or zip,
in `reports/`, `models/`, `mlruns/`, the databases of MLflow and of live tests, and trials run by hand.

An id is found where it stands as a member (a column, key or phrase with the word `member_id` or `member`), where a
whole column, list or set of keys are ids, and, where ids look like nothing else (eight characters, not only digits),
anywhere in text. Not seen are ids that are plain numbers or words in running text, pixels of pictures, and groups that
are told in no table with a column `members`.
"""

import gzip
import hashlib
import io
import json
import re
import sqlite3
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
from bs4 import BeautifulSoup

from membership.base import paths, tables
from membership.base.errors import ProjectError
from membership.data import pseudonyms
from membership.report import few

PLACES = (
    "reports", "models", "mlruns", "trials", "mlflow.db", "trials.db", "trials.db-wal", "champion.json",
    "decisions.jsonl",
)  # fmt: skip
ASKED = "_original_ids"  # in the name of a file in which ids were asked for
_SINGLE = ("reports/private", "reports/live")  # of single members: no groups
_CODE = (".py", ".pyc", ".lock", ".png")
_MANY = 20  # ids that are together no coincidence
_NAMED = re.compile(r"""\bmember(?:_id)?\b["']?\s*[:=]?\s*["']([^"'<>\n]{1,200})["']""", re.IGNORECASE)
_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL | re.IGNORECASE)
_PICTURE = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=\\n]+")
_WORD = re.compile(r"[\w.@+-]{8,200}")
_DISTINCT = re.compile(r"(?=.*\D).{8,}", re.DOTALL)


class What(StrEnum):
    """What may not be there."""

    ID = "ids of members"
    GROUP = "a group below k"


@dataclass(frozen=True)
class Finding:
    """Something that may not be in a file: how many members (0: not known) and where in it."""

    path: Path
    what: What
    members: int
    where: str

    def __str__(self) -> str:
        counted = f" ({self.members})" if self.members else ""
        return f"{self.path}: {self.what}{counted} in {self.where}"


def main() -> int:
    """Scan the project; return 1 where something was found, which is told by file, never by id."""
    try:
        found, files, asked = scan()
    except ProjectError as error:
        print(f"scan: {error}", file=sys.stderr)
        return 2
    for each in found:
        print(each)
    for path in asked:
        print(f"{path}: ids of the source, as was asked for")
    print(f"{files:,} files: {len(found)} findings. Not seen: numbers or words in running text, pictures.")
    return int(bool(found))


def scan(root: Path | None = None) -> tuple[list[Finding], int, list[Path]]:
    """Return what was found under `root`, how many different files were read, and those in which ids were asked for."""
    root = root or paths.root()
    looking, found, seen, asked = _Looking(set(pseudonyms.known()), few.smallest()), [], set(), []
    for path in _files(root):
        name = path.relative_to(root)
        if ASKED in path.name:
            asked.append(name)
            continue
        digest = _digest(path)
        if digest in seen:
            continue
        seen.add(digest)
        groups = not any(name.is_relative_to(each) for each in _SINGLE)
        for what, members, where in dict.fromkeys(looking.at(path, groups)):
            found.append(Finding(name, what, members, where))
    return found, len(seen), asked


def _files(root: Path) -> Iterator[Path]:
    """Yield the files that leave `data/`; folders of that name elsewhere, of trials and packed runs, are no such."""
    for place in PLACES:
        top = root / place
        inside = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in inside:
            parts = path.relative_to(root).parts
            data = parts[0] == "trials" and "data" in parts
            if path.is_file() and not path.is_symlink() and not data and path.suffix not in _CODE:
                yield path


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


class _Looking:
    """Looks into files for `ids` and for groups of fewer than `k`; yields what, how many members, where."""

    def __init__(self, ids: set[str], k: int):
        self._ids, self._k = ids, k
        self._distinct = {one for one in ids if _DISTINCT.fullmatch(one)} - _other_ids()

    def at(self, path: Path, groups: bool) -> Iterator[tuple[What, int, str]]:
        """Yield what is found in the file `path`, in each table of a database; groups only where `groups`."""
        if path.read_bytes()[:16] == b"SQLite format 3\0":
            yield from self._database(path)
        else:
            yield from self.content(path.name, path.read_bytes(), groups)

    def content(self, name: str, raw: bytes, groups: bool) -> Iterator[tuple[What, int, str]]:
        """Yield what is found in `raw`, the bytes of a file called `name`, unpacked where it is packed."""
        if raw[:2] == b"\x1f\x8b":
            yield from self.content(name.removesuffix(".gz"), gzip.decompress(raw), groups)
        elif raw[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(raw)) as packed:
                for inner in packed.namelist():
                    yield from self.content(inner, packed.read(inner), groups)
        elif raw[:4] == b"PAR1":
            yield from self._frame(_parquet(raw), name)
        elif name.endswith(".safetensors"):
            size = int.from_bytes(raw[:8], "little")
            yield from self._text(raw[8 : 8 + size].decode("utf-8", "replace"), groups)
        elif name.endswith((".csv", ".tsv")):
            frame = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, sep=None, engine="python")
            yield from self._frame(frame, name)
            if groups and few.MEMBERS in frame:
                counts = frame.assign(members=pd.to_numeric(frame[few.MEMBERS], errors="coerce"))
                if few.hidden(counts[few.MEMBERS], self._k).any():
                    yield What.GROUP, 0, "column members"
        else:
            yield from self._text(raw.decode("utf-8", "replace"), groups)

    def _database(self, path: Path) -> Iterator[tuple[What, int, str]]:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                frame = pd.read_sql_query(f'SELECT * FROM "{name}"', connection)
                yield from self._frame(frame, f"table {name}")

    def _frame(self, frame: pd.DataFrame, where: str) -> Iterator[tuple[What, int, str]]:
        for name in frame.columns:
            named = {"member", "id"} <= set(re.split(r"[^a-z]+", str(name).lower()))
            if not named and _is_plain(frame[name].dtype):
                continue
            values = _different(frame[name])
            hits = values & self._ids
            whole = len(hits) >= _MANY and len(hits) > 0.9 * len(values) and not _counts(values)
            if hits and (named or whole):
                yield What.ID, len(hits), f"{where}, column {name}"
            elif texts := [one for one in values if len(one) >= 8]:
                yield from self._words("\n".join(texts), f"{where}, column {name}")

    def _text(self, text: str, groups: bool) -> Iterator[tuple[What, int, str]]:
        text = _PICTURE.sub("", text)
        if text.lstrip()[:1] in ("{", "["):
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            if value is not None:
                yield from self._value(value, "", groups)
                return
        yield from self._words(text, "text")
        for table in _TABLE.findall(text):
            yield from self._table(table, groups)
        if groups and few.markdown(text, self._k) != text:
            yield What.GROUP, 0, "a table"

    def _value(self, value: Any, at: str, groups: bool) -> Iterator[tuple[What, int, str]]:
        """Look into JSON: keys, lists, what is said of `member_id`, and texts, which may be pages themselves."""
        if isinstance(value, dict):
            yield from self._many(value, f"keys of {at or 'the file'}")
            for key, inner in value.items():
                if key == "member_id" and {str(one) for one in _listed(inner)} & self._ids:
                    yield What.ID, len({str(one) for one in _listed(inner)} & self._ids), "key member_id"
                yield from self._value(inner, str(key), groups)
        elif isinstance(value, list):
            if value and all(isinstance(one, str) for one in value):
                yield from self._many(value, f"list {at}")
                value = ["".join(value)]  # lines, as a notebook has them
            for inner in value:
                yield from self._value(inner, at, groups)
        elif isinstance(value, str) and len(value) >= 8:
            yield from self._text(value, groups) if not value.startswith("iVBOR") else ()

    def _table(self, text: str, groups: bool) -> Iterator[tuple[What, int, str]]:
        if "member_id" in text:
            rows = BeautifulSoup(text, "html.parser").find_all("tr")
            cells = [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in rows]
            heads = [row for row in cells[:2] if "member_id" in row]
            for head in heads:
                back = len(head) - head.index("member_id")
                hits = {row[-back] for row in cells if len(row) >= back} & self._ids
                if hits:
                    yield What.ID, len(hits), "a table, column member_id"
        if groups and few.html(text, self._k) != text:
            yield What.GROUP, 0, "a table"

    def _words(self, text: str, where: str) -> Iterator[tuple[What, int, str]]:
        named = {one.strip() for one in _NAMED.findall(text)} & self._ids
        distinct = set(_WORD.findall(text)) & self._distinct if self._distinct else set()
        if named | distinct:
            yield What.ID, len(named | distinct), where

    def _many(self, values: Iterable[str], where: str) -> Iterator[tuple[What, int, str]]:
        different = set(values)
        hits = different & self._ids
        if len(hits) >= _MANY and len(hits) > 0.9 * len(different):
            yield What.ID, len(hits), where


def _parquet(raw: bytes) -> pd.DataFrame:
    return pd.read_parquet(pyarrow.BufferReader(raw))


def _is_plain(dtype: Any) -> bool:
    """Say whether a column is of numbers, times or truth: these may be anything."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(dtype) or kinds.is_datetime64_any_dtype(dtype) or kinds.is_bool_dtype(dtype)


def _counts(values: set[str]) -> bool:
    """Say whether all of `values` are numbers, written as text."""
    return bool(pd.to_numeric(pd.Series(sorted(values), dtype=object), errors="coerce").notna().all())


def _different(column: pd.Series) -> set[str]:
    """Return the values of a column as text, those of lists in it one by one."""
    try:
        return {str(one) for one in column.dropna().unique()}
    except TypeError:  # lists
        return {str(one) for one in column.explode().dropna().unique()}


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def _other_ids() -> set[str]:
    """Return the ids of things that are no members, which a member's may equal by chance."""
    path = tables.ALL["items"].path()
    return set(pd.read_parquet(path, columns=["item_id"])["item_id"].astype(str)) if path.exists() else set()


if __name__ == "__main__":
    sys.exit(main())
