"""Malformed tables of the user: rows, other tables beside them, files, and columns of Parquet."""

# ruff: noqa: E501  (tables of cases, one after another)

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.trust_cases import Case, ingested, put

_HEAD = "id,who,what,kind,when,n,paid\n"
_LINE = "1,k1,lamp,purchase,2023-01-05 10:00:00,1,10\n"
_LATER = "2,k1,lamp,purchase,2023-02-05 10:00:00,1,10\n"


def _events(cleaned: Any) -> int:
    return len(cleaned.data.events)


_ROWS: dict[str, tuple[str, Callable[[Any], bool] | None]] = {  # name -> CSV, and whether it has a defined answer
    "no rows": (_HEAD, None),
    "an empty file": ("", None),
    "only blank lines": ("\n\n\n", None),
    "a column is missing": (_HEAD.replace("paid", "price") + _LINE, None),
    "a column is there twice": (_HEAD.replace("what", "who") + _LINE, None),
    "a ragged row": (_HEAD + _LINE + "1,2,3\n", None),
    "an open quote": (_HEAD + '1,"k1,lamp,purchase,2023-01-05,1,10\n', None),
    "an unknown kind": (_HEAD + _LINE.replace("purchase", "steal"), None),
    "an empty kind": (_HEAD + _LINE.replace("purchase", ""), None),
    "a time that is none": (_HEAD + _LINE.replace("2023-01-05 10:00:00", "soon"), None),
    "a day that does not exist": (_HEAD + _LINE.replace("2023-01-05 10:00:00", "2023-02-30"), None),
    "an amount in words": (_HEAD + _LINE.replace(",10\n", ",ten\n"), None),
    "an amount with a currency": (_HEAD + _LINE.replace(",10\n", ",$10\n"), None),
    "an amount with thousands": (_HEAD + _LINE.replace(",10\n", ',"1,000"\n'), None),
    "an infinite amount": (_HEAD + _LINE.replace(",10\n", ",inf\n"), None),
    "an amount beyond any": (_HEAD + _LINE.replace(",10\n", ",99999999999999999999\n"), None),
    "a quantity beyond any": (_HEAD + _LINE.replace(",1,10", ",1e30,10"), None),
    "a hexadecimal quantity": (_HEAD + _LINE.replace(",1,10", ",0x10,10"), None),
    "nobody at all": (_HEAD + _LINE.replace("k1", ""), None),
    "sums that would overflow": (
        _HEAD + "".join(f"{n},k{n % 9},lamp,purchase,2023-01-05,1,9999999999999\n" for n in range(2000)) + _LATER,
        None,
    ),
    "one member": (_HEAD + _LINE + _LATER, lambda found: _events(found) == 2 and len(found.data.members) == 1),
    "an amount is empty": (_HEAD + _LINE.replace(",10\n", ",\n") + _LATER, lambda found: _events(found) == 2),
    "a slip of a scanner": (
        _HEAD + _LINE + _LATER.replace(",10\n", ",9999999999999\n") + _LATER.replace("2,", "3,", 1),
        lambda found: _events(found) == 2 and found.quality["loud"].any(),
    ),
    "data that end too early": (_HEAD + _LINE, None),
    "Windows line ends and a byte order mark": (
        "\ufeff" + (_HEAD + _LINE + _LATER).replace("\n", "\r\n"),
        lambda found: _events(found) == 2,
    ),
    "every key the same": (
        _HEAD + _LINE * 50 + _LATER,
        lambda found: found.quality.set_index("rule").loc["same_key_events", "rows"] == 49,
    ),
}
_SHOP = _HEAD + _LINE + _LATER
_BESIDE: dict[str, tuple[str, str, Callable[[Any], bool] | None]] = {  # name -> table, CSV, answer
    "an answer null": ("survey", "member_id,question,answer\nk1,age,null\nk1,size,2\n", lambda f: len(f.data.survey) == 1),
    "an empty question": ("survey", "member_id,question,answer\nk1,,3\n", None),
    "an answer of nobody": (
        "survey",
        "member_id,question,answer\nk9,age,3\n",
        lambda found: "survey_of_nobody" in set(found.quality["rule"]),
    ),
    "an offer without a kind": ("offers", "offer_id,kind,starts_at,ends_at\no1,,2023-01-01,2023-01-03\n", None),
    "an offer without an id": ("offers", "offer_id,kind,starts_at,ends_at\n,A,2023-01-01,2023-01-03\n", None),
    "an offer that ends first": (
        "offers",
        "offer_id,kind,starts_at,ends_at\no1,A,2023-01-03,2023-01-01\n",
        lambda found: "offer_ends_first" in set(found.quality["rule"]),
    ),
    "an offer that never ends": (
        "offers",
        "offer_id,kind,starts_at,ends_at\no1,A,2023-01-03,9999-12-31\n",
        lambda found: found.data.offers["ends_at"].isna().all(),
    ),
    "an exposure without an offer": ("exposures", "exposure_id,member_id,offer_id\n1,k1,\n", None),
    "an exposure of nobody": (
        "exposures",
        "exposure_id,member_id,offer_id\n1,,o1\n",
        lambda found: "no_member_exposures" in set(found.quality["rule"]),
    ),
    "a member twice": (
        "members",
        "member_id,joined_at\nk1,2022-01-01\nk1,2022-01-02\n",
        lambda found: "same_key_members" in set(found.quality["rule"]),
    ),
    "a member who joined never": ("members", "member_id,joined_at\nk1,never\n", None),
    "an item without a name": ("items", "item_id,name\nlamp,\n", lambda found: set(found.data.items["name"]) == {"lamp"}),
    "a table without a column": ("items", "item_id\nlamp\n", None),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield every case."""
    for name, (text, answer) in _ROWS.items():
        yield Case("tables as CSV", name, lambda root, t=text: _raw(root, "shop.csv", t), ingested(), answer)
    for name, (table, text, answer) in _BESIDE.items():

        def make(root: Path, table=table, text=text) -> None:
            _raw(root, "shop.csv", _SHOP)
            _raw(root, f"{table}.csv", text)

        yield Case("other tables", name, make, ingested(), answer)
    yield from _files_of_tables()
    yield from _parquet()


def _raw(root: Path, name: str, text: str) -> None:
    (root / "data" / "raw" / name).write_text(text, encoding="utf-8")


def _files_of_tables() -> Iterator[Case]:
    def case(name: str, make: Callable[[Path], Any], read: Callable[[], Any]) -> Case:
        return Case("files of tables", name, make, read)

    yield case("no such file", lambda root: None, ingested())
    yield case("a folder", lambda root: (root / "data/raw/shop.csv").mkdir(), ingested())
    yield case("not UTF-8", lambda root: put(root / "data/raw/shop.csv", _SHOP.encode() + b"\xff\xfe"), ingested())
    yield case("another encoding", lambda root: put(root / "data/raw/shop.csv", _SHOP.encode("utf-16")), ingested())
    yield case("another delimiter", lambda root: _raw(root, "shop.csv", _SHOP), ingested(delimiter=";"))
    half = gzip.compress(_SHOP.encode() * 100)[:60]
    yield case("half a gzip", lambda root: put(root / "data/raw/shop.csv.gz", half), ingested("shop.csv.gz"))
    yield case("no gzip", lambda root: put(root / "data/raw/shop.csv.gz", b"plain"), ingested("shop.csv.gz"))
    yield case("no Parquet", lambda root: put(root / "data/raw/shop.parquet", b"plain"), ingested("shop.parquet"))
    yield case("an empty Parquet", lambda root: put(root / "data/raw/shop.parquet", b""), ingested("shop.parquet"))
    yield case("a binary as CSV", lambda root: put(root / "data/raw/shop.csv", os.urandom(4096)), ingested())
    yield case(
        "a path outside", lambda root: put(root.parent / "out.csv", _SHOP.encode()), ingested("../../../out.csv")
    )
    yield case("an absolute path", lambda root: None, ingested(paths=["/etc/passwd"]))


def _parquet() -> Iterator[Case]:
    sound = pd.read_csv(pd.io.common.StringIO(_SHOP)).astype({"id": str})

    def case(name: str, column: str, values: pa.Array, answer: Callable[[Any], bool] | None = None) -> Case:
        def make(root: Path) -> None:
            table = pa.Table.from_pandas(sound, preserve_index=False)
            pq.write_table(
                table.set_column(table.column_names.index(column), column, values), root / "data/raw/s.parquet"
            )

        return Case("Parquet columns", name, make, ingested("s.parquet"), answer)

    yield case("lists as ids", "who", pa.array([["k1"], ["k2"]]))
    yield case("lists as amounts", "paid", pa.array([[1.0], [2.0]]))
    yield case("objects as items", "what", pa.array([{"a": 1}, {"a": 2}]))
    yield case("bytes as items", "what", pa.array([b"\xff\x00", b"b"]))
    yield case("bytes as kinds", "kind", pa.array([b"purchase", b"\xff"]))
    yield case("true as kinds", "kind", pa.array([True, False]))
    yield case("true as amounts", "paid", pa.array([True, False]))
    yield case("numbers as times", "when", pa.array([1, 2]))
    yield case("NaN as amounts", "paid", pa.array([np.nan, 1.0]), lambda found: _events(found) == 2)
    yield case("infinite amounts", "paid", pa.array([np.inf, 1.0]))
    yield case("floats as ids that blur", "who", pa.array([2.0**60, 1.0]))
    yield case("all null", "when", pa.nulls(2))
    yield case("durations as times", "when", pa.array([1, 2], pa.duration("s")))
    yield case("decimals as amounts", "paid", pa.array([1, 2], pa.decimal128(10, 2)), lambda found: _events(found) == 2)
    words = pa.array(["k1", "k1"]).dictionary_encode()
    yield case("dictionaries as ids", "who", words, lambda found: len(found.data.members) == 1)
    zoned = pa.array(pd.to_datetime(["2023-01-05T10:00Z", "2023-02-05T10:00Z"]))
    yield case("times with a zone", "when", zoned, lambda found: _events(found) == 2)
