"""Further inputs of the kinds that people have reported: identity, money, time, arms, references, parameters, files.

As in `trust_inputs`: each is refused in words, or read as the case defines. Silent and wrong is what none may be.
"""

# ruff: noqa: E501, RUF001  (tables of cases, one after another; letters that look alike are what is tried)

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import trust_cases
from benchmarks.trust_cases import COLUMNS, Case, ingested
from membership.campaigns import arms
from membership.pipeline import beforehand

HEAD = "id,who,what,kind,when,n,paid\n"
LATER = "9,k1,lamp,purchase,2023-02-05 10:00:00,1,10\n"
_Answer = Callable[[Any], bool] | None


def measure(_: Path) -> list[dict[str, Any]]:
    """Return the table: a row a group; `wrong` names the cases that were not right."""
    return trust_cases.table(cases())


def cases() -> Iterator[Case]:
    """Yield every case."""
    for group in (_identity, _money, _times, _arms, _references, _parameters, _files):
        yield from group()


def _line(**cells: Any) -> str:
    """Return a row of events, k1's lamp of 2023-01-05, with other `cells`."""
    row = {"id": 1, "who": "k1", "what": "lamp", "kind": "purchase", "when": "2023-01-05 10:00:00", "n": 1, "paid": 10}
    return ",".join(str(cell) for cell in (row | cells).values()) + "\n"


def _csv(group: str, name: str, lines: str, answer: _Answer = None, **mapping: Any) -> Case:
    """Return the case of a CSV of `lines` and a later, sound one."""
    return Case(group, name, lambda root: _put(root, "shop.csv", HEAD + lines + LATER), ingested(**mapping), answer)


def _put(root: Path, name: str, content: str | bytes | pa.Table) -> None:
    path = root / "data" / "raw" / name
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _parquet(group: str, name: str, column: str, values: pa.Array, answer: _Answer = None, **mapping: Any) -> Case:
    """Return the case of a Parquet file of two rows, and of a CSV of two, in which `column` has another type."""
    rows = pd.DataFrame(
        {"id": ["1", "2"], "who": ["1001", "1002"], "what": "lamp", "kind": "purchase",
         "when": ["2023-01-05 10:00:00", "2023-01-06 10:00:00"], "n": 1, "paid": 10}
    )  # fmt: skip

    def make(root: Path) -> None:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        _put(root, "a.parquet", table.set_column(table.column_names.index(column), column, values))
        _put(root, "shop.csv", HEAD + _line(id=3, who="1001") + _line(id=4, who="1002") + LATER.replace("k1", "1001"))

    return Case(group, name, make, ingested(paths=["data/raw/a.parquet", "data/raw/shop.csv"], **mapping), answer)


def _members(count: int) -> Callable[[Any], bool]:
    return lambda found: len(found.data.members) == count


def _alike(found: Any) -> bool:
    return "look_alike_members" in set(found.quality["rule"])


def _net(cents: int) -> Callable[[Any], bool]:
    return lambda found: int(found.data.events["amount"].sum()) == cents


def _told(rule: str) -> Callable[[Any], bool]:
    return lambda found: found.quality.set_index("rule")["rows"].get(rule, 0) > 0


def _identity() -> Iterator[Case]:
    group = "kinds: identity"
    two = lambda first, second: _line(id=1, who=first) + _line(id=2, who=second)  # noqa: E731
    for name, first, second in (
        ("leading zeros", "007", "7"), ("full-width digits", "１００１", "1001"), ("Cyrillic letters", "КАТ1", "KAT1"),
        ("two blanks inside", "AB 12", "AB  12"), ("a hard blank inside", "AB\u00a012", "AB 12"),
        ("a tab inside", "AB\t12", "AB 12"), ("another case", "Kim@x.org", "kim@x.org"), ("a spreadsheet's quotes", '"=""0012"""', "12"),
        ("a dash of another length", "A–12", "A-12"),
    ):  # fmt: skip
        yield _csv(group, f"{name}: told, not united", two(first, second), _alike)
    yield _csv(
        group, "ids that only look alike in part stay apart, untold", two("1-23", "12-3"), lambda f: not _alike(f)
    )
    yield _csv(group, "a spreadsheet's powers of ten", two("1.23457E+12", "1.23457E+12"))
    yield _csv(group, "a whole number with two zeros after the point", two("1001.00", "1001"), _members(2))
    many = [_line(id=n, who=-1, when=f"2023-01-{n % 20 + 2:02d}") for n in range(20)]
    others = [_line(id=100 + n, who=f"k{n}") for n in range(5)]
    yield _csv(group, "-1 is nobody: named", "".join(many + others), _told("orders_of_few"))
    yield _csv(group, "declared nobody", two("-1", "k2"), _members(2), nobody=["-1"])
    for name, values in (
        ("whole numbers", pa.array([1001, 1002])), ("decimals without cents", pa.array([1001, 1002], pa.decimal128(18, 0))),
        ("decimals with cents", pa.array([1001, 1002], pa.decimal128(10, 2))), ("large text", pa.array(["1001", "1002"], pa.large_string())),
        ("dictionaries of numbers", pa.array([1001, 1002]).dictionary_encode()), ("short floats", pa.array([1001, 1002], pa.float32())),
        ("unsigned numbers", pa.array([1001, 1002], pa.uint64())),
    ):  # fmt: skip
        yield _parquet(group, f"{name} and text are the same ids", "who", values, _members(2))
    yield _parquet(group, "true and false as ids", "who", pa.array([True, False]))
    yield _parquet(group, "sixteen bytes as ids", "who", pa.array([b"\xff" * 16, b"\xfe" * 16], pa.binary(16)))
    yield _parquet(
        group,
        "dates are ids as they are written",
        "who",
        pa.array([1, 2], pa.date32()),
        lambda f: "1970-01-03" in set(f.data.members["member_id"]),
    )


def _money() -> Iterator[Case]:
    group = "kinds: money"
    for name, cell in (
        ("brackets", "(10.00)"), ("a minus behind", "10.00-"), ("a minus of print", "−10"), ("a share", "10%"),
        ("Arabic digits", "١٠"), ("a blank between thousands", "1 000"), ("two points", "1.234.56"), ("an apostrophe", "1'000"),
        ("a fraction", "1/2"), ("a currency after it", "10 EUR"), ("a formula", "=5+5"), ("not available", "#N/A"),
    ):  # fmt: skip
        yield _csv(group, name, _line(paid=cell))
    yield _csv(group, "a comma that is not declared", _line(n='"1,5"'))
    yield _csv(group, "a quantity less than nothing", _line(id=1) + _line(id=2, n=-1), _net(1000))
    yield _csv(group, "a return that is paid", _line(id=1) + _line(id=2, kind="return"), _net(1000))
    yield _csv(
        group,
        "a quantity and a price less than nothing",
        _line(id=1) + _line(id=2, n=-1, paid=-10),
        _net(1000),
        amount="unit_price",
    )
    yield _csv(group, "a return of more than was bought", _line(id=1, kind="return", paid=-25), _net(-1500))
    yield _csv(group, "half a cent", _line(paid="0.005"), _net(1001))
    columns = COLUMNS | {"currency": "cur"}
    for name, first, answer in (
        ("in small letters", " eur ", _net(2000)),
        ("as a sign", "€", None),
        ("of another country", "USD", None),
    ):
        text = HEAD.replace("\n", ",cur\n") + _line().replace("\n", f",{first}\n") + LATER.replace("\n", ",EUR\n")
        yield Case(
            group,
            f"a currency {name}",
            lambda root, t=text: _put(root, "shop.csv", t),
            ingested(columns=columns),
            answer,
        )
    yield _parquet(group, "more units than can be counted", "n", pa.array([2**64 - 1, 1], pa.uint64()))
    yield _parquet(group, "long decimals", "paid", pa.array([10, 10], pa.decimal256(40, 2)), _net(5000))


def _times() -> Iterator[Case]:
    group = "kinds: time"
    for name, cell in (
        ("an hour that is none", "2023-01-05 25:00"), ("a week", "2023-W01-4"), ("a day of the year", "2023-005"),
        ("without marks", "20230105"), ("a zone's letters", "2023-01-05 10:00:00 EST"), ("letters of two zones", "2023-01-05 10:00:00 IST"),
        ("a month in words", "5 Jan 2023"), ("American", "01/05/2023"), ("German", "05.01.2023"), ("a year of two digits", "23-01-05"),
        ("seconds since 1970", "1672912800"), ("an offset of a day", "2023-01-05T10:00:00+30:00"), ("yesterday", "now"), ("Arabic digits", "٢٠٢٣-٠١-٠٥"),
    ):  # fmt: skip
        yield _csv(group, name, _line(when=cell))
    early = lambda found: found.data.events["at"].min() == pd.Timestamp("2023-01-05 08:00")  # noqa: E731
    yield _csv(group, "an offset", _line(when="2023-01-05T10:00:00+02:00"), early)
    yield _csv(group, "the nought of 1970", _line(id=1, when="1970-01-01") + _line(id=2), _told("impossible_time"))
    yield _csv(group, "in a far year", _line(id=1, when="2999-12-31") + _line(id=2), _told("impossible_time"))
    epochs = {"time_format": "epoch_ms"}
    head, later = HEAD + _line(when="1672912800000"), LATER.replace("2023-02-05 10:00:00", "{}")
    for name, cell, answer in (
        ("microseconds as milliseconds", "1675591200000000", None), ("nanoseconds", "1675591200000000000", None),
        ("with a point", "1675591200000.5", lambda f: len(f.data.events) == 2), ("milliseconds", "1675591200000", lambda f: len(f.data.events) == 2),
    ):  # fmt: skip
        yield Case(
            group,
            f"since 1970: {name}",
            lambda root, c=cell: _put(root, "shop.csv", head + later.format(c)),
            ingested(**epochs),
            answer,
        )
    yield _parquet(group, "clocks without a day", "when", pa.array([1, 2], pa.time64("us")))
    days = pa.array(pd.to_datetime(["2023-01-05", "2023-01-06"]).date)
    yield _parquet(group, "days", "when", days, lambda f: f.data.events["local_at"].min() == pd.Timestamp("2023-01-05"))
    far = pa.array([253_402_214_400, 1_672_912_800], pa.timestamp("s"))
    yield _parquet(group, "a time beyond nanoseconds", "when", far, _told("impossible_time"))
    for name, cell in (("1900", "1900-01-01"), ("1970", "1970-01-01"), ("0001", "0001-01-01")):
        null = lambda found: found.data.members.set_index("member_id")["joined_at"].isna()["k1"]  # noqa: E731
        yield _beside(
            group, f"a member who joined in {name}: nobody knows", "members", f"member_id,joined_at\nk1,{cell}\n", null
        )


def _beside(group: str, name: str, table: str, text: str, answer: _Answer = None) -> Case:
    def make(root: Path) -> None:
        _put(root, "shop.csv", HEAD + _line() + _line(id=2, who="k2") + LATER)
        _put(root, f"{table}.csv", text)
        if table == "exposures":
            _put(root, "offers.csv", "offer_id,kind,starts_at,ends_at\no1,A,2023-01-03,2023-01-20\n")

    columns = tuple(text.split("\n", 1)[0].split(","))
    return Case(group, name, make, ingested(others={table: columns}), answer)


def _arms() -> Iterator[Case]:
    group = "kinds: arms"
    head = "exposure_id,member_id,offer_id,at,arm,propensity\n"
    rows = lambda *each: head + "".join(f"{n},k{n},o1,2023-01-04,{one}\n" for n, one in enumerate(each, 1))  # noqa: E731
    for name, text in (
        ("letters", rows("A,", "B,")), ("numbers and chances", rows("0,0.5", "1,0.5")), ("a share in percent", rows("control,50", "mail,50")),
        ("a chance of nothing", rows("control,0", "mail,1")), ("a chance below nothing", rows("control,-0.5", "mail,0.5")),
        ("another language", rows("Kontrolle,", "Brief,")), ("true and false", rows("true,", "false,")),
        ("control in capitals", rows("CONTROL,0.5", "mail,0.5")),
    ):  # fmt: skip
        case = _beside(group, name, "exposures", text)
        yield replace(case, read=lambda read=case.read: _listed(read().data.exposures))


def _listed(exposures: pd.DataFrame) -> pd.DataFrame:
    """Return what stage campaigns makes of the arms."""
    return arms.checked(exposures.assign(complete=exposures[["arm", "propensity"]].notna().all(axis=1)))


def _references() -> Iterator[Case]:
    group = "kinds: references"
    for name, table, text, rule in (
        ("an offer twice", "offers", "offer_id,kind,starts_at,ends_at\no1,A,2023-01-03,2023-01-04\no1,B,2023-01-03,2023-01-04\n", "same_key_offers"),
        ("an item twice", "items", "item_id,name\nlamp,a\nlamp,b\n", "same_key_items"),
        ("an answer twice", "survey", "member_id,question,answer\nk1,age,3\nk1,age,3\n", "same_key_survey"),
        ("an offer in capitals", "exposures", "exposure_id,member_id,offer_id\n1,k1,O1\n", "exposures_of_no_offer"),
        ("a member who left before joining", "members", "member_id,joined_at,left_at\nk1,2023-01-03,2022-01-01\n", "left_before_joined"),
    ):  # fmt: skip
        yield _beside(group, f"{name}: told", table, text, _told(rule))


def _parameters() -> Iterator[Case]:
    group = "kinds: parameters"
    for name, key, value in (
        ("a clock for a number", "dataset.max_members", "1:30"), ("octal", "recommend.k", "010"), ("a number in words", "recommend.k", '"ten"'),
        ("no for a zone", "dataset.timezone", "no"), ("a moment for a day", "windows.start", "2017-01-01 10:00:00"),
        ("a day the American way", "windows.start", "01/02/2017"), ("a set", "economics.activity_kinds", "{purchase, view}"),
        ("a complex number", "economics.margin_rate", "1+2j"), ("a comma for a point", "economics.margin_rate", "0,25"),
        ("a share with its sign", "economics.margin_rate", "25 %"), ("two points", "economics.margin_rate", ".25."),
    ):  # fmt: skip
        yield Case(group, name, lambda root, k=key, v=value: _set(root, k, v), beforehand.checked)
    ten = lambda found: found.recommend.k == 10  # noqa: E731
    for name, value in (("hexadecimal", "0x0A"), ("binary", "0b1010"), ("a plus", "+10")):
        yield Case(group, name, lambda root, v=value: _set(root, "recommend.k", v), beforehand.checked, ten)
    twice = lambda root: (root / "params.yaml").write_text('seed: 1\n"seed": 2\n')  # noqa: E731
    yield Case(group, "a key twice, once in quotes", twice, beforehand.checked)
    seven = lambda found: found.seed == 7  # noqa: E731
    for name, before, after in (("a byte order mark", b"\xef\xbb\xbf", b"\n"), ("Windows line ends", b"", b"\r\n")):

        def mark(root: Path, before: bytes = before, after: bytes = after) -> None:
            text = (root / "params.yaml").read_bytes().replace(b"\nseed:", b"\nseed: 7 #")
            (root / "params.yaml").write_bytes(before + text.replace(b"\n", after))

        yield Case(group, name, mark, beforehand.checked, seven)


def _set(root: Path, key: str, value: str) -> None:
    """Let params.yaml say `value`, as it stands here, for `key`; all else stays."""
    section, name = key.split(".")
    path = root / "params.yaml"
    text = re.sub(rf"(?m)^  {name}:.*\n(?:    .*\n)*", "", path.read_text(encoding="utf-8"))
    path.write_text(re.sub(rf"(?m)^{section}:.*$", f"{section}:\n  {name}: {value}", text), encoding="utf-8")
    assert f"\n  {name}: {value}\n" in path.read_text(encoding="utf-8"), key


def _files() -> Iterator[Case]:
    group = "kinds: files"
    sound, both = HEAD + _line() + LATER, lambda found: len(found.data.events) == 2

    def case(name: str, content: str | bytes, answer: _Answer = None, file: str = "shop.csv", **mapping: Any) -> Case:
        return Case(group, name, lambda root: _put(root, file, content), ingested(file, **mapping), answer)

    yield case("line ends of an old Macintosh", sound.replace("\n", "\r"), both)
    yield case(
        "two gzips in one",
        gzip.compress((HEAD + _line()).encode()) + gzip.compress(LATER.encode()),
        both,
        "shop.csv.gz",
    )
    yield case("a zip by the name of a CSV", b"PK\x03\x04" + bytes(200))
    yield case("a NUL in an id", HEAD + _line(who="k\x001") + LATER, lambda f: len(f.data.members) == 1)
    yield case("a head with blanks", sound.replace("who", "who "))
    yield case("a head in other capitals", sound.replace("who", "Who"))
    yield case("a semicolon too many", sound.replace(",10\n", ",10;\n"))
    yield case("Latin-1 that is UTF-8", sound.replace("lamp", "Fön"), lambda f: set(f.data.items["item_id"]) == {"Fön"})
    yield case("a line break in quotes", sound.replace("lamp", '"la\nmp"'), both)
    yield case("a byte order mark before quotes", "\ufeff" + sound.replace("id,who", '"id",who'), both)
    yield case("Parquet by the name of a CSV", b"PAR1" + bytes(100) + b"PAR1")
    yield Case(
        group, "a folder of Parquet files", lambda root: (root / "data/raw/s.parquet").mkdir(), ingested("s.parquet")
    )

    def linked(root: Path) -> None:
        _put(root, "shop.csv", sound)
        (root / "data" / "raw" / "again.csv").symlink_to(root / "data" / "raw" / "shop.csv")

    yield Case(group, "a link to the same file", linked, ingested(paths=["data/raw/*.csv"]), both)

    def lacking(root: Path) -> None:
        _put(root, "a.csv", HEAD + _line())
        _put(root, "b.csv", (HEAD + LATER).replace("paid", "price"))

    yield Case(group, "a column that one of two files lacks", lacking, ingested(paths=["data/raw/*.csv"]))
    yield _parquet(group, "numbers as kinds", "kind", pa.array([1, 2]))
    yield _parquet(group, "half floats as amounts", "paid", pa.array(np.array([10, 10], np.float16)), _net(5000))
    yield _parquet(
        group, "maps as amounts", "paid", pa.array([[("a", 1)], [("b", 2)]], pa.map_(pa.string(), pa.int64()))
    )
