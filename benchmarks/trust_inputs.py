"""Malformed parameters, tables, policies and models: each ends in one message in words, or in a defined answer.

Each case writes what it needs into an empty project, beside a good table that must stay as it is, and reads it by the
functions that the stages call. Right is a ProjectError of a few lines without a trace, a path outside the case or a
password, or an answer that the case defines; and no half-written file.
"""

# ruff: noqa: E501  (tables of cases, one after another)

import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from membership.base import files as stored_files
from membership.base import paths, stored, tables
from membership.base.errors import ProjectError
from membership.data import ingest
from membership.evaluate import champions
from membership.pipeline import beforehand
from membership.pipeline.moment import CLASSES
from membership.recommend import model, tune
from membership.settings import params

LINES = 80  # of a message, at most
GOOD = b"an earlier run's table"
SECRET = "hush-hush"


@dataclass(frozen=True)
class Case:
    """One input: what `make` writes under a root, what `read` does with it, and which answers are right."""

    group: str
    name: str
    make: Callable[[Path], None]
    read: Callable[[], Any]
    answer: Callable[[Any], bool] | None = None  # whether what was returned is right; None: it must be refused


def measure(_: Path) -> list[dict[str, Any]]:
    """Return the table: a row a group; `wrong` names the cases that were not right."""
    return table(cases())


def table(tried: Iterable[Case]) -> list[dict[str, Any]]:
    """Return a row a group of the cases `tried`."""
    found = [(case.group, case.name, wrong(case)) for case in tried]
    rows = []
    for group in dict.fromkeys(group for group, _, _ in found):
        each = [(name, why) for one, name, why in found if one == group]
        bad = [f"{name}: {why}" for name, why in each if why]
        rows.append({"what": f"inputs: {group}", "tried": len(each), "right": len(each) - len(bad), "wrong": bad})
    return rows


def wrong(case: Case) -> str:
    """Try `case`; return what is not right, or nothing."""
    with _project() as root:
        case.make(root)
        before = _files(root)
        try:
            answer = case.read()
        except ProjectError as error:
            told = str(error)
            if SECRET in told:
                return "the password is shown"
            if not told.strip() or told.count("\n") >= LINES or "Traceback" in told:
                return f"no message in words: {told[:200]!r}"
        except BaseException as error:
            return f"{type(error).__name__}: {str(error)[:200]}"
        else:
            if case.answer is None or not case.answer(answer):
                return f"accepted: {str(answer)[:100]!r}"
        after = _files(root)
        left = {name for name in after if name not in before or before[name] != after[name]}
        return f"left {', '.join(sorted(left))}" if left else ""


@contextmanager
def _project() -> Iterator[Path]:
    """Yield an empty project with this one's parameters and a good table of an earlier run."""
    here, before = paths.root(), os.environ.get(paths.ROOT)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        (root / "data" / "raw").mkdir(parents=True)
        for name in ("params.yaml", "dvc.yaml", "champion.json"):
            shutil.copy(here / name, root / name)
        if (here / "presets").exists():
            shutil.copytree(here / "presets", root / "presets")
        (root / "data" / "members.parquet").write_bytes(GOOD)
        os.environ[paths.ROOT] = str(root)
        try:
            yield root
        finally:
            os.environ.pop(paths.ROOT)
            if before is not None:
                os.environ[paths.ROOT] = before


def _files(root: Path) -> dict[str, bytes]:
    each = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK))
    return {str(path.relative_to(root)): path.read_bytes() for path in each}


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from _parameter_files()
    yield from _values()
    yield from _tables()
    yield from _policies()
    yield from _models()


# --- params.yaml ------------------------------------------------------------------------------------------------------


def _load() -> Any:
    return beforehand.checked()


def _bomb() -> bytes:
    return b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
    )


_FILES = {
    "empty": b"", "only a comment": b"# nothing\n", "a list": b"- seed\n", "a number": b"7\n", "a text": b"seed\n",
    "not UTF-8": b"seed: 1 # caf\xe9\n", "UTF-16": "seed: 1\n".encode("utf-16"), "a NUL": b"seed: 1\x00\n",
    "tabs": b"dataset:\n\tsource: files\n", "an open bracket": b"seed: [1\n", "an open quote": b'seed: "1\n',
    "an alias bomb": _bomb(), "an endless alias": b"a: &a [*a]\n", "an unknown alias": b"seed: *x\n",
    "nested too deeply": b"a: " + b"[" * 5000 + b"]" * 5000 + b"\n", "a day that is none": b"seed: 2017-13-45\n",
    "code in a tag": b"seed: !!python/object/apply:os.getcwd []\n", "a binary value": b"seed: !!binary aGk=\n",
    "a key twice": b"seed: 1\nseed: 2\n", "a key of a section twice": b"value: {penalizer: 1, penalizer: 2}\n",
    "an unknown section": b"valeu: {}\n", "a key that is a list": b"? [a]\n: 1\n", "two documents": b"a: 1\n---\nb: 2\n",
    "half a letter": b'seed: "\\ud800"\n', "a merge of nothing": b"<<: 1\n", "only dashes": b"---\n",
}  # fmt: skip


def _parameter_files() -> Iterator[Case]:
    for name, content in _FILES.items():
        yield Case("params.yaml as a file", name, lambda root, c=content: _put(root / "params.yaml", c), _load)
    yield Case("params.yaml as a file", "missing", lambda root: (root / "params.yaml").unlink(), _load)
    yield Case("params.yaml as a file", "a folder", _folder_for("params.yaml"), _load)
    yield Case("params.yaml as a file", "a broken dvc.yaml", lambda root: _put(root / "dvc.yaml", b"[1"), _load_stage)


def _load_stage() -> Any:
    return params.load("value")


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _folder_for(name: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir(parents=True)

    return make


_EVENTS = {
    "paths": ["data/raw/a.csv"],
    "columns": {"member_id": "who", "at": "when"},
    "constants": {"kind": "purchase"},
}
_SETTINGS: list[tuple[str, Any]] = [
    ("seed", "many"), ("seed", True), ("seed", -1), ("seed", 2**40), ("seed", 1.5), ("seed", None), ("seed", [1]),
    ("device", "tpu"), ("device", 1), ("dataset.timezone", "Mars/Olympus"), ("dataset.timezone", "EST5"),
    ("dataset.timezone", "../../etc/passwd"), ("dataset.timezone", ""), ("dataset.currency", "dollars"),
    ("dataset.currency", "eur"), ("dataset.max_members", 0), ("dataset.max_members", True),
    ("dataset.max_members", float("inf")), ("dataset.source", "ftp"), ("dataset.files", []),
    ("clean.cancellation_pattern", "("), ("clean.product_pattern", "(?<=a)b"), ("clean.non_product_pattern", "a**"),
    ("clean.cancellation_pattern", 7), ("clean.outlier_quantity", 0), ("clean.outlier_quantity", float("nan")),
    ("clean.zero_amounts", "yes"), ("clean.earliest", "soon"), ("windows.start", "yesterday"),
    ("windows.start", "2017-02-30"), ("windows.holdout_end", "2017-11-15"), ("windows.start", "9999-12-31"),
    ("economics.margin_rate", 1.5), ("economics.margin_rate", float("inf")), ("economics.margin_rate", float("nan")),
    ("economics.margin_rate", True), ("economics.margin_rate", "25%"), ("economics.repurchase_days", 0),
    ("economics.repurchase_days", 60), ("economics.repurchase_days", 1e9), ("economics.discount_rate", -0.1),
    ("economics.activity_kinds", ["steal"]), ("repurchase.candidates", []), ("repurchase.candidates", ["magic"]),
    ("repurchase.horizons", [0]), ("value.horizon_days", None), ("value.horizon_days", "90 days"),
    ("value.candidates", "bgnbd"), ("value.confidence", 1), ("value.high_value_share", 2), ("needs.personas.most", 0),
    ("needs.survey", {"q": {"kind": "scale"}}), ("needs.survey", {"q": {"kind": "scale", "low": 5, "high": 1}}),
    ("needs.survey", ["q"]), ("lifecycle.new_days", -1), ("lifecycle.strategy", {"limbo": {}}),
    ("tiers.levels", []), ("tiers.search.budget", -1), ("tiers.search.budget", float("inf")),
    ("tiers.thresholds", [5, 1, 2]), ("tiers.point_value", "dear"), ("campaigns.reach_costs", []),
    ("benefits.budget", -1), ("benefits.catalogue", []), ("benefits.catalogue", [{"name": "x"}]),
    ("benefits.fairness.min_ratio", 3), ("recommend.k", 0), ("recommend.k", 101), ("recommend.k", True),
    ("recommend.peers", {"magic": {}}), ("recommend.peers", ["als"]), ("tune.trials", 0), ("tune.workers", 10_000),
    ("tune.storage", f"postgresql://me:{SECRET}@host/db"), ("tune.storage", f"mysql://h/?password={SECRET}"),
    ("trials.log", f"postgresql://me:{SECRET}@host/db"), ("trials.holdout_share", 0.9), ("train.settings", []),
    ("train.settings.hidden", 0), ("train.settings.learning_rate", float("inf")), ("evaluate.primary_metric", "joy_at_10"),
    ("evaluate.salt", ""), ("decide.guardrails", [{"metric": "joy", "margin": 1}]), ("decide.margin", float("nan")),
    ("monitor.confidence", 2), ("monitor.features", ["mood"]), ("quick", {"value.nothing": 1}), ("replay.periods", 0),
    ("dataset.files.events", _EVENTS | {"encoding": "klingon"}), ("dataset.files.events", _EVENTS | {"encoding": "base64"}),
    ("dataset.files.events", _EVENTS | {"time_format": "%Q"}), ("dataset.files.events", _EVENTS | {"time_format": "DD/MM/YYYY"}),
    ("dataset.files.events", _EVENTS | {"time_format": "%d.%m"}), ("dataset.files.events", _EVENTS | {"delimiter": ";;"}),
    ("dataset.files.events", _EVENTS | {"delimiter": ""}), ("dataset.files.events", _EVENTS | {"decimal": "'"}),
    ("dataset.files.events", _EVENTS | {"timezone": "MSK"}), ("dataset.files.events", _EVENTS | {"year": 3}),
    ("dataset.files.events", _EVENTS | {"paths": "data/raw/a.csv"}), ("dataset.files.events", _EVENTS | {"paths": []}),
    ("dataset.files.events", _EVENTS | {"columns": {"member_id": "who"}}),
    ("dataset.files.events", _EVENTS | {"columns": {"mood": "m"}}), ("dataset.files.events", _EVENTS | {"kinds": {"1": "steal"}}),
    ("dataset.files.events", "data/raw/a.csv"),
]  # fmt: skip


def _values() -> Iterator[Case]:
    for number, (key, value) in enumerate(_SETTINGS):
        name = f"{key} = {str(value)[:70]} ({number})".replace(SECRET, "...")
        yield Case("values of params.yaml", name, lambda root: None, lambda k=key, v=value: _with(k, v))


def _with(key: str, value: Any) -> Any:
    changed = params.override(params.read(), {key: value})
    params.parse(changed)
    path = paths.root() / "params.yaml"
    before = path.read_bytes()
    path.write_text(yaml.safe_dump(changed), encoding="utf-8")
    try:
        return beforehand.checked()
    finally:
        path.write_bytes(before)


# --- tables -----------------------------------------------------------------------------------------------------------

_HEAD = "id,who,what,kind,when,n,paid\n"
_LINE = "1,k1,lamp,purchase,2023-01-05 10:00:00,1,10\n"
COLUMNS = {
    "event_id": "id", "member_id": "who", "item_id": "what", "kind": "kind", "at": "when", "quantity": "n",
    "amount": "paid",
}  # fmt: skip
_WINDOWS = {
    "windows.start": "2022-01-01", "windows.calibration_end": "2023-01-10", "windows.validation_end": "2023-01-20",
    "windows.holdout_end": "2023-02-05",
}  # fmt: skip
_LATER = "2,k1,lamp,purchase,2023-02-05 10:00:00,1,10\n"
_OTHERS = {
    "survey": ("member_id", "question", "answer"),
    "offers": ("offer_id", "kind", "starts_at", "ends_at"),
    "exposures": ("exposure_id", "member_id", "offer_id"),
    "members": ("member_id", "joined_at"),
    "items": ("item_id", "name"),
}


def ingested(
    file: str = "shop.csv", others: Mapping[str, tuple[str, ...]] | None = None, **more: Any
) -> Callable[[], Any]:
    """Return what stage ingest does with the tables under data/raw, all checked and none written.

    `others`: tables with other columns than _OTHERS has for them.
    """

    def read() -> Any:
        events = {"paths": [f"data/raw/{file}"], "columns": COLUMNS} | more
        found = {"events": events}
        for name, columns in (_OTHERS | dict(others or {})).items():
            if (paths.root() / "data" / "raw" / f"{name}.csv").exists():
                found[name] = {"paths": [f"data/raw/{name}.csv"], "columns": {one: one for one in columns}}
        changed = _WINDOWS | {"dataset.source": "files", "dataset.files": found, "economics.repurchase_days": 10}
        cleaned = ingest.ingest(params.load("ingest", changed))
        for name in ("members", "items", "events", "survey", "offers", "exposures"):
            tables.check(name, getattr(cleaned.data, name))
        return replace(cleaned, data=cleaned.data.held())

    return read


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


def _tables() -> Iterator[Case]:
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
    yield case("not UTF-8", lambda root: _put(root / "data/raw/shop.csv", _SHOP.encode() + b"\xff\xfe"), ingested())
    yield case("another encoding", lambda root: _put(root / "data/raw/shop.csv", _SHOP.encode("utf-16")), ingested())
    yield case("another delimiter", lambda root: _raw(root, "shop.csv", _SHOP), ingested(delimiter=";"))
    half = gzip.compress(_SHOP.encode() * 100)[:60]
    yield case("half a gzip", lambda root: _put(root / "data/raw/shop.csv.gz", half), ingested("shop.csv.gz"))
    yield case("no gzip", lambda root: _put(root / "data/raw/shop.csv.gz", b"plain"), ingested("shop.csv.gz"))
    yield case("no Parquet", lambda root: _put(root / "data/raw/shop.parquet", b"plain"), ingested("shop.parquet"))
    yield case("an empty Parquet", lambda root: _put(root / "data/raw/shop.parquet", b""), ingested("shop.parquet"))
    yield case("a binary as CSV", lambda root: _put(root / "data/raw/shop.csv", os.urandom(4096)), ingested())
    yield case(
        "a path outside", lambda root: _put(root.parent / "out.csv", _SHOP.encode()), ingested("../../../out.csv")
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


# --- what is live, and models -----------------------------------------------------------------------------------------

_CHAMPIONS = {
    "empty": b"", "no JSON": b"{", "a list": b"[]", "null": b"null", "a number": b"7", "not UTF-8": b'{"policy": "\xff"}',
    "no settings": b'{"policy": "gp_topfreq"}', "settings a list": b'{"policy": "gp_topfreq", "settings": []}',
    "an unknown policy": b'{"policy": "magic", "settings": {}}', "a policy that is a number": b'{"policy": 7, "settings": {}}',
    "a broken one before it": b'{"policy": "gp_topfreq", "settings": {}, "previous": {}}', "nested too deeply": b"[" * 10**5,
}  # fmt: skip


def _policies() -> Iterator[Case]:
    for name, content in _CHAMPIONS.items():
        yield Case("champion.json", name, lambda root, c=content: _put(root / "champion.json", c), champions.live)
    yield Case("champion.json", "missing", lambda root: (root / "champion.json").unlink(), champions.live)
    yield Case("champion.json", "a folder", _folder_for("champion.json"), champions.live)


def _models() -> Iterator[Case]:
    card = {"format": model.FORMAT, "signals": ["a"], "settings": {"hidden": 2}}
    full = card | {"settings": {"learning_rate": 0.1, "weight_decay": 0.0, "dropout": 0.0, "hidden": 2}}
    foreign = json.dumps({"format": "another"}).encode()
    for name, described, weights in (
        ("missing", None, None), ("no JSON", b"{", b""), ("foreign", foreign, b""), ("a list", b"[]", b""),
        ("settings missing", json.dumps(card).encode(), b""), ("no weights", json.dumps(full).encode(), None),
        ("broken weights", json.dumps(full).encode(), b"\x00" * 40), ("a pickle", json.dumps(full).encode(), b"\x80\x04N."),
        ("not UTF-8", b"\xff\xfe", b""), ("signals a number", json.dumps(full | {"signals": 7}).encode(), b""),
    ):  # fmt: skip

        def make(root: Path, described=described, weights=weights) -> None:
            for file, content in (("model.json", described), ("model.safetensors", weights)):
                if content is not None:
                    _put(root / "models" / "next_basket" / file, content)

        yield Case("models", f"next_basket: {name}", make, lambda: model.load(paths.models("next_basket")))
        yield Case("models", f"worth: {name}", _moved(make), lambda: stored.load(paths.models("worth"), CLASSES))
    for name, content in {
        "no JSON": b"{",
        "foreign": b"{}",
        "a list": b"[]",
        "not UTF-8": b"\xff",
        "null": b"null",
    }.items():
        put = lambda root, c=content: _put(root / "models" / "tuned.json", c)  # noqa: E731
        yield Case("models", f"tuned.json: {name}", put, tune.load)
    yield Case("models", "a class that is none", _foreign_class, lambda: stored.load(paths.models("worth"), CLASSES))
    for name in ("members", "events"):
        yield Case("stored tables", f"{name}: broken", _broken(name), lambda n=name: tables.read(n))
    yield Case("stored tables", "missing", lambda root: None, lambda: tables.read("value"))
    yield Case("stored tables", "a folder", _folder_for("data/value.parquet"), lambda: tables.read("value"))
    broken = lambda root: _put(root / "data" / "comparison.json", b"\xff")  # noqa: E731
    yield Case("stored tables", "JSON not UTF-8", broken, lambda: stored_files.read_json(paths.data("comparison.json")))


def _moved(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def moved(root: Path) -> None:
        make(root)
        if (root / "models" / "next_basket").exists():
            (root / "models" / "next_basket").rename(root / "models" / "worth")

    return moved


def _foreign_class(root: Path) -> None:
    from safetensors.numpy import save_file

    plain = {"stored": {"class": "Popen", "fields": []}}
    _put(root / "models" / "worth" / "model.json", json.dumps(plain).encode())
    save_file({}, root / "models" / "worth" / "model.safetensors")


def _broken(name: str) -> Callable[[Path], None]:
    return lambda root: _put(root / "data" / f"{name}.parquet", b"PAR1 broken")
