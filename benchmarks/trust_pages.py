"""Pages, tables and texts of a market whose words act as code: none runs, none is a formula, all come back equal.

Every page of `reports/` and its copy in MLflow is loaded in a real browser, without the Content-Security-Policy that
would stop what is not escaped; copies that are equal are loaded once. A page of which a word runs, and which asks the
world for something, is tried first: that must be noticed. CSV files are read here, and opened by LibreOffice where it
is installed (Debian's package libreoffice-calc-nogui).
"""

import hashlib
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import chromium, office, trust_market
from benchmarks.trust_market import RAN, WORDS
from membership.base import spreadsheet
from membership.base.errors import DataError

_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_OUTSIDE = "http://outside.test/x.png"
_CONTROL = f"<!doctype html><title>quiet</title>{WORDS[0]}<img src='{_OUTSIDE}'>"
_FORMULA = re.compile(r"[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)


def measure(work: Path) -> list[dict[str, Any]]:
    """Return the table for the project in `work`/market, which is made and run first where it is not there."""
    if chromium.BROWSER is None:
        raise DataError("no Chromium here: install Debian's package chromium, or leave this part out with --only.")
    root = trust_market.ready(work / "market")
    return [*_pages(root), *_tables(root), *_texts(root)]


def _pages(root: Path) -> list[dict[str, Any]]:
    paths = [path for name in ("reports", "mlruns") for path in sorted((root / name).rglob("*.html"))]
    different = {hashlib.sha256(path.read_bytes()).digest(): path for path in paths}
    bad = {"runs": [], "asks": []}
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder) / "control.html"
        control.write_text(_CONTROL)
        noticed = _loaded(control, Path(folder))
        for path in different.values():
            bare = path.with_name(f".{path.stem}.bare.html")  # beside it, so that it finds what lies there
            try:
                bare.write_text(_POLICY.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
                for name, one in _loaded(bare, Path(folder)).items():
                    bad[name] += [str(path.relative_to(root))] if one else []
            finally:
                bare.unlink()
    return [
        _row("a word that runs and a request are noticed", 2, sum(noticed.values())),
        _row("pages in reports/ and MLflow in which no word runs", *_right(paths, bad["runs"])),
        _row("pages that ask the world for nothing", *_right(paths, bad["asks"])),
    ]


def _loaded(page: Path, folder: Path) -> dict[str, bool]:
    with chromium.proxy() as asked:
        document, found = chromium.shown(page, asked, folder / "profile")
    return {"runs": f"<title>{RAN}" in document, "asks": bool(found)}


def _tables(root: Path) -> list[dict[str, Any]]:
    """Look for cells that a spreadsheet takes for formulas, in all CSV files that leave data/."""
    paths = sorted(path for name in ("reports", "mlruns") for path in (root / name).rglob("*.csv"))
    bad = [str(path.relative_to(root)) for path in paths if any(map(_is_formula, _cells(path)))]
    noticed = sum(map(_is_formula, WORDS))
    ours = [_row("formulas are noticed", 4, noticed), _row("CSV files without a formula", *_right(paths, bad))]
    return ours if office.OFFICE is None else [*ours, *_opened(root, paths)]


def _opened(root: Path, paths: list[Path]) -> list[dict[str, Any]]:
    """Open the CSV files in LibreOffice, and first one with formulas, of which it takes those with = for such."""
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder) / "control.csv"
        pd.DataFrame({"text": ["=1+1", *WORDS]}).to_csv(control, index=False)
        noticed, *found = office.formulas([control, *paths], Path(folder))
    bad = [str(path.relative_to(root)) for path, count in zip(paths, found, strict=True) if count]
    return [
        _row("LibreOffice: formulas are noticed", 2, noticed),
        _row("LibreOffice: CSV files without a formula", *_right(paths, bad)),
    ]


def _cells(path: Path) -> Iterable[str]:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, header=None)
    return frame.to_numpy().ravel().tolist()


def _is_formula(cell: str) -> bool:
    return bool(_FORMULA.match(cell.lstrip(" "))) and not _NUMBER.fullmatch(cell)


def _texts(root: Path) -> list[dict[str, Any]]:
    """Compare texts of the tables, and of the actions as CSV and as Parquet, with those of the raw files."""
    raw = pd.read_csv(root / "data" / "raw" / "events.csv", dtype=str).drop_duplicates("item_id").set_index("item_id")
    items = pd.read_parquet(root / "data" / "items.parquet").set_index("item_id")
    names = ["name", "category", "subcategory", "brand"]
    same = [str(items.loc[one, name]) == raw.loc[one, name] for one in items.index for name in names]
    private = root / "reports" / "private"
    shown, stored = spreadsheet.read(private / "actions.csv"), pd.read_parquet(private / "actions.parquet")
    texts = [name for name in stored if pd.api.types.is_string_dtype(stored[name])]
    same += (shown[texts].to_numpy() == stored[texts].astype(str).to_numpy()).ravel().tolist()
    known = set(raw["name"])
    same += [name in known for name in stored["item_1"] if name]
    return [_row("texts that come back as they were", len(same), sum(same))]


def _right(paths: list[Path], bad: list[str]) -> tuple[int, int, list[str]]:
    return len(paths), len(paths) - len(set(bad)), sorted(set(bad))


def _row(what: str, tried: int, right: int, wrong: Iterable[str] = ()) -> dict[str, Any]:
    return {"what": f"pages: {what}", "tried": tried, "right": right, "wrong": list(wrong)}
